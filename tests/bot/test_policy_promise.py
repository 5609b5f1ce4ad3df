"""The policy under a promised error rate, as a table: what is likely right, and what follows from it."""

import numpy as np
import pytest

from bot.policy import (
    MAX_PROMISED_OPTIONS,
    AskBack,
    Decision,
    FallBack,
    PastAnswer,
    Reason,
    Template,
    candidate_answers,
    decide,
)
from configs import PolicyConfig
from nlu import IntentScore, Understanding
from retrieval import Hit, Pair
from retrieval.evidence import Kind
from retrieval.promise import Promise, RightModel

CONFIG = PolicyConfig(clarify_threshold=0.3)
ANSWERABLE = frozenset({"hours", "order", "returns"})
# Own probabilities are believed, so that a table can be read.
PROMISE = Promise(
    max_wrong_rate=0.05,
    confidence=0.95,
    threshold=0.8,
    models={kind: RightModel.believing(kind) for kind in Kind},
)


def understood(*, scope: float = 1.0, uncovered: float = 0.0, **probabilities: float) -> Understanding:
    return Understanding(
        text="?",
        ranking=tuple(IntentScore(name=name, probability=p) for name, p in probabilities.items()),
        embedding=np.zeros(4, np.float32),
        scope=scope,
        uncovered=uncovered,
    )


def stored(pair_id: str) -> Pair:
    return Pair(id=pair_id, question="?", answer=f"answer {pair_id}")


def hits(cosine: float = 0.5, **probabilities: float) -> tuple[Hit, ...]:
    return tuple(
        Hit(pair=stored(name), cosine=cosine, score=p, probability=p, rank=rank)
        for rank, (name, p) in enumerate(probabilities.items(), start=1)
    )


def template(intent: str, p: float) -> Template:
    return Template(intent=intent, confidence=pytest.approx(p), reason=Reason.SURE_INTENT)


def past(pair_id: str, p: float, reason: Reason = Reason.NEAR_QUESTION) -> PastAnswer:
    return PastAnswer(pair=stored(pair_id), confidence=pytest.approx(p), reason=reason)


def asked(*options: Template | PastAnswer) -> AskBack:
    return AskBack(options=options, confidence=options[0].confidence)


@pytest.mark.parametrize(
    ("message", "found", "expected"),
    [
        pytest.param(understood(hours=0.9), (), template("hours", 0.9), id="likely enough is answered"),
        pytest.param(understood(hours=0.81), hits(p=0.9), past("p", 0.9), id="the likelier of two kinds is given"),
        pytest.param(understood(hours=0.9), hits(p=0.85), template("hours", 0.9), id="whichever it is"),
        pytest.param(
            understood(hours=0.9), hits(cosine=0.99, p=0.5), template("hours", 0.9), id="the same question is no trump"
        ),
        pytest.param(
            understood(hours=0.1),
            hits(cosine=0.99, p=0.9),
            past("p", 0.9, Reason.SAME_QUESTION),
            id="but is named where it is given",
        ),
        pytest.param(
            understood(hours=0.79, order=0.1),
            hits(p=0.4),
            asked(template("hours", 0.79), past("p", 0.4)),
            id="less than likely enough is asked back",
        ),
        pytest.param(
            understood(hours=0.45, order=0.35, returns=0.1),
            hits(p=0.5, q=0.4),
            asked(past("p", 0.5), template("hours", 0.45), past("q", 0.4)),
            id="three options at most, the likeliest",
        ),
        pytest.param(
            understood(hours=0.25),
            hits(p=0.2),
            FallBack(confidence=pytest.approx(0.25)),
            id="nothing likely falls back",
        ),
        pytest.param(
            understood(scope=0.01, hours=0.25),
            (),
            FallBack(confidence=pytest.approx(0.25), reason=Reason.OUT_OF_SCOPE),
            id="and says that it is out of scope where it is",
        ),
        pytest.param(
            understood(scope=0.0, hours=0.9), (), template("hours", 0.9), id="the scope is evidence and no veto"
        ),
        pytest.param(understood(silent=0.9), (), FallBack(confidence=0.0), id="an intent that nothing answers"),
        pytest.param(understood(), (), FallBack(confidence=0.0), id="nothing at all"),
        pytest.param(
            understood(uncovered=0.6, hours=0.99),
            (),
            FallBack(confidence=0.0, reason=Reason.SCRIPT_NOT_COVERED),
            id="nothing is believed of a script that the encoder does not know",
        ),
    ],
)
def test_decision(message: Understanding, found: tuple[Hit, ...], expected: Decision) -> None:
    assert decide(message, found, ANSWERABLE, CONFIG, promise=PROMISE) == expected


@pytest.mark.parametrize("promise", [PROMISE, None], ids=["promised", "by thresholds"])
def test_it_never_asks_back_twice_in_a_row(promise: Promise | None) -> None:
    message = understood(hours=0.5, order=0.4)
    first = decide(message, (), ANSWERABLE, CONFIG, promise=promise)
    second = decide(message, (), ANSWERABLE, CONFIG, promise=promise, asked_back=True)
    sure = decide(understood(hours=0.95), (), ANSWERABLE, CONFIG, promise=promise, asked_back=True)

    assert isinstance(first, AskBack)
    assert second == FallBack(confidence=first.confidence)
    assert isinstance(sure, Template)


def test_a_fitted_model_may_prefer_what_is_less_sure_of_itself() -> None:
    """Where templates have proved wrong at 0.9 and past answers right at 0.6, the past answer is given."""
    models = {
        Kind.TEMPLATE: RightModel(intercept=-3.0, weights={"intent_logit": 1.0}),
        Kind.PAST_ANSWER: RightModel(intercept=3.0, weights={"pair_logit": 1.0}),
    }
    fitted = Promise(max_wrong_rate=0.05, confidence=0.95, threshold=0.8, models=models)

    decision = decide(understood(hours=0.9), hits(p=0.6), ANSWERABLE, CONFIG, promise=fitted)

    assert isinstance(decision, PastAnswer)
    assert decision.confidence == pytest.approx(1 / (1 + np.exp(-3.0) * 0.4 / 0.6))


@pytest.mark.parametrize("promise", [PROMISE, None], ids=["promised", "by thresholds"])
def test_every_decision_carries_the_evidence_of_what_was_chosen_or_came_nearest(promise: Promise | None) -> None:
    found = hits(p=0.2, q=0.1)
    given = decide(understood(hours=0.9, order=0.1), found, ANSWERABLE, CONFIG, promise=promise)
    from_past = decide(understood(hours=0.1, order=0.05), hits(p=0.9), ANSWERABLE, CONFIG, promise=promise)
    declined = decide(understood(hours=0.22, order=0.2), found, ANSWERABLE, CONFIG, promise=promise)
    nothing = decide(understood(), (), ANSWERABLE, CONFIG, promise=promise)

    assert given.evidence["intent_margin"] == pytest.approx(0.8)
    assert from_past.evidence["pair_probability"] == 0.9
    assert isinstance(declined, FallBack)
    assert declined.evidence["intent_probability"] == 0.22
    assert nothing.evidence == {}


def test_candidates_come_surest_first() -> None:
    answers = candidate_answers(understood(hours=0.3, order=0.6), hits(p=0.5, q=0.2), ANSWERABLE, PROMISE)

    assert [answer.confidence for answer in answers] == pytest.approx([0.6, 0.5, 0.3, 0.2])
    assert MAX_PROMISED_OPTIONS == 3
