import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from nlu.text import MAX_CHARS, prepare_text

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=60)


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
    kept = "".join(unicodedata.normalize("NFC", text).split())

    assert prepare_text(text).replace(" ", "") == kept
