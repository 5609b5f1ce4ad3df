"""What comes into question for a message, and the numbers that speak for it."""

import numpy as np
import pytest

from nlu import IntentScore, Understanding
from retrieval import Hit, Pair
from retrieval.evidence import LOOKED_AT_INTENTS, LOOKED_AT_PAIRS, Kind, candidates
from retrieval.promise import TERMS


def understood(**probabilities: float) -> Understanding:
    return Understanding(
        text="where is it?",
        ranking=tuple(IntentScore(name=name, probability=p) for name, p in probabilities.items()),
        embedding=np.zeros(4, np.float32),
        scope=0.4,
        energy=3.5,
        nearness=0.6,
    )


def hit(pair_id: str, score: float, *, intent: str = "", lexical_rank: int = 1) -> Hit:
    return Hit(
        pair=Pair(id=pair_id, question="?", answer=pair_id, intent=intent),
        cosine=score - 0.1,
        score=score,
        probability=score / 2,
        rank=1,
        lexical=0.3,
        lexical_rank=lexical_rank,
    )


EVERYTHING = frozenset({"a", "b", "c", "d", "e"})


def test_the_likeliest_intents_that_are_answered_and_the_best_pairs() -> None:
    message = understood(a=0.5, b=0.2, c=0.15, d=0.1)
    hits = [hit(f"p{at}", 0.9 - at / 10) for at in range(5)]

    found = candidates(message, hits, frozenset({"a", "c", "d"}))

    assert [c.answer.name for c in found if isinstance(c.answer, IntentScore)] == ["a", "c"]  # d is not looked at
    assert [c.answer.pair.id for c in found if isinstance(c.answer, Hit)] == ["p0", "p1", "p2"]
    assert (LOOKED_AT_INTENTS, LOOKED_AT_PAIRS) == (3, 3)
    assert [c.kind for c in found] == [Kind.TEMPLATE] * 2 + [Kind.PAST_ANSWER] * 3


def test_the_margin_is_to_the_best_other_intent() -> None:
    first, second, third = candidates(understood(a=0.6, b=0.3, c=0.1), [], EVERYTHING)

    assert first.evidence["intent_margin"] == pytest.approx(0.3)
    assert second.evidence["intent_margin"] == pytest.approx(-0.3)
    assert third.evidence["intent_margin"] == pytest.approx(-0.5)
    assert [c.evidence["intent_place"] for c in (first, second, third)] == [0.0, 1.0, 2.0]


def test_the_gap_is_to_the_best_pair_with_another_answer() -> None:
    found = candidates(understood(), [hit("p", 0.8), hit("q", 0.5), hit("r", 0.4)], EVERYTHING)

    assert [c.evidence["pair_gap"] for c in found] == pytest.approx([0.3, -0.3, -0.4])
    assert [c.evidence["intent_probability"] for c in found] == [0.0, 0.0, 0.0]


def test_one_pair_has_all_of_its_score_as_gap_and_no_pairs_nothing() -> None:
    (alone,) = candidates(understood(), [hit("p", 0.8)], EVERYTHING)
    (template,) = candidates(understood(a=0.9), [], EVERYTHING)

    assert alone.evidence["pair_gap"] == pytest.approx(0.8)
    assert {name: value for name, value in template.evidence.items() if name.startswith("pair_") and value} == {}


@pytest.mark.parametrize(("intent", "agreement"), [("a", 1.0), ("b", -1.0), ("", 0.0)])
def test_whether_the_pair_belongs_to_the_intent(intent: str, agreement: float) -> None:
    template, pair = candidates(understood(a=0.9), [hit("p", 0.8, intent=intent)], EVERYTHING)

    assert template.evidence["agreement"] == pair.evidence["agreement"] == agreement


def test_the_message_speaks_for_each_candidate_alike() -> None:
    found = candidates(understood(a=0.6, b=0.3), [hit("p", 0.8, lexical_rank=4)], EVERYTHING)

    for candidate in found:
        assert candidate.evidence["scope"] == 0.4
        assert candidate.evidence["energy"] == 3.5
        assert candidate.evidence["nearness"] == 0.6
        assert candidate.evidence["length"] == 12.0
        assert candidate.evidence["pair_lexical_rank"] == 4.0


def test_all_that_is_weighed_is_there() -> None:
    for candidate in candidates(understood(a=0.6), [hit("p", 0.8)], EVERYTHING):
        assert {name for name, _ in TERMS.values()} <= set(candidate.evidence)
        assert all(isinstance(value, float) for value in candidate.evidence.values())
