"""What was taught is held against the owner's files before anything is learned from it."""

import pytest
from refresh_rows import answered, linked, said

from configs import Assistant
from configs.taught import Taught
from training.refresh.left_out import Why
from training.refresh.validate import validated


def why(minimal: Assistant, *rows: Taught, set_aside: tuple[str, ...] = ()) -> list[str]:
    kept, left_out = validated(rows, minimal, {"p1"}, set_aside)
    assert len(kept) + len(left_out) == len(rows)
    found = {id(one.row): one.why for one in left_out}
    return [found.get(id(row), "kept") for row in rows]


def test_rows_that_fit_are_kept(minimal: Assistant) -> None:
    rows = [
        said(1, "hiya you over there", "greet"),
        said(2, "pay with crypto", "crypto", new=True),
        answered(3, "pay with crypto", "No.", "crypto"),
        answered(4, "do you have a shop", "Yes."),
        linked(5, "wording", "p1"),
    ]
    assert why(minimal, *rows) == ["kept"] * 5


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (said(1, "some words", "no_such_intent"), Why.UNKNOWN_INTENT),
        (said(1, "some words", "nlu_fallback", new=True), Why.UNKNOWN_INTENT),
        (answered(1, "some words", "Yes.", "no_such_intent"), Why.UNKNOWN_INTENT),
        (linked(1, "some words", "p2"), Why.UNKNOWN_PAIR),
        (said(1, " ?! ", "greet"), Why.UNUSABLE),
        (said(1, "[phone] [email]", "greet"), Why.UNUSABLE),
        (said(1, "/greet", "greet"), Why.UNUSABLE),
        (said(1, "x" * 1_001, "greet"), Why.UNUSABLE),
        (answered(1, "some words", "  "), Why.UNUSABLE),
        (answered(1, "some words", "x" * 20_001), Why.UNUSABLE),
    ],
)
def test_a_row_that_does_not_fit_is_left_out_with_the_reason(minimal: Assistant, row: Taught, reason: Why) -> None:
    assert why(minimal, row) == [reason]


def test_the_owner_has_the_last_word(minimal: Assistant) -> None:
    example = minimal.examples[0]
    other = next(one.intent for one in minimal.examples if one.intent != example.intent)
    same, loud = said(1, example.text, example.intent), said(2, f" {example.text.upper()}  ", other)

    assert why(minimal, same, loud) == [Why.KNOWN, Why.OWNER]


def test_words_with_two_meanings_teach_what_most_say_or_nothing(minimal: Assistant) -> None:
    three = [said(1, "up in the air", "greet"), said(2, "Up in the air", "greet"), said(3, "up in the AIR", "goodbye")]
    names = {example.intent for example in minimal.examples}
    other = sorted(names - {"greet"})[0]
    rows = [*three[:2], said(3, "up in the AIR", other)]

    assert why(minimal, *rows) == ["kept", "kept", Why.CONTRADICTED]
    assert why(minimal, *rows[1:]) == [Why.CONTRADICTED, Why.CONTRADICTED]


def test_what_tests_a_release_does_not_teach_it(minimal: Assistant) -> None:
    assert why(minimal, said(1, "Set Aside", "greet"), set_aside=("set aside",)) == [Why.SET_ASIDE]
