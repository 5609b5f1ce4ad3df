"""From where on answers keep a promised error rate: the thresholds that are tested, and how far they hold."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.learn_then_test import last_rejected, promise_p_value, upper_bound

STEPS = 100  # thresholds that are tested at most


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scored:
    """For each message how likely its likeliest candidate is right, and whether it is."""

    sure: NDArray[np.float64]
    right: NDArray[np.bool_]

    def given(self, threshold: float) -> tuple[int, int]:
        """How many answers would be given, and how many of them wrong."""
        chosen = self.sure >= threshold
        return int(chosen.sum()), int((chosen & ~self.right).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the tests have shown.

    Attributes:
        threshold: The lowest that keeps the rate; None where none could be shown to.
        first: Answers given, and those of them wrong, at the first threshold that was tested.
        last: The same at `threshold`.
    """

    threshold: float | None
    first: tuple[int, int]
    last: tuple[int, int] | None


def find_threshold(seen: Scored, tested: Scored, rate: float, confidence: float) -> Kept:
    """The lowest threshold at which, with `confidence`, no more than `rate` of the answers are wrong.

    Args:
        seen: Messages by which the thresholds and their order are chosen.
        tested: Other messages, of the same kind; nothing but the tests depends on them.
    """
    thresholds = _order_of_tests(seen, len(tested.sure), rate, confidence)
    counts = [tested.given(threshold) for threshold in thresholds]
    last = last_rejected([promise_p_value(wrong, given, rate) for given, wrong in counts], 1 - confidence)
    return Kept(
        threshold=None if last is None else thresholds[last],
        first=counts[0],
        last=None if last is None else counts[last],
    )


def _order_of_tests(seen: Scored, tested_count: int, rate: float, confidence: float) -> list[float]:
    """Thresholds, falling: from the one that is likeliest to pass its test, down to the lowest.

    Where none is likely to, from the one by which the least can be promised.
    """
    quantiles = np.quantile(seen.sure, np.linspace(0.0, 1.0, STEPS + 1))
    thresholds: list[float] = np.unique(quantiles)[::-1].tolist()
    scale = tested_count / len(seen.sure)
    p_values, bounds = [], []
    for threshold in thresholds:
        given, wrong = seen.given(threshold)
        # Half an error more than was seen: where there was none, there may yet be one.
        expected = round((wrong + 0.5) * scale), round(given * scale)
        p_values.append(promise_p_value(*expected, rate))
        bounds.append(upper_bound(*expected, confidence))
    likeliest = np.argmin(p_values if min(p_values) <= 1 - confidence else bounds)
    return thresholds[int(likeliest) :]
