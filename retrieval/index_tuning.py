"""How hard an index has to look: the least effort that finds the share of the nearest rows asked for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlu.encoder import FloatArray
from retrieval.index_faiss import faiss

TEN = 10
_CHUNK = 65_536
_TIED = 1e-6  # two cosines nearer than float32 tells apart
_NO_GAIN = 5e-4
_STEP = 1.3


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedRecall:
    """What tuning reached.

    Attributes:
        setting: `efSearch`, `nprobe`, or empty where the search is exact.
        value: Of the setting; it is kept in the index's file.
        recall_at_10: Share of the ten nearest rows that are found, mean over the queries.
        asked: The share that was wanted.
        queries: How many it was measured on.
    """

    setting: str
    value: int
    recall_at_10: float
    asked: float
    queries: int

    @property
    def met(self) -> bool:
        """Whether it is reached on these queries."""
        return self.recall_at_10 >= self.asked

    def __str__(self) -> str:
        how = f"{self.setting} {self.value}" if self.setting else "exact search"
        short = "" if self.met else ", the most that it can"
        measured = f"{self.asked:.1%} asked, {self.queries:,} queries"
        return f"{how} finds {self.recall_at_10:.1%} of the ten nearest{short} ({measured})"


def exact_cosines(queries: FloatArray, embeddings: FloatArray, k: int = TEN) -> FloatArray:
    """Cosines (q, min(k, n)) of the rows nearest to each query, best first; `embeddings` may be a mapped file."""
    best = np.full((len(queries), 0), 0.0, np.float32)
    for start in range(0, len(embeddings), _CHUNK):
        rows = np.ascontiguousarray(embeddings[start : start + _CHUNK], np.float32)
        found, _ = faiss.knn(queries, rows, min(k, len(rows)), metric=faiss.METRIC_INNER_PRODUCT)
        best = -np.sort(-np.concatenate([best, found], axis=1), axis=1)[:, :k]
    return best


def recall_by_query(
    found: NDArray[np.int64], queries: FloatArray, embeddings: FloatArray, exact: FloatArray
) -> NDArray[np.float64]:
    """For each query the share of its k nearest rows in `found` (q, k), where -1 stands for none.

    A row as near as the k-th nearest counts, whichever of those equally near it is.

    Args:
        exact: Cosines (q, k) as `exact_cosines` gives them.
    """
    shares = np.zeros(len(queries))
    for at, rows in enumerate(found):
        unique = np.unique(rows[rows >= 0])
        cosines = np.asarray(embeddings[unique], np.float32) @ queries[at]
        shares[at] = min(int((cosines >= exact[at, -1] - _TIED).sum()), exact.shape[1]) / exact.shape[1]
    return shares


def least_effort(measure: Callable[[int], NDArray[np.float64]], low: int, high: int, asked: float) -> tuple[int, float]:
    """The least effort of a rising ladder whose recall, less its standard error, is as asked; and its recall.

    Where none is, the least of those that find as much as any.
    """
    tried: list[tuple[int, float]] = []
    for effort in _ladder(low, high):
        shares = measure(effort)
        mean = float(shares.mean())
        tried.append((effort, mean))
        if mean - float(shares.std()) / np.sqrt(len(shares)) >= asked:
            return effort, mean
    most = max(recall for _, recall in tried)
    return next((effort, recall) for effort, recall in tried if recall >= most - _NO_GAIN)


def _ladder(low: int, high: int) -> Iterator[int]:
    effort = low
    while effort < high:
        yield effort
        effort = max(effort + 1, round(effort * _STEP))
    yield high
