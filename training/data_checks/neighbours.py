"""Nearest texts by cosine, block by block, so that no matrix of all pairs is ever held."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlu.encoder import FloatArray

BLOCK_ROWS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """For each of n rows the best other row, or -1 where none may be chosen, and its cosine.

    Attributes:
        row: Shape (n,).
        cosine: Shape (n,), in [-1, 1], higher is nearer; -inf where there is no row.
    """

    row: NDArray[np.int64]
    cosine: NDArray[np.float32]


def centred(*parts: FloatArray) -> list[FloatArray]:
    """Each of `parts`, shape (n, d), less the mean of the first, with rows of length 1 again.

    Encoders of the e5 family put any two texts at a cosine of 0.7 and more; without what all texts share, one
    threshold suits every encoder.

    Source: Mu and Viswanath, "All-but-the-Top", ICLR 2018, without the removal of principal directions.
    """
    if not len(parts[0]):
        return list(parts)
    mean = parts[0].mean(axis=0)
    moved = [part - mean for part in parts]
    return [part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-12) for part in moved]


def nearest_rows(
    queries: FloatArray,
    stored: FloatArray,
    forbidden: NDArray[np.int64] | None = None,
    groups: NDArray[np.int64] | None = None,
    block_rows: int = BLOCK_ROWS,
) -> Nearest:
    """The nearest row of `stored` for each row of `queries`; the first of equals.

    Args:
        queries: Unit rows, shape (n, d).
        stored: Unit rows, shape (m, d).
        forbidden: Shape (n,): a query may not choose a row of this group.
        groups: Shape (m,): the group of each stored row; needed with `forbidden`.
    """
    count = len(queries)
    row, cosine = np.full(count, -1, np.int64), np.full(count, -np.inf, np.float32)
    for start in range(0, count if len(stored) else 0, block_rows):
        block = slice(start, start + block_rows)
        cosines = queries[block] @ stored.T
        if forbidden is not None and groups is not None:
            cosines[forbidden[block, None] == groups[None, :]] = -np.inf
        best = cosines.argmax(axis=1)
        row[block], cosine[block] = best, np.take_along_axis(cosines, best[:, None], axis=1)[:, 0]
    row[np.isneginf(cosine)] = -1
    return Nearest(row=row, cosine=cosine)
