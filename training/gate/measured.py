"""What a release makes of the questions that it is judged by, as one value that can be kept as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from configs.rasa_names import OUT_OF_SCOPE
from training.metrics import expected_calibration_error

Flags: TypeAlias = NDArray[np.bool_]
Numbers: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question, and what a release makes of it.

    Attributes:
        intents: Those that answer it, in order; with `pairs` empty too, nothing does.
        pairs: Ids of the past answers that answer it, in order.
        said: The likeliest intent.
        said_sure: Its probability, in [0, 1].
        best: The best candidate answer, `intent NAME` or `pair ID`; empty where there is none.
        given: Whether that is given as the answer.
        right: Whether it answers the question.
        sure: How likely it is right, by the release, in [0, 1].
        scope: Higher is more like the customers' proper messages, in [0, 1].
    """

    id: str
    text: str
    intents: tuple[str, ...]
    pairs: tuple[str, ...]
    said: str
    said_sure: float
    best: str
    given: bool
    right: bool
    sure: float
    scope: float

    @property
    def out_of_scope(self) -> bool:
        """Whether no answer is right."""
        return not self.intents and not self.pairs

    @property
    def understood(self) -> bool:
        """Whether its intent, or where none is meant its best answer, is right; out of scope: whether none is given."""
        if self.out_of_scope:
            return not self.given
        return self.right or self.said in self.intents

    @property
    def name(self) -> str:
        """The intent that it belongs to, for figures by intent; empty where none is meant."""
        return " or ".join(self.intents)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """What a release promises of its wrong answers.

    Attributes:
        rate: The most wrong answers among given ones; None where nothing is promised.
        confidence: How sure it is of that; 0 where nothing is promised.
        asked_for: Whether the owner wants a promise.
        sentence: What its training found.
    """

    rate: float | None
    confidence: float
    asked_for: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A release, measured.

    Attributes:
        release: Its id.
        labels: The intents it knows.
        questions: The frozen test set.
        golden: Questions that must come out right.
        p50_ms: Median time to understand and look up one message, by itself.
        p95_ms: The same for the slowest twentieth.
        size_bytes: Of all its files.
    """

    release: str
    labels: tuple[str, ...]
    questions: tuple[Asked, ...]
    golden: tuple[Asked, ...]
    p50_ms: float
    p95_ms: float
    size_bytes: int
    promised: Promised

    @property
    def inside(self) -> tuple[Asked, ...]:
        """The questions that something answers."""
        return tuple(asked for asked in self.questions if not asked.out_of_scope)

    @property
    def outside(self) -> tuple[Asked, ...]:
        """The questions that nothing answers."""
        return tuple(asked for asked in self.questions if asked.out_of_scope)

    def figures(self) -> dict[str, float]:
        """Shares in [0, 1] and sizes; what could not be measured is left out."""
        inside, outside = self.inside, self.outside
        given = [asked for asked in self.questions if asked.given]
        figures = {
            "questions": float(len(self.questions)),
            "understood": _share([asked.understood for asked in inside]),
            "answered": _share([asked.given for asked in inside]),
            "answered_right": _share([asked.given and asked.right for asked in inside]),
            "wrong": _share([not asked.right for asked in given]),
            "ece": intent_ece(inside),
            "out_of_scope_refused": _share([not asked.given for asked in outside]),
            "scope_auroc": auroc(scopes(inside), scopes(outside)),
            "golden_right": _share([asked.understood for asked in self.golden]),
            "p50_ms": self.p50_ms,
            "p95_ms": self.p95_ms,
            "size_mb": self.size_bytes / 1e6,
        }
        return {name: value for name, value in figures.items() if np.isfinite(value)}

    def to_json(self) -> bytes:
        """As a refresh keeps it: the same value, the same bytes."""
        return _ADAPTER.dump_json(self)

    @classmethod
    def from_json(cls, raw: bytes) -> "Measured":
        """What `to_json` gave.

        Raises:
            pydantic.ValidationError: It is something else.
        """
        return _ADAPTER.validate_json(raw)


def intent_ece(questions: Sequence[Asked]) -> float:
    """Expected calibration error of the likeliest intents, over the questions that belong to one; NaN without any."""
    sure, right = intent_certainty(questions)
    return expected_calibration_error(sure, right) if len(sure) else float("nan")


def intent_certainty(questions: Sequence[Asked]) -> tuple[Numbers, Flags]:
    """How sure the likeliest intent is, and whether it is right, of the questions that belong to one."""
    own = [asked for asked in questions if asked.intents and OUT_OF_SCOPE not in asked.intents]
    return np.array([a.said_sure for a in own]), np.array([a.said in a.intents for a in own], bool)


def scopes(questions: Sequence[Asked]) -> Numbers:
    """How much each question looks like a proper one, shape (n,)."""
    return np.array([asked.scope for asked in questions], np.float64)


def auroc(inside: Numbers, outside: Numbers) -> float:
    """How often a question in scope scores above one that is not, ties counting half; NaN where one kind is missing."""
    if not len(inside) or not len(outside):
        return float("nan")
    below = np.sort(outside)
    wins = np.searchsorted(below, inside, "left") + np.searchsorted(below, inside, "right")
    return float(wins.sum() / (2 * len(inside) * len(below)))


def _share(flags: Sequence[bool]) -> float:
    return float(np.mean(flags)) if flags else float("nan")


_ADAPTER: TypeAdapter[Measured] = TypeAdapter(Measured)
