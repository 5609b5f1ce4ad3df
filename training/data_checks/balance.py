"""Intents with too few examples, far too many, or with examples that another intent's cannot be told from."""

from collections import defaultdict
from statistics import median

import numpy as np

from training.data_checks.corpus import Corpus
from training.data_checks.finding import Finding, Kind, Severity
from training.data_checks.labels import Probabilities

TOO_FEW, FEW = 5, 10
TIMES_THE_MEDIAN = 10
LEAST_MIXED = 4
HINT_MIXED_SHARE, WARNING_MIXED_SHARE = 0.12, 0.25
SHOWN_EXAMPLES = 6


def small_intents(corpus: Corpus) -> list[Finding]:
    """A warning or a hint for each intent with few different texts."""
    return [
        Finding(
            kind=Kind.SMALL_INTENT,
            severity=Severity.WARNING if count < TOO_FEW else Severity.HINT,
            message=f"The intent {intent} has {_examples(count)}.",
            advice=f"Write at least {FEW}, better 20 or more: short, long, polite, angry, misspelt.",
            passages=(corpus.passage(int(corpus.of_class(number)[0])),),
            weight=-count,
        )
        for number, intent in enumerate(corpus.intents)
        if (count := _different_texts(corpus, number)) < FEW
    ]


def unbalanced_intents(corpus: Corpus) -> list[Finding]:
    """A hint for each intent with ten times as many examples as half of the intents have."""
    counts = [_different_texts(corpus, number) for number in range(len(corpus.intents))]
    usual = median(counts) if counts else 0
    return [
        Finding(
            kind=Kind.UNBALANCED,
            severity=Severity.HINT,
            message=f"The intent {intent} has {_examples(count)}; half of the intents have {usual:g} or fewer.",
            advice="Write more examples for the small intents, or the assistant will take too much for this one.",
            passages=(corpus.passage(int(corpus.of_class(number)[0])),),
            weight=count,
        )
        for number, (intent, count) in enumerate(zip(corpus.intents, counts, strict=True))
        if count >= TIMES_THE_MEDIAN * usual
    ]


def alike_intents(corpus: Corpus, probabilities: Probabilities) -> list[Finding]:
    """A finding for each two intents whose held-out examples are often taken for one another."""
    predicted = probabilities.argmax(axis=1)
    mixed: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row in np.flatnonzero((predicted != corpus.classes) & (probabilities.max(axis=1) > 0.0)):
        first, second = sorted((int(corpus.classes[row]), int(predicted[row])))
        mixed[first, second].append(int(row))
    sizes = np.bincount(corpus.classes, minlength=len(corpus.intents))
    findings = []
    for (first, second), rows in mixed.items():
        share = len(rows) / int(sizes[first] + sizes[second])
        if len(rows) >= LEAST_MIXED and share >= HINT_MIXED_SHARE:
            surest = sorted(rows, key=lambda row: -float(probabilities[row].max()))
            findings.append(_alike(corpus, corpus.intents[first], corpus.intents[second], surest, share))
    return findings


def _alike(corpus: Corpus, first: str, second: str, rows: list[int], share: float) -> Finding:
    return Finding(
        kind=Kind.ALIKE,
        severity=Severity.WARNING if share >= WARNING_MIXED_SHARE else Severity.HINT,
        message=f"{first} and {second} are hard to tell apart: {len(rows)} of their examples ({share:.0%}) were taken "
        f"for the other.",
        advice="Sort these examples again. If both intents have the same answer, make them one.",
        passages=tuple(corpus.passage(row) for row in rows[:SHOWN_EXAMPLES]),
        weight=share,
    )


def _different_texts(corpus: Corpus, number: int) -> int:
    return len(np.unique(corpus.key_ids[corpus.of_class(number)]))


def _examples(count: int) -> str:
    return "1 example" if count == 1 else f"{count:,} examples"
