"""Warns when the promised error rate is being broken, from a person's verdicts on given answers. Pure.

Bets, at every verdict, that more answers are wrong than was promised. While the promise is kept no way of betting makes
money in the long run: that the money ever grows twentyfold has a probability of one twentieth at most, however long one
watches. So a warning at twentyfold is a false alarm with probability 0.05 at most, over all time, not per look.

Source: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86, 2024; Ville,
"Étude critique de la notion de collectif", 1939, for the bound.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import exp, log, log1p
from typing import Self

from retrieval.promise import Promise

BETS = (1.25, 1.5, 2.0, 3.0, 5.0)  # how many times the promised rate is taken to be the true one
MOST_RATE = 0.95
MAX_BETTORS = 40  # who begin at verdict 1, 2, 4, ...: more than all verdicts there can be


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseMonitor:
    """The money that is left, after all verdicts so far.

    Bettors begin at the 1st, 2nd, 4th, 8th ... verdict, so that years in which the promise was kept do not hide that
    it is broken now. What they begin with adds up to one.

    Attributes:
        rate: The promised share of wrong answers.
        confidence: The probability that no false alarm is ever given.
        seen: Verdicts.
        wrong: Those of them that say "wrong".
        log_wealth: For each bettor that has begun, and each of `BETS`, the logarithm of what became of one coin.
        broken: Whether the money has ever been enough for a warning.
    """

    rate: float
    confidence: float
    seen: int = 0
    wrong: int = 0
    log_wealth: tuple[tuple[float, ...], ...] = ()
    broken: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError where the rate or the confidence is none."""
        if not (0 < self.rate < 1 and 0 < self.confidence < 1):
            raise ValueError(f"a rate of {self.rate} with confidence {self.confidence} cannot be watched")

    def after(self, *, right: bool) -> Self:
        """With one more verdict."""
        seen = self.seen + 1
        wealth = self.log_wealth
        if seen == 1 << len(wealth) and len(wealth) < MAX_BETTORS:
            wealth = (*wealth, (0.0,) * len(BETS))
        gains = [_log_gain(min(times * self.rate, _most(self.rate)), self.rate, right=right) for times in BETS]
        wealth = tuple(tuple(w + gain for w, gain in zip(each, gains, strict=True)) for each in wealth)
        grown = replace(self, seen=seen, wrong=self.wrong + (not right), log_wealth=wealth)
        return replace(grown, broken=self.broken or grown.wealth >= 1 / (1 - self.confidence))

    @property
    def wealth(self) -> float:
        """What one coin in all has become."""
        begun = sum(
            _share(place) * sum(exp(min(w, 500.0)) for w in each) / len(BETS)
            for place, each in enumerate(self.log_wealth)
        )
        return begun + 1 - sum(map(_share, range(len(self.log_wealth))))

    def warning(self) -> str | None:
        """What to tell the owner; None while nothing speaks against the promise."""
        if not self.broken:
            return None
        return (
            f"The promise of at most {self.rate:.1%} wrong answers is being broken: people have found {self.wrong} of "
            f"{self.seen} answers wrong. Add these messages to calibration.jsonl and train again."
        )


def monitor_of(promise: Promise, verdicts: Iterable[str]) -> PromiseMonitor:
    """The monitor of `promise` after people's verdicts on answers that were given under it; all but `right` count."""
    monitor = PromiseMonitor(rate=promise.max_wrong_rate, confidence=promise.confidence)
    for verdict in verdicts:
        monitor = monitor.after(right=verdict == "right")
    return monitor


def _log_gain(bet: float, rate: float, *, right: bool) -> float:
    """What a coin becomes on one verdict, betting that `bet` of the answers are wrong: never more than one on average.

    On average over verdicts of which `rate` are wrong it is exactly one coin, with fewer wrong ones it is less.
    """
    return log1p(-bet) - log1p(-rate) if right else log(bet) - log(rate)


def _most(rate: float) -> float:
    """The highest rate that is bet on; above the promised one."""
    return max(MOST_RATE, (1 + rate) / 2)


def _share(place: int) -> float:
    """What the bettor who begins at verdict 2^place begins with: 1/2, 1/6, 1/12 ..., which add up to one."""
    return 1 / ((place + 1) * (place + 2))
