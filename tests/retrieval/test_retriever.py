import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz import fuzz

from nlu.encoder import FloatArray
from retrieval import Hit, Pair, Query, Retriever
from retrieval.facets import Filter
from retrieval.lexical import LexicalIndex
from retrieval.pair import PairButton
from retrieval.pair_file import PAIRS_FILE
from retrieval.ranking import SAME_SPELLING, Ranking
from retrieval.retriever import INDEX_FILE, RETRIEVER_FILES, ROWS_FILE
from retrieval.row_texts import MAX_PART_CHARS, MAX_PARTS, RowTexts, answer_parts, lexical_text

DIMENSION = 12
NOW_S = 1_800_000_000.0


def embed(texts: Sequence[str]) -> FloatArray:
    """A direction for each text, the same every time."""
    rows = np.zeros((len(texts), DIMENSION))
    for at, text in enumerate(texts):
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
        rows[at] = np.random.default_rng(seed).normal(size=DIMENSION)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def query(text: str) -> Query:
    return Query(text=text, embedding=embed([text])[0])


def built(pairs: Sequence[Pair], ranking: Ranking | None = None) -> Retriever:
    return Retriever.build(pairs, embed, dimension=DIMENSION, ranking=ranking)


def exact(pairs: Sequence[Pair], asked: Query, k: int, ranking: Ranking) -> list[tuple[str, float, float]]:
    """The slow way: every pair, its best wording, its best part and its terms; the first of each answer."""
    terms = LexicalIndex.build([lexical_text(pair) for pair in pairs]).scores(asked.text)
    found = []
    for pair, lexical in zip(pairs, terms, strict=True):
        texts = RowTexts.of(pair)
        sides = (texts.wordings, texts.passages, texts.parts)
        wording, passage, part = (float((embed(side) @ asked.embedding).max()) for side in sides)
        spelling = max(fuzz.ratio(asked.text.casefold(), text.casefold()) / 100 for text in texts.wordings)
        counted = [(cosine - ranking.floor) / (1 - ranking.floor) for cosine in (wording, passage, part)]
        weights = (1, ranking.nearer, ranking.passage, ranking.part, ranking.lexical)
        likenesses = [counted[0], max(counted[:2]), *counted[1:], float(lexical)]
        score = float(np.average(likenesses, weights=weights))
        score += ranking.spelling * max(0.0, spelling - SAME_SPELLING) / sum(weights)
        found.append((pair, score, wording))
    best: dict[str, tuple[str, float, float]] = {}
    for pair, score, wording in sorted(found, key=lambda item: (-round(item[1], 6), item[0].id)):
        best.setdefault(pair.answer, (pair.id, score, wording))
    return list(best.values())[:k]


def assert_same(hits: Sequence[Hit], expected: Sequence[tuple[str, float, float]]) -> None:
    assert [hit.pair.id for hit in hits] == [pair_id for pair_id, _, _ in expected]
    np.testing.assert_allclose([hit.score for hit in hits], [score for _, score, _ in expected], atol=1e-5)
    np.testing.assert_allclose([hit.cosine for hit in hits], [cosine for _, _, cosine in expected], atol=1e-5)
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))


def many(count: int, answers: int, seed: int) -> list[Pair]:
    rng = np.random.default_rng(seed)
    return [
        Pair(
            id=f"p{at:03}",
            question=f"question {rng.integers(30)} {at}",
            also_asked=tuple(f"wording {at} {other}" for other in range(int(rng.integers(3)))),
            answer=f"answer {int(answers * rng.random() ** 3)}",
        )
        for at in range(count)
    ]


@pytest.mark.parametrize("answers", [1, 7, 40, 300])
@pytest.mark.parametrize("k", [1, 3, 20])
def test_hits_are_those_of_the_slow_exact_search(answers: int, k: int) -> None:
    pairs = many(45, answers, seed=answers)
    retriever = built(pairs)
    for text in ("question 3", "question 7 12", "nothing like it", "wording"):
        (hits,) = retriever.search([query(text)], k)
        assert_same(hits, exact(pairs, query(text), k, retriever.ranking))


def test_a_stored_wording_is_found_with_cosine_1() -> None:
    pairs = many(200, 300, seed=1)
    retriever = built(pairs, Ranking(nearer=0.0, passage=0.0, part=0.0, lexical=0.0))
    asked = [query(pair.questions[-1]) for pair in pairs[:20]]
    for pair, hits in zip(pairs, retriever.search(asked, 1), strict=False):
        assert hits[0].pair == pair
        assert hits[0].cosine == pytest.approx(1.0, abs=1e-5)


def test_many_phrasings_of_one_answer_do_not_crowd_out_the_others() -> None:
    pairs = [
        *(Pair(id=f"a{at}", question=f"late parcel {at}", answer="A") for at in range(300)),
        Pair(id="b", question="something else", answer="B"),
        Pair(id="c", question="another thing", answer="C"),
    ]
    (hits,) = built(pairs).search([query("late parcel")], 3)
    assert {hit.pair.answer for hit in hits} == {"A", "B", "C"}


