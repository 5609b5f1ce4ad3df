"""Which messages are chosen to be labelled: by hand where that can be done, and against chance where it cannot."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from nlu.encoder import FloatArray
from nlu.informative import choose, typicality, uncertainty

NONE = np.zeros((0, 3), np.float32)


def unit(rows: object) -> FloatArray:
    array = np.asarray(rows, np.float64)
    return np.asarray(array / np.linalg.norm(array, axis=-1, keepdims=True), np.float32)


def test_uncertainty_is_one_minus_the_margin() -> None:
    probabilities = np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0], [0.2, 0.4, 0.4], [0.1, 0.0, 0.9]], np.float32)

    assert uncertainty(probabilities) == pytest.approx([0.8, 0.0, 1.0, 0.2])
    assert uncertainty(probabilities[:, :1]).tolist() == [1, 1, 1, 1]


def test_typicality_is_the_mean_cosine_to_the_nearest_others() -> None:
    rng = np.random.default_rng(3)
    rows = unit(rng.normal(size=(700, 5)))

    cosines = rows.astype(np.float64) @ rows.T
    expected = [np.sort(np.delete(cosines[place], place))[-4:].mean() for place in range(len(rows))]

    assert typicality(rows, 4) == pytest.approx(np.clip(expected, 0, 1), abs=1e-6)
    assert typicality(rows[:1]).tolist() == [1.0]


def test_the_order_is_that_of_the_formula() -> None:
    rng = np.random.default_rng(5)
    rows, known = unit(rng.normal(size=(40, 3))), unit(rng.normal(size=(4, 3)))
    probabilities = rng.dirichlet(np.ones(4), 40).astype(np.float32)
    weights = rng.random(40)

    expected: list[int] = []
    while len(expected) < 15:
        values = []
        for place, row in enumerate(rows):
            new = min(1.0, min(float(((row - other) ** 2).sum()) for other in known) / 0.1)
            apart = min([2.0, *(float(((row - rows[other]) ** 2).sum()) for other in expected)])
            sure = uncertainty(probabilities)[place] * typicality(rows)[place] ** 0.5
            values.append(-1.0 if place in expected else sure * weights[place] * new * apart)
        expected.append(int(np.argmax(values)))

    assert choose(probabilities, rows, 15, known=known, weights=weights) == expected


def test_the_second_of_two_that_are_alike_has_to_wait() -> None:
    rows = unit([[1, 0, 0], [1, 0.01, 0], [0, 1, 0.3], [0.2, 0, 1]])
    probabilities = np.array([[0.5, 0.5], [0.5, 0.5], [0.7, 0.3], [0.7, 0.3]], np.float32)

    assert set(choose(probabilities, rows, 3, known=NONE)) in ({0, 2, 3}, {1, 2, 3})


def test_what_was_labelled_in_nearly_the_same_words_comes_last() -> None:
    rows = unit([[3, 1, 1], [1, 3, 1], [1, 1, 3]])
    probabilities = np.full((3, 2), 0.5, np.float32)

    assert choose(probabilities, rows, 3, known=rows[:1])[-1] == 0


@pytest.mark.parametrize("count", [0, 1, 5])
def test_no_more_are_chosen_than_there_are_and_each_once(count: int) -> None:
    rows = unit(np.eye(3))
    probabilities = np.array([[1.0, 0.0]] * 3, np.float32)

    chosen = choose(probabilities, rows, count, known=NONE)

    assert sorted(chosen) == sorted(set(chosen))
    assert len(chosen) == min(count, 3)
    assert choose(probabilities[:0], rows[:0], count, known=NONE) == []


def test_chosen_messages_teach_more_than_as_many_by_chance() -> None:
    """Twelve classes of which some are rare and some are much alike; the same few labels for each way of choosing."""
    chosen, by_chance = [], []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        middles = rng.normal(size=(12, 16))
        middles[6:] = middles[:6] + 0.45 * rng.normal(size=(6, 16))
        often = np.array([8, 8, 8, 8, 4, 4, 2, 2, 2, 1, 1, 1], np.float64)
        labels = rng.choice(12, size=1_000, p=often / often.sum())
        labels[:12] = np.arange(12)
        rows = unit(middles[labels] + 0.6 * rng.normal(size=(1_000, 16)))
        pool, test = np.arange(12, 600), np.arange(600, 1_000)
        for way, scores in (("chosen", chosen), ("chance", by_chance)):
            have = list(range(12))
            for _ in range(2):
                model = LogisticRegression(C=10, max_iter=300).fit(rows[have], labels[have])
                left = np.setdiff1d(pool, have)
                picked = choose(model.predict_proba(rows[left]), rows[left], 30, known=rows[have])
                have += left[picked if way == "chosen" else rng.permutation(len(left))[:30]].tolist()
            model = LogisticRegression(C=10, max_iter=300).fit(rows[have], labels[have])
            scores.append(
                np.mean(
                    [model.score(rows[test][labels[test] == k], labels[test][labels[test] == k]) for k in range(12)]
                )
            )

    assert np.mean(chosen) > np.mean(by_chance) + 0.02
