import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.metrics import (
    Bin,
    Confusion,
    RiskPoint,
    confusions,
    expected_calibration_error,
    reliability_bins,
    risk_coverage,
)

NOTHING = (np.array([]), np.array([], bool))
OUTCOMES = st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.55, 0.9, 1.0]), st.booleans()), min_size=1, max_size=40)


def arrays(outcomes: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([sure for sure, _ in outcomes]), np.array([right for _, right in outcomes], bool)


def test_reliability_bins_of_a_case_by_hand() -> None:
    confidences = np.array([0.92, 0.98, 1.0, 0.55, 0.51, 0.0])
    right = np.array([True, False, True, True, False, False])

    first, middle, last = reliability_bins(confidences, right)

    assert first == Bin(count=1, confidence=0.0, accuracy=0.0)
    assert middle == Bin(count=2, confidence=pytest.approx(0.53), accuracy=0.5)
    assert last == Bin(count=3, confidence=pytest.approx(2.9 / 3), accuracy=pytest.approx(2 / 3))


def test_a_confidence_on_an_edge_belongs_to_the_bin_above() -> None:
    bins = reliability_bins(np.array([0.25, 0.49, 0.5]), np.array([True, True, False]), bin_count=4)

    assert [bar.count for bar in bins] == [2, 1]


def test_expected_calibration_error_of_a_case_by_hand() -> None:
    # Bins: two at 0.95 with 1/2 right, gap 0.45; two at 0.65 with 1/2 right, gap 0.15.
    confidences = np.array([0.95, 0.95, 0.65, 0.65])
    right = np.array([True, False, True, False])

    assert expected_calibration_error(confidences, right) == pytest.approx((2 * 0.45 + 2 * 0.15) / 4)


def test_expected_calibration_error_weighs_bins_by_their_counts() -> None:
    # Three at 0.75 all right, gap 0.25; one at 0.15 wrong, gap 0.15.
    confidences = np.array([0.75, 0.75, 0.75, 0.15])

    found = expected_calibration_error(confidences, np.array([True, True, True, False]))
    assert found == pytest.approx((3 * 0.25 + 1 * 0.15) / 4)


def test_a_model_as_right_as_it_is_sure_has_no_calibration_error() -> None:
    right = np.array([True, True, True, False])

    assert expected_calibration_error(np.full(4, 0.75), right) == pytest.approx(0.0)


def test_no_messages_have_no_bins_no_error_and_no_curve() -> None:
    assert reliability_bins(*NOTHING) == []
    assert expected_calibration_error(*NOTHING) == 0.0
    assert risk_coverage(*NOTHING) == []


def test_risk_coverage_of_a_case_by_hand() -> None:
    confidences = np.array([0.4, 0.9, 0.6, 0.8])
    right = np.array([False, True, True, False])

    assert risk_coverage(confidences, right) == [
        RiskPoint(threshold=0.9, answered=0.25, wrong=0.0),
        RiskPoint(threshold=0.8, answered=0.50, wrong=0.5),
        RiskPoint(threshold=0.6, answered=0.75, wrong=pytest.approx(1 / 3)),
        RiskPoint(threshold=0.4, answered=1.00, wrong=0.5),
    ]


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]])
def test_messages_of_equal_confidence_are_answered_together(order: list[int]) -> None:
    confidences = np.array([0.9, 0.9, 0.9, 0.5, 0.5])[order]
    right = np.array([True, False, True, False, True])[order]

    assert risk_coverage(confidences, right) == [
        RiskPoint(threshold=0.9, answered=0.6, wrong=pytest.approx(1 / 3)),
        RiskPoint(threshold=0.5, answered=1.0, wrong=pytest.approx(2 / 5)),
    ]


@settings(deadline=None)
@given(OUTCOMES)
def test_each_point_of_the_curve_is_what_answering_above_its_threshold_gives(
    outcomes: list[tuple[float, bool]],
) -> None:
    curve = risk_coverage(*arrays(outcomes))

    assert [point.threshold for point in curve] == sorted({sure for sure, _ in outcomes}, reverse=True)
    for point in curve:
        given_answers = [right for sure, right in outcomes if sure >= point.threshold]
        assert point.answered == pytest.approx(len(given_answers) / len(outcomes))
        assert point.wrong == pytest.approx(given_answers.count(False) / len(given_answers))


@settings(deadline=None)
@given(OUTCOMES, st.integers(1, 20))
def test_bins_hold_every_message_once(outcomes: list[tuple[float, bool]], bin_count: int) -> None:
    confidences, right = arrays(outcomes)
    bins = reliability_bins(confidences, right, bin_count)

    assert sum(bar.count for bar in bins) == len(outcomes)
    assert sum(bar.count * bar.accuracy for bar in bins) == pytest.approx(right.sum())
    assert sum(bar.count * bar.confidence for bar in bins) == pytest.approx(confidences.sum())


def test_confusions_are_counted_by_direction_the_most_frequent_first() -> None:
    true = ["greet", "greet", "bye", "bye", "bye", "thank", "greet"]
    predicted = ["bye", "greet", "thank", "thank", "greet", "thank", "thank"]

    assert confusions(true, predicted) == [
        Confusion(true="bye", predicted="thank", count=2),
        Confusion(true="bye", predicted="greet", count=1),
        Confusion(true="greet", predicted="bye", count=1),
        Confusion(true="greet", predicted="thank", count=1),
    ]


def test_without_a_mistake_nothing_is_confused() -> None:
    assert confusions(["a", "b"], ["a", "b"]) == []
