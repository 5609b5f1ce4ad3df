import threading
from pathlib import Path

import faiss
import numpy as np
import pytest

from nlu.encoder import FloatArray
from retrieval.index import VectorIndex
from retrieval.index_plan import IndexKind, IndexPlan, plan_of


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
    found, expected = VectorIndex.build(embeddings).search(asked, k), exact(embeddings, asked, k)
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
        zip(VectorIndex.build(embeddings).search(asked, k), exact(embeddings, asked, k), strict=True)
    ):
        assert [cosine for _, cosine in found] == [cosine for _, cosine in expected]
        assert all(cosines[query, row] == cosine for row, cosine in found)
        assert found == sorted(set(found), key=lambda hit: (-hit[1], hit[0]))
        assert found[0] == expected[0]


def test_a_cosine_is_the_value_on_paper() -> None:
    embeddings = np.array([[1, 0], [0, 1], [-1, 0], [0.6, 0.8]], np.float32)
    ((first, second, third, fourth),) = VectorIndex.build(embeddings).search(np.array([[1, 0]], np.float32), 4)
    assert [first, second, third, fourth] == [(0, 1.0), (3, pytest.approx(0.6)), (1, 0.0), (2, -1.0)]
    assert all(type(row) is int and type(cosine) is float for row, cosine in (first, second, third, fourth))


def test_a_cosine_never_passes_one_by_rounding() -> None:
    embeddings = unit_rows(500, 32, seed=0)
    found = VectorIndex.build(embeddings).search(embeddings, 1)
    assert [row for ((row, _),) in found] == list(range(500))
    assert max(cosine for ((_, cosine),) in found) == 1.0
    opposite = VectorIndex.build(embeddings).search(-embeddings, 500)
    assert [ranked[-1][0] for ranked in opposite] == list(range(500))
    assert min(ranked[-1][1] for ranked in opposite) == -1.0


@pytest.mark.parametrize("k", [3, 4, 1_000])
def test_no_more_is_found_than_there_is(k: int) -> None:
    embeddings = unit_rows(3, 8, seed=4)
    (found,) = VectorIndex.build(embeddings).search(embeddings[:1], k)
    assert sorted(row for row, _ in found) == [0, 1, 2]


def test_an_empty_index_finds_nothing_for_every_query() -> None:
    index = VectorIndex.build(np.zeros((0, 8), np.float32))
    assert (len(index), index.dimension) == (0, 8)
    assert index.search(unit_rows(2, 8, seed=5), 3) == [[], []]


def test_no_queries_find_nothing() -> None:
    assert VectorIndex.build(unit_rows(3, 8, seed=6)).search(np.zeros((0, 8), np.float32), 3) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("queries", [4, 40])
def test_a_query_that_is_not_finite_finds_nothing_and_spoils_no_other(value: float, queries: int) -> None:
    embeddings, asked = unit_rows(50, 8, seed=7), unit_rows(queries, 8, seed=8)
    spoilt = asked.copy()
    spoilt[1, 3], spoilt[2, :] = value, value
    index = VectorIndex.build(embeddings)
    found, clean = index.search(spoilt, 5), exact(embeddings, asked, 5)
    assert found[1:3] == [[], []]
    for at in (0, *range(3, queries)):
        assert [row for row, _ in found[at]] == [row for row, _ in clean[at]]


def test_rows_and_queries_may_come_in_any_order_and_precision() -> None:
    embeddings, asked = unit_rows(40, 8, seed=9), unit_rows(3, 8, seed=10)
    expected = VectorIndex.build(embeddings).search(asked, 5)
    other = VectorIndex.build(np.asfortranarray(embeddings.astype(np.float64)))
    assert other.search(np.asfortranarray(asked), 5) == expected


def test_a_later_change_of_the_array_does_not_reach_the_index() -> None:
    embeddings = unit_rows(5, 8, seed=11)
    index, kept = VectorIndex.build(embeddings), embeddings.copy()
    embeddings[:] = 0
    assert index.search(kept[2:3], 1)[0][0] == (2, pytest.approx(1.0))


KINDS: dict[str, tuple[IndexKind, int]] = {
    "flat": ("flat", 32),
    "hnsw": ("hnsw", 8),
    "hnsw16": ("hnsw", 16),
    "ivf_sq8": ("ivf_sq8", 8),
    "ivf_pq": ("ivf_pq", 8),
}
ROWS, DIMENSION = 3_000, 32


