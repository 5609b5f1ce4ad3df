"""A shop's traffic, simulated: customers by topic and five minutes, and how many of them sound negative.

5,000 chats a day with a rhythm over day and week, over 20 topics of unequal size. Topics differ in how negative they
are, and swing from day to day by themselves; nights and Mondays are a little worse for all. What is negative is read as
negative in three of four cases, and 6 % of the rest are too: about what the mood head does. On some days a promotion
brings several times the messages of a topic, or twice those of all, and nobody is angrier for it.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bot.monitor.watching import DAY_INTERVALS, HOUR_INTERVALS, Counts
from bot.stores.moods import ALL

CHATS_A_DAY, TOPICS = 5_000, 20
COMPLAINTS = 4  # the place of a topic that is mostly negative
READ_RIGHT, READ_WRONG = 0.75, 0.06  # of what is negative, and of what is not
SWING = 0.25  # standard deviation of a topic's log-odds from day to day
PROMOTIONS_A_WEEK = 1.5
_HOURS = np.array([2, 1, 1, 1, 1, 2, 4, 8, 14, 20, 22, 21, 18, 19, 21, 21, 20, 19, 20, 23, 24, 19, 11, 5], np.float64)
_WEEKDAYS = np.array([1.15, 1.05, 1.0, 1.0, 1.05, 0.9, 0.85])

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traffic:
    """What is to be expected; each array has the shape (topics, intervals), without `ALL`.

    Attributes:
        rates: Customers.
        shares: Of them, those who are negative.
    """

    rates: Floats
    shares: Floats

    def counts(self, chance: np.random.Generator) -> Counts:
        """What comes of it, as it is read, `ALL` first."""
        messages = chance.poisson(self.rates).astype(np.float64)
        read = self.shares * READ_RIGHT + (1 - self.shares) * READ_WRONG
        negatives = chance.binomial(messages.astype(np.int64), read).astype(np.float64)
        return Counts(messages=_with_all(messages), negatives=_with_all(negatives))


@dataclass(frozen=True, slots=True, kw_only=True)
class Surge:
    """People become angry.

    Attributes:
        topic: Its place; None for all.
        times: By how much the share of negative customers is multiplied.
        more: How many more negative customers come, for each customer of the topic who comes anyway.
    """

    topic: int | None
    times: float = 1.0
    more: float = 0.0

    def of(self, traffic: Traffic, began: int) -> Traffic:
        """The same traffic, with the surge from the interval `began` on, to the end."""
        rates, shares = traffic.rates.copy(), traffic.shares.copy()
        where = (slice(None) if self.topic is None else self.topic, slice(began, None))
        grown = rates[where] * (1 + self.more)
        negative = rates[where] * (np.minimum(shares[where] * self.times, 0.95) + self.more)
        rates[where], shares[where] = grown, negative / grown
        return replace(traffic, rates=rates, shares=shares)


def topic_names() -> list[str]:
    """The topics' names, `ALL` first."""
    return [ALL, *(f"topic_{place}" for place in range(TOPICS))]


def month(chance: np.random.Generator, days: int) -> Traffic:
    """What is to be expected on so many days of one shop."""
    intervals = np.arange(days * DAY_INTERVALS)
    hour, day = intervals // HOUR_INTERVALS % 24, intervals // DAY_INTERVALS
    weekday = day % 7
    rhythm = _HOURS[hour] / _HOURS.sum() / HOUR_INTERVALS * _WEEKDAYS[weekday] / _WEEKDAYS.mean()
    sizes = 1 / np.arange(1, TOPICS + 1) ** 0.8
    rates = CHATS_A_DAY * (sizes / sizes.sum())[:, None] * rhythm
    usual = chance.uniform(0.03, 0.2, TOPICS)
    usual[COMPLAINTS] = 0.7
    swings = chance.normal(0, SWING, (TOPICS, days))[:, day]
    shift = 0.3 * ((hour >= 23) | (hour < 6)) + 0.1 * (weekday == 0)
    odds = (usual / (1 - usual))[:, None] * np.exp(swings + shift)
    return Traffic(rates=_promoted(chance, rates, days), shares=odds / (1 + odds))


def _promoted(chance: np.random.Generator, rates: Floats, days: int) -> Floats:
    rates = rates.copy()
    for _ in range(chance.poisson(PROMOTIONS_A_WEEK * days / 7)):
        began = int(chance.integers(days * DAY_INTERVALS))
        lasts = slice(began, began + int(chance.integers(6, 25)) * HOUR_INTERVALS)
        if chance.random() < 0.3:
            rates[:, lasts] *= 2
        else:
            topic = int(chance.choice([place for place in range(TOPICS) if place != COMPLAINTS]))
            rates[topic, lasts] *= chance.uniform(3, 6)
    return rates


def _with_all(counts: Floats) -> Floats:
    return np.concatenate([counts.sum(axis=0, keepdims=True), counts])
