import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlu.text import MAX_CHARS, prepare_text, prepare_with_origins, splits_word, word_spans

# Blanks, marks, parts of Hangul and Indic letters, full-width forms and surrogates, more often than by chance.
AWKWARD = " \t\u2000\u3000\u0301\u0327\u0338e=\u212b\uff21\uff1d\ud83d\ude00"
AWKWARD += "\u1100\u1161\u11a8\u09c7\u09be\u0f73\u0f71\u0958\ufb1d"
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()) | st.sampled_from(AWKWARD), max_size=60)
HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}


def test_every_kind_of_white_space_becomes_one_blank() -> None:
    assert prepare_text(" \t where\r\n is\u00a0\u3000my \u2003 parcel\n") == "where is my parcel"


def test_decomposed_letters_are_composed() -> None:
    decomposed = "cafe\u0301"

    assert prepare_text(decomposed) == "caf\u00e9"


def test_nothing_but_white_space_becomes_empty() -> None:
    assert prepare_text("\n \t\u3000") == ""


def test_a_long_text_is_cut_and_its_beginning_kept() -> None:
    assert prepare_text("a" * MAX_CHARS + "b" * 1_000_000) == "a" * MAX_CHARS


def test_case_and_punctuation_are_left_alone() -> None:
    assert prepare_text("Where's MY parcel?!") == "Where's MY parcel?!"


def test_half_an_emoji_becomes_the_replacement_character() -> None:
    assert prepare_text("hi \ud83d there") == "hi \ufffd there"


def test_an_emoji_in_two_halves_is_put_together() -> None:
    assert prepare_text("hi \ud83d\ude00") == "hi \U0001f600"


@settings(deadline=None)
@given(ANY_TEXT)
def test_any_text_comes_out_in_normal_form_and_encodable(text: str) -> None:
    prepared = prepare_text(text)

    assert prepared.encode("utf-8").decode("utf-8") == prepared
    assert unicodedata.is_normalized("NFC", prepared)
    assert prepared == " ".join(prepared.split())


@settings(deadline=None)
@given(ANY_TEXT)
def test_preparing_twice_changes_nothing_more(text: str) -> None:
    assert prepare_text(prepare_text(text)) == prepare_text(text)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_character_but_white_space_is_lost(text: str) -> None:
    kept = "".join(unicodedata.normalize("NFC", text.translate(HALF_WIDTH)).split())

    assert prepare_text(text).replace(" ", "") == kept


def test_full_width_forms_become_half_width() -> None:
    assert prepare_text("\u3000ＡＢＣ－１２３，ｏｋ？　～！") == "ABC-123,ok? ~!"


def test_other_punctuation_and_compatibility_forms_stay() -> None:
    assert prepare_text("好。①ﬁ½、「x」") == "好。①ﬁ½、「x」"


def test_a_full_width_letter_takes_its_accent() -> None:
    assert prepare_text("\uff21\u0301") == "\u00c1"


@pytest.mark.parametrize(
    ("text", "prepared", "spans"),
    [
        ("", "", []),
        ("ab", "ab", [(0, 1), (1, 2)]),
        ("  a \t b ", "a b", [(2, 3), (3, 6), (6, 7)]),
        ("e\u0301x", "\u00e9x", [(0, 2), (2, 3)]),
        ("a\ud83d\ude00b", "a\U0001f600b", [(0, 1), (1, 3), (3, 4)]),
        ("a\ud83db", "a\ufffdb", [(0, 1), (1, 2), (2, 3)]),
        ("\u1100\u1161\u11a8x", "\uac01x", [(0, 3), (3, 4)]),
        ("\u0958x", "\u0915\u093cx", [(0, 1), (0, 1), (1, 2)]),
        ("Ａ\u3000Ｂ", "A B", [(0, 1), (1, 2), (2, 3)]),
    ],
)
def test_each_character_knows_where_it_came_from(text: str, prepared: str, spans: list[tuple[int, int]]) -> None:
    found = prepare_with_origins(text)

    assert found.text == prepared
    assert list(zip(found.starts, found.ends, strict=True)) == spans


def test_spans_go_there_and_back() -> None:
    found = prepare_with_origins(" to  cafe\u0301  now ")

    assert found.text == "to caf\u00e9 now"
    assert found.original_span(3, 7) == (5, 10)
    assert found.prepared_span(5, 10) == (3, 7)
    assert found.prepared_span(4, 11) == (2, 8)
    assert found.prepared_span(0, 1) == (0, 0)
    assert found.prepared_span(15, 16) == (11, 11)


@settings(deadline=None)
@given(ANY_TEXT)
def test_origins_lie_in_the_text_and_never_go_back(text: str) -> None:
    found = prepare_with_origins(text)

    assert found.text == prepare_text(text)
    assert len(found.text) == len(found.starts) == len(found.ends)
    assert list(found.starts) == sorted(found.starts)
    assert list(found.ends) == sorted(found.ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(found.starts, found.ends, strict=True))


@settings(deadline=None)
@given(ANY_TEXT)
def test_the_whole_text_is_prepared_as_its_steps_in_a_row_would(text: str) -> None:
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").translate(HALF_WIDTH)

    assert prepare_text(text) == " ".join(unicodedata.normalize("NFC", whole).split())


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.text(alphabet=AWKWARD + "客", max_size=6), st.text(alphabet="abc123", min_size=1, max_size=6))
    )
)
def test_a_word_of_plain_letters_is_found_where_the_customer_wrote_it(parts: list[tuple[str, str]]) -> None:
    text = "".join(f"{around}\n{word}\n" for around, word in parts)
    begin = 0
    found = prepare_with_origins(text)

    for around, word in parts:
        begin += len(around) + 1
        start, end = found.prepared_span(begin, begin + len(word))
        assert found.text[start:end] == word
        assert found.original_span(start, end) == (begin, begin + len(word))
        begin += len(word) + 1


def test_plain_text_is_taken_over_without_being_walked_through() -> None:
    found = prepare_with_origins("where is my parcel?")

    assert (found.starts, found.ends) == (range(19), range(1, 20))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("Where's order_1, Zoë?", ["Where", "'", "s", "order_1", ",", "Zoë", "?"]),
        ("明天 3点到Leeds。", ["明", "天", "3", "点", "到", "Leeds", "。"]),
        ("मुझे हिन्दी", ["मुझे", "हिन्दी"]),
        ("한국어 좋다", ["한국어", "좋다"]),
        ("かな\u0e01\u0e33", ["か", "な", "\u0e01", "\u0e33"]),
        ("20.50€", ["20", ".", "50", "€"]),
    ],
)
def test_words_are_set_apart_by_blanks_punctuation_and_script(text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in word_spans(text)] == words


def test_a_cut_splits_a_word_only_between_letters_of_a_spaced_script() -> None:
    assert [index for index in range(8) if splits_word("ab 客户c1", index)] == [1, 6]
