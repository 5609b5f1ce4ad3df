"""P-values against hand-made sums, and the guarantee against a simulation."""

from itertools import count, pairwise
from math import comb

import numpy as np
import pytest

from training.learn_then_test import (
    answers_needed,
    binomial_p_value,
    coming_p_value,
    last_rejected,
    promise_p_value,
    upper_bound,
)


def tail(wrong: int, given: int, rate: float) -> float:
    return sum(comb(given, k) * rate**k * (1 - rate) ** (given - k) for k in range(wrong + 1))


@pytest.mark.parametrize(
    ("wrong", "given", "rate", "expected"),
    [
        pytest.param(0, 10, 0.1, 0.9**10, id="none wrong of ten"),
        pytest.param(1, 2, 0.5, 0.75, id="one wrong of two, by coin"),
        pytest.param(2, 100, 0.05, tail(2, 100, 0.05), id="the sum of the tail"),
        pytest.param(5, 5, 0.2, 1.0, id="all wrong says nothing against any rate"),
        pytest.param(0, 0, 0.2, 1.0, id="no answers say nothing"),
    ],
)
def test_p_value(wrong: int, given: int, rate: float, expected: float) -> None:
    assert binomial_p_value(wrong, given, rate) == pytest.approx(expected)


def test_fifty_nine_right_answers_are_the_fewest_that_promise_five_percent() -> None:
    assert binomial_p_value(0, 59, 0.05) <= 0.05 < binomial_p_value(0, 58, 0.05)


@pytest.mark.parametrize(
    ("p_values", "last"),
    [
        ([0.01, 0.04, 0.05, 0.2, 0.01], 2),
        ([0.06, 0.01], None),
        ([], None),
        ([0.01], 0),
    ],
    ids=["up to the first failure, though a later one would pass", "the first fails", "no tests", "one"],
)
def test_fixed_sequence(p_values: list[float], last: int | None) -> None:
    assert last_rejected(p_values, 0.05) == last


@pytest.mark.parametrize(
    ("wrong", "given", "rate", "expected"),
    [
        pytest.param(0, 10, 0.1, 1 / 2 * 9 / 19, id="both of two wrong ones among the coming ten"),
        pytest.param(1, 4, 0.25, 0.5, id="three of eight: at most one on either half alike"),
        pytest.param(0, 0, 0.2, 1.0, id="no answers say nothing"),
    ],
)
def test_p_value_of_coming_answers(wrong: int, given: int, rate: float, expected: float) -> None:
    assert coming_p_value(wrong, given, rate) == pytest.approx(expected)


def test_what_is_observed_over_coming_answers_breaks_a_promise_no_oftener_than_stated() -> None:
    random = np.random.default_rng(3)
    rates = random.uniform(0.0, 0.15, 4_000)
    tested, coming = random.binomial(150, rates), random.binomial(150, rates)

    promised = np.array([promise_p_value(int(wrong), 150, 0.06) <= 0.1 for wrong in tested])

    assert promised.mean() > 0.1
    assert (promised & (coming > 0.06 * 150)).mean() <= 0.1


def test_a_promise_is_never_easier_than_its_parts() -> None:
    for wrong in range(0, 30, 3):
        parts = binomial_p_value(wrong, 300, 0.05), coming_p_value(wrong, 300, 0.05)
        assert promise_p_value(wrong, 300, 0.05) == max(parts)


@pytest.mark.parametrize(("wrong", "given"), [(0, 59), (3, 100), (40, 1_000)])
def test_the_upper_bound_is_where_the_test_turns(wrong: int, given: int) -> None:
    bound = upper_bound(wrong, given, 0.95)

    assert promise_p_value(wrong, given, bound) <= 0.05
    assert promise_p_value(wrong, given, bound - 1e-3) > 0.05


def test_no_answers_and_only_wrong_ones_promise_nothing() -> None:
    assert upper_bound(0, 0, 0.95) == upper_bound(7, 7, 0.95) == 1.0


def test_answers_needed_are_enough_and_hardly_more() -> None:
    needed = answers_needed(0.03, 0.05, 0.95)

    assert needed is not None
    assert promise_p_value(round(0.03 * needed), needed, 0.05) <= 0.05
    fewer = int(0.8 * needed)
    assert promise_p_value(round(0.03 * fewer), fewer, 0.05) > 0.05


def test_no_number_of_answers_is_enough_where_more_are_wrong_than_may_be() -> None:
    assert answers_needed(0.05, 0.05, 0.95) is None


def test_a_threshold_so_found_breaks_its_promise_no_oftener_than_stated() -> None:
    """True risks are known by construction: P(wrong | score s) = 0.3 (1 - s), so above a threshold 0.15 (1 - t)."""
    rate, confidence = 0.05, 0.9
    thresholds = np.linspace(0.9, 0.0, 40)
    random = np.random.default_rng(0)
    broken = 0
    for _ in range(400):
        scores = random.random(600)
        wrong = random.random(600) < 0.3 * (1 - scores)
        p_values = [binomial_p_value(int(wrong[scores >= t].sum()), int((scores >= t).sum()), rate) for t in thresholds]
        last = last_rejected(p_values, 1 - confidence)
        broken += last is not None and 0.15 * (1 - thresholds[last]) > rate
    # 400 trials at 0.1 exceed 0.13 once in forty; and it must not be idle either.
    assert 0 < broken / 400 <= 0.13


def test_the_bound_holds_in_the_long_run() -> None:
    random = np.random.default_rng(1)
    samples = random.binomial(200, 0.08, 400)

    held = np.mean([upper_bound(int(wrong), 200, 0.95) >= 0.08 for wrong in samples])

    assert held >= 0.95


def test_more_needed_answers_for_a_narrower_gap() -> None:
    needed = [answers_needed(observed, 0.05, 0.95) for observed in (0.0, 0.01, 0.02, 0.03, 0.04)]

    assert all(earlier is not None and later is not None and earlier < later for earlier, later in pairwise(needed))


def test_the_p_value_falls_with_more_right_answers() -> None:
    values = [binomial_p_value(3, given, 0.05) for given in range(10, 400, 10)]

    assert all(later < earlier for earlier, later in pairwise(values))
    assert next(given for given in count(4) if binomial_p_value(3, given, 0.05) <= 0.05) == 153
