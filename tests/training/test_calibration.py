import numpy as np
import pytest

from nlu.intent import softmax
from nlu.scope import energy, nearness
from training.calibration import (
    CENTRES_OF_INTENT,
    MAX_REFERENCE,
    MIN_OUTSIDE,
    fit_scope,
    fit_temperature,
    intent_centres,
    negative_log_likelihood,
)

LN3, LN9 = np.log(3.0), np.log(9.0)


def synthetic(temperature: float, count: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are right in the mean once divided by `temperature`, and classes drawn accordingly."""
    random = np.random.default_rng(17)
    honest = random.normal(0.0, 2.0, (count, 5))
    chances = softmax(honest).cumsum(axis=1)
    classes = (random.random((count, 1)) > chances).sum(axis=1)
    return (honest * temperature).astype(np.float32), classes


def test_negative_log_likelihood_of_a_case_by_hand() -> None:
    # The first row gives its class 3/4, the second gives its class 1/4.
    logits = np.array([[LN3, 0.0], [LN3, 0.0]], np.float32)

    found = negative_log_likelihood(logits, np.array([0, 1]))
    assert found == pytest.approx(-(np.log(0.75) + np.log(0.25)) / 2, abs=1e-6)


def test_negative_log_likelihood_divides_the_logits_by_the_temperature() -> None:
    # ln 9 / 2 = ln 3: the class gets 3/4 instead of 9/10.
    logits = np.array([[LN9, 0.0]], np.float32)

    assert negative_log_likelihood(logits, np.array([0]), 2.0) == pytest.approx(-np.log(0.75), abs=1e-6)


def test_a_class_held_impossible_costs_much_but_not_infinitely_much() -> None:
    logits = np.array([[1e4, 0.0]], np.float32)

    assert negative_log_likelihood(logits, np.array([1])) == pytest.approx(-np.log(1e-12))


def test_the_temperature_of_a_case_by_hand() -> None:
    # Every message says 9/10 but only three in four are right. At T = 2 each says 3/4, which is the truth.
    logits = np.tile(np.array([LN9, 0.0], np.float32), (4_000, 1))
    classes = np.tile([0, 0, 0, 1], 1_000)

    assert fit_temperature(logits, classes) == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7, 4.0])
def test_a_known_temperature_is_recovered(temperature: float) -> None:
    assert fit_temperature(*synthetic(temperature)) == pytest.approx(temperature, rel=0.06)


def test_with_no_messages_the_temperature_is_one() -> None:
    assert fit_temperature(np.zeros((0, 3), np.float32), np.zeros(0, np.int64)) == 1.0


@pytest.mark.parametrize("count", [1, 3, 10])
def test_a_few_messages_all_right_do_not_make_the_model_certain(count: int) -> None:
    logits = np.tile(np.array([3.0, 0.0, 0.0], np.float32), (count, 1))
    classes = np.zeros(count, np.int64)

    temperature = fit_temperature(logits, classes)

    assert 0.4 < temperature < 1.0  # surer than before, as it was right, yet likelihood alone would go to 0.05
    assert softmax(logits / temperature)[0, 0] < 0.9995


def test_more_evidence_moves_the_temperature_further_from_one() -> None:
    few, many = synthetic(3.0, count=8), synthetic(3.0, count=4_000)

    assert 1.0 < fit_temperature(*few) < fit_temperature(*many)


def test_messages_all_wrong_make_the_model_as_unsure_as_it_can_be() -> None:
    logits = np.tile(np.array([5.0, 0.0], np.float32), (1_000, 1))

    assert fit_temperature(logits, np.ones(1_000, np.int64)) == pytest.approx(np.exp(3.0), rel=0.01)


def test_the_temperature_lowers_the_loss_on_the_messages_it_was_fitted_to() -> None:
    logits, classes = synthetic(3.0)

    fitted = fit_temperature(logits, classes)
    assert negative_log_likelihood(logits, classes, fitted) < negative_log_likelihood(logits, classes) - 0.1


def unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def test_the_centres_of_few_examples_are_the_examples_themselves_each_once() -> None:
    rows = unit(np.array([[1.0, 0.0], [0.6, 0.8], [1.0, 0.0], [0.0, 1.0]]))

    centres = intent_centres(rows, np.array([0, 0, 0, 1]), seed=1)

    assert sorted(map(tuple, centres[:2].tolist())) == sorted(map(tuple, rows[:2].tolist()))
    np.testing.assert_allclose(centres[2:], [[0.0, 1.0]])


def test_a_class_of_many_examples_has_at_most_eight_centres_of_length_one() -> None:
    random = np.random.default_rng(4)
    rows, classes = unit(random.normal(0, 1, (100, 6))), np.repeat([0, 1], [60, 40])

    centres = intent_centres(rows, classes, seed=1)

    assert CENTRES_OF_INTENT == 8
    assert centres.shape == (16, 6)
    assert centres.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1.0, atol=1e-6)
    np.testing.assert_array_equal(centres, intent_centres(rows, classes, seed=1))


def test_the_centres_lie_where_the_examples_gather() -> None:
    random = np.random.default_rng(4)
    spots = unit(random.normal(0, 1, (CENTRES_OF_INTENT, 6)))
    rows = unit(np.repeat(spots, 10, axis=0) + random.normal(0, 1e-3, (80, 6)))

    centres = intent_centres(rows, np.zeros(80, np.int64), seed=1)

    assert nearness(spots, centres).min() > 0.999


def messages(count: int, height: float, near: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose energy is about `height`, and embeddings whose cosine to east is about `near`."""
    random = np.random.default_rng(round(1_000 * abs(near)))
    logits = random.normal(height, 0.5, (count, 1)).astype(np.float32)
    angle = np.arccos(np.clip(random.normal(near, 0.05, count), -1.0, 1.0))
    return logits, np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


EAST = np.array([[1.0, 0.0]], np.float32)


def test_without_messages_outside_energy_and_nearness_count_alike_in_units_of_their_spread() -> None:
    logits, rows = messages(50, 5.0, 0.7)

    scorer = fit_scope(logits, rows, np.ones(50, bool), EAST)

    lift, near = energy(logits), nearness(rows, EAST)
    assert scorer.weights[:2] == pytest.approx((1 / lift.std(), 1 / near.std()))
    wanted = (lift - lift.mean()) / lift.std() + (near - near.mean()) / near.std()
    np.testing.assert_allclose(scorer.sums(logits, rows), wanted, atol=1e-5)
    np.testing.assert_allclose(scorer.reference, np.sort(wanted), atol=1e-5)


def test_of_the_messages_it_was_fitted_to_a_share_scores_below_that_share() -> None:
    logits, rows = messages(2_000, 5.0, 0.7)

    scorer = fit_scope(logits, rows, np.ones(2_000, bool), EAST)

    assert len(scorer.reference) == MAX_REFERENCE
    scores = scorer.score(logits, rows)
    for share in (0.05, 0.25, 0.5):
        assert np.mean(scores < share) == pytest.approx(share, abs=0.005)


def test_few_messages_outside_are_left_out_altogether() -> None:
    (logits, rows), (far_logits, far_rows) = messages(50, 5.0, 0.7), messages(MIN_OUTSIDE - 1, 0.0, 0.0)
    inside = np.arange(50 + MIN_OUTSIDE - 1) < 50

    mixed = fit_scope(np.concatenate([logits, far_logits]), np.concatenate([rows, far_rows]), inside, EAST)

    assert mixed.weights == fit_scope(logits, rows, np.ones(50, bool), EAST).weights
    assert len(mixed.reference) == 50


def test_messages_outside_teach_what_tells_them_apart() -> None:
    # They are as near as the others, and differ in energy alone.
    (logits, rows), (far_logits, far_rows) = messages(200, 5.0, 0.7), messages(40, 2.0, 0.7)
    inside = np.arange(240) < 200

    scorer = fit_scope(np.concatenate([logits, far_logits]), np.concatenate([rows, far_rows]), inside, EAST)

    by_energy, by_nearness = np.array(scorer.weights[:2]) * [energy(logits).std(), nearness(rows, EAST).std()]
    assert by_energy > 5 * abs(by_nearness)
    assert scorer.score(far_logits, far_rows).max() < 0.05
    assert len(scorer.reference) == 200


@pytest.mark.parametrize("count", [0, 1])
def test_with_nothing_set_aside_every_message_is_in_scope(count: int) -> None:
    logits, rows = messages(count, 5.0, 0.7)

    scorer = fit_scope(logits, rows, np.ones(count, bool), EAST)

    assert scorer.score(*messages(3, -9.0, -0.9)).tolist() == [1.0, 1.0, 1.0]


def test_messages_that_are_all_alike_do_not_divide_by_nothing() -> None:
    logits, rows = np.full((5, 1), 2.0, np.float32), np.tile(EAST, (5, 1))

    scorer = fit_scope(logits, rows, np.ones(5, bool), EAST)

    assert np.isfinite(scorer.weights).all()
    assert scorer.score(np.array([[-2.0]], np.float32), -EAST).tolist() == [0.0]
