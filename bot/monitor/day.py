"""A day judged by the weeks before it: what is usual, and the alarms of that day and the one before. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from bot.monitor.detector import Floats
from bot.monitor.usual import HOURS, usual_after
from bot.monitor.watching import DAY_INTERVALS, HOUR_INTERVALS, Alarm, Counts, streams_of, watch
from bot.stores.moods import ALL, MoodCount

HISTORY_DAYS = 28

Day: TypeAlias = Mapping[str, Floats]
"""By topic, all messages and the negative ones in each part of a day, shape (2, parts)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """Hours that do not say what is usual: those in which a surge was found.

    Attributes:
        topic: `ALL` excludes them in all topics.
        first, last: Hours, counted from the first day of the history.
    """

    topic: str
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weeks:
    """What the days before were like, each a `Day` of 24 hours, the oldest first."""

    days: Sequence[Day]
    excluded: Sequence[Excluded] = field(default=())

    @property
    def learned_days(self) -> int:
        """On how many of them moods were read."""
        return sum(ALL in day for day in self.days)


def day_of(counts: Iterable[MoodCount]) -> Day:
    """What was counted on a day, interval by interval."""
    day: dict[str, Floats] = {}
    for one in counts:
        if 0 <= one.interval < DAY_INTERVALS:
            rows = day.setdefault(one.topic, np.zeros((2, DAY_INTERVALS)))
            rows[0, one.interval] += one.customers
            rows[1, one.interval] += one.customers * one.is_negative
    return day


def by_hour(day: Day) -> Day:
    """The same, hour by hour."""
    return {topic: rows.reshape(2, HOURS, HOUR_INTERVALS).sum(axis=2) for topic, rows in day.items()}


def alarms_of(weeks: Weeks, days: Sequence[Day], intervals: int, false_alarm_days: float) -> list[Alarm]:
    """The alarms of the days that follow the weeks, the oldest first.

    Args:
        days: Interval by interval.
        intervals: How many of them are over, counted from the first of `days`.
        false_alarm_days: Between two false alarms of all topics together, on average, at least.
    """
    topics = [ALL, *sorted({topic for day in weeks.days for topic in day} - {ALL})]
    hours = HOURS * len(weeks.days)
    before = _stacked(weeks.days, topics, HOURS)
    for one in weeks.excluded:
        places = (
            slice(None) if one.topic == ALL else [place for place, topic in enumerate(topics) if topic == one.topic]
        )
        before[:, places, max(0, one.first) : max(0, min(one.last + 1, hours))] = 0
    messages, negatives = before.reshape(2, len(topics), len(weeks.days), HOURS)
    shares = usual_after(messages, negatives, days=len(days))
    among_all = np.broadcast_to(messages[:1], messages.shape)
    crowds = usual_after(among_all, negatives, days=len(days), shifted=False)
    wrote, sounded = _stacked(days, topics, DAY_INTERVALS)[..., :intervals]
    counts = Counts(messages=wrote, negatives=sounded)
    return watch(streams_of(topics, shares, crowds), counts, false_alarm_days=false_alarm_days)


def _stacked(days: Sequence[Day], topics: Sequence[str], parts: int) -> Floats:
    """Days behind one another, shape (2, topics, days * parts)."""
    nothing = np.zeros((2, parts))
    return np.stack([np.concatenate([day.get(topic, nothing) for day in days], axis=1) for topic in topics], axis=1)
