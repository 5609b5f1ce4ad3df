"""The seam between text and vectors: one forward pass gives an embedding and the logits of every head."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float32]

INTENT_HEAD = "intent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Texts as a model sees them.

    Attributes:
        embeddings: Shape (n, d), float32, C order, rows of length 1.
        logits: By head, shape (n, classes of that head), float32.
    """

    embeddings: FloatArray
    logits: Mapping[str, FloatArray]


class Encoder(Protocol):
    """Turns texts into vectors. Deterministic: a text's row does not depend on the texts beside it."""

    @property
    def dimension(self) -> int:
        """Length d of an embedding."""
        ...

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Encodes `texts`, in their order; no texts give arrays of no rows."""
        ...


def batches_by_length(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Groups positions of similar length so that little is padded.

    Args:
        lengths: Tokens of each text.
        max_tokens: Padded tokens of one group at most; a longer text is a group of its own.
    """
    groups: list[list[int]] = []
    longest = 0
    for position in sorted(range(len(lengths)), key=lambda index: lengths[index]):
        longest = max(longest if groups else 0, lengths[position])
        if groups and longest * (len(groups[-1]) + 1) <= max_tokens:
            groups[-1].append(position)
        else:
            groups.append([position])
            longest = lengths[position]
    return groups
