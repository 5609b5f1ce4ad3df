import json
from collections.abc import Mapping, Sequence
from math import cos, radians
from pathlib import Path

import numpy as np
import pytest

from nlu.encoder import Encoded, FloatArray
from retrieval import FlatIndex, Hit, Pair, Retriever
from retrieval.retriever import INDEX_FILE, PAIRS_FILE


def pair(pair_id: str, answer: str, question: str = "q") -> Pair:
    return Pair(id=pair_id, question=question, answer=answer)


def directions(*degrees: float) -> FloatArray:
    """Unit vectors in the plane; the cosine of two is that of the angle between them."""
    angles = np.radians(np.array(degrees, np.float64).reshape(-1))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def unit_rows(count: int, dimension: int, seed: int) -> FloatArray:
    rows = np.random.default_rng(seed).normal(size=(count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


class DegreesEncoder:
    """Knows the direction of each text."""

    dimension = 2

    def __init__(self, degrees: Mapping[str, float]) -> None:
        self.degrees = degrees

    def encode(self, texts: Sequence[str]) -> Encoded:
        rows = directions(*(self.degrees[text] for text in texts))
        return Encoded(plain=rows, tuned=rows, logits={})


def found_by(retriever: Retriever, query: FloatArray, k: int) -> list[tuple[str, int]]:
    return [(hit.pair.id, hit.rank) for hit in retriever.search(query, k)[0]]


def exact(pairs: Sequence[Pair], embeddings: FloatArray, query: FloatArray, k: int) -> list[tuple[str, float]]:
    """The slow way: every pair by its cosine, and the first of each answer."""
    cosines = embeddings.astype(np.float64) @ query.astype(np.float64)
    best: dict[str, tuple[str, float]] = {}
    for row in sorted(range(len(pairs)), key=lambda row: (-cosines[row], row)):
        best.setdefault(pairs[row].answer, (pairs[row].id, float(cosines[row])))
    return list(best.values())[:k]


def test_questions_are_found_by_their_angle_the_nearest_first() -> None:
    pairs = [pair("far", "A", "f"), pair("near", "B", "n"), pair("opposite", "C", "o")]
    retriever = Retriever.build(pairs, DegreesEncoder({"f": 60, "n": 10, "o": 180}))
    (hits,) = retriever.search(directions(0))
    assert hits == [
        Hit(pair=pairs[1], cosine=pytest.approx(cos(radians(10)), abs=1e-6), rank=1),
        Hit(pair=pairs[0], cosine=pytest.approx(0.5, abs=1e-6), rank=2),
        Hit(pair=pairs[2], cosine=-1.0, rank=3),
    ]


def test_each_query_has_its_own_hits() -> None:
    retriever = Retriever([pair("a", "A"), pair("b", "B")], FlatIndex(directions(0, 90)))
    assert [[hit.pair.id for hit in hits] for hits in retriever.search(directions(80, 10, 91), 1)] == [
        ["b"],
        ["a"],
        ["b"],
    ]


def test_phrasings_that_share_an_answer_count_once_by_the_nearest() -> None:
    pairs = [pair("a1", "A"), pair("b1", "B"), pair("a2", "A"), pair("a3", "A"), pair("c1", "C")]
    retriever = Retriever(pairs, FlatIndex(directions(30, 20, 5, 10, 40)))
    assert found_by(retriever, directions(0), 5) == [("a2", 1), ("b1", 2), ("c1", 3)]
    assert found_by(retriever, directions(0), 2) == [("a2", 1), ("b1", 2)]
    assert found_by(retriever, directions(0), 1) == [("a2", 1)]


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_many_phrasings_of_one_answer_do_not_crowd_out_the_others(k: int) -> None:
    pairs = [*(pair(f"a{at}", "A") for at in range(100)), *(pair(f"b{at}", "B") for at in range(50)), pair("c", "C")]
    retriever = Retriever(pairs, FlatIndex(directions(*(at / 10 for at in range(151)))))
    assert found_by(retriever, directions(0), k) == [("a0", 1), ("b0", 2), ("c", 3)][:k]


@pytest.mark.parametrize("answers", [1, 7, 40, 300])
@pytest.mark.parametrize("k", [1, 3, 20])
def test_hits_are_those_of_the_slow_exact_search(answers: int, k: int) -> None:
    rng = np.random.default_rng(answers)
    pairs = [pair(f"p{at}", f"answer {int(answers * rng.random() ** 3)}") for at in range(300)]
    embeddings, queries = unit_rows(300, 16, seed=1), unit_rows(25, 16, seed=2)
    found = Retriever(pairs, FlatIndex(embeddings)).search(queries, k)
    for hits, query in zip(found, queries, strict=True):
        expected = exact(pairs, embeddings, query, k)
        assert [hit.pair.id for hit in hits] == [pair_id for pair_id, _ in expected]
        assert [hit.rank for hit in hits] == list(range(1, len(expected) + 1))
        np.testing.assert_allclose([hit.cosine for hit in hits], [cosine for _, cosine in expected], rtol=0, atol=1e-6)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_first_hit_does_not_depend_on_how_many_are_asked_for(k: int) -> None:
    pairs = [pair("first", "A"), pair("second", "B"), pair("third", "C")]
    retriever = Retriever(pairs, FlatIndex(directions(0, 0, 0)))
    assert found_by(retriever, directions(0), k) == [("first", 1), ("second", 2), ("third", 3)][:k]


def test_five_hits_are_found_unless_another_number_is_asked_for() -> None:
    pairs = [pair(f"p{at}", f"A{at}") for at in range(7)]
    (hits,) = Retriever(pairs, FlatIndex(directions(*range(7)))).search(directions(0))
    assert [hit.pair.id for hit in hits] == ["p0", "p1", "p2", "p3", "p4"]


def test_without_pairs_nothing_is_found() -> None:
    retriever = Retriever.build([], DegreesEncoder({}))
    assert retriever.search(directions(0, 90), 3) == [[], []]


def test_a_query_that_is_not_finite_finds_nothing() -> None:
    retriever = Retriever([pair("a", "A")], FlatIndex(directions(0)))
    assert retriever.search(np.full((1, 2), np.nan, np.float32), 3) == [[]]


@pytest.mark.parametrize(("pair_count", "rows"), [(2, 1), (1, 2), (0, 1), (1, 0)])
def test_pairs_and_rows_of_different_number_are_refused(pair_count: int, rows: int) -> None:
    pairs = [pair(f"p{at}", "A") for at in range(pair_count)]
    with pytest.raises(ValueError, match=rf"^{pair_count} pairs, but {rows} rows in the index$"):
        Retriever(pairs, FlatIndex(directions(*[0.0] * rows)))


ODD = [
    Pair(
        id="h,1",
        question='say "hi"\u2028now',
        answer="two\n\nlines\r\nand 👋",
        intent="greet",
        tags=("a", "b c"),
        locale="en",
        source="chat",
        updated_at="2026-03-31",
    ),
    Pair(id="h2", question="多少钱\x85", answer="=1+1"),
]


@pytest.mark.parametrize("pairs", [[], ODD], ids=["none", "odd"])
def test_a_retriever_is_the_same_after_saving_and_loading(pairs: list[Pair], tmp_path: Path) -> None:
    degrees = {p.question: 20.0 + 30 * at for at, p in enumerate(pairs)}
    retriever = Retriever.build(pairs, DegreesEncoder(degrees))
    retriever.save(tmp_path)
    loaded = Retriever.load(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {PAIRS_FILE, INDEX_FILE}
    assert [p.as_dict() for p in loaded.pairs] == [{**p.as_dict(), "question": p.question.strip()} for p in pairs]
    queries = directions(0, 45, 200)
    assert [[(hit.pair.id, hit.cosine, hit.rank) for hit in hits] for hits in loaded.search(queries)] == [
        [(hit.pair.id, hit.cosine, hit.rank) for hit in hits] for hits in retriever.search(queries)
    ]


def test_pairs_are_kept_as_json_lines_that_are_knowledge_again(tmp_path: Path) -> None:
    Retriever(ODD, FlatIndex(directions(0, 1))).save(tmp_path)
    lines = (tmp_path / PAIRS_FILE).read_text("utf-8").removesuffix("\n").split("\n")
    assert [json.loads(line)["id"] for line in lines] == ["h,1", "h2"]
    assert json.loads(lines[0])["tags"] == "a|b c"


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    Retriever(ODD, FlatIndex(directions(0, 1))).save(tmp_path)
    FlatIndex(directions(0)).save(tmp_path / INDEX_FILE)
    with pytest.raises(ValueError, match=r"^2 pairs, but 1 rows in the index$"):
        Retriever.load(tmp_path)


def test_a_saved_pair_that_was_damaged_is_refused(tmp_path: Path) -> None:
    Retriever(ODD, FlatIndex(directions(0, 1))).save(tmp_path)
    path = tmp_path / PAIRS_FILE
    path.write_text(path.read_text("utf-8")[:-10], "utf-8")
    with pytest.raises(ValueError, match=r"Unterminated string|Expecting"):
        Retriever.load(tmp_path)