def topics(count: int, seed: int) -> FloatArray:
    """Rows around 60 topics, as questions are: some near to each other, most far apart."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(60, DIMENSION))
    rows = centres[rng.integers(60, size=count)] + 0.5 * rng.normal(size=(count, DIMENSION))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


EMBEDDINGS, ASKED = topics(ROWS, seed=1), topics(40, seed=2)


def plan_named(name: str, count: int = ROWS) -> IndexPlan:
    kind, bits = KINDS[name]
    return plan_of(kind, count, DIMENSION, bits=bits)


@pytest.fixture(scope="module")
def tuned() -> dict[str, VectorIndex]:
    """An index of every kind over the same rows, tuned to find 98 of 100."""
    indexes = {name: VectorIndex.build(EMBEDDINGS, plan_named(name), thread_count=1) for name in KINDS}
    for index in indexes.values():
        index.tune(topics(200, seed=3), EMBEDDINGS, 0.98)
    return indexes


@pytest.fixture(params=KINDS)
def index(request: pytest.FixtureRequest, tuned: dict[str, VectorIndex]) -> VectorIndex:
    return tuned[request.param]


def recall(found: list[list[tuple[int, float]]], expected: list[list[tuple[int, float]]]) -> float:
    hits = [{row for row, _ in a} & {row for row, _ in b} for a, b in zip(found, expected, strict=True)]
    return sum(map(len, hits)) / sum(map(len, expected))


def code_error(index: VectorIndex, queries: FloatArray) -> FloatArray:
    """The most that codes can take a cosine from the true one, for each query: half a step in every dimension."""
    if index.kind == "flat":
        return np.full(len(queries), 1e-6)
    if index.bits == 16:
        return np.abs(queries).sum(axis=1) * 2.0**-11
    spread = EMBEDDINGS.max(axis=0) - EMBEDDINGS.min(axis=0)
    wider = 2 if index.kind == "ivf_sq8" else 1  # the codes are of the way from the list's centre
    return np.abs(queries) @ spread * wider / 255 / 2 + 1e-5


def test_every_kind_finds_what_the_slow_exact_search_finds(index: VectorIndex) -> None:
    found, expected = index.search(ASKED, 10), exact(EMBEDDINGS, ASKED, 10)
    assert recall(found, expected) >= (1 if index.kind == "flat" else 0.95)
    assert all(len({row for row, _ in ranked}) == 10 for ranked in found)


def test_every_cosine_is_the_true_one_but_for_the_codes(index: VectorIndex) -> None:
    bound = code_error(index, ASKED)
    for query, ranked, most in zip(ASKED, index.search(ASKED, 25), bound, strict=True):
        truth = EMBEDDINGS[[row for row, _ in ranked]].astype(np.float64) @ query
        assert np.abs(truth - [cosine for _, cosine in ranked]).max() <= most
        assert ranked == sorted(ranked, key=lambda hit: (-hit[1], hit[0]))


def test_a_vector_is_the_row_but_for_its_code(index: VectorIndex) -> None:
    rows = [5, 2_999, 5, 0]
    axes = np.eye(DIMENSION, dtype=np.float32)
    bound = code_error(index, axes)
    assert (np.abs(index.vectors(rows) - EMBEDDINGS[rows]).max(axis=0) <= bound).all()
    assert index.vectors([]).shape == (0, DIMENSION)
    for missing in (-1, ROWS):
        with pytest.raises(IndexError, match=rf"rows 0 to {ROWS - 1}, not {missing} to {missing}"):
            index.vectors([missing])


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1, 0.002])
@pytest.mark.parametrize("exact_rows", [0, 50_000])
def test_a_filter_leaves_the_nearest_of_the_allowed_rows(
    index: VectorIndex, share: float, exact_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.index.EXACT_ROWS", exact_rows)  # 0: never compare all the allowed rows
    allowed = np.random.default_rng(4).random(ROWS) < share
    places = np.flatnonzero(allowed)
    found = index.search(ASKED, 10, allowed=allowed)
    expected = [[(int(places[row]), cosine) for row, cosine in each] for each in exact(EMBEDDINGS[allowed], ASKED, 10)]
    assert all(allowed[row] for ranked in found for row, _ in ranked)
    assert all(len(ranked) == min(10, len(places)) for ranked in found)
    assert recall(found, expected) >= (1 if index.kind == "flat" else 0.93)


def test_a_filter_that_allows_nothing_or_one_row(index: VectorIndex) -> None:
    allowed = np.zeros(ROWS, np.bool_)
    assert index.search(ASKED[:2], 5, allowed=allowed) == [[], []]
    allowed[ROWS - 1] = True
    assert [[row for row, _ in found] for found in index.search(ASKED[:2], 5, allowed=allowed)] == [[ROWS - 1]] * 2


def test_a_filter_of_another_length_is_refused(index: VectorIndex) -> None:
    with pytest.raises(ValueError, match="7 rows are marked as allowed or not, where the index has 3000"):
        index.search(ASKED, 5, allowed=np.ones(7, np.bool_))


def test_no_fewer_are_found_than_there_are(index: VectorIndex) -> None:
    for found in index.search(ASKED[:3], 10 * ROWS):
        assert sorted(row for row, _ in found) == list(range(ROWS))
    assert [len(found) for found in index.search(ASKED[:3], 500)] == [500] * 3


@pytest.mark.parametrize("k", [0, -1])
def test_a_k_below_one_finds_nothing(index: VectorIndex, k: int) -> None:
    assert index.search(ASKED[:2], k) == [[], []]


def test_queries_that_are_not_finite_find_nothing_in_any_kind(index: VectorIndex) -> None:
    spoilt, sound = ASKED[:5].copy(), index.search(ASKED[:5], 4)
    spoilt[1, 0], spoilt[3, 5] = np.nan, -np.inf
    assert index.search(spoilt, 4) == [sound[0], [], sound[2], [], sound[4]]
    assert index.search(np.full((1, DIMENSION), np.nan, np.float32), 4, allowed=np.ones(ROWS, np.bool_)) == [[]]


def test_a_finite_query_whose_squares_overflow_is_searched() -> None:
    index = VectorIndex.build(np.eye(4, dtype=np.float32))
    ((row, cosine),) = index.search(np.array([[0, 1e30, 0, 0]], np.float32), 1)[0]
    assert (row, cosine) == (1, 1.0)


def test_queries_of_another_length_are_refused(index: VectorIndex) -> None:
    with pytest.raises(ValueError, match=r"Queries of shape \(2, 5\), where rows have 32 numbers"):
        index.search(np.zeros((2, 5), np.float32), 3)


def test_equal_rows_come_in_their_own_order(index: VectorIndex) -> None:
    rows = np.repeat(EMBEDDINGS[::100], 40, axis=0)
    same = VectorIndex.build(rows, plan_of(index.kind, len(rows), DIMENSION, bits=index.bits), thread_count=1)
    same.effort = 10_000
    for at, found in enumerate(same.search(EMBEDDINGS[::100], 40)):
        equal = [row for row, cosine in found if cosine == found[0][1]]
        assert equal == sorted(set(equal) & set(range(40 * at, 40 * at + 40)))
        assert len(equal) >= (38 if index.kind == "hnsw" else 40)  # a graph's walk may pass by an equal row


@pytest.mark.parametrize("mmap", [False, True])
def test_every_kind_is_the_same_after_saving_and_loading(index: VectorIndex, mmap: bool, tmp_path: Path) -> None:
    path = tmp_path / "索引 ü.faiss"
    index.vectors([1])  # what this makes is not saved
    index.save(path)
    loaded = VectorIndex.load(path, max_bytes=10**7, mmap=mmap)
    shape = (len(loaded), loaded.dimension, loaded.kind, loaded.bits, loaded.effort)
    assert shape == (ROWS, DIMENSION, index.kind, index.bits, index.effort)
    assert loaded.search(ASKED, 7) == index.search(ASKED, 7)
    allowed = np.arange(ROWS) % 3 == 0
    assert loaded.search(ASKED, 7, allowed=allowed) == index.search(ASKED, 7, allowed=allowed)
    np.testing.assert_array_equal(loaded.vectors([7, 8]), index.vectors([7, 8]))


@pytest.mark.parametrize("rows", [0, 1, 100])
def test_a_small_index_is_the_same_after_saving_and_loading(rows: int, tmp_path: Path) -> None:
    index, asked = VectorIndex.build(unit_rows(rows, 16, seed=12)), unit_rows(5, 16, seed=13)
    index.save(tmp_path / "index.faiss")
    loaded = VectorIndex.load(tmp_path / "index.faiss", max_bytes=10**6)
    assert (len(loaded), loaded.dimension) == (rows, 16)
    assert loaded.search(asked, 7) == index.search(asked, 7)


@pytest.mark.parametrize("name", ["flat", "hnsw", "hnsw16", "ivf_sq8"])
def test_an_index_may_have_one_row(name: str) -> None:
    index = VectorIndex.build(EMBEDDINGS[:1], plan_named(name, 1), thread_count=1)
    assert [[row for row, _ in found] for found in index.search(ASKED[:2], 3)] == [[0], [0]]


def test_tuning_says_what_was_reached_and_keeps_the_least_effort(tuned: dict[str, VectorIndex]) -> None:
    hnsw, asked = tuned["hnsw16"], topics(200, seed=3)
    before = hnsw.effort
    low, high = hnsw.tune(asked, EMBEDDINGS, 0.9), hnsw.tune(asked, EMBEDDINGS, 0.98)
    assert low.value <= high.value == hnsw.effort == before
    assert (high.setting, high.asked, high.queries, high.met) == ("efSearch", 0.98, 200, True)
    assert high.recall_at_10 == pytest.approx(recall(hnsw.search(asked, 10), exact(EMBEDDINGS, asked, 10)), abs=1e-9)
    assert str(high) == f"efSearch {before} finds {high.recall_at_10:.1%} of the ten nearest (98.0% asked, 200 queries)"


def test_tuning_an_exact_index_has_nothing_to_do(tuned: dict[str, VectorIndex]) -> None:
    found = tuned["flat"].tune(ASKED, EMBEDDINGS, 0.98)
    assert (found.setting, found.value, found.recall_at_10, found.met) == ("", 0, 1.0, True)


def test_a_recall_beyond_the_codes_is_said_to_be_missed() -> None:
    index = VectorIndex.build(EMBEDDINGS, plan_named("ivf_sq8"), thread_count=1)
    found = index.tune(topics(100, seed=5), EMBEDDINGS, 1.0)
    assert not found.met
    assert 0.95 < found.recall_at_10 < 1
    assert "the most that it can" in str(found)


def test_tuning_on_other_rows_or_without_queries_is_refused(tuned: dict[str, VectorIndex]) -> None:
    with pytest.raises(ValueError, match=r"40 queries and rows of shape \(10, 32\)"):
        tuned["hnsw"].tune(ASKED, EMBEDDINGS[:10], 0.9)
    with pytest.raises(ValueError, match="0 queries"):
        tuned["hnsw"].tune(ASKED[:0], EMBEDDINGS, 0.9)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_row_that_is_not_finite_is_refused_by_number(value: float) -> None:
    rows = unit_rows(20_000, 4, seed=6)
    rows[17_000, 2] = value
    with pytest.raises(ValueError, match=r"^Row 17000 is not finite; embed its text again$"):
        VectorIndex.build(rows)


def test_rows_that_do_not_suit_the_plan_are_refused() -> None:
    with pytest.raises(ValueError, match="Rows have 32 numbers, and the plan is for 8"):
        VectorIndex.build(EMBEDDINGS, plan_of("flat", ROWS, 8))
    with pytest.raises(ValueError, match="5 rows cannot fill 76 lists"):
        VectorIndex.build(EMBEDDINGS[:5], plan_named("ivf_sq8"))
    with pytest.raises(ValueError, match="5 rows are too few to learn codes from, 16 are needed"):
        VectorIndex.build(EMBEDDINGS[:5], plan_named("ivf_pq", 5))


def test_rows_may_lie_in_a_mapped_file_and_progress_is_told(tmp_path: Path) -> None:
    rows = unit_rows(40_000, 4, seed=7)
    np.save(tmp_path / "rows.npy", rows)
    told: list[tuple[int, int]] = []
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    index = VectorIndex.build(mapped, thread_count=1, progress=lambda done, total: told.append((done, total)))
    assert index.search(rows[30_000:30_001], 1)[0][0] == (30_000, pytest.approx(1.0))
    assert told == [(16_384, 40_000), (32_768, 40_000), (40_000, 40_000)]


def test_a_search_leaves_the_threads_of_others_as_they_were(index: VectorIndex) -> None:
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(2)
    try:
        index.search(ASKED, 3)
        assert faiss.omp_get_max_threads() == 2
    finally:
        faiss.omp_set_num_threads(before)


def test_threads_may_search_at_the_same_time(index: VectorIndex) -> None:
    expected, found = index.search(ASKED, 5), {}
    allowed = np.arange(ROWS) % 2 == 0
    halves = index.search(ASKED, 5, allowed=allowed)

    def ask(number: int) -> None:
        found[number] = index.search(ASKED, 5, allowed=allowed if number % 2 else None), index.vectors([number])

    workers = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [found[number][0] for number in range(8)] == [expected, halves] * 4
