"""How the vector index bears growth: recall, speed, memory and build time at 10,000, 100,000 and a million sentences.

    python benchmarks/index_scale.py [--quick] [--cache FOLDER] [--sizes N ...] [--kinds KIND ...] [--threads N]

Sentences are the real ones of the data sets, and copies with slips where those do not suffice, embedded by the default
encoder once and kept in the cache. Each index is built here, saved, and loaded into a fresh process that measures it on
2,000 real sentences which are not in it; another 1,000 tuned it. A found row counts when it is as near as the tenth
nearest. hnswlib (whole vectors) and usearch (16 bits) are built with the same links and tuned the same way. Ten million
are extrapolated from the last two sizes along a power law, their memory from the planned bytes a row.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hnswlib
import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress
from usearch.index import Index

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.index_engines import Job, measured_apart
from benchmarks.measuring import SHARED_DATA, Must, finish, progress
from benchmarks.sentences import embedded, pool
from nlu.encoder import FloatArray
from retrieval.index import LEAST_EF, MOST_EF, VectorIndex
from retrieval.index_plan import BUILD_EFFORT, LINKS, IndexKind, IndexPlan, plan_index, plan_of
from retrieval.index_tuning import exact_cosines, least_effort, recall_by_query

SIZES, QUICK_SIZES, TEN_MILLION = (10_000, 100_000, 1_000_000), (10_000, 100_000), 10_000_000
OWN: dict[str, tuple[IndexKind, int]] = {
    "flat": ("flat", 32),
    "hnsw": ("hnsw", 8),
    "hnsw16": ("hnsw", 16),
    "ivf_sq8": ("ivf_sq8", 8),
    "ivf_pq": ("ivf_pq", 8),
}
KINDS = (*OWN, "hnswlib", "usearch")
TUNED_ON, TESTED_ON = 1_000, 2_000
FLAT_TESTED_ON = 200  # of a million rows compared one by one, which needs no statistics
RECALL, MEMORY_MB, TEN = 0.98, 1_000.0, 10
LESS_RECALL, OVERHEAD, OVERHEAD_FROM = 0.95, 1.10, 100_000
REBUILD_P99 = 2.0
SEED, DIMENSION = 0, 384


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What all indexes of one size share.

    Attributes:
        rows: Shape (n, d), mapped from the cache.
        exact: Cosines (q, 10) of the rows nearest to the tested queries.
    """

    rows: FloatArray
    tuned_on: FloatArray
    tested_on: FloatArray
    exact: FloatArray
    folder: Path
    threads: int


def main() -> int:
    """Runs the benchmark; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED_DATA)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "kefu-index-cache")
    parser.add_argument("--quick", action="store_true", help="10,000 and 100,000 sentences, under ten minutes")
    parser.add_argument("--sizes", type=int, nargs="+", default=None)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="for building; a search has one")
    options = parser.parse_args()
    sizes = options.sizes or (QUICK_SIZES if options.quick else SIZES)
    options.cache.mkdir(parents=True, exist_ok=True)
    with progress() as bar:
        rows, queries = sentences(options.data, options.cache, max(sizes), bar, options.threads)
        measured: dict[int, dict[str, dict[str, Any]]] = {}
        with tempfile.TemporaryDirectory(dir=options.cache) as folder:
            for size in sizes:
                world = world_of(rows[:size], queries, Path(folder), options.threads, bar)
                kinds = [kind for kind in options.kinds if size > min(SIZES) or kind in ("flat", "hnsw")]
                largest = size == max(sizes)
                measured[size] = {kind: measure(kind, world, bar, rebuild=largest) for kind in kinds}
    return report(measured, whole=not options.quick and options.sizes is None)


def sentences(data: Path, cache: Path, count: int, bar: Progress, threads: int) -> tuple[FloatArray, FloatArray]:
    """Embeddings of the sentences and of the queries; a larger cache serves a smaller run."""
    largest = max([count, *(int(path.stem.partition("-")[2]) for path in cache.glob("rows-*.done"))])
    texts, asked = pool(data, largest, TUNED_ON + TESTED_ON, SEED)
    queries = embedded(asked, cache / f"queries-{len(asked)}.npy", bar, threads=threads)
    return embedded(texts, cache / f"rows-{largest}.npy", bar, threads=threads), np.array(queries)


def world_of(rows: FloatArray, queries: FloatArray, folder: Path, threads: int, bar: Progress) -> World:
    """Finds the true neighbours."""
    task = bar.add_task(f"{len(rows):,}: exact neighbours", total=1)
    tested_on = queries[TUNED_ON:]
    world = World(
        rows=rows,
        tuned_on=queries[:TUNED_ON],
        tested_on=tested_on,
        exact=exact_cosines(tested_on, rows),
        folder=folder,
        threads=threads,
    )
    bar.advance(task)
    return world


def measure(kind: str, world: World, bar: Progress, *, rebuild: bool) -> dict[str, Any]:
    """Builds, tunes and saves one index, and measures it in a process of its own."""
    task = bar.add_task(f"{len(world.rows):,}: {kind}", total=len(world.rows))

    def advance(done: int, _: int) -> None:
        bar.update(task, completed=done)

    path = world.folder / "index"
    tested = len(world.tested_on) if kind != "flat" or len(world.rows) <= SIZES[1] else FLAT_TESTED_ON
    np.save(world.folder / "queries.npy", world.tested_on[:tested])
    builder: Callable[..., dict[str, Any]] = build_own if kind in OWN else BUILDERS[kind]
    figures = builder(kind, world, path, advance)
    job = Job(
        engine="kefu" if kind in OWN else kind,
        index=str(path),
        queries=str(world.folder / "queries.npy"),
        rows_out=str(world.folder / "rows.npy"),
        answer_out=str(world.folder / "answer.json"),
        dimension=world.rows.shape[1],
        effort=figures.get("effort", 0),
        beside=rebuild_command(world) if rebuild and kind == "hnsw" else (),
    )
    figures |= measured_apart(job, world.folder / "job.json")
    found = np.load(world.folder / "rows.npy")
    recall = recall_by_query(found, world.tested_on[:tested], world.rows, world.exact[:tested])
    figures |= {"recall_at_10": float(recall.mean()), "bytes_per_row": path.stat().st_size / len(world.rows)}
    path.unlink()
    bar.update(task, completed=len(world.rows))
    return figures


def build_own(kind: str, world: World, path: Path, advance: Callable[[int, int], None]) -> dict[str, Any]:
    """Kefu's index."""
    count, dimension = world.rows.shape
    plan = own_plan(kind, count, dimension)
    started = time.perf_counter()
    index = VectorIndex.build(world.rows, plan, seed=SEED, thread_count=world.threads, progress=advance)
    built_s = time.perf_counter() - started
    tuned = index.tune(world.tuned_on, world.rows, RECALL)
    tuned_s = time.perf_counter() - started - built_s
    index.save(path)
    chosen = plan_index(*world.rows.shape, max_memory_mb=MEMORY_MB, recall_at_10=RECALL)
    return {
        "build_s": built_s,
        "tune_s": tuned_s,
        "tuned": str(tuned),
        "effort": index.effort,
        "planned_bytes_per_row": plan.bytes_per_row,
        "chosen": (chosen.kind, chosen.bits, chosen.mapped) == (plan.kind, plan.bits, plan.mapped),
        "reason": chosen.reason,
    }


