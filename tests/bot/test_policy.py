"""The policy as a table: what is understood and found, and what follows from it."""

import pytest

from bot.policy import (
    MAX_OPTIONS,
    AskBack,
    Decision,
    FallBack,
    PastAnswer,
    Reason,
    Template,
    best_past_answer,
    best_template,
    decide,
)
from configs import PolicyConfig
from nlu import IntentScore
from retrieval import Hit, Pair

CONFIG = PolicyConfig(template_threshold=0.7, answer_threshold=0.6, same_question_threshold=0.95, clarify_threshold=0.3)
ACTIONS = {"hours": ("utter_hours",), "order": ("utter_order", "utter_link")}


def ranking(**probabilities: float) -> tuple[IntentScore, ...]:
    return tuple(IntentScore(name=name, probability=probability) for name, probability in probabilities.items())


def hits(**cosines: float) -> tuple[Hit, ...]:
    return tuple(
        Hit(pair=Pair(id=pair_id, question="?", answer=f"answer {pair_id}"), cosine=cosine, rank=rank)
        for rank, (pair_id, cosine) in enumerate(cosines.items(), start=1)
    )


def hours(probability: float) -> Template:
    return Template(intent="hours", actions=("utter_hours",), confidence=probability, reason=Reason.SURE_INTENT)


def order(probability: float) -> Template:
    return Template(
        intent="order", actions=("utter_order", "utter_link"), confidence=probability, reason=Reason.SURE_INTENT
    )


def near(pair_id: str, cosine: float) -> PastAnswer:
    return PastAnswer(pair_id=pair_id, confidence=cosine, reason=Reason.NEAR_QUESTION)


def same(pair_id: str, confidence: float) -> PastAnswer:
    return PastAnswer(pair_id=pair_id, confidence=confidence, reason=Reason.SAME_QUESTION)


@pytest.mark.parametrize(
    ("scores", "found", "expected"),
    [
        pytest.param(ranking(hours=0.9, order=0.1), (), hours(0.9), id="a sure intent gets its template"),
        pytest.param(ranking(order=0.9), (), order(0.9), id="all actions of the intent, in order"),
        pytest.param(ranking(hours=0.7, order=0.3), (), hours(0.7), id="a template threshold exactly met is met"),
        pytest.param(
            ranking(hours=0.699),
            (),
            AskBack(options=(hours(0.699),), confidence=0.699),
            id="just below the template threshold is asked back",
        ),
        pytest.param(ranking(hours=0.9), hits(p1=0.9), hours(0.9), id="a sure intent wins over a merely near question"),
        pytest.param(
            ranking(hours=0.99), hits(p1=0.95), same("p1", 0.95), id="a question asked again wins, threshold just met"
        ),
        pytest.param(ranking(hours=0.99), hits(p1=0.949), hours(0.99), id="just below asked again the template stands"),
        pytest.param((), hits(p1=1.0000002), same("p1", 1.0), id="a cosine rounded above one is a confidence of one"),
        pytest.param(ranking(hours=0.2), hits(p1=0.6), near("p1", 0.6), id="an answer threshold exactly met is met"),
        pytest.param(
            ranking(hours=0.2),
            hits(p1=0.599),
            AskBack(options=(near("p1", 0.599),), confidence=0.599),
            id="just below the answer threshold is asked back",
        ),
        pytest.param(
            ranking(hours=0.5),
            hits(p1=0.4, p2=0.35),
            AskBack(options=(hours(0.5), near("p1", 0.4)), confidence=0.5),
            id="three likely readings are cut to the two likeliest",
        ),
        pytest.param(
            ranking(hours=0.31, order=0.3),
            hits(p1=0.5, p2=0.45),
            AskBack(options=(near("p1", 0.5), near("p2", 0.45)), confidence=0.5),
            id="options are ordered by likelihood whatever their kind",
        ),
        pytest.param(
            ranking(hours=0.4, order=0.35),
            hits(p1=0.1),
            AskBack(options=(hours(0.4), order(0.35)), confidence=0.4),
            id="two intents may be the two options",
        ),
        pytest.param(
            ranking(hours=0.4),
            hits(p1=0.4),
            AskBack(options=(hours(0.4), near("p1", 0.4)), confidence=0.4),
            id="on a draw the template comes first",
        ),
        pytest.param(
            ranking(hours=0.3),
            (),
            AskBack(options=(hours(0.3),), confidence=0.3),
            id="a clarify threshold exactly met is met",
        ),
        pytest.param(
            ranking(hours=0.299), hits(p1=0.299), FallBack(confidence=0.299), id="nothing likely enough falls back"
        ),
        pytest.param((), (), FallBack(confidence=0.0), id="nothing understood and nothing found falls back"),
        pytest.param(ranking(hours=0.1), (), FallBack(confidence=0.1), id="no hits at all"),
        pytest.param(
            (), hits(p1=-0.4), FallBack(confidence=0.0), id="a negative cosine is a confidence of zero, never below"
        ),
        pytest.param(
            ranking(silent=0.99, hours=0.01),
            (),
            FallBack(confidence=0.0),
            id="a sure intent without actions is never answered from a template",
        ),
        pytest.param(
            ranking(silent=0.99),
            hits(p1=0.8),
            near("p1", 0.8),
            id="an intent without actions leaves the word to a past answer",
        ),
        pytest.param(
            ranking(silent=0.55, hours=0.45),
            (),
            AskBack(options=(hours(0.45),), confidence=0.0),
            id="an intent without actions is not offered, the next one is",
        ),
        pytest.param(
            ranking(silent=0.4, mute=0.35, hours=0.34),
            (),
            FallBack(confidence=0.0),
            id="only the two likeliest intents are looked at for options",
        ),
    ],
)
def test_decision(scores: tuple[IntentScore, ...], found: tuple[Hit, ...], expected: Decision) -> None:
    assert decide(scores, found, ACTIONS, CONFIG) == expected


