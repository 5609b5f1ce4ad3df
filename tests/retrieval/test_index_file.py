import os
import subprocess
import sys
from pathlib import Path

import faiss
import numpy as np
import pytest

from nlu.encoder import FloatArray
from retrieval.index import VectorIndex
from retrieval.index_file import check_index_file
from retrieval.index_plan import IndexKind, IndexPlan, plan_of

PLENTY = 10**9
PLANS: dict[str, tuple[IndexKind, int, int]] = {
    "flat": ("flat", 32, 40),
    "hnsw": ("hnsw", 8, 40),
    "hnsw16": ("hnsw", 16, 40),
    "ivf_sq8": ("ivf_sq8", 8, 100),
    "ivf_pq": ("ivf_pq", 8, 100),
}


def rows_of(count: int, dimension: int = 8) -> FloatArray:
    rows = np.random.default_rng(0).normal(size=(count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def plan_named(name: str) -> IndexPlan:
    kind, bits, count = PLANS[name]
    return plan_of(kind, count, 8, bits=bits)


@pytest.fixture(params=PLANS)
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An index file of every kind."""
    path = tmp_path / "index.faiss"
    plan = plan_named(request.param)
    VectorIndex.build(rows_of(plan.count), plan, thread_count=1).save(path)
    return path


@pytest.mark.parametrize("name", PLANS)
def test_a_file_says_what_it_holds(name: str, tmp_path: Path) -> None:
    plan, path = plan_named(name), tmp_path / "index.faiss"
    VectorIndex.build(rows_of(plan.count), plan, thread_count=1).save(path)
    shape = check_index_file(path, max_bytes=PLENTY)
    assert (shape.kind, shape.count, shape.dimension, shape.bits) == (plan.kind, plan.count, 8, plan.bits)
    assert shape.bytes == path.stat().st_size


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "it ends after 0 bytes, too early"),
        (b"I", "it ends after 1 bytes, too early"),
        (b"IxFI", "it ends after 4 bytes, too early"),
        (b"IxFI" + b"\xff" * 60, "its dimension is -1"),
        (bytes(5_000), r"it begins with b'\\x00\\x00\\x00\\x00', and Kefu writes IxFI, IHNs, IwSq, IxRF"),
        (b"not an index at all, but text of some length" * 10, r"it begins with b'not ', and Kefu writes"),
    ],
)
def test_garbage_is_refused(raw: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "index.faiss"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=rf"^index\.faiss is not an index that Kefu wrote: {reason}"):
        VectorIndex.load(path, max_bytes=PLENTY)


@pytest.mark.parametrize(
    ("factory", "metric", "reason"),
    [
        ("Flat", faiss.METRIC_L2, "it holds an IndexFlatL2"),
        ("Flat", faiss.METRIC_L1, "it begins with b'IxFl'"),
        ("HNSW4,Flat", faiss.METRIC_INNER_PRODUCT, "it holds an IndexHNSWFlat"),
        ("HNSW4_SQ8", faiss.METRIC_L2, "it is not for inner products"),
        ("HNSW4_SQ4", faiss.METRIC_INNER_PRODUCT, "its codes are of type 1, not of 8 or 16 bits"),
        ("IDMap,Flat", faiss.METRIC_INNER_PRODUCT, "it holds an IndexIDMap"),
        ("IVF2,Flat", faiss.METRIC_INNER_PRODUCT, "it holds an IndexIVFFlat"),
        ("IVF2_HNSW4,SQ8", faiss.METRIC_INNER_PRODUCT, "b'IHNf' stands at byte .*, where Kefu writes b'IxFI'"),
        ("IVF2,PQ2x4fs", faiss.METRIC_INNER_PRODUCT, "it holds an IndexIVFPQFastScan"),
        (
            "IVF2,PQ2x4fs,Refine(Flat)",
            faiss.METRIC_INNER_PRODUCT,
            "b'IxFI' stands at byte .*, where Kefu writes b'IxSQ'",
        ),
        ("IVF2,PQ2x4,Refine(SQ8)", faiss.METRIC_INNER_PRODUCT, "b'IwPQ' stands at byte .*, where Kefu writes b'IwPf'"),
        (
            "IVF2,PQ2x4fs,Refine(SQfp16)",
            faiss.METRIC_INNER_PRODUCT,
            "its parts do not fit together: 16 stands before byte .*, not 8",
        ),
        ("OPQ2,IVF2,PQ2x4fs", faiss.METRIC_INNER_PRODUCT, "it holds an IndexPreTransform"),
        ("SQ8", faiss.METRIC_INNER_PRODUCT, "it holds an IndexScalarQuantizer"),
        ("LSH", faiss.METRIC_L2, "it begins with b'IxHe'"),
    ],
)
def test_another_kind_of_index_is_refused_before_faiss_reads_it(
    factory: str, metric: int, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "index.faiss"
    index = faiss.index_factory(8, factory, metric)
    index.train(rows_of(2_000))
    if not factory.startswith("IDMap"):
        index.add(rows_of(100))
    faiss.write_index(index, str(path))
    monkeypatch.setattr(faiss, "read_index", lambda *_: pytest.fail("FAISS read it"))
    with pytest.raises(ValueError, match=rf"^index\.faiss is not an index that Kefu wrote: {reason}"):
        VectorIndex.load(path, max_bytes=PLENTY)


def test_an_untrained_index_and_a_binary_one_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "index.faiss"
    faiss.write_index(faiss.index_factory(8, "IVF2,SQ8", faiss.METRIC_INNER_PRODUCT), str(path))
    with pytest.raises(ValueError, match="it is not trained"):
        VectorIndex.load(path, max_bytes=PLENTY)
    faiss.write_index_binary(faiss.IndexBinaryFlat(16), str(path))
    with pytest.raises(ValueError, match="it holds an IndexBinaryFlat"):
        VectorIndex.load(path, max_bytes=PLENTY)


def test_an_index_cut_short_anywhere_is_refused(saved: Path) -> None:
    raw = saved.read_bytes()
    for length in {*range(0, len(raw), 97), *range(600), *range(len(raw) - 60, len(raw))}:
        saved.write_bytes(raw[: min(length, len(raw) - 1)])
        with pytest.raises(ValueError, match=r"^index\.faiss is not an index that Kefu wrote: it"):
            check_index_file(saved, max_bytes=PLENTY)


def test_what_follows_the_end_is_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes() + b"\0")
    with pytest.raises(ValueError, match="1 bytes follow the index's end"):
        VectorIndex.load(saved, max_bytes=PLENTY)


def test_a_file_over_the_limit_is_refused(saved: Path) -> None:
    size = saved.stat().st_size
    assert len(VectorIndex.load(saved, max_bytes=size)) >= 40
    with pytest.raises(ValueError, match=rf"it has {size:,} bytes, and {size - 1:,} are allowed"):
        VectorIndex.load(saved, max_bytes=size - 1)


def test_a_missing_file_a_folder_and_one_that_may_not_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^none\.faiss is not an index file: there is no file there$"):
        VectorIndex.load(tmp_path / "none.faiss", max_bytes=PLENTY)
    with pytest.raises(ValueError, match=r"^.+ is not an index file: there is a folder there$"):
        VectorIndex.load(tmp_path, max_bytes=PLENTY)
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for ever
    with pytest.raises(ValueError, match=r"^pipe is not an index file"):
        VectorIndex.load(tmp_path / "pipe", max_bytes=PLENTY)


FLIP_EVERYTHING = """
import sys
from pathlib import Path
import numpy as np
from retrieval.index import VectorIndex

path = Path(sys.argv[1])
raw, queries = path.read_bytes(), np.eye(8, dtype=np.float32)[:2]
whole = VectorIndex.load(path, max_bytes=10**9)
count, refused, read = len(whole), 0, 0
for at in (*range(min(900, len(raw))), *range(900, len(raw) - 400, 17), *range(max(900, len(raw) - 400), len(raw))):
    for bits in (1, 0xff):
        damaged = bytearray(raw)
        damaged[at] ^= bits
        path.write_bytes(damaged)
        try:
            index = VectorIndex.load(path, max_bytes=10**9, mmap=at % 2 == 1)
        except ValueError as error:
            assert "is not an index that Kefu wrote" in str(error), error
            refused += 1
            continue
        read += 1
        for found in index.search(queries, 5) + index.search(queries, 3, allowed=np.arange(len(index)) % 2 == 0):
            assert all(0 <= row < count and -1 <= cosine <= 1 for row, cosine in found), found
        index.vectors(range(len(index)))
print(refused, read)
"""


def test_no_flipped_byte_brings_the_process_down(saved: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FLIP_EVERYTHING, str(saved)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    refused, read = map(int, done.stdout.split())
    assert refused > 30
    assert read > 50  # codes and coordinates may be any
