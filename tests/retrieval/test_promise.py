"""P(right) by hand, and the release's file there and back."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from nlu import IntentScore
from retrieval import Hit, Pair
from retrieval.evidence import Candidate, Kind
from retrieval.promise import TERMS, Finding, Promise, PromiseFile, RightModel, logit, terms_of

EVIDENCE = {
    "scope": 0.5,
    "energy": 2.0,
    "nearness": 0.7,
    "uncovered": 0.0,
    "length": 19.0,
    "intent_place": 0.0,
    "intent_probability": 0.8,
    "intent_margin": 0.6,
    "pair_place": 0.0,
    "pair_probability": 0.25,
    "pair_cosine": 0.6,
    "pair_score": 0.5,
    "pair_gap": 0.1,
    "pair_lexical": 0.2,
    "pair_lexical_rank": 1.0,
    "agreement": -1.0,
}
TEMPLATE = Candidate(answer=IntentScore(name="a", probability=0.8), evidence=EVIDENCE)
PAST = Candidate(
    answer=Hit(pair=Pair(id="p", question="?", answer="!"), cosine=0.6, score=0.5, probability=0.25, rank=1),
    evidence=EVIDENCE,
)
PROMISE = Promise(
    max_wrong_rate=0.05,
    confidence=0.95,
    threshold=0.83,
    models={
        Kind.TEMPLATE: RightModel(intercept=-1.0, weights={"intent_margin": 2.0, "log_length": 1.0}),
        Kind.PAST_ANSWER: RightModel.believing(Kind.PAST_ANSWER),
    },
)
FINDING = Finding(
    basis="questions", messages=200, answered=0.8, wrong=0.02, promisable=0.05, needed=90, sentence="Yes."
)


def test_a_probability_by_hand() -> None:
    total = -1.0 + 2.0 * 0.6 + math.log(20.0)

    assert PROMISE.probabilities([TEMPLATE]) == pytest.approx([1 / (1 + math.exp(-total))])


def test_without_a_fit_the_own_probability_is_believed() -> None:
    assert PROMISE.probabilities([PAST]) == pytest.approx([0.25])
    assert RightModel.believing(Kind.TEMPLATE).probability(EVIDENCE) == pytest.approx(0.8)


def test_certainties_stay_finite() -> None:
    model = RightModel.believing(Kind.TEMPLATE)

    assert 0 < model.probability({**EVIDENCE, "intent_probability": 0.0}) < 1e-3
    assert 1 > model.probability({**EVIDENCE, "intent_probability": 1.0}) > 1 - 1e-3
    assert RightModel(intercept=1e6, weights={}).probability(EVIDENCE) < 1.0
    assert logit(0.5) == 0.0


def test_terms_come_in_their_order() -> None:
    values = dict(zip(TERMS, terms_of(EVIDENCE), strict=True))

    assert values["log_length"] == pytest.approx(math.log(20))
    assert values["intent_logit"] == pytest.approx(math.log(4))
    assert values["pair_lexical_first"] == 1.0
    assert values["agreement"] == -1.0


@pytest.mark.parametrize("promise", [PROMISE, None], ids=["promised", "not promised"])
def test_a_release_keeps_it(tmp_path: Path, promise: Promise | None) -> None:
    PromiseFile(promise=promise, finding=FINDING).save(tmp_path)

    assert PromiseFile.load(tmp_path) == PromiseFile(promise=promise, finding=FINDING)


def damaged(**changes: Any) -> dict[str, Any]:
    return {**json.loads(json.dumps(PROMISE.to_json())), **changes}


@pytest.mark.parametrize(
    "promise",
    [
        damaged(threshold=float("nan")),
        damaged(max_wrong_rate=0.0),
        damaged(confidence=1.5),
        damaged(models={}),
        damaged(models={"template": {"intercept": 0, "weights": {"colour": 1}}, "past_answer": {}}),
        damaged(models={kind.value: {"intercept": float("inf"), "weights": {}} for kind in Kind}),
        damaged(threshold="high"),
        [],
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, promise: Any) -> None:
    PromiseFile(promise=None, finding=FINDING).save(tmp_path)
    facts = json.loads((tmp_path / "promise.json").read_text("utf-8"))
    (tmp_path / "promise.json").write_text(json.dumps({**facts, "promise": promise}), "utf-8")

    with pytest.raises(ValueError, match=r"damaged|convert"):
        PromiseFile.load(tmp_path)


def test_a_file_that_is_no_promise_is_refused(tmp_path: Path) -> None:
    (tmp_path / "promise.json").write_text("[]", "utf-8")

    with pytest.raises(ValueError, match="damaged"):
        PromiseFile.load(tmp_path)