def test_reasons_have_the_names_that_logs_and_evaluations_use() -> None:
    assert {reason.value for reason in Reason} == {
        "same_question",
        "sure_intent",
        "near_question",
        "button",
        "unsure",
        "nothing_near",
    }
    assert AskBack(options=(), confidence=0.0).reason is Reason.UNSURE
    assert FallBack(confidence=0.0).reason is Reason.NOTHING_NEAR


def test_never_more_options_than_two() -> None:
    scores = ranking(hours=0.45, order=0.44)
    decision = decide(scores, hits(p1=0.43, p2=0.42, p3=0.41), ACTIONS, CONFIG)

    assert isinstance(decision, AskBack)
    assert len(decision.options) == MAX_OPTIONS == 2


def test_owner_thresholds_are_followed() -> None:
    bold = PolicyConfig(template_threshold=0.0, answer_threshold=0.0, clarify_threshold=0.0)
    shy = PolicyConfig(template_threshold=1.0, answer_threshold=1.0, clarify_threshold=1.0)
    scores, found = ranking(hours=0.4, order=0.3), hits(p1=0.5)

    assert decide(scores, found, ACTIONS, bold) == hours(0.4)
    assert decide(scores, found, ACTIONS, shy) == FallBack(confidence=0.5)


def test_a_same_question_threshold_of_one_asks_for_an_exact_cosine() -> None:
    never = PolicyConfig(same_question_threshold=1.0)

    assert decide(ranking(hours=0.9), hits(p1=0.99), ACTIONS, never) == hours(0.9)
    assert decide(ranking(hours=0.9), hits(p1=1.0), ACTIONS, never) == same("p1", 1.0)


def test_the_best_candidates_are_named_whether_given_or_not() -> None:
    assert best_template(ranking(hours=0.01), ACTIONS) == hours(0.01)
    assert best_template(ranking(silent=0.9, hours=0.1), ACTIONS) is None
    assert best_template((), ACTIONS) is None
    assert best_past_answer(hits(p1=0.2, p2=0.1), CONFIG) == near("p1", 0.2)
    assert best_past_answer((), CONFIG) is None
