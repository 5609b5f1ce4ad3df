"""Precision, recall and F1 of labels, as Rasa's clients read them: scikit-learn's `classification_report`."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

MAX_CONFUSED = 5


def label_report(targets: Sequence[str], predictions: Sequence[str], *, no_label: str | None = None) -> dict[str, Any]:
    """The report over the labels among `targets`, with its averages weighted by support beside it.

    Args:
        predictions: One for each target.
        no_label: Stands for no label at all; it is no row of the report.
    """
    labels = sorted(set(targets) - {no_label})
    hits = Counter(t for t, p in zip(targets, predictions, strict=True) if t == p)
    wanted, given = Counter(targets), Counter(predictions)
    rows = {label: _figures(hits[label], given[label], wanted[label]) for label in labels}
    confused = _confused(targets, predictions)
    report: dict[str, Any] = {label: {**row, "confused_with": confused.get(label, {})} for label, row in rows.items()}
    weighted = _average(list(rows.values()), [wanted[label] for label in labels])
    accuracy = sum(hits.values()) / len(targets) if targets else 0.0
    report["accuracy"] = accuracy
    report["macro avg"] = _average(list(rows.values()), [1] * len(rows))
    report["weighted avg"] = weighted
    return {
        "report": report,
        "precision": weighted["precision"],
        "f1_score": weighted["f1-score"],
        "accuracy": accuracy,
    }


def _figures(hits: int, given: int, wanted: int) -> dict[str, float]:
    """A share of nothing counts as 0, as scikit-learn has it."""
    return {
        "precision": hits / given if given else 0.0,
        "recall": hits / wanted if wanted else 0.0,
        "f1-score": 2 * hits / (given + wanted) if given + wanted else 0.0,
        "support": wanted,
    }


def _average(rows: Collection[dict[str, float]], weights: Sequence[int]) -> dict[str, float]:
    total = sum(weights)
    names = ("precision", "recall", "f1-score")
    means = {
        name: sum(row[name] * weight for row, weight in zip(rows, weights, strict=True)) / total if total else 0.0
        for name in names
    }
    return {**means, "support": sum(row["support"] for row in rows)}


def _confused(targets: Sequence[str], predictions: Sequence[str]) -> dict[str, dict[str, int]]:
    """By label, what was said instead, the most frequent first."""
    wrong: dict[str, Counter[str]] = {}
    for target, prediction in zip(targets, predictions, strict=True):
        if target != prediction:
            wrong.setdefault(target, Counter())[prediction] += 1
    return {label: dict(count.most_common(MAX_CONFUSED)) for label, count in wrong.items()}
