"""Long texts are split where a reader would, in the platform's own unit, and nothing is lost."""

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from bot.abilities import TextUnit
from bot.text_split import split_text

FAMILY = "👨‍👩‍👧‍👦"  # one character to its reader: 7 code points, 11 UTF-16 units, 25 bytes


@given(
    text=st.text(alphabet=st.one_of(st.characters(), st.sampled_from(" \n.。!👍🏽é\u0301")), max_size=200),
    limit=st.integers(4, 40),
    unit=st.sampled_from(TextUnit),
)
def test_the_pieces_are_the_text_again_and_none_is_too_long(text: str, limit: int, unit: TextUnit) -> None:
    pieces = split_text(text, limit, unit)

    assert "".join(pieces) == text
    assert all(0 < unit.length(piece) <= limit for piece in pieces)


@given(characters=st.lists(st.sampled_from(["a", " ", "é", FAMILY, "🇩🇪", "👍🏽", "한"]), max_size=60))
def test_no_character_is_cut(characters: list[str]) -> None:
    text = "".join(characters)

    pieces = split_text(text, 30, TextUnit.UTF8_BYTES)

    whole = regex.findall(r"\X", text)
    assert [cluster for piece in pieces for cluster in regex.findall(r"\X", piece)] == whole


@pytest.mark.parametrize(
    ("text", "limit", "pieces"),
    [
        ("", 4, []),
        ("short", 5, ["short"]),
        ("One two. Three four.", 12, ["One two. ", "Three four."]),
        ("first line\nsecond. line", 14, ["first line\n", "second. line"]),
        ("one two three", 9, ["one two ", "three"]),
        ("我们九点开门。五点关门。", 8, ["我们九点开门。", "五点关门。"]),
        ("abcdefgh", 4, ["abcd", "efgh"]),
        ("a bcdefghijk", 10, ["a ", "bcdefghijk"]),
    ],
)
def test_a_cut_is_behind_a_line_a_sentence_or_a_word(text: str, limit: int, pieces: list[str]) -> None:
    assert split_text(text, limit) == pieces


@pytest.mark.parametrize(
    ("unit", "length"), [(TextUnit.CODE_POINTS, 7), (TextUnit.UTF16_UNITS, 11), (TextUnit.UTF8_BYTES, 25)]
)
def test_each_unit_counts_as_its_platform_does(unit: TextUnit, length: int) -> None:
    assert unit.length(FAMILY) == length


def test_a_character_that_alone_is_too_long_is_cut() -> None:
    zalgo = "a" + "\u0301" * 50

    assert [len(piece) for piece in split_text(zalgo, 20)] == [20, 20, 11]
