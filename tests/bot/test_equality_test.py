"""The test of two arms: what it computes by hand, how seldom it errs, and that it finds what is there."""

import math
import random
from collections.abc import Iterator

import pytest

from bot.experiments.equality_test import block_of, compare_arms, radius

ALPHA = 0.05


def stream(
    rng: random.Random, rates: tuple[float, float], count: int, share: float = 0.5
) -> Iterator[tuple[int, float]]:
    for _ in range(count):
        arm = int(rng.random() < share)
        yield arm, float(rng.random() < rates[arm])


def test_evidence_is_the_likelihood_ratio_that_the_source_gives() -> None:
    """The first block says nothing; of the second, a guess of 3/4 against 1/4 around 1/2."""
    found = compare_arms([(0, 1.0), (1, 0.0), (0, 1.0), (1, 0.0)], alpha=ALPHA)

    assert found.seen == (2, 2)
    assert found.means == (1.0, 0.0)
    assert found.evidence == pytest.approx((0.75 / 0.5) * (0.75 / 0.5))
    assert not found.differs


def test_an_outcome_between_counts_as_the_mixture_of_both() -> None:
    found = compare_arms([(0, 1.0), (1, 0.0), (0, 0.5), (1, 0.0)], alpha=ALPHA)

    assert found.evidence == pytest.approx((0.5 * 1.5 + 0.5 * 0.5) * 1.5)


def test_nothing_seen_says_nothing() -> None:
    found = compare_arms([], alpha=ALPHA)

    assert (found.seen, found.evidence, found.differs, found.difference) == ((0, 0), 1.0, False, (-1.0, 1.0))


def test_one_arm_alone_says_nothing() -> None:
    found = compare_arms([(1, 1.0)] * 50, alpha=ALPHA)

    assert (found.evidence, found.difference) == (1.0, (-1.0, 1.0))


@pytest.mark.parametrize(
    ("share", "block"), [(0.5, (1, 1)), (0.1, (9, 1)), (0.25, (3, 1)), (0.9, (1, 9)), (0.001, (20, 1)), (0.45, (1, 1))]
)
def test_blocks_hold_as_much_of_either_arm_as_comes(share: float, block: tuple[int, int]) -> None:
    assert block_of(share) == block


@pytest.mark.parametrize(("rate", "share"), [(0.5, 0.5), (0.9, 0.5), (0.97, 0.2), (0.3, 0.8)])
def test_where_both_arms_are_alike_it_seldom_ever_says_otherwise(rate: float, share: float) -> None:
    """Looked at after each of 600 outcomes, as the best evidence so far is kept."""
    runs = 300
    false_alarms = sum(
        compare_arms(stream(random.Random(seed), (rate, rate), 600, share), alpha=ALPHA, share=share).differs
        for seed in range(runs)
    )

    assert false_alarms <= ALPHA * runs + 2 * math.sqrt(runs * ALPHA * (1 - ALPHA))


def test_an_interval_that_is_looked_at_for_ever_seldom_loses_the_difference() -> None:
    runs, missed = 60, 0
    for seed in range(runs):
        outcomes = list(stream(random.Random(seed), (0.8, 0.7), 400))
        for looked_at in range(20, 400, 20):
            low, high = compare_arms(outcomes[:looked_at], alpha=ALPHA).difference
            if not low <= -0.1 <= high:
                missed += 1
                break

    assert missed <= 3 + 2


def test_a_difference_is_found_and_told_apart_from_chance() -> None:
    found = compare_arms(stream(random.Random(3), (0.7, 0.9), 1_000), alpha=ALPHA)

    assert found.differs
    assert found.evidence >= 1 / ALPHA
    assert found.difference[0] < 0.2 < found.difference[1]


def test_a_mean_is_known_the_better_the_more_was_seen() -> None:
    widths = [radius(count, ALPHA) for count in (1, 10, 100, 1_000, 10_000)]

    assert widths == sorted(widths, reverse=True)
    # by hand: rho^2 = (5.9915 + ln 5.9915 + 1) / 500 = 0.017564; 0.5 sqrt(2 18.564 / 17564 ln(sqrt(18.564) / 0.05))
    assert radius(1_000, ALPHA) == pytest.approx(0.0484, abs=3e-4)
    assert radius(0, ALPHA) == math.inf
