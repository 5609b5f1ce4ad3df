import re
from collections.abc import Sequence

import bm25s
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.lexical import K1, B, LexicalIndex, terms

WORDS = ["refund", "parcel", "late", "the", "card", "退款", "多久到账", "iDEAL", "26"]
texts = st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), max_size=8)


def oracle(kept: Sequence[str], query: str) -> np.ndarray:
    """BM25 of `kept` by bm25s, over the most that a text could have."""
    index = bm25s.BM25(method="lucene", k1=K1, b=B)
    asked = list(dict.fromkeys(terms(query)))
    index.index([terms(text) for text in kept], show_progress=False)
    known = [term for term in asked if term in index.vocab_dict]
    scores = index.get_scores(known) if known else np.zeros(len(kept))
    holding = {term: sum(term in terms(text) for text in kept) for term in asked}
    most = sum(np.log1p((len(kept) - n + 0.5) / (n + 0.5)) for n in holding.values())
    return scores / most


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Where's my REFUND?", ["where", "s", "my", "refund"]),
        ("退款多久", ["退款", "款多", "多久"]),
        ("退iPhone款", ["退", "iphone", "款"]),
        ("Ｆｕｌｌ　ｗｉｄｔｈ", ["full", "width"]),
        ("Straße snake_case", ["strasse", "snake", "case"]),
        (" ?! 👋", []),
    ],
)
def test_terms_are_words_and_neighbouring_signs(text: str, found: list[str]) -> None:
    assert terms(text) == found


def test_scores_are_those_of_bm25s() -> None:
    kept = ["where is my parcel", "my parcel is late late late", "refund the card", "退款多久到账"]
    index = LexicalIndex.build(kept)
    for query in ("late parcel", "the refund", "款多久", "nothing known"):
        np.testing.assert_allclose(index.scores(query), oracle(kept, query), rtol=1e-5)


@given(
    base=texts, added=texts, removed=st.sets(st.integers(0, 15)), query=st.sampled_from([*WORDS, "late refund 退款"])
)
def test_after_edits_the_scores_are_those_of_an_index_built_anew(
    base: list[str], added: list[str], removed: set[int], query: str
) -> None:
    index = LexicalIndex.build(base)
    every = [*base, *added]
    assert [index.add(text) for text in added] == list(range(len(base), len(every)))
    gone = {number for number in removed if number < len(every)}
    for number in gone:
        index.remove(number, every[number])
    left = [number for number in range(len(every)) if number not in gone]
    anew = LexicalIndex.build([every[number] for number in left]).scores(query)
    np.testing.assert_allclose(index.scores(query)[left], anew, rtol=1e-6)


def test_a_score_lies_between_0_and_1_and_more_of_the_query_is_more() -> None:
    index = LexicalIndex.build(["refund", "refund card", "refund card late", "other"])
    found = index.scores("refund card late")
    assert found[3] == 0
    assert 0 < found[0] < found[1] < found[2] < 1


def test_an_index_of_nothing_finds_nothing() -> None:
    assert LexicalIndex.build([]).scores("refund").shape == (0,)


def test_an_index_is_the_same_from_its_arrays() -> None:
    index = LexicalIndex.build(["refund the card", "退款"])
    again = LexicalIndex(index.to_arrays())
    np.testing.assert_array_equal(again.scores("card 退款"), index.scores("card 退款"))


@pytest.mark.parametrize("name", ["starts", "texts", "counts"])
def test_arrays_that_do_not_belong_together_are_refused(name: str) -> None:
    arrays = LexicalIndex.build(["refund the card"]).to_arrays()
    arrays = {**arrays, name: arrays[name][:-1]}
    with pytest.raises(ValueError, match=re.escape("its arrays do not belong together")):
        LexicalIndex(arrays)
