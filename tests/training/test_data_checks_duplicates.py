import pytest
from checked_corpus import corpus

from training.data_checks.duplicates import (
    near_text_under_two_intents,
    nearly_same,
    repeated_examples,
    same_text_under_two_intents,
)
from training.data_checks.finding import Finding, Kind, Severity
from training.data_checks.words import same_text_key, word_overlap, words_of


def lines(finding: Finding) -> list[int]:
    return [passage.line for passage in finding.passages]


@pytest.mark.parametrize("again", ["Where is it", "where  is it", " WHERE IS IT\t"])
def test_the_same_text_under_two_intents_is_an_error_that_names_both(again: str) -> None:
    found = same_text_under_two_intents(corpus(("where is it", "track", 0), ("hello", "greet", 90), (again, "late", 0)))

    (finding,) = found
    assert (finding.kind, finding.severity) == (Kind.SAME_TEXT, Severity.ERROR)
    assert finding.message == "The same text is an example of track and late."
    assert [(p.line, p.intent, p.text) for p in finding.passages] == [(1, "track", "where is it"), (3, "late", again)]


def test_composed_and_decomposed_letters_are_the_same_text() -> None:
    assert same_text_key("cafe\u0301") == same_text_key("CAF\u00c9")


def test_a_text_under_three_intents_names_all_and_comes_before_one_under_two() -> None:
    found = same_text_under_two_intents(
        corpus(*[("hi", name, 0) for name in "abc"], ("yo", "a", 90), ("yo", "b", 90)),
    )

    assert [finding.message for finding in found] == [
        "The same text is an example of a, b and c.",
        "The same text is an example of a and b.",
    ]
    assert found[0].weight > found[1].weight


def test_a_text_twice_under_one_intent_is_no_contradiction() -> None:
    assert same_text_under_two_intents(corpus(("hi", "greet", 0), ("hi", "greet", 0))) == []


# cos 30 = 0.866, cos 33 = 0.839, cos 40 = 0.766, cos 42 = 0.743; near is 0.85, or 0.75 with four words of five
@pytest.mark.parametrize(
    ("text", "angle", "near"),
    [
        ("quite other words", 30, True),
        ("quite other words", 33, False),
        ("my card was lost!", 40, True),
        ("my card was lost!", 42, False),
        ("my card was stolen", 40, False),
    ],
)
def test_nearly_the_same_text_under_two_intents_is_a_warning(text: str, angle: float, near: bool) -> None:
    found = near_text_under_two_intents(
        corpus(("my card was lost", "lost", 0), ("hello", "greet", 180), (text, "stolen", angle))
    )

    assert [(f.severity, f.message, lines(f)) for f in found] == (
        [(Severity.WARNING, "Nearly the same text is an example of lost and stolen.", [1, 3])] if near else []
    )


def test_the_same_text_is_not_said_to_be_nearly_the_same_too() -> None:
    assert near_text_under_two_intents(corpus(("hi", "a", 0), ("HI", "b", 0))) == []


def test_a_near_text_of_the_same_intent_does_not_hide_one_of_another() -> None:
    found = near_text_under_two_intents(corpus(("one", "a", 0), ("two", "a", 1), ("three", "b", 20)))

    assert [lines(finding) for finding in found] == [[1, 3], [2, 3]]
    assert found[0].weight < found[1].weight


def test_repeated_examples_are_hints_one_for_each_text() -> None:
    found = repeated_examples(
        corpus(
            ("thank you", "thank", 0),
            ("Thank you!", "thank", 40),
            ("thank  you", "thank", 0),
            ("cheers", "thank", 90),
            ("ta", "thank", 107),  # cos 17 = 0.956
            ("merci", "thank", 200),
            ("danke", "thank", 219),  # cos 19 = 0.946
            ("cheers", "greet", 90),
        )
    )

    assert [(f.kind, f.severity, lines(f)) for f in found] == [
        (Kind.REPEATED, Severity.HINT, [1, 2, 3]),
        (Kind.REPEATED, Severity.HINT, [4, 5]),
    ]
    assert found[0].message == "3 examples of thank say the same in the same words, or nearly."


def test_other_signs_without_words_are_not_the_same() -> None:
    assert repeated_examples(corpus(("?", "a", 0), ("!", "a", 90), ("👋", "a", 200))) == []


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("Don't, PLEASE", ["don", "t", "please"]),
        ("我要退款FW-12", ["我", "要", "退", "款", "fw", "12"]),
        ("キャンセル", ["キ", "ャ", "ン", "セ", "ル"]),
        ("Größe Straße", ["grösse", "strasse"]),
        ("👋 !?", []),
    ],
)
def test_words_are_case_folded_and_a_chinese_sign_is_one(text: str, forms: list[str]) -> None:
    assert [word.form for word in words_of(text)] == forms


def test_a_word_says_where_it_stands() -> None:
    text = "to 柏林, Berlin"

    assert [text[word.start : word.end] for word in words_of(text)] == ["to", "柏", "林", "Berlin"]


def test_overlap_is_words_in_both_of_words_in_either() -> None:
    assert word_overlap(frozenset("abc"), frozenset("bcd")) == 0.5
    assert word_overlap(frozenset(), frozenset()) == 0.0


@pytest.mark.parametrize(
    ("cosine", "overlap", "near"),
    [(0.9, 0.0, True), (0.89, 0.79, False), (0.75, 0.8, True), (0.74, 1.0, False)],
)
def test_texts_are_nearly_the_same_by_meaning_or_by_words_and_meaning(
    cosine: float, overlap: float, near: bool
) -> None:
    assert nearly_same(cosine, overlap, 0.9) is near
