"""Whether two arms come out differently, looked at as often as one likes. Pure.

Outcomes lie in [0, 1] and come in blocks of so many from each arm. Before each block the two means, a and b, are
guessed from the blocks before. A coin is then put on the block: each outcome y of an arm with the guess a multiplies it
by y a/c + (1 - y)(1 - a)/(1 - c), where c is the mean of the guesses, weighted by the arms' numbers in a block. If both
arms have one mean, whatever it is, the coin becomes no more than one on average: the logarithm of the average is
concave in that mean, and at c it is zero and flat. So the money is a test martingale, and that it ever grows to 1/alpha
has a probability of alpha at most, however often one looks and whenever one stops.

Source: Turner, Ly and Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for optional
stopping", JSPI 230, 2024; Ville, "Étude critique de la notion de collectif", 1939, for the bound. For the intervals:
Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of
Statistics 49, 2021, the normal mixture boundary of Robbins for outcomes that are 1/2-sub-Gaussian.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, inf, log, sqrt

PRIOR = 0.5  # of an outcome and of its opposite, before anything was seen
LARGEST_BLOCK = 20
TIGHTEST_AT = 500  # outcomes of an arm at which its interval is as narrow as it can be


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How two arms compare after all that was seen.

    Attributes:
        seen: Outcomes of the first and of the second arm.
        means: Of the two arms; 0 where nothing was seen.
        evidence: What one coin became at its best: the more, the less can both arms be the same.
        differs: Whether that is enough.
        difference: The second arm's mean less the first's lies in this interval, at all times, but for alpha.
    """

    seen: tuple[int, int]
    means: tuple[float, float]
    evidence: float
    differs: bool
    difference: tuple[float, float]


def compare_arms(outcomes: Iterable[tuple[int, float]], *, alpha: float, share: float = 0.5) -> Compared:
    """Compares the first arm, 0, with the second, 1.

    Args:
        outcomes: Arm and value in [0, 1], in the order in which they became known.
        alpha: Probability of ever finding a difference where there is none.
        share: Of the second arm; blocks hold about so many of it.
    """
    block = block_of(share)
    waiting: tuple[deque[float], deque[float]] = (deque(), deque())
    counted, sums, used = [0, 0], [0.0, 0.0], [0.0, 0.0]
    blocks, wealth, best = 0, 0.0, 0.0
    for arm, value in outcomes:
        waiting[arm].append(value)
        counted[arm] += 1
        sums[arm] += value
        while all(len(waiting[each]) >= block[each] for each in (0, 1)):
            guesses = [(used[each] + PRIOR) / (blocks * block[each] + 2 * PRIOR) for each in (0, 1)]
            mean = sum(block[each] * guesses[each] for each in (0, 1)) / sum(block)
            for each in (0, 1):
                for _ in range(block[each]):
                    taken = waiting[each].popleft()
                    used[each] += taken
                    wealth += log(taken * guesses[each] / mean + (1 - taken) * (1 - guesses[each]) / (1 - mean))
            blocks += 1
            best = max(best, wealth)
    return Compared(
        seen=(counted[0], counted[1]),
        means=(_mean(sums[0], counted[0]), _mean(sums[1], counted[1])),
        evidence=exp(min(best, 500.0)),
        differs=best >= -log(alpha),
        difference=_difference(sums, counted, alpha),
    )


def block_of(share: float) -> tuple[int, int]:
    """How many outcomes of either arm a block holds, where `share` of all are of the second."""
    if share > 0.5:
        second, first = block_of(1 - share)
        return first, second
    return max(1, min(LARGEST_BLOCK, round((1 - share) / max(share, 1e-9)))), 1


def radius(count: int, alpha: float) -> float:
    """How far the mean of `count` outcomes in [0, 1] ever is from the true one, but for a probability of alpha."""
    if count == 0:
        return inf
    rho_squared = (-2 * log(alpha) + log(-2 * log(alpha)) + 1) / TIGHTEST_AT
    spread = count * rho_squared + 1
    return 0.5 * sqrt(2 * spread / (count**2 * rho_squared) * log(sqrt(spread) / alpha))


def _difference(sums: list[float], counted: list[int], alpha: float) -> tuple[float, float]:
    if not all(counted):
        return (-1.0, 1.0)
    middle = sums[1] / counted[1] - sums[0] / counted[0]
    width = radius(counted[0], alpha / 2) + radius(counted[1], alpha / 2)
    return (max(-1.0, middle - width), min(1.0, middle + width))


def _mean(total: float, count: int) -> float:
    return total / count if count else 0.0
