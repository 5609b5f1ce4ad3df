"""Tells when more of some messages are negative than is usual, counts coming in interval by interval. Pure.

For each stream of messages one bets that its share of negative ones has risen, and begins anew with one coin at every
interval. While the share is at most the usual one no bet makes money on average, so that what was won is after t
intervals t coins at most, on average: an alarm at A coins comes, on average, once in A intervals or less often, however
many messages there are. What is staked is divided over the streams, so that this holds of all of them together.

Source: Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric framework for sequential change detection", New England
Journal of Statistics in Data Science 2(2), 2024: the e-SR procedure and its bound, mixed over several bets.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

TIMES = (1.5, 2.0, 3.0, 5.0, 10.0)  # how many times the usual odds are bet on
BROKE = -700.0  # the logarithm of nothing, as far as it matters


def log_gains(messages: Floats, negatives: Floats, usual: Floats) -> Floats:
    """What a coin becomes in an interval, by each of `TIMES`: never more than itself on average while all is as usual.

    It is the likelihood of the share that is bet on against the usual one, and that rises with the number of negative
    messages, so that the bound holds below the usual share too.

    Args:
        messages: Any shape.
        negatives: Those of them that are negative.
        usual: The highest share of them that counts as usual, in (0, 1).

    Returns:
        Logarithms, of that shape and one axis more, for `TIMES`.
    """
    n, k, p = (np.asarray(values, np.float64)[..., None] for values in (messages, negatives, usual))
    odds = p / (1 - p) * np.asarray(TIMES)
    bet = odds / (1 + odds)
    gains: Floats = k * (np.log(bet) - np.log(p)) + (n - k) * (np.log1p(-bet) - np.log1p(-p))
    return gains


def nothing_won(streams: int) -> Floats:
    """The logarithm of the coins before the first interval, shape (streams, bets)."""
    return np.full((streams, len(TIMES)), BROKE)


def after(log_coins: Floats, gains: Floats, wrote: NDArray[np.bool_]) -> Floats:
    """The logarithm of the coins after one interval more, those included that were begun at it.

    Args:
        log_coins: Shape (streams, bets).
        gains: As `log_gains` gives them.
        wrote: Which streams had a message at all, shape (streams,); the others stay as they are.
    """
    grown = np.maximum(np.logaddexp(log_coins, 0.0) + gains, BROKE)
    coins: Floats = np.where(wrote[:, None], grown, log_coins)
    return coins


def log_worth(log_coins: Floats) -> Floats:
    """The logarithm of what all bets on a stream are worth together, each having had the same part of each coin.

    Args:
        log_coins: Shape (..., bets).
    """
    worth: Floats = np.logaddexp.reduce(log_coins, axis=-1) - np.log(len(TIMES))
    return worth


def log_thresholds(intervals: float, parts: Floats) -> Floats:
    """The coins, as a logarithm, from which each stream gives an alarm.

    Args:
        intervals: Between two false alarms of all streams together, at least, on average.
        parts: Each stream's part of what is staked, shape (streams,); they sum to 1 at most.
    """
    thresholds: Floats = np.log(intervals) - np.log(parts)
    return thresholds


def rise_began(gains: Floats) -> int:
    """The interval from which the best bet has won most: where the rise is likeliest to have begun.

    Args:
        gains: Of one stream, the oldest interval first, shape (intervals, bets).
    """
    won_since = gains[::-1].cumsum(axis=0)[::-1]
    return int(np.unravel_index(won_since.argmax(), won_since.shape)[0])
