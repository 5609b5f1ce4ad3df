"""Builds the FAISS index that a plan asks for, in pieces, so that rows may lie in a mapped file."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from nlu.encoder import FloatArray
from retrieval.index_faiss import faiss, faiss_threads
from retrieval.index_plan import BUILD_EFFORT, IndexPlan, sub_dimension

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the rows that are indexed, and with all of them."""

CLUSTER_ROUNDS = 10
CHUNK = 16_384
CODE_BOOK = 16
REFINED = 20  # rows compared again for each one wanted; more found nothing more among 100,000 sentences


def build_index(
    embeddings: FloatArray,
    plan: IndexPlan,
    *,
    seed: int = 0,
    thread_count: int | None = None,
    progress: Progress | None = None,
) -> Any:
    """A trained and filled FAISS index for inner products.

    Args:
        embeddings: Shape (n, d), rows of length 1; may be a mapped file.
        seed: For the sample that is trained on, and for the clusters.
        thread_count: None for all cores.

    Raises:
        ValueError: A row is not finite, of another length than planned, or there are fewer rows than lists.
    """
    count, dimension = embeddings.shape
    if dimension != plan.dimension:
        raise ValueError(f"Rows have {dimension} numbers, and the plan is for {plan.dimension}")
    if count < plan.lists:
        raise ValueError(f"{count} rows cannot fill {plan.lists} lists; plan for the number of rows that there are")
    if plan.kind == "ivf_pq" and count < CODE_BOOK:
        raise ValueError(f"{count} rows are too few to learn codes from, {CODE_BOOK} are needed; plan for flat")
    index = _empty(plan, seed)
    with faiss_threads(thread_count):
        if not index.is_trained:
            index.train(_sample(embeddings, plan.train_rows, seed))
        for start in range(0, count, CHUNK):
            rows = np.ascontiguousarray(embeddings[start : start + CHUNK], np.float32)
            finite = np.isfinite(rows).all(axis=1)
            if not finite.all():
                raise ValueError(f"Row {start + int(np.argmin(finite))} is not finite; embed its text again")
            index.add(rows)
            if progress:
                progress(start + len(rows), count)
    return index


def _empty(plan: IndexPlan, seed: int) -> Any:
    index = faiss.index_factory(plan.dimension, _factory_words(plan), faiss.METRIC_INNER_PRODUCT)
    if plan.kind == "hnsw":
        index.hnsw.efConstruction = BUILD_EFFORT
    if plan.lists:
        lists = faiss.downcast_index(index.base_index) if plan.kind == "ivf_pq" else index
        lists.cp.seed = seed
        lists.cp.niter = CLUSTER_ROUNDS
        lists.cp.min_points_per_centroid = 1  # `plan_index` sees to it; a smaller plan was asked for by name
        lists.cp.max_points_per_centroid = max(plan.train_rows // plan.lists, 1)
        if plan.kind == "ivf_pq":
            index.k_factor = REFINED
            lists.pq.cp.seed, lists.pq.cp.min_points_per_centroid = seed, 1
    return index


def _factory_words(plan: IndexPlan) -> str:
    """The plan in the words of FAISS's index factory."""
    if plan.kind == "flat":
        return "Flat"
    if plan.kind == "hnsw":
        return f"HNSW{plan.links}_{'SQ8' if plan.bits == 8 else 'SQfp16'}"
    if plan.kind == "ivf_sq8":
        return f"IVF{plan.lists},SQ8"
    parts = plan.dimension // sub_dimension(plan.dimension)
    return f"IVF{plan.lists},PQ{parts}x4fs,Refine(SQ8)"


def _sample(embeddings: FloatArray, count: int, seed: int) -> FloatArray:
    """At most `count` different rows by chance, in their order."""
    if len(embeddings) <= count:
        return np.ascontiguousarray(embeddings, np.float32)
    chosen = np.sort(np.random.default_rng(seed).choice(len(embeddings), count, replace=False))
    return np.ascontiguousarray(embeddings[chosen], np.float32)