def test_without_pairs_nothing_is_found() -> None:
    assert built([]).search([query("a"), query("b")], 3) == [[], []]


def test_a_query_that_is_not_finite_finds_nothing() -> None:
    asked = Query(text="q", embedding=np.full(DIMENSION, np.nan, np.float32))
    assert built(many(3, 9, seed=1)).search([asked]) == [[]]


PAIR_IDS = st.sampled_from([f"p{at}" for at in range(6)])
PAIRS = st.builds(
    lambda pair_id, question, wordings, answer, tag: Pair(
        id=pair_id, question=question, also_asked=tuple(wordings), answer=answer, tags=(tag,)
    ),
    PAIR_IDS,
    st.sampled_from(["late parcel", "refund", "where is it", "gift card", "退款多久"]),
    st.lists(st.sampled_from(["my parcel is late", "money back", "voucher"]), max_size=2),
    st.sampled_from(["Soon.", "In five days.", "No.", "See the page.\nIt says all. " * 40]),
    st.sampled_from(["money", "post"]),
)
EDITS = st.lists(st.one_of(PAIRS, PAIR_IDS), max_size=12)


@settings(max_examples=150, deadline=None)
@given(base=st.lists(PAIRS, max_size=6, unique_by=lambda pair: pair.id), edits=EDITS)
def test_after_any_edits_hits_are_those_of_a_retriever_built_anew(base: list[Pair], edits: list[Pair | str]) -> None:
    retriever = built(base)
    model = {pair.id: pair for pair in base}
    for edit in edits:
        if isinstance(edit, Pair):
            retriever.put(edit, embed)
            model[edit.id] = edit
        else:
            retriever.remove(edit)
            model.pop(edit, None)
    anew = built(list(model.values()))
    assert len(retriever) == len(anew) == len(model)
    assert {pair.id: pair for pair in retriever.pairs()} == model
    for text in ("parcel late", "refund money", "退款", "nothing"):
        for wanted in (Filter(), Filter(tags=frozenset({"money"}))):
            (found,), (expected,) = (each.search([query(text)], 3, wanted=wanted) for each in (retriever, anew))
            # Two candidates that differ by rounding alone may change places.
            assert sorted(round(hit.score, 5) for hit in found) == sorted(round(hit.score, 5) for hit in expected)
            scores = [round(hit.score, 4) for hit in expected]
            if len(set(scores)) == len(scores) == 3:
                assert [hit.pair for hit in found][:2] == [hit.pair for hit in expected][:2]


def test_an_edit_that_cannot_be_embedded_changes_nothing() -> None:
    pairs = many(5, 9, seed=1)
    retriever = built(pairs)

    def fail(texts: Sequence[str]) -> FloatArray:
        raise RuntimeError("no encoder")

    with pytest.raises(RuntimeError, match="no encoder"):
        retriever.put(pairs[0].with_values(answer="other"), fail)
    assert retriever.pair("p000") == pairs[0]
    assert_same(retriever.search([query("question 3")])[0], exact(pairs, query("question 3"), 5, retriever.ranking))


def test_a_pair_is_found_by_its_id_as_it_now_is() -> None:
    retriever = built([Pair(id="a", question="q", answer="old")])
    new = Pair(id="a", question="q", answer="new")
    retriever.put(new, embed)
    assert retriever.pair("a") == new
    retriever.remove("a")
    assert retriever.pair("a") is None
    assert retriever.pair("b") is None
    retriever.remove("b")
    assert len(retriever) == 0


def test_pairs_are_found_only_while_they_are_valid() -> None:
    pairs = [
        Pair(id="sale", question="discount", answer="10 %", valid_from="2026-11-27", valid_until="2026-11-30"),
        Pair(id="rule", question="discounts", answer="none"),
    ]
    retriever = built(pairs)

    def found(now: str) -> list[str]:
        moment = np.datetime64(now).astype("datetime64[s]").astype(float)
        return sorted(hit.pair.id for hit in retriever.search([query("discount")], now_s=float(moment))[0])

    assert found("2026-11-26T23:59:59") == ["rule"]
    assert found("2026-11-27T00:00:00") == ["rule", "sale"]
    assert found("2026-11-30T23:59:59") == ["rule", "sale"]
    assert found("2026-12-01T00:00:00") == ["rule"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), {"any", "en", "gb", "zh"}),
        (Filter(locale="en"), {"any", "en", "gb"}),
        (Filter(locale="EN-gb"), {"any", "en", "gb"}),
        (Filter(locale="en-US"), {"any", "en"}),
        (Filter(locale="fr"), {"any"}),
        (Filter(tags=frozenset({"a"})), {"en", "gb"}),
        (Filter(tags=frozenset({"a", "b"})), {"gb"}),
        (Filter(tags=frozenset({"c"})), set()),
        (Filter(locale="zh", tags=frozenset({"b"})), {"zh"}),
    ],
)
def test_only_pairs_of_the_wanted_locale_and_tags_are_found(wanted: Filter, found: set[str]) -> None:
    pairs = [
        Pair(id="any", question="q1", answer="1"),
        Pair(id="en", question="q2", answer="2", locale="en", tags=("a",)),
        Pair(id="gb", question="q3", answer="3", locale="en-GB", tags=("a", "b")),
    ]
    retriever = built(pairs)
    retriever.put(Pair(id="zh", question="q4", answer="4", locale="zh", tags=("b",)), embed)
    assert {hit.pair.id for hit in retriever.search([query("q")], wanted=wanted)[0]} == found


