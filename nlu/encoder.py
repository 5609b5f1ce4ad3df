"""The seam between text and vectors: one forward pass gives an embedding and the logits of every head."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nlu.tokens import Pieces

FloatArray: TypeAlias = NDArray[np.float32]

INTENT_HEAD = "intent"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TaggedPieces:
    """A text's word pieces, and the logits of the entity tags of each.

    Attributes:
        logits: Shape (pieces, tags), float32.
    """

    pieces: Pieces
    logits: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Encoded:
    """Texts as a model sees them.

    Attributes:
        plain: Embeddings as before any fine-tuning: shape (n, d), float32, C order, rows of length 1.
        tuned: Embeddings as fine-tuning has left them, of the same shape and length.
        logits: By head, shape (n, classes of that head), float32.
        tagged: One for each text, where the model was taught entities; else empty.
    """

    plain: FloatArray
    tuned: FloatArray
    logits: Mapping[str, FloatArray]
    tagged: Sequence[TaggedPieces] = ()

    @property
    def embeddings(self) -> FloatArray:
        """What search compares: the unit rows between plain and tuned ones, shape (n, d), float32.

        On the starter's questions they find more than either: tuning knows the owner's words, and has forgotten
        what tells apart the questions of one intent.
        """
        both = self.plain + self.tuned
        return np.asarray(both / np.maximum(np.linalg.norm(both, axis=1, keepdims=True), 1e-12), np.float32)


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
