"""The vector index: rows near to a query, found exactly or nearly so, filtered inside the search.

It knows rows and cosines; which pair a row belongs to is the retriever's business.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nlu.encoder import FloatArray
from retrieval.index_build import Progress, build_index
from retrieval.index_faiss import faiss
from retrieval.index_file import MAX_EFFORT, check_index_file
from retrieval.index_plan import EXACT_ROWS, IndexKind, IndexPlan, plan_of
from retrieval.index_tuning import TEN, TunedRecall, exact_cosines, least_effort, recall_by_query

Found: TypeAlias = list[tuple[int, float]]
"""Rows and their cosines to the query, best first."""

AllowedRows: TypeAlias = NDArray[np.bool_]

MAX_FILE_BYTES = 64 * 10**9
LEAST_EF, MOST_EF = 16, 2_048


class VectorIndex:
    """Cosine search over n rows of d numbers; row i is item i.

    Any thread may search, and a search runs in one thread. `tune` must run alone.
    """

    def __init__(self, index: Any, kind: IndexKind, bits: int) -> None:
        """Takes what `build` and `load` made; use those."""
        self._index, self._kind, self.bits = index, kind, bits
        self._codes = index if kind in ("flat", "ivf_sq8") else faiss.downcast_index(_code_store(index, kind))
        self._lists = _lists(index, kind)
        self._map_lock = threading.Lock()

    @classmethod
    def build(
        cls,
        embeddings: FloatArray,
        plan: IndexPlan | None = None,
        *,
        seed: int = 0,
        thread_count: int | None = None,
        progress: Progress | None = None,
    ) -> "VectorIndex":
        """Indexes `embeddings` (n, d), unit rows that may lie in a mapped file, as `plan` says, or exactly.

        Args:
            thread_count: For the build; None for all cores.

        Raises:
            ValueError: A row is not finite, or rows and plan do not fit together.
        """
        plan = plan or plan_of("flat", *embeddings.shape)
        index = build_index(embeddings, plan, seed=seed, thread_count=thread_count, progress=progress)
        return VectorIndex(index, plan.kind, plan.bits)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def kind(self) -> IndexKind:
        """How it searches."""
        return self._kind

    @property
    def dimension(self) -> int:
        """Length of a row."""
        return int(self._index.d)

    @property
    def effort(self) -> int:
        """Rows that a graph's search keeps in view, or lists that are looked into; 0 where every row is compared."""
        if self._kind == "hnsw":
            return int(self._index.hnsw.efSearch)
        return int(self._lists.nprobe) if self._lists is not None else 0

    @effort.setter
    def effort(self, value: int) -> None:
        if self._kind == "hnsw":
            self._index.hnsw.efSearch = value
        elif self._lists is not None:
            self._lists.nprobe = min(value, self._lists.nlist)

    def search(self, queries: FloatArray, k: int, *, allowed: AllowedRows | None = None) -> list[Found]:
        """For each row of `queries` (q, d) its `k` nearest rows at most, best first.

        Rows equally near come in their own order; where not all of them fit, any may be left out. Cosines are exact
        for `flat`, else those of the codes, and never beyond 1. Fewer than `k` are found only where there are no more.
        A query that is not finite, an empty index and a `k` below 1 find nothing.

        Args:
            allowed: Shape (n,): the rows that may be found. Fewer than `EXACT_ROWS` of them are all compared; the
                effort grows with what is left out.

        Raises:
            ValueError: `queries` or `allowed` have another length than the index.
        """
        queries = np.ascontiguousarray(queries, np.float32)
        if queries.ndim != 2 or queries.shape[1] != self._index.d:
            raise ValueError(f"Queries of shape {queries.shape}, where rows have {self.dimension} numbers")
        if isfinite(np.vdot(queries, queries)):  # cheap; numbers whose squares overflow take the longer way
            return self._search(queries, k, allowed)
        finite = np.asarray(np.isfinite(queries).all(axis=1))
        found = iter(self._search(queries[finite], k, allowed))
        return [next(found) if sound else [] for sound in finite.tolist()]

    def _search(self, queries: FloatArray, k: int, allowed: AllowedRows | None) -> list[Found]:
        filtered = None if allowed is None else self._filter(allowed)
        k = min(k, len(self) if filtered is None else filtered.count)
        if k < 1 or not len(queries):
            return [[] for _ in queries]
        before = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)  # for the calling thread alone
        try:
            if filtered is not None and filtered.exactly:
                cosines, rows = self._compare_all(queries, k, filtered)
            else:
                cosines, rows = self._index.search(queries, k, params=filtered and filtered.parameters)
                if -1 in rows[:, -1].tolist():
                    short = rows[:, -1] < 0
                    cosines[short], rows[short] = self._compare_all(queries[short], k, filtered)
        finally:
            faiss.omp_set_num_threads(before)
        return list(map(_ranked, rows.tolist(), cosines.tolist()))

    def _filter(self, allowed: AllowedRows) -> "_Filter":
        if allowed.shape != (len(self),):
            raise ValueError(f"{len(allowed)} rows are marked as allowed or not, where the index has {len(self)}")
        count = int(np.count_nonzero(allowed))
        selector = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        effort = min(self.effort * len(self) // max(count, 1), MAX_EFFORT)
        return _Filter(
            count=count, exactly=count < EXACT_ROWS, selector=selector, parameters=self._parameters(selector, effort)
        )

    def _parameters(self, selector: Any, effort: int) -> Any:
        if self._kind == "flat":
            return faiss.SearchParameters(sel=selector)
        if self._kind == "hnsw":
            return faiss.SearchParametersHNSW(sel=selector, efSearch=effort)
        parameters = faiss.SearchParametersIVF(sel=selector, nprobe=min(effort, self._lists.nlist))
        if self._kind == "ivf_sq8":
            return parameters
        return faiss.IndexRefineSearchParameters(k_factor=self._index.k_factor, base_index_params=parameters)

    def _compare_all(self, queries: FloatArray, k: int, filtered: "_Filter | None") -> Any:
        """Compares all codes, or all that are allowed."""
        selector = filtered.selector if filtered else None
        if self._kind == "ivf_sq8":
            parameters = faiss.SearchParametersIVF(sel=selector, nprobe=self._lists.nlist)
        else:
            parameters = faiss.SearchParameters(sel=selector)
        return self._codes.search(queries, k, params=parameters)

    def vectors(self, rows: Sequence[int]) -> FloatArray:
        """The rows (len(rows), d) as the index knows them: exact for `flat`, else decoded from their codes.

        Raises:
            IndexError: There is no such row.
        """
        numbers = np.asarray(rows, np.int64)
        if len(numbers) and not (numbers.min() >= 0 and numbers.max() < len(self)):
            raise IndexError(f"The index has rows 0 to {len(self) - 1}, not {numbers.min()} to {numbers.max()}")
        if not len(numbers):
            return np.zeros((0, self.dimension), np.float32)
        if self._kind == "ivf_sq8":
            with self._map_lock:
                self._lists.make_direct_map()  # once: 8 bytes a row
        return np.asarray(self._codes.reconstruct_batch(numbers), np.float32)

    def tune(self, queries: FloatArray, exact: FloatArray, recall_at_10: float) -> TunedRecall:
        """Sets the least effort that finds `recall_at_10` of the ten nearest rows, and says what it finds.

        Args:
            queries: Shape (q, d), unit rows that are not in the index; a thousand give half a point of certainty.
            exact: Shape (n, d): the rows as they were indexed.

        Raises:
            ValueError: No queries, or `exact` does not have the index's rows.
        """
        if exact.shape != (len(self), self.dimension) or not len(queries):
            raise ValueError(
                f"{len(queries)} queries and rows of shape {exact.shape}; the index has shape "
                f"{(len(self), self.dimension)}"
            )
        queries = np.ascontiguousarray(queries, np.float32)
        k = min(TEN, len(self))
        if self._kind == "flat" or not k:
            return TunedRecall(setting="", value=0, recall_at_10=1.0, asked=recall_at_10, queries=len(queries))
        nearest = exact_cosines(queries, exact, k)

        def measure(effort: int) -> NDArray[np.float64]:
            self.effort = effort
            _, rows = self._index.search(queries, k)
            return recall_by_query(rows, queries, exact, nearest)

        low, high = (LEAST_EF, MOST_EF) if self._kind == "hnsw" else (1, self._lists.nlist)
        self.effort, recall = least_effort(measure, low, high, recall_at_10)
        setting = "efSearch" if self._kind == "hnsw" else "nprobe"
        return TunedRecall(
            setting=setting, value=self.effort, recall_at_10=recall, asked=recall_at_10, queries=len(queries)
        )

    def save(self, path: Path) -> None:
        """Writes the index to `path`, with its tuned effort."""
        with self._map_lock:
            if self._lists is not None:
                self._lists.set_direct_map_type(faiss.DirectMap.NoMap)  # made again when it is needed
            faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path, *, max_bytes: int = MAX_FILE_BYTES, mmap: bool = False) -> "VectorIndex":
        """Reads what `save` wrote; the caller has checked the file's hash.

        Args:
            max_bytes: A longer file is refused.
            mmap: Leave codes in the file, and let the system load and drop them; the file must stay as it is.

        Raises:
            ValueError: The file holds anything that Kefu does not write, or is damaged; it names file and reason.
        """
        shape = check_index_file(path, max_bytes=max_bytes)
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if mmap else 0)
        except RuntimeError as error:
            raise ValueError(f"{path.name} is not an index that Kefu wrote: FAISS refuses it") from error
        return VectorIndex(index, shape.kind, shape.bits)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filter:
    """The rows that may be found, as FAISS wants them said."""

    count: int
    exactly: bool
    selector: Any
    parameters: Any


def _code_store(index: Any, kind: IndexKind) -> Any:
    """The part that holds the codes whose cosines are reported."""
    return index.storage if kind == "hnsw" else index.refine_index


def _lists(index: Any, kind: IndexKind) -> Any:
    if kind == "ivf_pq":
        return faiss.downcast_index(index.base_index)
    return index if kind == "ivf_sq8" else None


def _ranked(rows: list[int], cosines: list[float]) -> Found:
    """Best first, as they come, but equal ones by row; -1 stands for no row, and rounding takes some cosines past 1."""
    if rows[-1] < 0:
        rows = [row for row in rows if row >= 0]
        cosines = cosines[: len(rows)]
    if cosines and not (cosines[0] <= 1.0 and cosines[-1] >= -1.0):
        cosines = [max(-1.0, min(cosine, 1.0)) for cosine in cosines]
    found = list(zip(rows, cosines, strict=True))
    if len(set(cosines)) < len(cosines):
        found.sort(key=_order)
    return found


def _order(hit: tuple[int, float]) -> tuple[float, int]:
    return -hit[1], hit[0]
