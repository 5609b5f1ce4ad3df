"""Edits made while customers are served: how soon a search finds one, and how many a second are taken.

The live layer is measured through `LiveLayer`. Whoever builds one says in `live_layer` how it is put over an index.
"""

import time
from typing import Any, Protocol

import numpy as np

from nlu.encoder import FloatArray
from retrieval.index import VectorIndex

VISIBLE_EDITS, SUSTAINED_EDITS, SEARCH_EVERY = 200, 5_000, 50


class LiveLayer(Protocol):
    """An immutable base and what was edited since, searched as one."""

    def edit(self, number: int, embedding: FloatArray) -> None:
        """Gives pair `number` the question with this embedding (d,), as durably as serving does."""

    def search(self, embedding: FloatArray, k: int) -> list[int]:
        """Numbers of the pairs nearest to `embedding` (d,), best first."""


def live_layer(base: VectorIndex, folder: str) -> LiveLayer | None:
    """The live layer over `base`, whose pair i is row i, with its store in `folder`; None until there is one."""
    del base, folder
    return None


def measured_edits(layer: LiveLayer, count: int, dimension: int, seed: int) -> dict[str, Any]:
    """Edits pairs of a base of `count` rows to random questions, which no other pair is near to."""
    rng = np.random.default_rng(seed)
    numbers = rng.choice(count, VISIBLE_EDITS + SUSTAINED_EDITS, replace=count < VISIBLE_EDITS + SUSTAINED_EDITS)
    rows = rng.normal(size=(len(numbers), dimension))
    embeddings = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    visible_ms = []
    for number, embedding in zip(numbers[:VISIBLE_EDITS].tolist(), embeddings, strict=False):
        started = time.perf_counter()
        layer.edit(number, embedding)
        found = layer.search(embedding, 1)
        visible_ms.append(1e3 * (time.perf_counter() - started))
        if found != [number]:
            raise RuntimeError(f"The edit of pair {number} is not found by the next search, but {found}")
    started = time.perf_counter()
    for at in range(VISIBLE_EDITS, len(numbers)):
        layer.edit(int(numbers[at]), embeddings[at])
        if at % SEARCH_EVERY == 0:
            layer.search(embeddings[at], 10)
    per_second = SUSTAINED_EDITS / (time.perf_counter() - started)
    p50, p99 = np.percentile(visible_ms, [50, 99])
    return {"visible_p50_ms": float(p50), "visible_p99_ms": float(p99), "edits_per_second": per_second}
