"""Which topics have risen: what has is told, and chance is not."""

import random

import numpy as np
import pytest
from scipy.special import betainc
from scipy.stats import binom

from bot.measures.incomplete_beta import incomplete_beta
from bot.measures.rising import rising_topics

TOPICS = [f"topic {number}" for number in range(40)]


def days(
    rng: np.random.Generator, count: int, rates: dict[str, float], bursts: float = 0.0
) -> list[dict[str | None, int]]:
    """Counts of each topic, day by day; with bursts they vary by more than chance."""
    mean = np.tile([*rates.values()], (count, 1))
    drawn = rng.poisson(rng.gamma(1 / bursts, mean * bursts) if bursts else mean)
    return [dict(zip(rates, map(int, day), strict=True)) for day in drawn]


def test_the_tail_is_the_binomial_one() -> None:
    for k, n, p in [(1, 1, 0.5), (3, 10, 0.2), (60, 500, 0.1), (1_900, 100_000, 0.02)]:
        assert incomplete_beta(k, n - k + 1, p) == pytest.approx(binom.sf(k - 1, n, p), rel=1e-9)
    rng = random.Random(1)
    for _ in range(300):
        a, b, x = rng.uniform(0.5, 500), rng.uniform(0.5, 50_000), rng.random()
        assert incomplete_beta(a, b, x) == pytest.approx(betainc(a, b, x), rel=1e-7, abs=1e-12)
    assert (incomplete_beta(2, 3, 0.0), incomplete_beta(2, 3, 1.0)) == (0.0, 1.0)


def test_a_topic_that_doubles_is_found_and_no_other() -> None:
    rng = np.random.default_rng(2)
    rates = dict.fromkeys(TOPICS, 10.0)
    before, now = days(rng, 28, rates), days(rng, 7, {**rates, "topic 7": 20.0})

    found = rising_topics(now, before)

    assert found is not None
    assert [one.topic for one in found] == ["topic 7"]
    (one,) = found
    assert (one.now, one.before) == (sum(day["topic 7"] for day in now), sum(day["topic 7"] for day in before))
    assert one.times == pytest.approx(one.share_now / one.share_before)


@pytest.mark.parametrize("bursts", [0.0, 0.3], ids=["even days", "bursts"])
def test_noise_is_hardly_ever_called_rising(bursts: float) -> None:
    rng = np.random.default_rng(3)
    rates = dict.fromkeys(TOPICS, 8.0)
    shouted = [bool(rising_topics(days(rng, 7, rates, bursts), days(rng, 28, rates, bursts))) for _ in range(100)]

    assert sum(shouted) <= 8  # 5 are expected at most


def test_a_busy_week_lets_nothing_rise() -> None:
    before, now = [dict.fromkeys(TOPICS, 5)] * 28, [dict.fromkeys(TOPICS, 50)] * 7

    assert rising_topics(now, before) == ()


def test_with_little_before_nothing_is_said_of_rising() -> None:
    assert rising_topics([{"a": 50}], [{"a": 1, None: 98}]) is None
    assert rising_topics([], [{"a": 500}]) is None


def test_what_is_new_has_risen_and_what_has_no_intent_is_no_topic() -> None:
    found = rising_topics([{"new": 30, None: 500, "old": 300}] * 3, [{"old": 400, None: 10}] * 28)

    assert found is not None
    assert [(one.topic, one.times) for one in found] == [("new", None)]
