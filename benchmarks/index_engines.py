"""One index file, loaded into a process of its own and searched one query at a time: what it holds and how fast it is.

    python benchmarks/index_engines.py JOB.json

`index_scale.py` runs it: the job names engine, file, queries and where the answer goes. Kefu's own index and a bare
call of the FAISS index inside are timed in turns, query by query, so that a busy moment meets both. Only the engine
that is measured is imported, so that its memory counts alone.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from nlu.encoder import FloatArray

Search: TypeAlias = Callable[[FloatArray], Any]
"""Finds the ten rows nearest to one query (1, d)."""

TEN = 10
WARM_UP = 50
BESIDE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to load and measure.

    Attributes:
        engine: `kefu`, `hnswlib` or `usearch`.
        effort: For the engines whose file does not hold it.
        beside: A command that runs while the queries are timed again, for a minute at most, or nothing.
    """

    engine: str
    index: str
    queries: str
    rows_out: str
    answer_out: str
    dimension: int
    effort: int = 0
    beside: tuple[str, ...] = ()


def run(job: Job) -> None:
    """Measures and writes the answer and, for each query, the rows found."""
    queries = np.load(job.queries)
    baseline_mb = resident_mb()
    started = time.perf_counter()
    search, bare, rows_of = OPENERS[job.engine](job)
    answer: dict[str, Any] = {"load_s": time.perf_counter() - started}
    for at in range(WARM_UP):
        search(queries[at : at + 1])
    np.save(job.rows_out, np.array([rows_of(search(queries[at : at + 1])) for at in range(len(queries))]))
    answer |= {"resident_mb": resident_mb(), "without_index_mb": baseline_mb}
    own_ms, bare_ms = timed(search, bare, queries)
    answer |= percentiles(own_ms)
    if bare:
        answer |= {"bare_p50_ms": float(np.median(bare_ms)), "overhead": float(np.median(own_ms) / np.median(bare_ms))}
    if job.beside:
        with subprocess.Popen(["nice", "-n", "19", *job.beside], env={**os.environ, "OMP_NUM_THREADS": "1"}) as other:
            both: list[float] = []
            ends = time.monotonic() + BESIDE_S
            while other.poll() is None and time.monotonic() < ends:
                both += timed(search, None, queries[:200])[0]
            other.terminate()
            answer |= {"beside_" + name: value for name, value in percentiles(both).items()}
    Path(job.answer_out).write_text(json.dumps(answer))


def timed(search: Search, bare: Search | None, queries: FloatArray) -> tuple[list[float], list[float]]:
    """Milliseconds of each query, for both in turns."""
    own_ms: list[float] = []
    bare_ms: list[float] = []
    for at in range(len(queries)):
        query = queries[at : at + 1]
        turns = [(search, own_ms)] + ([(bare, bare_ms)] if bare else [])
        for function, spent in turns if at % 2 else turns[::-1]:
            started = time.perf_counter()
            function(query)
            spent.append(1e3 * (time.perf_counter() - started))
    return own_ms, bare_ms


def percentiles(spent_ms: list[float]) -> dict[str, float]:
    """Of one search, and searches a second one after the other."""
    p50, p99 = np.percentile(spent_ms, [50, 99])
    return {"p50_ms": float(p50), "p99_ms": float(p99), "per_second": 1e3 * len(spent_ms) / float(sum(spent_ms))}


def resident_mb() -> float:
    """Resident memory of this process, in MB of 10^6 bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def open_kefu(job: Job) -> tuple[Search, Search | None, Callable[[Any], list[int]]]:
    """Kefu's index, and the FAISS index inside it."""
    kefu, bare = import_module("retrieval.index"), import_module("retrieval.index_faiss")
    index = kefu.VectorIndex.load(Path(job.index), max_bytes=10**11)
    bare.faiss.omp_set_num_threads(1)
    inner = index._index
    return (lambda query: index.search(query, TEN)[0]), (lambda query: inner.search(query, TEN)), _kefu_rows


def _kefu_rows(found: list[tuple[int, float]]) -> list[int]:
    return [row for row, _ in found]


def open_hnswlib(job: Job) -> tuple[Search, Search | None, Callable[[Any], list[int]]]:
    """The graph of hnswlib over whole vectors."""
    index = import_module("hnswlib").Index("ip", job.dimension)
    index.load_index(job.index)
    index.set_ef(job.effort)
    index.set_num_threads(1)
    return (lambda query: index.knn_query(query, TEN, num_threads=1)), None, lambda found: found[0][0].tolist()


def open_usearch(job: Job) -> tuple[Search, Search | None, Callable[[Any], list[int]]]:
    """The graph of usearch over 16-bit vectors."""
    index = import_module("usearch.index").Index(
        ndim=job.dimension, metric="ip", dtype="f16", expansion_search=job.effort
    )
    index.load(job.index)
    return (lambda query: index.search(query[0], TEN, threads=1)), None, lambda found: found.keys.tolist()


OPENERS = {"kefu": open_kefu, "hnswlib": open_hnswlib, "usearch": open_usearch}


def measured_apart(job: Job, job_path: Path) -> dict[str, Any]:
    """Runs the job in a fresh process and gives its answer."""
    job_path.write_text(json.dumps(asdict(job)))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, __file__, str(job_path)], check=True, env=environment)
    answer: dict[str, Any] = json.loads(Path(job.answer_out).read_text())
    return answer


if __name__ == "__main__":
    described = json.loads(Path(sys.argv[1]).read_text())
    run(Job(**{**described, "beside": tuple(described["beside"])}))
