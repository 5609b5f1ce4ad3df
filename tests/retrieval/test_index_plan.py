import dataclasses

import numpy as np
import pytest

from retrieval.index import VectorIndex
from retrieval.index_plan import EXACT_ROWS, GRAPH_ROWS, IndexKind, list_count, plan_index, plan_of, sub_dimension


@pytest.mark.parametrize(
    ("count", "memory_mb", "recall", "kind", "bits"),
    [
        (0, 1, 0.98, "flat", 32),
        (999, 0.001, 0.98, "flat", 32),
        (EXACT_ROWS - 1, 100, 0.98, "flat", 32),
        (EXACT_ROWS - 1, 60, 0.98, "hnsw", 8),  # 77 MB would be needed to compare all
        (EXACT_ROWS, 1_000, 0.98, "hnsw", 8),
        (1_000_000, 1_000, 0.98, "hnsw", 8),
        (1_000_000, 1_200, 0.99, "hnsw", 16),
        (1_000_000, 900, 0.99, "hnsw", 8),  # 16 bits would need 1,044 MB
        (1_000_000, 500, 0.98, "ivf_sq8", 8),
        (GRAPH_ROWS + 1, 10_000, 0.98, "ivf_sq8", 8),
        (10_000_000, 5_000, 0.98, "ivf_sq8", 8),
        (10_000_000, 1_000, 0.98, "ivf_pq", 8),
        (10_000_000, 1, 0.98, "ivf_pq", 8),
    ],
)
def test_the_kind_follows_from_rows_memory_and_recall(
    count: int, memory_mb: float, recall: float, kind: str, bits: int
) -> None:
    plan = plan_index(count, 384, max_memory_mb=memory_mb, recall_at_10=recall)
    assert (plan.kind, plan.bits, plan.count, plan.dimension, plan.recall_at_10) == (kind, bits, count, 384, recall)


def test_the_reason_is_one_sentence_with_the_memory_and_what_did_not_fit() -> None:
    assert plan_index(1_000, 384, max_memory_mb=100).reason == (
        "flat: every row is compared, which is exact; 1,000 rows need 2 MB of 100 MB allowed"
    )
    assert plan_index(1_000_000, 384, max_memory_mb=500).reason == (
        "ivf_sq8: 4,096 lists of near rows with 8-bit codes; 1,000,000 rows need 406 MB of 500 MB allowed "
        "(hnsw with 8 bits 656 MB would have been preferred)"
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
    plan = plan_of(kind, *rows.shape)
    VectorIndex.build(rows, plan, thread_count=1).save(tmp_path / "index.faiss")
    written = (tmp_path / "index.faiss").stat().st_size / len(rows)
    row_map = 8 if kind == "ivf_sq8" else 0  # made when a row is asked for
    assert plan.bytes_per_row + plan.mapped_bytes_per_row - row_map == pytest.approx(written, rel=0.05)
    assert dataclasses.replace(plan, count=10).memory_mb == pytest.approx(10 * plan.bytes_per_row / 1e6)
