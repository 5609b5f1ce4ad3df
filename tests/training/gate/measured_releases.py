"""Measured releases made by hand, and by chance: what the gate's tests judge."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from training.gate import Asked, Measured, Promised

INTENTS = ("cancel", "delivery", "hours", "invoice", "order", "returns", "stock", "warranty")
UNPROMISED = Promised(rate=None, confidence=0.0, asked_for=False, sentence="Not promised.")


def asked(
    at: int, *, right: bool = True, given: bool = True, sure: float = 0.9, intent: str = "hours", scope: float = 0.5
) -> Asked:
    """A question that belongs to `intent`."""
    said = intent if right else "other"
    return Asked(
        id=f"q{at}",
        text=f"question {at}",
        intents=(intent,),
        pairs=(),
        said=said,
        said_sure=sure,
        best=f"intent {said}",
        given=given,
        right=right,
        sure=sure,
        scope=scope,
    )


def outside(at: int, *, given: bool = False, scope: float = 0.01) -> Asked:
    """A question that nothing answers."""
    return replace(asked(at, right=False, given=given, sure=0.2, scope=scope), id=f"o{at}", intents=())


def release(
    questions: Sequence[Asked],
    *,
    golden: Sequence[Asked] = (),
    p95_ms: float = 10.0,
    size_bytes: int = 30_000_000,
    promised: Promised = UNPROMISED,
    name: str = "candidate",
) -> Measured:
    return Measured(
        release=name,
        labels=(*INTENTS, "other"),
        questions=tuple(questions),
        golden=tuple(golden),
        p50_ms=p95_ms / 2,
        p95_ms=p95_ms,
        size_bytes=size_bytes,
        promised=promised,
    )


def rightly(count: int, right: int, **kept: object) -> list[Asked]:
    """`count` questions of which the first `right` come out right."""
    return [asked(at, right=at < right, **kept) for at in range(count)]


def noisy(truth: np.ndarray, change: float, random: np.random.Generator) -> list[Asked]:
    """Questions of all intents that come out as `truth` says, but for a share `change` that chance turns round.

    Each is about as sure as it is right, and every tenth is out of scope.
    """
    flipped = truth ^ (random.random(len(truth)) < change)
    sure = np.clip(random.normal(np.where(flipped, 0.9, 0.6), 0.1), 0.05, 0.99)
    return [
        outside(at, given=not right and at % 20 == 0, scope=float(random.beta(1, 8)))
        if at % 10 == 0
        else asked(
            at,
            right=bool(right),
            given=bool(sure[at] > 0.7),
            sure=float(sure[at]),
            intent=INTENTS[at % len(INTENTS)],
            scope=float(random.random()),
        )
        for at, right in enumerate(flipped)
    ]
