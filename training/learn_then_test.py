"""Which thresholds keep a promised error rate: hypothesis tests on messages that nothing else was fitted on."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binom, hypergeom

MOST_EXAMPLES = 100_000


def binomial_p_value(wrong: int, given: int, rate: float) -> float:
    """How likely so few of `given` answers are wrong, where `rate` or more of them are: exact.

    Source: Angelopoulos, Bates, Candès, Jordan and Lei, "Learn then Test", Annals of Applied Statistics 2025 (arXiv
    2110.01052), section 2. Among given answers the loss is 0 or 1, so the binomial tail is the best p-value there is.
    """
    return float(binom.cdf(wrong, given, rate)) if given else 1.0


def coming_p_value(wrong: int, given: int, rate: float) -> float:
    """How likely so few of `given` answers are wrong, where more than `rate` of as many coming ones will be.

    An owner counts wrong answers over some weeks, and that count has chance in it as the tested one has. All that is
    used is that tested and coming answers could change places: the wrong ones of both fall on either half at random.

    Source: Thatcher, "Relationships between Bayesian and confidence limits for predictions", JRSS B 26, 1964.
    """
    too_many = wrong + int(np.floor(rate * given)) + 1
    return float(hypergeom.cdf(wrong, 2 * given, too_many, given)) if given else 1.0


def promise_p_value(wrong: int, given: int, rate: float) -> float:
    """For a promise that is to hold in the long run, and over as many coming answers as were tested."""
    return max(binomial_p_value(wrong, given, rate), coming_p_value(wrong, given, rate))


def last_rejected(p_values: Sequence[float], level: float) -> int | None:
    """Fixed-sequence testing: how far one may go, testing one after another and stopping at the first that fails.

    Whatever the order, all that come before the failure are rejected wrongly with probability `level` at most, as the
    first true hypothesis must be passed for any to be. The order must not depend on what is tested.

    Source: the same, section 3.2 and proposition 1 of its appendix on fixed sequences.
    """
    last = None
    for place, p_value in enumerate(p_values):
        if p_value > level:
            break
        last = place
    return last


def upper_bound(wrong: int, given: int, confidence: float) -> float:
    """The least rate, in whole thousandths, that can be promised after `wrong` of `given` answers were."""
    low, high = 0, 1_000
    while low < high:
        middle = (low + high) // 2
        if promise_p_value(wrong, given, middle / 1_000) <= 1 - confidence:
            high = middle
        else:
            low = middle + 1
    return low / 1_000


def answers_needed(observed: float, rate: float, confidence: float) -> int | None:
    """Given answers that would be enough to promise `rate`, where a share of `observed` goes on being wrong.

    None where no number is: what is promised must lie above what is observed.
    """
    if observed >= rate:
        return None
    for given in np.unique(np.geomspace(1, MOST_EXAMPLES, 400).astype(int)).tolist():
        if promise_p_value(round(observed * given), given, rate) <= 1 - confidence:
            return int(given)
    return None
