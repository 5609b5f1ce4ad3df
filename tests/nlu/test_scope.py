"""How surely a message is about what the assistant was taught, by energy and nearness."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from nlu.scope import ScopeScorer, energy, nearness

EAST, NORTH = [1.0, 0.0], [0.0, 1.0]


def scorer(*reference: float, weights: tuple[float, float, float] = (1.0, 0.0, 0.0)) -> ScopeScorer:
    return ScopeScorer(centres=np.array([EAST], np.float32), weights=weights, reference=np.array(reference))


def with_energy(*wanted: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits of one class, whose energy is the logit, and embeddings that say nothing."""
    return np.array(wanted, np.float32).reshape(-1, 1), np.tile(np.array([EAST], np.float32), (len(wanted), 1))


def test_energy_by_hand() -> None:
    # ln(1 + 1), ln(e^ln3 + e^0) = ln 4, and two that would overflow: 1000 + ln 2.
    logits = np.array([[0.0, 0.0], [np.log(3.0), 0.0], [1000.0, 1000.0], [-1000.0, -1000.0]], np.float32)

    np.testing.assert_allclose(energy(logits), [np.log(2), np.log(4), 1000 + np.log(2), -1000 + np.log(2)], rtol=1e-6)


def test_nearness_by_hand_is_the_cosine_to_the_nearest_centre() -> None:
    embeddings = np.array([EAST, [0.6, 0.8], [-1.0, 0.0]], np.float32)

    np.testing.assert_allclose(nearness(embeddings, np.array([EAST, NORTH], np.float32)), [1.0, 0.8, 0.0], atol=1e-7)
    np.testing.assert_allclose(nearness(embeddings, np.array([EAST], np.float32)), [1.0, 0.6, -1.0], atol=1e-7)


def test_the_sum_of_a_case_by_hand() -> None:
    # 2 ln 4 + 3 * 0.6 - 1
    sums = scorer(weights=(2.0, 3.0, -1.0)).sums(
        np.array([[np.log(3.0), 0.0]], np.float32), np.array([[0.6, 0.8]], np.float32)
    )

    np.testing.assert_allclose(sums, [2 * np.log(4) + 1.8 - 1], rtol=1e-6)


def test_the_score_is_the_share_of_references_below() -> None:
    # Of 0, 1, 2, 4 and 8 the quarters lie between neighbours: 3 is half way from 2 (a half) to 4 (three quarters).
    scores = scorer(0.0, 1.0, 2.0, 4.0, 8.0).score(*with_energy(-5.0, 0.0, 1.0, 2.0, 3.0, 8.0, 99.0))

    np.testing.assert_allclose(scores, [0.0, 0.0, 0.25, 0.5, 0.625, 1.0, 1.0])


@pytest.mark.parametrize("reference", [(), (3.0,)], ids=["none", "one"])
def test_with_fewer_than_two_references_every_message_is_in_scope(reference: tuple[float, ...]) -> None:
    assert scorer(*reference).score(*with_energy(-99.0, 99.0)).tolist() == [1.0, 1.0]


@given(
    st.lists(st.integers(-50, 50), min_size=2, max_size=30, unique=True),
    st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=30),
)
def test_the_score_lies_between_nothing_and_one_and_rises_with_the_sum(
    reference: list[int], energies: list[float]
) -> None:
    scores = scorer(*map(float, sorted(reference))).score(*with_energy(*sorted(energies)))

    assert ((scores >= 0) & (scores <= 1)).all()
    assert all(left <= right for left, right in pairwise(scores))


def test_no_messages_have_no_scores() -> None:
    none = np.zeros((0, 2), np.float32)

    assert scorer(0.0, 1.0).score(none, none).shape == (0,)


def test_a_scorer_comes_back_from_its_arrays_as_it_was() -> None:
    before = scorer(-1.0, 0.5, 2.0, weights=(0.5, 0.25, -3.0))

    after = ScopeScorer.from_arrays(load(save(before.to_arrays())))

    assert after.weights == before.weights
    np.testing.assert_array_equal(after.centres, before.centres)
    np.testing.assert_array_equal(after.reference, before.reference)
    np.testing.assert_array_equal(after.score(*with_energy(0.0, 9.0)), before.score(*with_energy(0.0, 9.0)))


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("centres", np.zeros(2, np.float32)),
        ("weights", np.zeros(2, np.float32)),
        ("weights", np.zeros((1, 3), np.float32)),
        ("reference", np.zeros((2, 2), np.float32)),
    ],
)
def test_arrays_of_another_shape_are_refused(name: str, array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="the scope scores have the wrong shapes"):
        ScopeScorer.from_arrays(scorer(0.0, 1.0).to_arrays() | {name: array})


@pytest.mark.parametrize("name", ["centres", "weights", "reference"])
def test_a_missing_array_is_named(name: str) -> None:
    arrays = scorer(0.0, 1.0).to_arrays()
    del arrays[name]

    with pytest.raises(KeyError, match=name):
        ScopeScorer.from_arrays(arrays)
