"""One word for what came of a message."""

import pytest

from bot.handoff import HandoffReason, noted_event, waiting_events
from bot.outcome import Outcome, outcome_of
from bot.policy import AskBack, Decision, FallBack, Reason, Template

TEMPLATE = Template(intent="greet", confidence=0.9, reason=Reason.SURE_INTENT)


@pytest.mark.parametrize(
    ("reason", "decision", "outcome"),
    [
        (Reason.SURE_INTENT, TEMPLATE, Outcome.ANSWERED),
        (Reason.BUTTON, TEMPLATE, Outcome.ANSWERED),
        (Reason.UNSURE, AskBack(options=(TEMPLATE,), confidence=0.5), Outcome.ASKED_BACK),
        (Reason.NOTHING_NEAR, FallBack(confidence=0.1), Outcome.FELL_BACK),
        (Reason.OUT_OF_SCOPE, FallBack(confidence=0.1, reason=Reason.OUT_OF_SCOPE), Outcome.FELL_BACK),
        (Reason.FORM, FallBack(confidence=0.1), Outcome.FORM),
        (Reason.PERSON, TEMPLATE, Outcome.PERSON),
        (Reason.MEDIA, None, Outcome.MEDIA),
        (Reason.EXTERNAL, None, Outcome.EXTERNAL),
    ],
)
def test_each_kind_of_turn_has_its_word(reason: Reason, decision: Decision | None, outcome: Outcome) -> None:
    assert outcome_of(reason, decision, []) is outcome


def test_a_turn_in_which_a_person_is_asked_for_counts_as_handed_over_whatever_was_decided() -> None:
    asked = waiting_events(HandoffReason.ASKED_FOR, 1.0)

    assert outcome_of(Reason.SURE_INTENT, TEMPLATE, asked) is Outcome.HANDED_OVER


def test_a_platform_that_takes_note_of_a_wait_hands_nothing_over() -> None:
    assert outcome_of(Reason.PERSON, None, [noted_event(1.0, 1.0)]) is Outcome.PERSON
