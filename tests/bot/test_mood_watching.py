"""A surge is found in the weeks' own terms; what is usual, and what only brings more messages, is not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.monitor.day import Excluded, Weeks, alarms_of, by_hour
from bot.monitor.usual import LEAST_TOLERANCE, usual_after
from bot.monitor.watching import Alarm, Counts, Kind, Stream, parts_of, watch

Floats = NDArray[np.float64]
INTERVALS = 288


def day_with(seed: int, shares: dict[str, float], *, rate: float = 2.0, times: int = 1) -> dict[str, Floats]:
    """A day in which each topic has so many messages in five minutes."""
    chance = np.random.default_rng(seed)
    day = {}
    for topic, share in shares.items():
        n = chance.poisson(rate * times, INTERVALS)
        day[topic] = np.array([n, chance.binomial(n, share)], np.float64)
    return {"*": np.sum(list(day.values()), axis=0), **day}


CALM = {"delivery": 0.1, "refund": 0.2, "complaint": 0.8}
WEEKS = Weeks(days=[by_hour(day_with(seed, CALM)) for seed in range(28)])


def alarms(*days: dict[str, Floats], weeks: Weeks = WEEKS, intervals: int = 2 * INTERVALS) -> list[Alarm]:
    return alarms_of(weeks, days, intervals, 60)


def with_surge(day: dict[str, Floats], topic: str, began: int, more: int) -> dict[str, Floats]:
    """`more` negative messages in each interval from `began` on."""
    rows = {name: values.copy() for name, values in day.items()}
    for name in (topic, "*"):
        rows[name][:, began:] += more
    return rows


def test_calm_days_give_no_alarm() -> None:
    assert alarms(day_with(100, CALM), day_with(101, CALM)) == []


def test_a_surge_in_one_topic_is_found_and_dated() -> None:
    (found, *others) = alarms(day_with(100, CALM), with_surge(day_with(101, CALM), "delivery", 144, 2))

    assert (found.kind, found.topic) == (Kind.SHARE, "delivery")
    assert abs(found.began - (INTERVALS + 144)) <= 2
    assert found.found <= INTERVALS + 144 + 12
    assert found.negative / found.customers > 0.4
    assert found.usual_share == pytest.approx(0.1, abs=0.02)
    assert {one.topic for one in others} <= {"delivery", "*"}


def test_intervals_that_are_not_over_are_not_looked_at() -> None:
    surge = with_surge(day_with(101, CALM), "delivery", 144, 2)

    assert alarms(day_with(100, CALM), surge, intervals=INTERVALS + 144) == []


def test_a_promotion_that_brings_five_times_the_messages_is_no_surge() -> None:
    assert alarms(day_with(100, CALM), day_with(101, CALM, times=5)) == []


def test_more_complaints_than_usual_are_found_though_their_share_cannot_rise() -> None:
    day = with_surge(day_with(101, CALM), "complaint", 100, 4)
    kinds = {(one.kind, one.topic) for one in alarms(day_with(100, CALM), day)}

    assert (Kind.CROWD, "complaint") in kinds


def test_a_few_customers_are_no_surge_however_rare_they_are() -> None:
    quiet = {"delivery": 0.0, "refund": 0.0}
    weeks = Weeks(days=[by_hour(day_with(seed, quiet, rate=0.05)) for seed in range(28)])
    day = day_with(101, quiet, rate=0.05)

    four = alarms(day_with(100, quiet, rate=0.05), _burst(day, "delivery", 4), weeks=weeks)
    many = alarms(day_with(100, quiet, rate=0.05), _burst(day, "delivery", 12), weeks=weeks)

    assert four == []
    assert {one.topic for one in many} == {"delivery", "*"}


def _burst(day: dict[str, Floats], topic: str, customers: int) -> dict[str, Floats]:
    rows = {name: values.copy() for name, values in day.items()}
    for name in (topic, "*"):
        rows[name][:, 100] += customers
    return rows


def test_a_topic_that_is_new_is_not_watched_by_itself() -> None:
    day = day_with(101, {**CALM, "brand_new": 0.9}, rate=0.3)
    calm = day_with(101, CALM)
    topics = {one.topic for one in alarms(day_with(100, CALM), {**calm, "brand_new": day["brand_new"]})}

    assert topics == set()


def test_a_surge_of_last_week_does_not_make_the_next_one_usual() -> None:
    bad = with_surge(day_with(20, CALM), "delivery", 0, 6)
    days = [*WEEKS.days[:20], *(by_hour(bad) for _ in range(8))]
    surge = with_surge(day_with(101, CALM), "delivery", 144, 2)
    excluded = [Excluded(topic="delivery", first=20 * 24, last=28 * 24)]

    spoiled = alarms(day_with(100, CALM), surge, weeks=Weeks(days=days))
    kept = alarms(day_with(100, CALM), surge, weeks=Weeks(days=days, excluded=excluded))

    assert "delivery" not in {one.topic for one in spoiled}
    assert "delivery" in {one.topic for one in kept}


def test_what_is_usual_is_the_share_of_the_weeks_and_a_little_more_is_still_usual() -> None:
    hours = np.full((2, 28, 24), 100.0)
    usual = usual_after(hours, hours * np.array([0.2, 0.4])[:, None, None])

    assert usual.expected.shape == (2, 48)
    assert usual.expected[0] == pytest.approx(np.full(48, 0.2), abs=0.001)
    assert usual.expected[1] == pytest.approx(np.full(48, 0.4), abs=0.001)
    odds = usual.highest / (1 - usual.highest)
    assert (odds[0] / 0.25 >= LEAST_TOLERANCE).all()
    assert (odds[0] / 0.25 < 1.2).all()


def test_bad_nights_and_bad_mondays_are_usual_for_what_they_are() -> None:
    messages = np.full((1, 28, 24), 200.0)
    share = np.full((28, 24), 0.1)
    share[:, :6] = 0.2
    share[::7] *= 2  # the day after the last is one of these

    first, second = usual_after(messages, (messages[0] * share)[None]).expected.reshape(2, 24)

    assert first[12] > 1.5 * second[12]
    assert second[3] > 1.5 * second[12]


def test_a_topic_that_swings_by_itself_is_allowed_to_swing() -> None:
    chance = np.random.default_rng(2)
    messages = np.full((2, 28, 24), 50.0)
    share = np.stack([np.full(28, 0.2), chance.uniform(0.1, 0.3, 28)])

    usual = usual_after(messages, messages * share[:, :, None])

    assert usual.highest[1].mean() > usual.highest[0].mean() + 0.05


def test_half_is_staked_on_all_messages_and_never_more_than_all() -> None:
    row = np.full(24, 0.1)
    streams = [
        Stream(kind=Kind.SHARE, topic=topic, place=place, expected=row, highest=row)
        for place, topic in enumerate(("*", "a", "b", "c"))
    ]

    assert parts_of(streams).tolist() == [0.5, 0.5 / 3, 0.5 / 3, 0.5 / 3]
    assert watch([], Counts(messages=np.zeros((0, 12)), negatives=np.zeros((0, 12))), false_alarm_days=60) == []