def own_plan(kind: str, count: int, dimension: int, *, mapped: bool = False) -> IndexPlan:
    """The plan for one of Kefu's kinds."""
    named, bits = OWN[kind]
    return plan_of(named, count, dimension, RECALL, bits=bits, mapped=mapped)


def build_hnswlib(_: str, world: World, path: Path, advance: Callable[[int, int], None]) -> dict[str, Any]:
    """The graph of hnswlib, with Kefu's links and build effort."""
    started = time.perf_counter()
    index = hnswlib.Index("ip", world.rows.shape[1])
    index.init_index(len(world.rows), ef_construction=BUILD_EFFORT, M=LINKS, random_seed=SEED)
    for part in chunks(world.rows):
        index.add_items(world.rows[part], num_threads=world.threads)
        advance(part.stop, 0)
    built_s = time.perf_counter() - started

    def search(effort: int) -> NDArray[np.int64]:
        index.set_ef(effort)
        found: NDArray[np.int64] = index.knn_query(world.tuned_on, TEN, num_threads=world.threads)[0].astype(np.int64)
        return found

    index_effort, tuned_s = tuned_as_kefu(search, world)
    index.save_index(str(path))
    return {"build_s": built_s, "tune_s": tuned_s, "effort": index_effort}


def build_usearch(_: str, world: World, path: Path, advance: Callable[[int, int], None]) -> dict[str, Any]:
    """The graph of usearch, with Kefu's links and build effort."""
    started = time.perf_counter()
    index: Any = Index(
        ndim=world.rows.shape[1], metric="ip", dtype="f16", connectivity=LINKS, expansion_add=BUILD_EFFORT
    )
    for part in chunks(world.rows):
        index.add(np.arange(part.start, part.stop), np.array(world.rows[part]), threads=world.threads)
        advance(part.stop, 0)
    built_s = time.perf_counter() - started

    def search(effort: int) -> NDArray[np.int64]:
        index.expansion_search = effort
        return np.asarray(index.search(world.tuned_on, TEN, threads=world.threads).keys, np.int64)

    effort, tuned_s = tuned_as_kefu(search, world)
    index.save(str(path))
    return {"build_s": built_s, "tune_s": tuned_s, "effort": effort}


BUILDERS = {"hnswlib": build_hnswlib, "usearch": build_usearch}


def tuned_as_kefu(search: Callable[[int], NDArray[np.int64]], world: World) -> tuple[int, float]:
    """The least effort that reaches the recall, and the seconds it took to find."""
    started = time.perf_counter()
    exact = exact_cosines(world.tuned_on, world.rows)
    effort, _ = least_effort(
        lambda effort: recall_by_query(search(effort), world.tuned_on, world.rows, exact), LEAST_EF, MOST_EF, RECALL
    )
    return effort, time.perf_counter() - started


