import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data_checks.neighbours import centred, nearest_rows


def unit_rows(count: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, 5)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 25), st.integers(0, 25), st.integers(1, 9), st.integers(0, 1_000))
def test_blocks_find_what_a_look_at_every_pair_finds(queries: int, stored: int, block_rows: int, seed: int) -> None:
    left, right = unit_rows(queries, seed), unit_rows(stored, seed + 1)
    random = np.random.default_rng(seed)
    forbidden, groups = random.integers(0, 3, queries), random.integers(0, 3, stored)

    found = nearest_rows(left, right, forbidden, groups, block_rows=block_rows)

    for query in range(queries):
        cosines = {row: float(left[query] @ right[row]) for row in range(stored) if groups[row] != forbidden[query]}
        if cosines:
            best = max(cosines, key=lambda row: cosines[row])
            assert found.row[query] == best
            assert found.cosine[query] == pytest.approx(cosines[best], abs=1e-6)
        else:
            assert (found.row[query], found.cosine[query]) == (-1, -np.inf)


def test_without_groups_every_row_may_be_chosen() -> None:
    rows = unit_rows(7, seed=3)

    found = nearest_rows(rows, rows, block_rows=2)

    assert found.row.tolist() == list(range(7))
    assert found.cosine == pytest.approx(np.ones(7), abs=1e-6)


def test_what_all_examples_share_is_taken_away_from_every_part() -> None:
    examples = np.array([[0.6, 0.8], [-0.6, 0.8]], np.float32)
    question = np.array([[0.0, 1.0]], np.float32)

    moved, asked = centred(examples, question)

    assert moved.tolist() == [[1.0, 0.0], [-1.0, 0.0]], "their mean is (0, 0.8)"
    assert asked == pytest.approx(np.array([[0.0, 1.0]])), "(0, 1) - (0, 0.8), made of length 1"


def test_a_text_that_is_the_mean_itself_and_no_texts_at_all_can_be_centred() -> None:
    (alone,) = centred(np.array([[1.0, 0.0]], np.float32))
    (none,) = centred(np.zeros((0, 2), np.float32))

    assert alone.tolist() == [[0.0, 0.0]]
    assert none.shape == (0, 2)
