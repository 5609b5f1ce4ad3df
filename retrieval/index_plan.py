"""Which index suits how many rows: chosen from their number, their length and the memory allowed, with the reason.

It owns the choice and the estimate of memory; `index_build` builds what was chosen, `index_tuning` tunes it.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

IndexKind: TypeAlias = Literal["flat", "hnsw", "ivf_sq8", "ivf_pq"]

EXACT_ROWS = 50_000  # fewer are compared one by one: about 2 ms in one thread at 384 dimensions
GRAPH_ROWS = 2_000_000  # a graph of so many takes a quarter of an hour in one thread, five times as long as lists
FEW_ROWS = 1_000  # fewer are compared one by one, whatever the memory
LINKS = 32
BUILD_EFFORT = 100
ROWS_PER_CENTROID = 64
LINK_BYTES, ROW_BYTES, ID_BYTES = 4, 12, 8
MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPlan:
    """An index to build.

    Attributes:
        kind: `flat` compares every row; `hnsw` walks a graph of near rows; `ivf_sq8` looks into the lists nearest to
            the query, with a byte a dimension; `ivf_pq` does so with an eighth of a byte, and compares the best again
            by a byte a dimension, which is several times faster.
        recall_at_10: Share of the ten nearest rows that tuning aims for, in (0, 1].
        bits: Of a dimension in the codes that give the scores: 32, 16 or 8.
        links: Of a row to its neighbours on the lowest level of a graph, half of them; 0 for other kinds.
        lists: Parts that the rows are divided into; 0 for other kinds.
        mapped: Whether the file is to be loaded with `mmap`: the codes for comparing again stay in it.
        bytes_per_row: Of memory that the index needs, links, lists and identifiers included, mapped ones left out.
        mapped_bytes_per_row: Of the file that are mapped; the system drops them when memory is short.
        reason: Why this kind, in one sentence.
    """

    kind: IndexKind
    count: int
    dimension: int
    recall_at_10: float
    bits: int
    links: int = 0
    lists: int = 0
    mapped: bool = False
    bytes_per_row: float
    mapped_bytes_per_row: float = 0.0
    reason: str

    @property
    def memory_mb(self) -> float:
        """Memory of the index, in MB of 10^6 bytes."""
        return self.count * self.bytes_per_row / MB

    @property
    def train_rows(self) -> int:
        """Rows that codes and lists are trained on, at most."""
        return max(ROWS_PER_CENTROID * self.lists, 65_536)


def plan_index(count: int, dimension: int, *, max_memory_mb: float, recall_at_10: float = 0.98) -> IndexPlan:
    """The best index for `count` rows of `dimension` floats that fits into `max_memory_mb` (10^6 bytes).

    Raises:
        ValueError: A number below 0, no dimension, no memory, or a recall outside (0, 1].
    """
    if count < 0 or dimension < 1 or not max_memory_mb > 0:
        raise ValueError(
            f"An index needs 0 rows, 1 dimension and some memory at least, not {count}, {dimension}, "
            f"{max_memory_mb:g} MB"
        )
    if not 0 < recall_at_10 <= 1:
        raise ValueError(f"A recall is above 0 and at most 1, not {recall_at_10:g}")
    plans = [
        plan_of(kind, count, dimension, recall_at_10, bits=bits, mapped=mapped)
        for kind, bits, mapped in _candidates(count)
    ]
    fitting = [plan for plan in plans if plan.memory_mb <= max_memory_mb]
    chosen, too_big = (fitting[0], plans[: plans.index(fitting[0])]) if fitting else (plans[-1], plans[:-1])
    return _with_reason(chosen, too_big, max_memory_mb)


def _candidates(count: int) -> list[tuple[IndexKind, int, bool]]:
    """Kind, bits and whether mapped, in the order of preference; the last needs the least memory.

    Measured on a million sentences at a recall of 0.98: a graph with 8 bits has to look twice as hard as one with 16,
    and `ivf_sq8` takes six times as long as `ivf_pq`.
    """
    flat: list[tuple[IndexKind, int, bool]] = [("flat", 32, False)] if count < EXACT_ROWS else []
    if count < FEW_ROWS:
        return flat
    graphs: list[tuple[IndexKind, int, bool]] = [("hnsw", 16, False), ("hnsw", 8, False)]
    return [
        *flat,
        *(graphs if count <= GRAPH_ROWS else ()),
        ("ivf_pq", 8, False),
        ("ivf_sq8", 8, False),
        ("ivf_pq", 8, True),
    ]


def plan_of(
    kind: IndexKind, count: int, dimension: int, recall_at_10: float = 0.98, *, bits: int = 8, mapped: bool = False
) -> IndexPlan:
    """A plan for `kind`, whatever the number of rows; `bits` matter to graphs alone, `mapped` to `ivf_pq`."""
    lists = list_count(count) if kind.startswith("ivf") else 0
    per_list = lists * dimension * 4 / max(count, 1)
    mapped_bytes = 0.0
    if kind == "flat":
        bits, needed = 32, 4.0 * dimension
    elif kind == "hnsw":
        # One row in LINKS is on each higher level, with half the links of the lowest.
        needed = dimension * bits / 8 + LINK_BYTES * (2 * LINKS + LINKS / (LINKS - 1)) + ROW_BYTES
    elif kind == "ivf_sq8":
        bits, needed = 8, dimension + 2 * ID_BYTES + per_list
    else:
        bits, mapped_bytes = 8, float(dimension) if mapped else 0.0
        blocks = 32 * lists / max(count, 1) / 2  # the last block of 32 rows in a list is half empty
        needed = (dimension / sub_dimension(dimension)) / 2 * (1 + blocks) + ID_BYTES + per_list
        needed += dimension - mapped_bytes
    return IndexPlan(
        kind=kind,
        count=count,
        dimension=dimension,
        recall_at_10=recall_at_10,
        bits=bits,
        links=LINKS if kind == "hnsw" else 0,
        lists=lists,
        mapped=mapped_bytes > 0,
        bytes_per_row=needed,
        mapped_bytes_per_row=mapped_bytes,
        reason="asked for by name",
    )


def list_count(count: int) -> int:
    """Lists for `count` rows: the power of two nearest to four times the square root, with 39 rows a list at least.

    Source: https://github.com/facebookresearch/faiss/wiki/Guidelines-to-choose-an-index
    """
    wanted = 4 * math.sqrt(max(count, 1))
    return max(1, min(1 << round(math.log2(wanted)), count // 39))


def sub_dimension(dimension: int) -> int:
    """Dimensions that share a 4-bit code: 4, or fewer where they would not come out even."""
    return next(length for length in (4, 3, 2, 1) if dimension % length == 0)


_WHAT = {
    "flat": "every row is compared, which is exact",
    "hnsw": "a graph of near rows with {bits}-bit codes",
    "ivf_sq8": "{lists:,} lists of near rows with 8-bit codes",
    "ivf_pq": "{lists:,} lists of near rows with short codes, the best compared again by 8-bit codes{mapped}",
}


def _with_reason(plan: IndexPlan, too_big: list[IndexPlan], max_memory_mb: float) -> IndexPlan:
    mapped = " that stay in the file" if plan.mapped else ""
    what = _WHAT[plan.kind].format(bits=plan.bits, lists=plan.lists, mapped=mapped)
    reason = (
        f"{plan.kind}: {what}; {plan.count:,} rows need {plan.memory_mb:,.0f} MB of {max_memory_mb:,.0f} MB allowed"
    )
    if plan.memory_mb > max_memory_mb:
        reason += ", more than allowed, and no kind needs less"
    elif too_big:
        named = ", ".join(f"{other.kind} with {other.bits} bits {other.memory_mb:,.0f} MB" for other in too_big)
        reason += f" ({named} would have been preferred)"
    return replace(plan, reason=reason)
