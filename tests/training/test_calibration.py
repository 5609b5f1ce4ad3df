import numpy as np
import pytest

from nlu.intent import softmax
from training.calibration import fit_temperature, negative_log_likelihood

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
