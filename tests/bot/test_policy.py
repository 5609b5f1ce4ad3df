"""The policy as a table: what is understood and found, and what follows from it."""

import numpy as np
import pytest

from bot.policy import (
    MAX_OPTIONS,
    MAX_UNCOVERED,
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
from nlu import IntentScore, Understanding
from retrieval import Hit, Pair

CONFIG = PolicyConfig(
    template_threshold=0.7,
    answer_threshold=0.6,
    same_question_threshold=0.95,
    scope_threshold=0.05,
    clarify_threshold=0.3,
)
ANSWERABLE = frozenset({"hours", "order"})


def ranking(**probabilities: float) -> tuple[IntentScore, ...]:
    return tuple(IntentScore(name=name, probability=probability) for name, probability in probabilities.items())


def understood(scores: tuple[IntentScore, ...], *, scope: float = 1.0, uncovered: float = 0.0) -> Understanding:
    return Understanding(text="", ranking=scores, embedding=np.zeros(4, np.float32), scope=scope, uncovered=uncovered)


def stored(pair_id: str) -> Pair:
    return Pair(id=pair_id, question="?", answer=f"answer {pair_id}")


def hits(**cosines: float) -> tuple[Hit, ...]:
    return tuple(
        Hit(pair=stored(pair_id), cosine=cosine, score=cosine, probability=cosine, rank=rank)
        for rank, (pair_id, cosine) in enumerate(cosines.items(), start=1)
    )


def hours(probability: float) -> Template:
    return Template(intent="hours", confidence=probability, reason=Reason.SURE_INTENT)


def order(probability: float) -> Template:
    return Template(intent="order", confidence=probability, reason=Reason.SURE_INTENT)


def near(pair_id: str, cosine: float) -> PastAnswer:
    return PastAnswer(pair=stored(pair_id), confidence=cosine, reason=Reason.NEAR_QUESTION)


def same(pair_id: str, confidence: float) -> PastAnswer:
    return PastAnswer(pair=stored(pair_id), confidence=confidence, reason=Reason.SAME_QUESTION)


@pytest.mark.parametrize(
    ("scores", "found", "expected"),
    [
        pytest.param(ranking(hours=0.9, order=0.1), (), hours(0.9), id="a sure intent gets its template"),
        pytest.param(ranking(order=0.9), (), order(0.9), id="any other sure intent too"),
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
            ranking(silent=0.99, hours=0.01),
            (),
            FallBack(confidence=0.0),
            id="a sure intent that nothing answers is never answered from a template",
        ),
        pytest.param(
            ranking(silent=0.99),
            hits(p1=0.8),
            near("p1", 0.8),
            id="an intent that nothing answers leaves the word to a past answer",
        ),
        pytest.param(
            ranking(silent=0.55, hours=0.45),
            (),
            AskBack(options=(hours(0.45),), confidence=0.0),
            id="an intent that nothing answers is not offered, the next one is",
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
    assert decide(understood(scores), found, ANSWERABLE, CONFIG) == expected


def outside(scope: float) -> FallBack:
    return FallBack(confidence=scope, reason=Reason.OUT_OF_SCOPE)


UNREADABLE = FallBack(confidence=0.0, reason=Reason.SCRIPT_NOT_COVERED)


@pytest.mark.parametrize(
    ("message", "found", "expected"),
    [
        pytest.param(understood(ranking(hours=0.9), scope=0.05), (), hours(0.9), id="a scope exactly met is in scope"),
        pytest.param(
            understood(ranking(hours=0.99), scope=0.049), (), outside(0.049), id="below it no intent is sure enough"
        ),
        pytest.param(
            understood(ranking(hours=0.99), scope=0.0), hits(p1=0.6), near("p1", 0.6), id="a near question is answered"
        ),
        pytest.param(
            understood(ranking(hours=0.99), scope=0.0),
            hits(p1=0.95),
            same("p1", 0.95),
            id="a question asked again is answered",
        ),
        pytest.param(
            understood(ranking(hours=0.5, order=0.4), scope=0.01),
            hits(p1=0.599),
            outside(0.01),
            id="nothing is offered to a message that is out of scope",
        ),
        pytest.param(understood((), scope=0.0), (), outside(0.0), id="out of scope with nothing understood at all"),
        pytest.param(
            understood(ranking(hours=0.99), uncovered=0.501),
            hits(p1=1.0),
            UNREADABLE,
            id="nothing is believed of a message in a script that the encoder does not know",
        ),
        pytest.param(
            understood(ranking(hours=0.99), uncovered=MAX_UNCOVERED), (), hours(0.99), id="half of it known is enough"
        ),
        pytest.param(
            understood(ranking(hours=0.99), scope=0.0, uncovered=1.0), (), UNREADABLE, id="the script is said first"
        ),
    ],
)
def test_decision_by_scope_and_script(message: Understanding, found: tuple[Hit, ...], expected: Decision) -> None:
    assert decide(message, found, ANSWERABLE, CONFIG) == expected


@pytest.mark.parametrize(("threshold", "expected"), [(0.0, hours(0.9)), (1.0, outside(0.3))])
def test_the_owner_says_how_much_may_be_taken_for_out_of_scope(threshold: float, expected: Decision) -> None:
    config = PolicyConfig(scope_threshold=threshold)

    assert decide(understood(ranking(hours=0.9), scope=0.3), (), ANSWERABLE, config) == expected


def test_reasons_have_the_names_that_logs_and_evaluations_use() -> None:
    assert {reason.value for reason in Reason} == {
        "same_question",
        "sure_intent",
        "near_question",
        "button",
        "unsure",
        "nothing_near",
        "out_of_scope",
        "script_not_covered",
        "form",
        "person",
        "external",
        "media",
        "repeated",
    }
    assert AskBack(options=(), confidence=0.0).reason is Reason.UNSURE
    assert FallBack(confidence=0.0).reason is Reason.NOTHING_NEAR


def test_never_more_options_than_two() -> None:
    scores = ranking(hours=0.45, order=0.44)
    decision = decide(understood(scores), hits(p1=0.43, p2=0.42, p3=0.41), ANSWERABLE, CONFIG)

    assert isinstance(decision, AskBack)
    assert len(decision.options) == MAX_OPTIONS == 2


def test_owner_thresholds_are_followed() -> None:
    bold = PolicyConfig(template_threshold=0.0, answer_threshold=0.0, clarify_threshold=0.0)
    shy = PolicyConfig(template_threshold=1.0, answer_threshold=1.0, clarify_threshold=1.0)
    scores, found = ranking(hours=0.4, order=0.3), hits(p1=0.5)

    assert decide(understood(scores), found, ANSWERABLE, bold) == hours(0.4)
    assert decide(understood(scores), found, ANSWERABLE, shy) == FallBack(confidence=0.5)


def test_a_same_question_threshold_of_one_asks_for_an_exact_cosine() -> None:
    never = PolicyConfig(same_question_threshold=1.0)

    assert decide(understood(ranking(hours=0.9)), hits(p1=0.99), ANSWERABLE, never) == hours(0.9)
    assert decide(understood(ranking(hours=0.9)), hits(p1=1.0), ANSWERABLE, never) == same("p1", 1.0)


def test_the_best_candidates_are_named_whether_given_or_not() -> None:
    assert best_template(ranking(hours=0.01), ANSWERABLE) == hours(0.01)
    assert best_template(ranking(silent=0.9, hours=0.1), ANSWERABLE) is None
    assert best_template((), ANSWERABLE) is None
    assert best_past_answer(hits(p1=0.2, p2=0.1), CONFIG) == near("p1", 0.2)
    assert best_past_answer((), CONFIG) is None


def test_an_owners_out_of_scope_intent_is_answered_by_its_rule_though_it_is_out_of_scope() -> None:
    own_words = ANSWERABLE | {"out_of_scope"}
    joke = understood(ranking(out_of_scope=0.9, order=0.1), scope=0.0)

    assert decide(joke, (), own_words, CONFIG) == Template(
        intent="out_of_scope", confidence=0.9, reason=Reason.SURE_INTENT
    )
    assert decide(joke, (), ANSWERABLE, CONFIG) == FallBack(confidence=0.0, reason=Reason.OUT_OF_SCOPE)
