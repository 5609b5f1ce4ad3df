"""Watches counts, interval by interval, in all topics, and gives the alarms. Pure.

Each topic is watched for the share of its messages that are negative. One that is mostly negative anyway, such as
complaints, can hardly become more so: what is watched there as well is its negative messages among all messages of the
shop. Neither rises because a promotion brings more messages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from bot.monitor.detector import BROKE, Floats, after, log_gains, log_thresholds, log_worth, nothing_won, rise_began
from bot.monitor.usual import Usual
from bot.stores.moods import ALL

INTERVAL_S = 300.0
HOUR_INTERVALS, DAY_INTERVALS = 12, 288
MOSTLY_NEGATIVE = 0.5
MIN_NEGATIVES = 5  # fewer customers are no surge, however rare they are
PART_OF_ALL = 0.5  # of what is staked, that is bet on all messages together


class Kind(StrEnum):
    """What has risen."""

    SHARE = "negative_share"  # of a topic's messages that are negative
    CROWD = "negative_crowd"  # of all messages that are of this topic and negative


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counts:
    """How many customers wrote, shape (topics, intervals), the first topic being `ALL`.

    Each counts once a day with a negative message and once with another, so that nobody is a surge alone.
    """

    messages: Floats
    negatives: Floats

    @property
    def among_all(self) -> "Counts":
        """The same negative ones, among all messages."""
        return Counts(messages=np.broadcast_to(self.messages[:1], self.messages.shape), negatives=self.negatives)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stream:
    """Something that is watched.

    Attributes:
        place: The topic's among all topics.
        usual: What is expected in each hour, and what is still usual, shape (hours,) each.
    """

    kind: Kind
    topic: str
    place: int
    expected: Floats
    highest: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """More of some messages are negative than is usual.

    Attributes:
        began: The interval in which the rise began, as far as can be told.
        found: The interval after which it is sure.
        customers: Who wrote since it began, as `Counts` counts them.
        negative: Those of them who wrote something negative.
        usual_share: What was expected.
    """

    kind: Kind
    topic: str
    began: int
    found: int
    customers: int
    negative: int
    usual_share: float


def streams_of(topics: Sequence[str], shares: Usual, crowds: Usual) -> list[Stream]:
    """What is watched.

    Args:
        topics: Their names; the first is `ALL`.
        shares: What is usual of the negative ones among each topic's messages.
        crowds: What is usual of each topic's negative ones among all messages.
    """
    streams = []
    for place, topic in enumerate(topics):
        if not shares.known[place]:
            continue
        kinds = [(Kind.SHARE, shares)]
        if topic != ALL and shares.expected[place].mean() >= MOSTLY_NEGATIVE:
            kinds.append((Kind.CROWD, crowds))
        streams += [
            Stream(kind=kind, topic=topic, place=place, expected=of.expected[place], highest=of.highest[place])
            for kind, of in kinds
        ]
    return streams


def parts_of(streams: Sequence[Stream]) -> Floats:
    """Each stream's part of what is staked: half is bet on all messages together, and all topics share the rest."""
    others = max(1, sum(stream.topic != ALL for stream in streams))
    return np.array([PART_OF_ALL if stream.topic == ALL else (1 - PART_OF_ALL) / others for stream in streams])


def watch(streams: Sequence[Stream], counts: Counts, *, false_alarm_days: float) -> list[Alarm]:
    """The alarms of some days, the oldest first.

    Args:
        counts: Of whole hours' intervals, the first being that of the streams' first hour.
        false_alarm_days: Between two false alarms, on average, at least.
    """
    if not streams:
        return []
    messages, negatives, highest = _of_streams(streams, counts)
    gains = log_gains(messages, negatives, highest)  # (intervals, streams, bets)
    thresholds = log_thresholds(false_alarm_days * DAY_INTERVALS, parts_of(streams))
    coins, since = nothing_won(len(streams)), np.zeros(len(streams), np.int64)
    alarms = []
    for interval in range(len(gains)):
        coins = after(coins, gains[interval], messages[interval] > 0)
        for place in map(int, np.flatnonzero(log_worth(coins) >= thresholds)):
            first = int(since[place])
            began = first + rise_began(gains[first : interval + 1, place])
            rise = slice(began, interval + 1)
            if negatives[rise, place].sum() >= MIN_NEGATIVES:
                alarms.append(_alarm(streams[place], began, interval, messages[rise, place], negatives[rise, place]))
                coins[place], since[place] = BROKE, interval + 1
    return alarms


def _of_streams(streams: Sequence[Stream], counts: Counts) -> tuple[Floats, Floats, Floats]:
    """Messages, negative ones and the highest usual share by interval and stream, shape (intervals, streams)."""
    among = [counts.among_all if stream.kind is Kind.CROWD else counts for stream in streams]
    messages = [of.messages[stream.place] for of, stream in zip(among, streams, strict=True)]
    negatives = [counts.negatives[stream.place] for stream in streams]
    intervals = counts.messages.shape[1]
    highest = [np.repeat(stream.highest, HOUR_INTERVALS)[:intervals] for stream in streams]
    return np.array(messages).T, np.array(negatives).T, np.array(highest).T


def _alarm(stream: Stream, began: int, found: int, messages: Floats, negatives: Floats) -> Alarm:
    return Alarm(
        kind=stream.kind,
        topic=stream.topic,
        began=began,
        found=found,
        customers=int(messages.sum()),
        negative=int(negatives.sum()),
        usual_share=float(stream.expected[found // HOUR_INTERVALS]),
    )
