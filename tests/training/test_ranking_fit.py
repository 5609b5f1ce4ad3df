import hashlib
from collections.abc import Sequence

import numpy as np
import pytest

from nlu.encoder import FloatArray
from retrieval.pair import Pair
from retrieval.ranking import Ranking
from training.ranking_fit import LEAST_ASKED, fit_ranking

DIMENSION = 24


def direction(name: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    row = np.random.default_rng(seed).normal(size=DIMENSION)
    return row / np.linalg.norm(row)


def embed_by(noise: float, misleading: bool = False) -> object:
    """Texts that hold a topic such as `#7` lie near it; an answer alone lies anywhere if it is misleading."""

    def embed(texts: Sequence[str]) -> FloatArray:
        rows = []
        for text in texts:
            topics = [word for word in text.split() if word.startswith("#")]
            topic = direction(topics[0]) if topics and not (misleading and text.startswith("answer")) else 0.0
            row = topic + noise * direction(text)
            rows.append(row / np.linalg.norm(row))
        return np.array(rows, np.float32).reshape(-1, DIMENSION)

    return embed


def pairs_of(topics: int, wordings: int) -> list[Pair]:
    return [
        Pair(
            id=f"p{topic}",
            question=f"w0 #{topic}",
            also_asked=tuple(f"w{at} #{topic}" for at in range(1, wordings)),
            answer=f"answer #{topic}",
        )
        for topic in range(topics)
    ]


def fitted(pairs: Sequence[Pair], noise: float, misleading: bool = False):
    return fit_ranking(pairs, embed_by(noise, misleading), dimension=DIMENSION, seed=1)


def test_every_wording_is_asked_once_and_found_by_the_others() -> None:
    fit = fitted(pairs_of(40, 4), noise=0.1)
    assert fit.asked == 160
    assert 150 <= fit.answerable <= 160  # but for pairs whose wordings were all taken out at once
    assert (fit.recall_at_1, fit.mrr) == (1.0, 1.0)
    assert fit.figures() == {"retrieval_asked": 160, "retrieval_recall_at_1": 1.0, "retrieval_mrr": 1.0}


def test_a_likeness_that_misleads_gets_less_weight() -> None:
    fit = fitted(pairs_of(60, 3), noise=1.4, misleading=True)
    assert fit.mrr >= fit.default_mrr + 0.01
    assert fit.ranking.part < Ranking().part or fit.ranking.lexical != Ranking().lexical
    assert fit.reason.startswith(f"Weights chosen on {fit.answerable} wordings.")


def test_with_few_wordings_the_default_weights_stay() -> None:
    fit = fitted(pairs_of(10, 3), noise=0.3)
    assert fit.answerable < LEAST_ASKED
    assert fit.ranking == Ranking(floor=fit.ranking.floor)
    assert "are needed to choose" in fit.reason


def test_a_pair_with_one_wording_teaches_what_a_wrong_score_is_worth() -> None:
    pairs = [*pairs_of(40, 4), *(Pair(id=f"s{at}", question=f"s #{100 + at}", answer=f"s{at}") for at in range(80))]
    fit = fitted(pairs, noise=0.8)
    assert fit.asked == 240
    assert 150 <= fit.answerable <= 160
    sure, unsure = fit.ranking.probabilities([0.9, 0.2])[0], fit.ranking.probabilities([0.3, 0.29])[0]
    assert unsure < 0.5 < sure
    assert fit.ranking.slope >= 0
    assert fit.ranking.gap >= 0


def test_probabilities_are_right_as_often_as_they_say() -> None:
    pairs = [*pairs_of(80, 4), *(Pair(id=f"s{at}", question=f"s #{100 + at}", answer=f"s{at}") for at in range(200))]
    fit = fitted(pairs, noise=1.5)
    again = fit_ranking(pairs, embed_by(1.5), dimension=DIMENSION, seed=2)  # other folds
    assert again.ranking.intercept == pytest.approx(fit.ranking.intercept, abs=3.0)
    assert 0.2 < fit.recall_at_1 < 0.99


@pytest.mark.parametrize("pairs", [[], [Pair(id="a", question="q", answer="a")]], ids=["none", "one"])
def test_without_anything_to_ask_the_defaults_stay(pairs: list[Pair]) -> None:
    fit = fitted(pairs, noise=0.1)
    assert fit.ranking == Ranking()
    assert fit.asked == 0
    assert fit.figures() == {"retrieval_asked": 0}
