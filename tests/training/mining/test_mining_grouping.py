"""Groups are stars around the best connected question, whatever the blocks."""

import numpy as np
import pytest
from numpy.typing import NDArray

from training.mining import grouping
from training.mining.grouping import Scale, group, medoid, spread


def unit(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def clustered(seed: int, count: int, dimension: int = 8) -> np.ndarray:
    """Rows around a few centres, some near and some far."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(5, dimension))
    return unit(centres[rng.integers(5, size=count)] + rng.normal(scale=0.5, size=(count, dimension)))


def slow_groups(
    questions: np.ndarray, answers: np.ndarray, weights: NDArray[np.int64], scale: Scale
) -> list[list[int]]:
    """The same by the definition, a pair at a time."""
    count = len(questions)

    def near(left: int, right: int) -> bool:
        question = scale.similarity(float(questions[left] @ questions[right]))
        answer = scale.similarity(float(answers[left] @ answers[right]))
        same = question >= grouping.SAME_QUESTION and answer >= grouping.SAME_ANSWER
        return same or (question >= grouping.LIKE_QUESTION and answer >= grouping.EQUAL_ANSWER)

    degrees = [sum(int(weights[other]) for other in range(count) if near(row, other)) for row in range(count)]
    free, groups = set(range(count)), []
    for leader in sorted(range(count), key=lambda row: (-degrees[row], row)):
        if leader in free:
            taken = [leader, *(row for row in range(count) if row != leader and row in free and near(leader, row))]
            groups.append(taken)
            free -= set(taken)
    return groups


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("block", [1, 7, 512])
def test_groups_are_those_of_the_definition(seed: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "BLOCK_ROWS", block)
    questions, answers = clustered(seed, 40), clustered(seed + 100, 40)
    answers[::2] = answers[0]
    weights = np.random.default_rng(seed).integers(1, 5, size=40).astype(np.int64)
    scale = Scale(unrelated=0.1)

    found = group(questions, answers, weights, scale, lambda _: None)

    assert [one.tolist() for one in found] == slow_groups(questions, answers, weights, scale)
    assert any(len(one) > 2 for one in found)


def test_a_chain_of_small_steps_is_no_group() -> None:
    angles = np.deg2rad([0, 35, 70, 105, 140])
    questions = unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    answers = unit(np.ones((5, 2)))

    found = group(questions, answers, np.ones(5, np.int64), Scale(unrelated=0.0), lambda _: None)

    assert [one.tolist() for one in found] == [[1, 0, 2], [3, 4]]


def test_no_texts_make_no_groups_and_progress_is_told() -> None:
    nothing = np.empty((0, 4), np.float32)
    done: list[int] = []

    assert group(nothing, nothing, np.empty(0, np.int64), Scale(unrelated=0.0), done.append) == []
    group(clustered(1, 9), clustered(2, 9), np.ones(9, np.int64), Scale(unrelated=0.0), done.append)
    assert done[-1] == 18


def test_the_scale_sets_unrelated_sentences_to_nothing_for_every_encoder() -> None:
    rng = np.random.default_rng(0)
    rows = unit(rng.normal(size=(12, 64)))
    narrow = unit(rows + 2 * unit(np.ones((1, 64))))  # like an encoder that puts all texts into one corner

    scale = Scale.of(narrow)

    assert scale.unrelated == pytest.approx((narrow @ narrow.T)[~np.eye(12, dtype=bool)].mean(), abs=1e-5)
    assert scale.similarity(scale.unrelated) == 0
    assert scale.similarity(1.0) == 1
    assert scale.similarity(scale.cosine(0.7)) == pytest.approx(0.7)
    assert Scale.of(rows).unrelated < 0.1
    assert scale.unrelated > 0.5


def test_the_medoid_is_nearest_to_all_others() -> None:
    for seed in range(5):
        rows = clustered(seed, 15)
        weights = np.random.default_rng(seed).uniform(0.5, 3, size=15)
        sums = [sum(weights[other] * float(rows[row] @ rows[other]) for other in range(15)) for row in range(15)]

        assert medoid(rows, list(weights)) == int(np.argmax(sums))


def test_wordings_that_are_spread_say_different_things() -> None:
    rows = unit(np.array([[1, 0], [1, 0.01], [0, 1], [1, 1]]))

    assert spread(rows, [0, 1, 2, 3], 3, 0.99) == [0, 2, 3]
    assert spread(rows, [1, 0, 2, 3], 2, 0.99) == [1, 2]
