"""What a training says of itself while it runs; the command line draws it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a training stands.

    Attributes:
        stage: What is being done, in a word or two.
        done: Steps behind, of `total`.
        epoch: Current epoch from 1, or 0 outside fine-tuning.
        loss: Mean training loss of the epoch so far.
        accuracy: Validation accuracy after the last full epoch, in [0, 1].
    """

    stage: str
    done: int = 0
    total: int = 1
    epoch: int = 0
    epochs: int = 0
    loss: float | None = None
    accuracy: float | None = None


Report: TypeAlias = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Reports nothing."""
    del progress
