"""How large a share of a topic's messages is usually negative, by what the weeks before were like. Pure.

A topic has its own share; the hour and the day of the week shift all topics alike. A share that is known from few
messages, or that swings from day to day by itself, is allowed to be higher before it counts as a rise.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

HOURS = 24
HALF_LIFE_DAYS = 14.0
TOPIC_PRIOR, HOUR_PRIOR, WEEKDAY_PRIOR = 10.0, 200.0, 500.0  # messages that a guess is worth
DOUBT = 1.28  # standard errors by which a share that is not known well may be higher
SWINGS = 1.5  # standard deviations from day to day that are nothing new
LEAST_TOLERANCE, MOST_TOLERANCE = 1.1, 2.5  # times the odds
LEAST_SHARE, MOST_SHARE = 0.02, 0.98
MIN_MESSAGES, MIN_DAYS = 30, 3  # of a topic, before it is watched


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Usual:
    """What is usual in the hours to come.

    Attributes:
        expected: Of each topic in each hour, shape (topics, hours).
        highest: What is still usual, of the same shape.
        known: Which topics have been seen often enough, shape (topics,).
    """

    expected: Floats
    highest: Floats
    known: NDArray[np.bool_]


def usual_after(messages: Floats, negatives: Floats, *, days: int = 2, shifted: bool = True) -> Usual:
    """What is usual on the `days` that follow.

    Args:
        messages: By topic, day and hour, the oldest day first, shape (topics, days, 24); the first topic is all
            messages together.
        negatives: Those of them that are negative.
        shifted: Whether hours and days of the week shift all topics as they shift the first.
    """
    weights = 0.5 ** (np.arange(messages.shape[1])[::-1] / HALF_LIFE_DAYS)
    n, k = (np.einsum("tdh,d->t", counts, weights) for counts in (messages, negatives))
    everywhere = float((k[0] + 1) / (n[0] + 2))
    mean = (k + TOPIC_PRIOR * everywhere) / (n + TOPIC_PRIOR)
    shifts = [
        _shifts(messages[0], negatives[0], weights, ahead) if shifted else np.ones(HOURS) for ahead in range(days)
    ]
    expected = _from_odds(_odds(mean)[:, None] * np.concatenate(shifts))
    doubt = _odds(_not_surely_less(mean, n + TOPIC_PRIOR)) / _odds(mean)
    tolerance = np.clip(np.exp(SWINGS * _swing(messages, negatives)), LEAST_TOLERANCE, MOST_TOLERANCE)
    highest = _from_odds(_odds(expected) * (tolerance * doubt)[:, None])
    by_day = messages.sum(axis=2)
    known = (by_day.sum(axis=1) >= MIN_MESSAGES) & ((by_day > 0).sum(axis=1) >= MIN_DAYS)
    return Usual(expected=expected, highest=np.clip(highest, LEAST_SHARE, MOST_SHARE), known=known)


def _shifts(messages: Floats, negatives: Floats, weights: Floats, ahead: int) -> Floats:
    """By what the odds of each hour of a coming day differ from those of all hours, shape (24,).

    Args:
        ahead: 0 for the day after the last one.
    """
    n, k = (counts * weights[:, None] for counts in (messages, negatives))
    everywhere = (k.sum() + 1) / (n.sum() + 2)
    days_before = np.arange(len(weights))[::-1] + 1 + ahead
    same = days_before % 7 == 0
    hour = _shrunk(n.sum(axis=0), k.sum(axis=0), everywhere, HOUR_PRIOR)
    weekday = _shrunk(n[same].sum(), k[same].sum(), everywhere, WEEKDAY_PRIOR)
    shifts: Floats = _odds(hour) * _odds(weekday) / _odds(everywhere) ** 2
    return shifts


def _swing(messages: Floats, negatives: Floats) -> Floats:
    """By how much each topic's log-odds differ from day to day, beyond chance: by the moments of a binomial mixture."""
    n, k = messages.sum(axis=2), negatives.sum(axis=2)
    p = ((k.sum(axis=1) + 0.5) / (n.sum(axis=1) + 1))[:, None]
    spread = n * p * (1 - p)
    excess = ((k - n * p) ** 2 - spread).sum(axis=1) / np.maximum((spread**2).sum(axis=1), 1e-9)
    swing: Floats = np.sqrt(np.maximum(excess, 0.0))
    return swing


def _not_surely_less(share: Floats, n: Floats) -> Floats:
    """The share that may yet be the true one where `share` of `n` was seen: the upper end of Wilson's interval."""
    z = DOUBT**2 / n
    middle, half = share + z / 2, DOUBT * np.sqrt(share * (1 - share) / n + z / (4 * n))
    upper: Floats = (middle + half) / (1 + z)
    return upper


def _shrunk(n: Floats | float, k: Floats | float, towards: float, worth: float) -> Floats:
    return np.asarray((k + worth * towards) / (n + worth), np.float64)


def _odds(share: Floats | float) -> Floats:
    bounded = np.clip(share, 1e-4, 1 - 1e-4)
    return np.asarray(bounded / (1 - bounded), np.float64)


def _from_odds(odds: Floats) -> Floats:
    return np.asarray(odds / (1 + odds), np.float64)
