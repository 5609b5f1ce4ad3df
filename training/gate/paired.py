"""Whether one release does worse than another on the same questions, beyond what chance does to both.

Everything is drawn with one seed, so that the same answers give the same figures.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from training.gate.measured import Flags, Numbers, auroc

RESAMPLES = 4_000
FEW_RESAMPLES = 1_000  # of what takes longer
SEED = 7
BINS = 10  # as `expected_calibration_error` has them

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Questions that came out right before, after, in both or in neither.

    Attributes:
        lost: Right before and wrong now.
        gained: Wrong before and right now.
    """

    count: int
    lost: int
    gained: int

    @classmethod
    def of(cls, before: Flags, after: Flags) -> "Paired":
        """Of two answers to each question, in the same order."""
        return cls(count=len(before), lost=int((before & ~after).sum()), gained=int((~before & after).sum()))

    @property
    def difference(self) -> float:
        """Share right now less share right before."""
        return (self.gained - self.lost) / self.count if self.count else 0.0

    @property
    def p_value(self) -> float:
        """How likely so many or more of the changed questions are lost ones, if losing and gaining are alike.

        Source: McNemar, "Note on the sampling error of the difference between correlated proportions", Psychometrika
        12, 1947; exact by the binomial distribution, one-sided.
        """
        return float(binom.sf(self.lost - 1, self.lost + self.gained, 0.5))

    def interval(self, significance: float) -> Interval:
        """Where the difference lies, were other questions of the kind asked: `significance` lies beyond either end.

        Source: Koehn, "Statistical Significance Tests for Machine Translation Evaluation", EMNLP 2004, of pairs; Efron
        and Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3, for the percentiles.
        """
        if not self.count:
            return 0.0, 0.0
        shares = np.array([self.lost, self.gained, self.count - self.lost - self.gained]) / self.count
        drawn = np.random.default_rng(SEED).multinomial(self.count, shares, size=RESAMPLES)
        return _percentiles((drawn[:, 1] - drawn[:, 0]) / self.count, significance)

    def is_worse(self, significance: float) -> bool:
        """Whether both the exact test and the interval say so."""
        return self.p_value <= significance and self.interval(significance)[1] < 0


def wrong_rate_interval(before: NDArray[np.int64], after: NDArray[np.int64], significance: float) -> Interval:
    """Where the share of wrong ones among given answers has moved to, for pairs of questions.

    Args:
        before: Of each question 0 where no answer was given, 1 where a right one, 2 where a wrong one was.
        after: The same now.
    """
    if not len(before):
        return 0.0, 0.0
    cells = np.bincount(3 * before + after, minlength=9) / len(before)
    drawn = np.random.default_rng(SEED).multinomial(len(before), cells, size=RESAMPLES).reshape(-1, 3, 3)
    was, now = drawn.sum(axis=2), drawn.sum(axis=1)
    rates = [each[:, 2] / np.maximum(each[:, 1] + each[:, 2], 1) for each in (was, now)]
    return _percentiles(rates[1] - rates[0], significance)


def auroc_interval(before: tuple[Numbers, Numbers], after: tuple[Numbers, Numbers], significance: float) -> Interval:
    """Where the difference of two AUROCs lies; questions in and out of scope are drawn apart, each with both scores.

    Args:
        before: Scores of the questions in scope and of those out of it.
        after: The same now.
    """
    (inside, outside), random = before, np.random.default_rng(SEED)

    def difference() -> float:
        own, other = (random.integers(0, len(scores), len(scores)) for scores in (inside, outside))
        return auroc(after[0][own], after[1][other]) - auroc(before[0][own], before[1][other])

    return _drawn(difference, significance)


def ece_interval(before: tuple[Numbers, Flags], after: tuple[Numbers, Flags], significance: float) -> Interval:
    """Where the difference of two calibration errors lies, for pairs of questions.

    Args:
        before: How sure each answer was, and whether it was right.
        after: The same now.
    """
    count = len(before[0])
    drawn = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), size=FEW_RESAMPLES)
    was, now = (np.abs(drawn @ _gaps(sure, right)).sum(axis=1) / count for sure, right in (before, after))
    return _percentiles(now - was, significance)


def ece_of_the_calibrated(sure: Numbers, significance: float) -> float:
    """The calibration error that a perfectly calibrated model stays below but for `significance`, with so few answers.

    Source: Bröcker and Smith, "Increasing the Reliability of Reliability Diagrams", Weather and Forecasting 22, 2007,
    who draw what comes true from the probabilities themselves.
    """
    came_true = np.random.default_rng(SEED).random((FEW_RESAMPLES, len(sure))) < sure
    errors = np.abs((sure - came_true) @ _bins_of(sure)).sum(axis=1) / len(sure)
    return float(np.quantile(errors, 1 - significance))


def _bins_of(sure: Numbers) -> Numbers:
    """Which of ten equally wide bins each answer lies in, shape (n, 10) of zeros and ones."""
    return np.asarray(np.eye(BINS)[np.minimum((sure * BINS).astype(int), BINS - 1)])


def _gaps(sure: Numbers, right: Flags) -> Numbers:
    """Of each answer, confidence less outcome in the column of its bin; summed by bin they give the error."""
    return _bins_of(sure) * (sure - right)[:, None]


def _drawn(difference: Callable[[], float], significance: float) -> Interval:
    return _percentiles(np.array([difference() for _ in range(FEW_RESAMPLES)]), significance)


def _percentiles(values: Numbers, significance: float) -> Interval:
    low, high = np.quantile(values, [significance, 1 - significance])
    return float(low), float(high)
