"""Pairs that were added or edited since the base was built: few, so each is compared with every question."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nlu.encoder import FloatArray
from retrieval.pair import Pair


class LiveRows:
    """Pairs with the embeddings of their wordings and parts, numbered on from the base.

    Args:
        dimension: Length of an embedding.
        first: The number of the first pair.
    """

    def __init__(self, dimension: int, *, first: int) -> None:
        self._next = first
        self._pairs: dict[int, Pair] = {}
        self._numbers: dict[str, int] = {}
        self._spans: dict[int, tuple[int, int]] = {}
        self._borders: dict[int, tuple[int, ...]] = {}
        self._rows: FloatArray = np.zeros((64, dimension), np.float32)
        self._number_of_row: NDArray[np.int64] = np.full(64, -1, np.int64)
        self._used = 0

    def __len__(self) -> int:
        return len(self._pairs)

    def number_of(self, pair_id: str) -> int | None:
        """The number of the pair with this id, if it is here."""
        return self._numbers.get(pair_id)

    def pair(self, number: int) -> Pair:
        """The pair with this number."""
        return self._pairs[number]

    def pairs(self) -> Iterable[Pair]:
        """All pairs, in the order in which they came."""
        return self._pairs.values()

    def add(self, pair: Pair, rows: FloatArray, borders: tuple[int, ...]) -> None:
        """Takes a pair whose id is not here.

        Args:
            rows: Shape (n, d): the embeddings of its `RowTexts`.
            borders: Where each kind of them begins.
        """
        start, end = self._used, self._used + len(rows)
        if end > len(self._rows):
            self._make_room(end)
            start, end = self._used, self._used + len(rows)
        self._rows[start:end] = rows
        self._number_of_row[start:end] = self._next
        self._spans[self._next], self._borders[self._next] = (start, end), borders
        self._pairs[self._next] = pair
        self._numbers[pair.id] = self._next
        self._used = end
        self._next += 1

    def remove(self, number: int) -> None:
        """Takes a pair out."""
        start, end = self._spans.pop(number)
        del self._borders[number]
        self._number_of_row[start:end] = -1
        del self._numbers[self._pairs.pop(number).id]

    def nearest(self, embedding: FloatArray, width: int, gone: NDArray[np.bool_]) -> list[tuple[float, int]]:
        """Cosine and number of the pair for the `width` nearest rows of any kind, in no order.

        Args:
            gone: By number, pairs that must not be found.
        """
        numbers = self._number_of_row[: self._used]
        rows = np.flatnonzero((numbers >= 0) & ~gone[numbers])
        cosines = np.clip(self._rows[rows] @ embedding, -1.0, 1.0)
        if len(rows) > width:
            top = np.argpartition(-cosines, width)[:width]
            rows, cosines = rows[top], cosines[top]
        return list(zip(cosines.tolist(), numbers[rows].tolist(), strict=True))

    def likeness(self, number: int, embedding: FloatArray) -> FloatArray:
        """The best cosine of each kind of row, shape (kinds,)."""
        start, end = self._spans[number]
        cosines = np.clip(self._rows[start:end] @ embedding, -1.0, 1.0)
        return np.asarray(np.maximum.reduceat(cosines, self._borders[number]), np.float32)

    def _make_room(self, wanted: int) -> None:
        """Closes the gaps that removed pairs have left, and grows where that is not enough."""
        kept = np.flatnonzero(self._number_of_row[: self._used] >= 0)
        size = max(len(self._rows), 2 * (len(kept) + wanted - self._used))
        rows = np.zeros((size, self._rows.shape[1]), np.float32)
        numbers = np.full(size, -1, np.int64)
        rows[: len(kept)], numbers[: len(kept)] = self._rows[kept], self._number_of_row[kept]
        moved = {old: new for new, old in enumerate(kept.tolist())}
        self._spans = {
            number: (moved[start], moved[start] + end - start) for number, (start, end) in self._spans.items()
        }
        self._rows, self._number_of_row, self._used = rows, numbers, len(kept)
