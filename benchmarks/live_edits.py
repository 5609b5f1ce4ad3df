"""Edits made while customers are served: how soon a search finds one, and how many a second are taken.

    python benchmarks/live_edits.py [--quick] [--cache FOLDER]

What serves is measured, over a million sentences: the knowledge store on disk, and the retriever that follows it. The
embeddings of the edited questions are given, as they are of the base; a forward pass, some milliseconds a text, comes
on top.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.index_scale import SEED, TUNED_ON, sentences
from benchmarks.measuring import SHARED_DATA, Must, finish, progress
from nlu.encoder import FloatArray
from retrieval.facets import Facets
from retrieval.index import VectorIndex
from retrieval.index_plan import plan_of
from retrieval.knowledge_store import KnowledgeStore, Put
from retrieval.lexical import LexicalIndex
from retrieval.live_knowledge import LiveKnowledge
from retrieval.pair import Pair
from retrieval.ranking import Ranking
from retrieval.retriever import Query, Retriever
from retrieval.row_texts import RowTexts

VISIBLE_EDITS, SUSTAINED_EDITS, SEARCH_EVERY = 200, 5_000, 50
VISIBLE_MS, EDITS_PER_SECOND = 50.0, 1_000.0
SIZE, QUICK_SIZE = 1_000_000, 100_000


def main() -> int:
    """Indexes the sentences and edits them; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED_DATA)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "kefu-index-cache")
    parser.add_argument("--quick", action="store_true", help=f"over {QUICK_SIZE:,} sentences")
    options = parser.parse_args()
    size, threads = QUICK_SIZE if options.quick else SIZE, os.cpu_count() or 1
    options.cache.mkdir(parents=True, exist_ok=True)
    with progress() as bar, tempfile.TemporaryDirectory() as folder:
        rows, queries = sentences(options.data, options.cache, size, bar, threads)
        task = bar.add_task("building the index", total=1)
        plan = plan_of("ivf_pq", size, rows.shape[1])
        base = VectorIndex.build(rows[:size], plan, thread_count=threads)
        tuned = base.tune(queries[:TUNED_ON], rows[:size], plan.recall_at_10)
        bar.advance(task)
        task = bar.add_task("editing", total=1)
        figures = measured_edits(LiveLayer(base, Path(folder)), size, rows.shape[1], SEED)
        bar.advance(task)
    table = [("figure", "value"), *((name, f"{value:,.2f}") for name, value in figures.items())]
    musts = [
        Must(name="an edit is found, p99 ms", value=figures["visible_p99_ms"], limit=VISIBLE_MS, at_most=True),
        Must(name="edits a second", value=figures["edits_per_second"], limit=EDITS_PER_SECOND),
    ]
    name = "live_edits-quick" if options.quick else "live_edits"
    return finish(name, table, {"rows": size, "index": str(tuned), **figures}, musts)


class LiveLayer:
    """An immutable base of one-row pairs and what was edited since, searched as one.

    Args:
        base: Row i is pair i.
        folder: Where the knowledge store is made.
    """

    def __init__(self, base: VectorIndex, folder: Path) -> None:
        self._given: dict[str, FloatArray] = {}
        self._store = KnowledgeStore(folder / "knowledge.db")
        count = len(base)
        self._retriever = Retriever(
            _NumberedPairs(count),
            base,
            np.arange(count + 1, dtype=np.int64),
            np.zeros((count, 3), np.int32),  # the one row is wording, passage and part
            LexicalIndex.build("" for _ in range(count)),
            Facets.of(()),
            Ranking(),
        )
        self._live = LiveKnowledge(self._retriever, folder / "knowledge.db", seq=0, embed=self._embed)

    def edit_all(self, edits: Sequence[tuple[int, FloatArray]]) -> None:
        """Gives each pair the question with this embedding (d,), on disk in one commit."""
        puts = []
        for number, embedding in edits:
            pair = _pair(number)
            self._given.update(dict.fromkeys(RowTexts.of(pair).all, embedding))
            puts.append(Put(pair.with_values(source=f"edit {len(self._given)}"), "benchmark"))
        self._store.change_each(puts)

    def search(self, embedding: FloatArray, k: int) -> list[int]:
        """Numbers of the pairs nearest to `embedding` (d,), best first, every edit included."""
        self._live.catch_up(budget_s=None)
        (hits,) = self._retriever.search([Query(text="", embedding=embedding)], k)
        return [int(hit.pair.id) for hit in hits]

    def _embed(self, texts: Sequence[str]) -> FloatArray:
        return np.stack([self._given[text] for text in texts])


class _NumberedPairs:
    """A million pairs that take no memory."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> Pair:
        return _pair(number)

    def __iter__(self) -> Iterator[Pair]:
        return map(_pair, range(self._count))

    def number_of(self, pair_id: str) -> int | None:
        """Ids are numbers."""
        return int(pair_id)


def _pair(number: int) -> Pair:
    return Pair(id=str(number), question=f"question {number}", answer=f"answer {number}")


def measured_edits(layer: LiveLayer, count: int, dimension: int, seed: int) -> dict[str, Any]:
    """Edits pairs of a base of `count` rows to random questions, which no other pair is near to."""
    rng = np.random.default_rng(seed)
    numbers = rng.choice(count, VISIBLE_EDITS + SUSTAINED_EDITS, replace=count < VISIBLE_EDITS + SUSTAINED_EDITS)
    rows = rng.normal(size=(len(numbers), dimension))
    embeddings = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    visible_ms = []
    for number, embedding in zip(numbers[:VISIBLE_EDITS].tolist(), embeddings, strict=False):
        started = time.perf_counter()
        layer.edit_all([(number, embedding)])
        found = layer.search(embedding, 1)
        visible_ms.append(1e3 * (time.perf_counter() - started))
        if found != [number]:
            raise RuntimeError(f"The edit of pair {number} is not found by the next search, but {found}")
    started = time.perf_counter()
    for at in range(VISIBLE_EDITS, len(numbers), SEARCH_EVERY):  # as many as gather while a commit is in work
        together = range(at, min(at + SEARCH_EVERY, len(numbers)))
        layer.edit_all([(int(numbers[each]), embeddings[each]) for each in together])
        layer.search(embeddings[at], 10)
    per_second = SUSTAINED_EDITS / (time.perf_counter() - started)
    p50, p99 = np.percentile(visible_ms, [50, 99])
    return {"visible_p50_ms": float(p50), "visible_p99_ms": float(p99), "edits_per_second": per_second}


if __name__ == "__main__":
    sys.exit(main())