ODD = [
    Pair(
        id="h,1",
        question='say "hi"\u2028now',
        also_asked=("hi?",),
        answer="two\n\nlines\r\nand 👋",
        intent="greet",
        tags=("a", "b c"),
        locale="en",
        source="chat",
        valid_until="2027-03-31",
        buttons=(PairButton(title="More", payload="/more"),),
        images=("https://shop.example/a.png",),
        updated_at="2026-03-31",
    ),
    Pair(id="h2", question="多少钱\x85", answer="=1+1"),
]


@pytest.mark.parametrize("pairs", [[], ODD, many(60, 40, seed=3)], ids=["none", "odd", "many"])
def test_a_retriever_is_the_same_after_saving_and_loading(pairs: list[Pair], tmp_path: Path) -> None:
    retriever = built(pairs, Ranking(passage=0.7, part=0.2, lexical=0.1))
    retriever.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(RETRIEVER_FILES)
    loaded = Retriever.load(tmp_path)
    assert list(loaded.pairs()) == pairs
    assert loaded.ranking == retriever.ranking
    asked = [query(text) for text in ("question 3", "hi", "多少")]
    assert loaded.search(asked, now_s=NOW_S) == retriever.search(asked, now_s=NOW_S)
    assert [loaded.pair(pair.id) for pair in pairs] == pairs


def test_what_was_edited_since_is_not_saved(tmp_path: Path) -> None:
    retriever = built(ODD)
    retriever.put(Pair(id="new", question="q", answer="a", tags=("x",)), embed)
    retriever.remove("h2")
    retriever.save(tmp_path)
    assert list(Retriever.load(tmp_path).pairs()) == ODD


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    built(ODD[:1]).save(tmp_path)
    index = (tmp_path / INDEX_FILE).read_bytes()
    built(ODD).save(tmp_path)
    (tmp_path / INDEX_FILE).write_bytes(index)
    with pytest.raises(ValueError, match=r"^2 pairs do not belong to 4 rows of the index$"):
        Retriever.load(tmp_path)


@pytest.mark.parametrize(
    ("cut", "said"), [(10, "knowledge.jsonl is cut off in line 2"), (0, None)], ids=["cut", "whole"]
)
def test_pairs_that_were_cut_off_are_refused(cut: int, said: str | None, tmp_path: Path) -> None:
    built(ODD).save(tmp_path)
    path = tmp_path / PAIRS_FILE
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - cut])
    if said is None:
        assert len(Retriever.load(tmp_path)) == 2
    else:
        with pytest.raises(ValueError, match=re.escape(said)):
            Retriever.load(tmp_path)


def test_a_line_that_is_no_pair_is_refused_by_its_place(tmp_path: Path) -> None:
    built(ODD).save(tmp_path)
    path = tmp_path / PAIRS_FILE
    first = path.read_text("utf-8").split("\n")[0]
    path.write_text(f"{first}\n[1]\n", "utf-8")
    with pytest.raises(ValueError, match=rf"knowledge.jsonl does not hold a pair at byte {len(first.encode()) + 1}"):
        Retriever.load(tmp_path)


def test_a_file_without_its_arrays_is_refused(tmp_path: Path) -> None:
    built(ODD).save(tmp_path)
    (tmp_path / ROWS_FILE).write_bytes((tmp_path / "lexical.safetensors").read_bytes())
    with pytest.raises(ValueError, match="what is searched is damaged"):
        Retriever.load(tmp_path)


def test_weights_that_are_no_numbers_are_refused() -> None:
    values = json.loads(Ranking().to_json())
    for damaged in ({**values, "gap": float("nan")}, {**values, "more": 1.0}, {}):
        with pytest.raises(ValueError, match="the ranking's weights are damaged"):
            Ranking.from_json(json.dumps(damaged))


def test_the_first_of_two_near_answers_is_less_sure_than_one_that_stands_alone() -> None:
    ranking = Ranking()
    alone, close = ranking.probabilities([0.8, 0.2])[0], ranking.probabilities([0.8, 0.79])[0]
    assert 0 < close < alone < 1
    first, second = ranking.probabilities([0.8, 0.6])
    assert second < first


def test_an_answer_is_cut_between_sentences_and_nothing_is_lost_up_to_the_limit() -> None:
    sentences = [f"This is sentence number {at}, of middling length." for at in range(40)]
    parts = answer_parts(" ".join(sentences))
    assert " ".join(parts).split() == " ".join(sentences).split()
    assert all(len(part) <= MAX_PART_CHARS for part in parts)
    assert len(answer_parts("\n".join(sentences * 9))) == MAX_PARTS
    assert answer_parts("") == ("",)
    assert answer_parts("退款五天到账。" * 100)[0].endswith("。")
