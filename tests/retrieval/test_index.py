from pathlib import Path

import faiss
import numpy as np
import pytest

from nlu.encoder import FloatArray
from retrieval import FlatIndex


def unit_rows(count: int, dimension: int, seed: int) -> FloatArray:
    rows = np.random.default_rng(seed).normal(size=(count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def exact(embeddings: FloatArray, queries: FloatArray, k: int) -> list[list[tuple[int, float]]]:
    """The slow way: every inner product in double precision, then the nearest, the first row of equals first."""
    found = []
    for query in queries.astype(np.float64):
        cosines = [float(row @ query) for row in embeddings.astype(np.float64)]
        order = sorted(range(len(cosines)), key=lambda row: (-cosines[row], row))
        found.append([(row, cosines[row]) for row in order[:k]])
    return found


@pytest.mark.parametrize(
    ("rows", "dimension", "queries", "k"),
    [
        (1, 4, 1, 1),
        (2, 1, 3, 2),
        (50, 32, 1, 5),
        (50, 32, 7, 1),
        (50, 32, 3, 50),
        (300, 384, 19, 10),
        (300, 384, 20, 10),  # from 20 queries on, faiss multiplies matrices
        (2_500, 16, 25, 3),  # in blocks of 1,024 rows
        (2_500, 16, 1, 120),  # from 100 on, faiss sorts instead of keeping a heap
    ],
)
def test_rows_and_cosines_are_those_of_the_slow_exact_search(rows: int, dimension: int, queries: int, k: int) -> None:
    embeddings, asked = unit_rows(rows, dimension, seed=1), unit_rows(queries, dimension, seed=2)
    found, expected = FlatIndex(embeddings).search(asked, k), exact(embeddings, asked, k)
    assert [[row for row, _ in ranked] for ranked in found] == [[row for row, _ in ranked] for ranked in expected]
    np.testing.assert_allclose(
        [cosine for ranked in found for _, cosine in ranked],
        [cosine for ranked in expected for _, cosine in ranked],
        rtol=0,
        atol=1e-6,
    )


@pytest.mark.parametrize("queries", [1, 30])
@pytest.mark.parametrize(("rows", "k"), [(10, 4), (200, 7), (200, 200), (3_000, 5), (3_000, 150)])
def test_rows_equally_near_come_in_their_own_order(rows: int, k: int, queries: int) -> None:
    corners = np.array(np.meshgrid(*[[-0.5, 0.5]] * 4), np.float32).reshape(4, -1).T  # exact in float32
    rng = np.random.default_rng(3)
    embeddings, asked = rng.choice(corners, rows), rng.choice(corners, queries)
    cosines = asked @ embeddings.T
    for query, (found, expected) in enumerate(
        zip(FlatIndex(embeddings).search(asked, k), exact(embeddings, asked, k), strict=True)
    ):
        assert [cosine for _, cosine in found] == [cosine for _, cosine in expected]
        assert all(cosines[query, row] == cosine for row, cosine in found)
        assert found == sorted(set(found), key=lambda hit: (-hit[1], hit[0]))
        assert found[0] == expected[0]


def test_a_cosine_is_the_value_on_paper() -> None:
    embeddings = np.array([[1, 0], [0, 1], [-1, 0], [0.6, 0.8]], np.float32)
    ((first, second, third, fourth),) = FlatIndex(embeddings).search(np.array([[1, 0]], np.float32), 4)
    assert [first, second, third, fourth] == [(0, 1.0), (3, pytest.approx(0.6)), (1, 0.0), (2, -1.0)]
    assert all(type(row) is int and type(cosine) is float for row, cosine in (first, second, third, fourth))


def test_a_cosine_never_passes_one_by_rounding() -> None:
    embeddings = unit_rows(500, 32, seed=0)
    found = FlatIndex(embeddings).search(embeddings, 1)
    assert [row for ((row, _),) in found] == list(range(500))
    assert max(cosine for ((_, cosine),) in found) == 1.0
    opposite = FlatIndex(embeddings).search(-embeddings, 500)
    assert [ranked[-1][0] for ranked in opposite] == list(range(500))
    assert min(ranked[-1][1] for ranked in opposite) == -1.0


@pytest.mark.parametrize("k", [3, 4, 1_000])
def test_no_more_is_found_than_there_is(k: int) -> None:
    embeddings = unit_rows(3, 8, seed=4)
    (found,) = FlatIndex(embeddings).search(embeddings[:1], k)
    assert sorted(row for row, _ in found) == [0, 1, 2]


def test_an_empty_index_finds_nothing_for_every_query() -> None:
    index = FlatIndex(np.zeros((0, 8), np.float32))
    assert (len(index), index.dimension) == (0, 8)
    assert index.search(unit_rows(2, 8, seed=5), 3) == [[], []]


def test_no_queries_find_nothing() -> None:
    assert FlatIndex(unit_rows(3, 8, seed=6)).search(np.zeros((0, 8), np.float32), 3) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("queries", [4, 40])
def test_a_query_that_is_not_finite_finds_nothing_and_spoils_no_other(value: float, queries: int) -> None:
    embeddings, asked = unit_rows(50, 8, seed=7), unit_rows(queries, 8, seed=8)
    spoilt = asked.copy()
    spoilt[1, 3], spoilt[2, :] = value, value
    index = FlatIndex(embeddings)
    found, clean = index.search(spoilt, 5), exact(embeddings, asked, 5)
    assert found[1:3] == [[], []]
    for at in (0, *range(3, queries)):
        assert [row for row, _ in found[at]] == [row for row, _ in clean[at]]


def test_rows_and_queries_may_come_in_any_order_and_precision() -> None:
    embeddings, asked = unit_rows(40, 8, seed=9), unit_rows(3, 8, seed=10)
    expected = FlatIndex(embeddings).search(asked, 5)
    other = FlatIndex(np.asfortranarray(embeddings.astype(np.float64)))
    assert other.search(np.asfortranarray(asked), 5) == expected


def test_a_later_change_of_the_array_does_not_reach_the_index() -> None:
    embeddings = unit_rows(5, 8, seed=11)
    index, kept = FlatIndex(embeddings), embeddings.copy()
    embeddings[:] = 0
    assert index.search(kept[2:3], 1)[0][0] == (2, pytest.approx(1.0))


@pytest.mark.parametrize("rows", [0, 1, 100])
def test_an_index_is_the_same_after_saving_and_loading(rows: int, tmp_path: Path) -> None:
    index, asked = FlatIndex(unit_rows(rows, 16, seed=12)), unit_rows(5, 16, seed=13)
    path = tmp_path / "索引 ü.faiss"
    index.save(path)
    loaded = FlatIndex.load(path)
    assert (len(loaded), loaded.dimension) == (rows, 16)
    assert loaded.search(asked, 7) == index.search(asked, 7)


@pytest.mark.parametrize(
    "raw", [b"", b"I", b"IxFI", b"IxFI" + b"\xff" * 60, b"not an index at all, but text of some length" * 10]
)
def test_garbage_is_refused(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "index.faiss"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=r"^index\.faiss is not a FAISS index$"):
        FlatIndex.load(path)


def test_an_index_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "index.faiss"
    FlatIndex(unit_rows(4, 4, seed=14)).save(path)
    raw = path.read_bytes()
    for length in range(len(raw)):
        path.write_bytes(raw[:length])
        with pytest.raises(ValueError, match="is not a FAISS index"):
            FlatIndex.load(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^none\.faiss is not a FAISS index$"):
        FlatIndex.load(tmp_path / "none.faiss")


@pytest.mark.parametrize(
    ("factory", "metric", "kind"),
    [
        ("Flat", faiss.METRIC_L2, "IndexFlatL2"),
        ("HNSW4,Flat", faiss.METRIC_INNER_PRODUCT, "IndexHNSWFlat"),
        ("IDMap,Flat", faiss.METRIC_INNER_PRODUCT, "IndexIDMap"),
        ("IVF2,Flat", faiss.METRIC_INNER_PRODUCT, "IndexIVFFlat"),
        ("SQ8", faiss.METRIC_INNER_PRODUCT, "IndexScalarQuantizer"),
    ],
)
def test_another_kind_of_index_is_refused_by_name(factory: str, metric: int, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "index.faiss"
    index = faiss.index_factory(8, factory, metric)
    index.train(unit_rows(100, 8, seed=15))
    faiss.write_index(index, str(path))
    with pytest.raises(ValueError, match=rf"^index\.faiss holds a {kind}, not a flat inner-product index$"):
        FlatIndex.load(path)
