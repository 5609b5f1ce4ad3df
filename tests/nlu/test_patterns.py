from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.nlu_data import Lookup, Regex, patterns_by_entity
from nlu.entities import OWNERS_PATTERN, Entity
from nlu.patterns import PatternExtractor, _LookupTable
from nlu.text import splits_word

FILE = Path("data/nlu.yml")


def found(
    text: str, *, regexes: dict[str, list[str]] | None = None, lookups: dict[str, list[str]] | None = None
) -> list[tuple[str, str]]:
    entities = PatternExtractor(regexes=regexes or {}, lookups=lookups or {}).extract(text)
    assert all(entity.value == text[entity.start : entity.end] for entity in entities)
    return [(entity.entity, str(entity.value)) for entity in entities]


def test_a_regex_gives_rasa_s_entity_with_places_in_code_points() -> None:
    assert PatternExtractor(regexes={"zip": [r"\d{5}"]}, lookups={}).extract("客\U0001f600 12345") == [
        Entity(entity="zip", start=3, end=8, value="12345", extractor=OWNERS_PATTERN)
    ]


def test_regexes_match_without_regard_to_case_wherever_they_fit() -> None:
    assert found("xAB12y ab3", regexes={"code": [r"ab\d+", r"y"]}) == [("code", "AB12"), ("code", "ab3"), ("code", "y")]


def test_a_regex_that_matches_nothing_at_all_gives_no_entity() -> None:
    assert found("b", regexes={"code": ["a*"]}) == []
    assert found("", regexes={"code": ["a*"]}) == []


def test_a_lookup_finds_whole_words_and_the_longest() -> None:
    lookups = {"city": ["Leeds", "New York", "New York City", "Zoë", "York Ci"]}

    assert found("new york city, LEEDS! Leedsville New Yorkers NEW YORK C zoë", lookups=lookups) == [
        ("city", "new york city"),
        ("city", "LEEDS"),
        ("city", "NEW YORK"),
        ("city", "zoë"),
    ]


def test_a_shorter_text_is_found_where_the_longer_one_ends_within_a_word() -> None:
    assert found("New York City", lookups={"city": ["New York", "New York Ci"]}) == [("city", "New York")]


def test_in_chinese_a_lookup_needs_no_borders_but_its_figures_and_letters_do() -> None:
    assert found("我要去北京西站买A12型和A1", lookups={"place": ["北京", "北京西站"], "model": ["A1"]}) == [
        ("place", "北京西站"),
        ("model", "A1"),
    ]


def test_a_lookup_is_prepared_as_messages_are() -> None:
    assert found("Café ABC", lookups={"name": ["cafe\u0301", "ＡＢＣ", "\u3000"]}) == [
        ("name", "Café"),
        ("name", "ABC"),
    ]


def test_a_capital_with_a_dot_does_not_move_places() -> None:
    assert found("İİİ Leeds", lookups={"city": ["leeds", "İİİ"]}) == [("city", "İİİ"), ("city", "Leeds")]


TEXTS = st.lists(st.text(alphabet="ab 客", min_size=1, max_size=4).map(str.strip).filter(bool), max_size=8)


@settings(deadline=None)
@given(TEXTS, st.text(alphabet="ab 客", max_size=30))
def test_a_lookup_finds_what_trying_every_text_at_every_place_finds(texts: list[str], message: str) -> None:
    expected, start = [], 0
    folded = [" ".join(text.split()) for text in texts]
    while start < len(message):
        ends = [
            start + len(text)
            for text in folded
            if message.startswith(text, start)
            and not splits_word(message, start)
            and not splits_word(message, start + len(text))
        ]
        if ends:
            expected.append((start, max(ends)))
        start = max([*ends, start + 1])

    assert list(_LookupTable(texts).find(message)) == expected


def test_ten_thousand_texts_take_no_more_slices_than_they_have_lengths() -> None:
    class Counted(str):
        slices = 0
        __slots__ = ()

        def __getitem__(self, key: object) -> str:
            Counted.slices += isinstance(key, slice)
            return str.__getitem__(self, key)  # type: ignore[index]

    table = _LookupTable(f"客{number:04d}" for number in range(10_000))

    assert table._longest(Counted("客123"), 0) == 0
    assert table._longest(Counted("客12345"), 0) == 0
    assert table._longest(Counted("客1234."), 0) == 5
    assert Counted.slices == 2  # the first is shorter than every text


def test_names_that_are_no_entity_are_left_out_and_named() -> None:
    regexes = [
        Regex(name="zip", patterns=("a", "b"), path=FILE, line=1),
        Regex(name="help", patterns=("c",), path=FILE, line=4),
        Regex(name="zip", patterns=("b", "d"), path=FILE, line=7),
    ]
    lookups = [Lookup(name="city", texts=("Leeds",), path=FILE, line=9)]

    assert patterns_by_entity(regexes, {"zip", "city"}) == (
        {"zip": ("a", "b", "d")},
        ["data/nlu.yml:4: the regex help is not used: no entity has its name"],
    )
    assert patterns_by_entity(lookups, {"zip"}) == (
        {},
        ["data/nlu.yml:9: the lookup city is not used: no entity has its name"],
    )


def test_a_pattern_that_does_not_compile_is_refused() -> None:
    with pytest.raises(ValueError, match="missing"):
        PatternExtractor(regexes={"zip": ["("]}, lookups={})