def chunks(rows: FloatArray, size: int = 16_384) -> list[slice]:
    """Parts of the rows, so that the bar moves."""
    return [slice(start, min(start + size, len(rows))) for start in range(0, len(rows), size)]


REBUILD = """
import sys
import numpy as np
from retrieval.index import VectorIndex
from retrieval.index_plan import plan_of

rows = np.load(sys.argv[1], mmap_mode="r")[: int(sys.argv[2])]
VectorIndex.build(rows, plan_of("hnsw", *rows.shape), thread_count=1)
"""
REBUILT_ROWS = 500_000  # minutes of rebuilding, of which one is measured


def rebuild_command(world: World) -> tuple[str, ...]:
    """Builds an index in one thread."""
    assert isinstance(world.rows, np.memmap)
    return (sys.executable, "-c", REBUILD, str(world.rows.filename), str(min(REBUILT_ROWS, len(world.rows))))


def report(measured: dict[int, dict[str, dict[str, Any]]], *, whole: bool) -> int:
    """Writes everything down."""
    musts = [must for size, kinds in measured.items() for must in musts_of(size, kinds)]
    figures: dict[str, Any] = {
        "sizes": {str(size): kinds for size, kinds in measured.items()},
        "ten_million": extrapolated(measured),
        "load_average": os.getloadavg(),
    }
    return finish(
        "index_scale" if whole else "index_scale-quick", table(measured, figures["ten_million"]), figures, musts
    )


def musts_of(size: int, kinds: dict[str, dict[str, Any]]) -> list[Must]:
    """What must be reached at one size."""
    musts = []
    for kind in (kind for kind in OWN if kind in kinds):
        found = kinds[kind]
        musts.append(Must(name=f"{size:,} {kind} recall@10", value=found["recall_at_10"], limit=RECALL))
        if size >= OVERHEAD_FROM:
            name = f"{size:,} {kind} time beside bare FAISS"
            musts.append(Must(name=name, value=found["overhead"], limit=OVERHEAD, at_most=True))
        if size >= max(SIZES) and found["chosen"]:
            name = f"{size:,} in at most {MEMORY_MB:,.0f} MB ({kind})"
            musts.append(Must(name=f"{name}: MB", value=found["resident_mb"], limit=MEMORY_MB, at_most=True))
            musts.append(Must(name=f"{name}: recall", value=found["recall_at_10"], limit=LESS_RECALL))
        if "beside_p99_ms" in found:
            name = f"{size:,} {kind} p99 during a rebuild, times the quiet one"
            musts.append(
                Must(name=name, value=found["beside_p99_ms"] / found["p99_ms"], limit=REBUILD_P99, at_most=True)
            )
    return musts


def extrapolated(measured: dict[int, dict[str, dict[str, Any]]]) -> dict[str, dict[str, float]]:
    """Ten million, from the last two sizes: search and build grow by a power of the rows, memory as planned."""
    if len(measured) < 2:
        return {}
    (small, before), (large, after) = sorted(measured.items())[-2:]
    found = {}
    for kind in (kind for kind in OWN if kind in before and kind in after):
        plan = own_plan(kind, TEN_MILLION, DIMENSION, mapped=True)
        figures = {"memory_mb": plan.memory_mb, "mapped_mb": TEN_MILLION * plan.mapped_bytes_per_row / 1e6}
        for name in ("p50_ms", "build_s"):
            power = np.log(after[kind][name] / before[kind][name]) / np.log(large / small)
            figures[name] = float(after[kind][name] * (TEN_MILLION / large) ** power)
        found[kind] = figures
    return found


def table(
    measured: dict[int, dict[str, dict[str, Any]]], ten_million: dict[str, dict[str, float]]
) -> Sequence[tuple[str, ...]]:
    """The rows that are printed."""
    rows = [("", "recall@10", "p50 ms", "p99 ms", "1/s", "bytes/row", "resident MB", "build s", "effort", "to bare")]
    for size, kinds in measured.items():
        for kind, found in kinds.items():
            rows.append(
                (
                    f"{size:,} {kind}{' *' if found.get('chosen') else ''}",
                    f"{found['recall_at_10']:.4f}",
                    f"{found['p50_ms']:.3f}",
                    f"{found['p99_ms']:.3f}",
                    f"{found['per_second']:,.0f}",
                    f"{found['bytes_per_row']:,.0f}",
                    f"{found['resident_mb']:,.0f}",
                    f"{found['build_s']:,.1f}",
                    str(found.get("effort") or ""),
                    f"{found['overhead']:.3f}" if "overhead" in found else "",
                )
            )
    for kind, figures in ten_million.items():
        mb, build = f"{figures['memory_mb']:,.0f}", f"{figures['build_s']:,.0f}"
        rows.append((f"10,000,000 {kind}, worked out", "", f"{figures['p50_ms']:.2f}", "", "", "", mb, build, "", ""))
    return rows


if __name__ == "__main__":
    sys.exit(main())
