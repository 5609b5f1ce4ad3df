"""How long turns took, from how many took how long; what is said is at most 5 % or 1 ms above the truth."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.stores.turn_counting import COARSE_MS, FINE_MS, MIDDLE_MS, STEPS_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseTime:
    """Milliseconds within which a share of the turns was done; None where no turn tells.

    Attributes:
        turns: Those that tell.
    """

    turns: int
    p50_ms: int | None
    p90_ms: int | None
    p99_ms: int | None


def response_time(times: Mapping[int, int]) -> ResponseTime:
    """From the counts of turns by the milliseconds that they took, rounded down as the store does."""
    total = sum(times.values())
    return ResponseTime(
        turns=total,
        p50_ms=_within(times, total, 50),
        p90_ms=_within(times, total, 90),
        p99_ms=_within(times, total, 99),
    )


def _within(times: Mapping[int, int], total: int, percent: int) -> int | None:
    """The end of the step in which the turn lies that is `percent` of the way from the fastest to the slowest."""
    below = 0
    for at_least in sorted(times):
        below += times[at_least]
        if 100 * below >= percent * total:
            return at_least + _step(at_least)
    return None


def _step(at_least: int) -> int:
    fine, middle, coarse, rough = STEPS_MS
    if at_least < FINE_MS:
        return fine
    if at_least < MIDDLE_MS:
        return middle
    return coarse if at_least < COARSE_MS else rough
