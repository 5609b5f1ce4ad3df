"""What reports count. Functions of plain arrays, each with a case worked by hand in its test."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatVector = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """One bar of a reliability diagram: of `count` messages, mean confidence and share right."""

    count: int
    confidence: float
    accuracy: float


def reliability_bins(confidences: FloatVector, right: NDArray[np.bool_], bin_count: int = 10) -> list[Bin]:
    """Groups messages by confidence into `bin_count` equally wide bins over [0, 1]; empty ones are left out."""
    which = np.minimum((confidences * bin_count).astype(int), bin_count - 1)
    return [
        Bin(
            count=int(inside.sum()),
            confidence=float(confidences[inside].mean()),
            accuracy=float(right[inside].mean()),
        )
        for number in range(bin_count)
        if (inside := which == number).any()
    ]


def expected_calibration_error(confidences: FloatVector, right: NDArray[np.bool_], bin_count: int = 10) -> float:
    """Mean gap between confidence and accuracy over the bins, weighted by their counts; 0 is best.

    Source: Naeini et al., "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015.
    """
    bins = reliability_bins(confidences, right, bin_count)
    total = sum(bar.count for bar in bins)
    return sum(bar.count * abs(bar.confidence - bar.accuracy) for bar in bins) / total if total else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskPoint:
    """Answering only above `threshold`: the share of messages answered, and of those the share wrong."""

    threshold: float
    answered: float
    wrong: float


def risk_coverage(confidences: FloatVector, right: NDArray[np.bool_]) -> list[RiskPoint]:
    """The curve of wrong answers against share answered, the surest messages first.

    Messages of equal confidence are answered together or not at all, so the curve has a point for each
    distinct confidence.
    """
    order = np.argsort(-confidences, kind="stable")
    sure, wrong = confidences[order], np.cumsum(~right[order])
    ends = np.flatnonzero(np.append(np.diff(sure) != 0, True)) if len(sure) else np.array([], int)
    return [
        RiskPoint(threshold=float(sure[end]), answered=(end + 1) / len(sure), wrong=float(wrong[end]) / (end + 1))
        for end in map(int, ends)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """How often messages of one class were taken for another."""

    true: str
    predicted: str
    count: int


def confusions(true: Sequence[str], predicted: Sequence[str]) -> list[Confusion]:
    """The pairs of classes that were mixed up, the most frequent first."""
    counts: dict[tuple[str, str], int] = {}
    for pair in zip(true, predicted, strict=True):
        if pair[0] != pair[1]:
            counts[pair] = counts.get(pair, 0) + 1
    return [
        Confusion(true=true_name, predicted=predicted_name, count=count)
        for (true_name, predicted_name), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
