"""The gate's statistics against scipy, scikit-learn and resampling row by row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measured_releases import asked, outside
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from training.gate.intent_losses import intent_losses
from training.gate.measured import auroc, intent_ece
from training.gate.paired import (
    Paired,
    auroc_interval,
    ece_interval,
    ece_of_the_calibrated,
    wrong_rate_interval,
)
from training.metrics import expected_calibration_error


@given(lost=st.integers(0, 40), gained=st.integers(0, 40))
def test_the_exact_test_is_scipys(lost: int, gained: int) -> None:
    found = Paired(count=100, lost=lost, gained=gained).p_value
    changed = lost + gained
    assert found == pytest.approx(binomtest(lost, changed, alternative="greater").pvalue if changed else 1.0)


@pytest.mark.parametrize(("lost", "gained"), [(12, 4), (0, 9), (5, 5), (0, 0)])
def test_the_interval_is_that_of_drawing_questions_one_by_one(lost: int, gained: int) -> None:
    count, random = 80, np.random.default_rng(1)
    changes = np.repeat([-1, 1, 0], [lost, gained, count - lost - gained])
    means = random.choice(changes, (20_000, count)).mean(axis=1)
    expected = np.quantile(means, [0.05, 0.95])
    assert Paired(count=count, lost=lost, gained=gained).interval(0.05) == pytest.approx(expected, abs=0.013)


def test_what_is_lost_and_gained_is_counted_by_question() -> None:
    before, after = np.array([1, 1, 1, 0, 0], bool), np.array([1, 0, 0, 1, 0], bool)
    paired = Paired.of(before, after)
    assert (paired.count, paired.lost, paired.gained, paired.difference) == (5, 2, 1, -0.2)
    assert Paired.of(before[:0], after[:0]).interval(0.01) == (0.0, 0.0)


def test_the_wrong_rates_are_those_of_drawing_questions_one_by_one() -> None:
    random = np.random.default_rng(2)
    before, after = random.integers(0, 3, 60), random.integers(0, 3, 60)

    def rate(codes: np.ndarray) -> float:
        return (codes == 2).sum() / (codes > 0).sum()

    drawn = [random.integers(0, 60, 60) for _ in range(4_000)]
    expected = np.quantile([rate(after[rows]) - rate(before[rows]) for rows in drawn], [0.05, 0.95])
    assert wrong_rate_interval(before, after, 0.05) == pytest.approx(expected, abs=0.02)
    assert wrong_rate_interval(before[:0], after[:0], 0.05) == (0.0, 0.0)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), ties=st.booleans())
def test_the_auroc_is_scikit_learns(seed: int, ties: bool) -> None:
    random = np.random.default_rng(seed)
    inside, other = random.random(17) + 0.2, random.random(9)
    if ties:
        inside, other = inside.round(1), other.round(1)
    assert auroc(inside, other) == pytest.approx(roc_auc_score(np.r_[np.ones(17), np.zeros(9)], np.r_[inside, other]))


def test_a_scope_that_tells_less_apart_lies_below_zero() -> None:
    random = np.random.default_rng(3)
    before, after = (random.random(200) + 1, random.random(100)), (random.random(200) + 0.2, random.random(100))
    low, high = auroc_interval(before, after, 0.01)
    assert -0.5 < low < high < -0.1
    assert auroc_interval(before, before, 0.01) == (0.0, 0.0)


def test_the_calibration_errors_are_those_of_the_metric() -> None:
    random = np.random.default_rng(4)
    sure = random.random(120)
    right, overconfident = random.random(120) < sure, random.random(120) < sure**3
    drawn = [random.integers(0, 120, 120) for _ in range(2_000)]
    expected = np.quantile(
        [
            expected_calibration_error(sure[rows], overconfident[rows])
            - expected_calibration_error(sure[rows], right[rows])
            for rows in drawn
        ],
        [0.05, 0.95],
    )
    assert ece_interval((sure, right), (sure, overconfident), 0.05) == pytest.approx(expected, abs=0.025)


def test_few_answers_have_a_calibration_error_by_chance() -> None:
    random = np.random.default_rng(5)
    sure = random.random(50)
    by_chance = [expected_calibration_error(sure, random.random(50) < sure) for _ in range(2_000)]
    assert ece_of_the_calibrated(sure, 0.05) == pytest.approx(np.quantile(by_chance, 0.95), abs=0.015)
    assert ece_of_the_calibrated(np.repeat(sure, 100), 0.05) < 0.04


def test_the_calibration_of_questions_is_that_of_their_likeliest_intent() -> None:
    questions = [asked(1, sure=0.9), asked(2, sure=0.9, right=False), outside(3), asked(4, sure=0.55)]
    expected = expected_calibration_error(np.array([0.9, 0.9, 0.55]), np.array([True, False, True]))
    assert intent_ece(questions) == pytest.approx(expected)
    assert np.isnan(intent_ece([outside(1)]))


def test_an_intents_losses_are_weighed_against_those_of_the_others() -> None:
    before = [asked(at, intent=intent) for at, intent in enumerate(["a"] * 4 + ["b"] * 20)]
    after = [asked(at, right=at not in (0, 1, 5), intent=question.intents[0]) for at, question in enumerate(before)]
    first, second = intent_losses(before, after)
    assert (first.name, first.count, first.before, first.after, first.lost, first.drop) == ("a", 4, 4, 2, 2, 0.5)
    assert first.p_value == pytest.approx(binomtest(2, 4, 2 / 22, alternative="greater").pvalue)
    assert second.p_value == pytest.approx(binomtest(1, 20, 3 / 6, alternative="greater").pvalue)
