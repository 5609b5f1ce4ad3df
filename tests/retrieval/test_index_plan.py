import dataclasses

import numpy as np
import pytest

from retrieval.index import VectorIndex
from retrieval.index_plan import EXACT_ROWS, GRAPH_ROWS, IndexKind, list_count, plan_index, plan_of, sub_dimension


@pytest.mark.parametrize(
    ("count", "memory_mb", "kind", "bits", "mapped"),
    [
        (0, 1, "flat", 32, False),
        (999, 0.001, "flat", 32, False),
        (EXACT_ROWS - 1, 100, "flat", 32, False),
        (EXACT_ROWS - 1, 60, "hnsw", 16, False),  # 77 MB would be needed to compare all
        (EXACT_ROWS, 1_000, "hnsw", 16, False),
        (1_000_000, 1_200, "hnsw", 16, False),
        (1_000_000, 1_000, "hnsw", 8, False),  # 16 bits would need 1,040 MB
        (1_000_000, 500, "ivf_pq", 8, False),
        (1_000_000, 420, "ivf_sq8", 8, False),
        (1_000_000, 100, "ivf_pq", 8, True),
        (GRAPH_ROWS + 1, 10_000, "ivf_pq", 8, False),
        (10_000_000, 5_000, "ivf_pq", 8, False),
        (10_000_000, 1_000, "ivf_pq", 8, True),
        (10_000_000, 1, "ivf_pq", 8, True),
    ],
)
def test_the_kind_follows_from_rows_and_memory(
    count: int, memory_mb: float, kind: str, bits: int, mapped: bool
) -> None:
    plan = plan_index(count, 384, max_memory_mb=memory_mb, recall_at_10=0.97)
    assert (plan.kind, plan.bits, plan.mapped) == (kind, bits, mapped)
    assert (plan.count, plan.dimension, plan.recall_at_10) == (count, 384, 0.97)
    assert plan.memory_mb <= max(memory_mb, 2) or memory_mb == 1


def test_the_reason_is_one_sentence_with_the_memory_and_what_did_not_fit() -> None:
    assert plan_index(1_000, 384, max_memory_mb=100).reason == (
        "flat: every row is compared, which is exact; 1,000 rows need 2 MB of 100 MB allowed"
    )
    assert plan_index(1_000_000, 384, max_memory_mb=700).reason == (
        "hnsw: a graph of near rows with 8-bit codes; 1,000,000 rows need 656 MB of 700 MB allowed "
        "(hnsw with 16 bits 1,040 MB would have been preferred)"
    )
    assert plan_index(10_000_000, 384, max_memory_mb=100).reason.startswith(
        "ivf_pq: 16,384 lists of near rows with short codes, the best compared again by 8-bit codes that stay in the "
        "file; 10,000,000 rows need "
    )
    assert plan_index(10_000_000, 384, max_memory_mb=100).reason.endswith(
        "MB of 100 MB allowed, more than allowed, and no kind needs less"
    )


@pytest.mark.parametrize(
    ("count", "dimension", "memory", "recall"),
    [
        (-1, 8, 1.0, 0.9),
        (1, 0, 1.0, 0.9),
        (1, 8, 0.0, 0.9),
        (1, 8, float("nan"), 0.9),
        (1, 8, 1.0, 0.0),
        (1, 8, 1.0, 1.1),
    ],
)
def test_numbers_that_mean_nothing_are_refused(count: int, dimension: int, memory: float, recall: float) -> None:
    with pytest.raises(ValueError, match="not"):
        plan_index(count, dimension, max_memory_mb=memory, recall_at_10=recall)


@pytest.mark.parametrize(
    ("count", "lists"),
    [(0, 1), (38, 1), (39, 1), (400, 10), (100_000, 1_024), (1_000_000, 4_096), (10_000_000, 16_384)],
)
def test_lists_grow_with_the_square_root_of_the_rows(count: int, lists: int) -> None:
    assert list_count(count) == lists


@pytest.mark.parametrize(("dimension", "length"), [(384, 4), (6, 3), (10, 2), (7, 1), (1, 1)])
def test_dimensions_share_a_code_where_they_come_out_even(dimension: int, length: int) -> None:
    assert sub_dimension(dimension) == length


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivf_sq8", "ivf_pq"])
def test_the_bytes_of_a_row_are_those_of_the_file(kind: IndexKind, tmp_path) -> None:
    rows = np.random.default_rng(0).normal(size=(12_000, 32)).astype(np.float32)
    count, dimension = rows.shape
    plan = plan_of(kind, count, dimension, mapped=True)
    VectorIndex.build(rows, plan, thread_count=1).save(tmp_path / "index.faiss")
    written = (tmp_path / "index.faiss").stat().st_size / len(rows)
    row_map = 8 if kind == "ivf_sq8" else 0  # made when a row is asked for
    assert plan.bytes_per_row + plan.mapped_bytes_per_row - row_map == pytest.approx(written, rel=0.05)
    assert dataclasses.replace(plan, count=10).memory_mb == pytest.approx(10 * plan.bytes_per_row / 1e6)
