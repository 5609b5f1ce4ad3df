"""A decision's signs, as a table."""

import pytest

from bot.handoff import Signs
from bot.handoff_signs import signs_of
from bot.policy import AskBack, Decision, FallBack, PastAnswer, Reason, Template
from retrieval.pair import Pair

NUTS = Pair(id="h1", question="Any nuts?", answer="No.", tags=("food", "allergens"))
PAYMENT = Pair(id="h2", question="Visa?", answer="Yes.", intent="payment")


def template(reason: Reason = Reason.SURE_INTENT) -> Template:
    return Template(intent="order", confidence=0.8, reason=reason)


def past(pair: Pair, reason: Reason = Reason.NEAR_QUESTION) -> PastAnswer:
    return PastAnswer(pair=pair, confidence=0.7, reason=reason)


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (None, Signs(intent="x")),
        (template(), Signs(intent="x", topics=frozenset({"order"}), p_right=0.8)),
        (template(Reason.BUTTON), Signs(intent="x", topics=frozenset({"order"}))),
        (past(NUTS), Signs(intent="x", topics=frozenset({"food", "allergens"}), p_right=0.7)),
        (past(NUTS, Reason.SAME_QUESTION), Signs(intent="x", topics=frozenset({"food", "allergens"}))),
        (past(PAYMENT), Signs(intent="x", topics=frozenset({"payment"}), p_right=0.7)),
        (
            AskBack(options=(template(), past(NUTS)), confidence=0.4),
            Signs(intent="x", failing=True, topics=frozenset({"order", "food", "allergens"}), p_right=0.4),
        ),
        (FallBack(confidence=0.1), Signs(intent="x", failing=True, p_right=0.1)),
    ],
)
def test_signs_follow_from_the_decision(decision: Decision | None, expected: Signs) -> None:
    assert signs_of(decision, "x") == expected


def test_within_a_form_nothing_fails() -> None:
    assert not signs_of(FallBack(confidence=0.1), None, in_form=True).failing
    assert not signs_of(AskBack(options=(), confidence=0.1), None, in_form=True).failing
