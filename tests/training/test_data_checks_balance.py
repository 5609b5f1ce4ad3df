import numpy as np
import pytest
from checked_corpus import corpus

from training.data_checks.balance import alike_intents, small_intents, unbalanced_intents
from training.data_checks.corpus import Corpus
from training.data_checks.finding import Kind, Severity


def sized(**counts: int) -> Corpus:
    return corpus(*[(f"{intent} {number}", intent, 0) for intent, count in counts.items() for number in range(count)])


def test_few_examples_are_a_hint_and_very_few_a_warning() -> None:
    found = small_intents(sized(one=1, four=4, five=5, nine=9, ten=10))

    assert [(f.severity, f.message) for f in found] == [
        (Severity.WARNING, "The intent one has 1 example."),
        (Severity.WARNING, "The intent four has 4 examples."),
        (Severity.HINT, "The intent five has 5 examples."),
        (Severity.HINT, "The intent nine has 9 examples."),
    ]
    assert [f.passages[0].intent for f in found] == ["one", "four", "five", "nine"]
    assert [f.weight for f in found] == sorted((f.weight for f in found), reverse=True), "the smallest first"


def test_a_text_that_stands_twice_counts_once() -> None:
    (found,) = small_intents(corpus(*[(text, "greet", 0) for text in ("hi", "HI", " hi ", "hello")]))

    assert found.message == "The intent greet has 2 examples."


def test_an_intent_ten_times_the_median_is_named() -> None:
    assert unbalanced_intents(sized(a=10, b=10, c=99)) == []

    (found,) = unbalanced_intents(sized(a=10, b=10, c=100))
    assert (found.kind, found.severity) == (Kind.UNBALANCED, Severity.HINT)
    assert found.message == "The intent c has 100 examples; half of the intents have 10 or fewer."


def mixed_up(count: int, of: int, times: int) -> tuple[Corpus, np.ndarray]:
    """Two intents of `of` examples and a third; `times` of the first are taken for the second, surest last."""
    examples = sized(a=of, b=of, c=count)
    probabilities = np.eye(3)[examples.classes]
    for row in range(times):
        probabilities[row] = [0.4 - row / 100, 0.6 + row / 100, 0.0]
    return examples, probabilities


@pytest.mark.parametrize(
    ("of", "times", "severity"),
    [(16, 3, None), (17, 4, None), (16, 4, Severity.HINT), (10, 4, Severity.HINT), (8, 4, Severity.WARNING)],
)
def test_intents_that_are_taken_for_one_another_are_named_from_four_times_and_an_eighth_on(
    of: int, times: int, severity: Severity | None
) -> None:
    found = alike_intents(*mixed_up(5, of, times))

    assert [finding.severity for finding in found] == ([] if severity is None else [severity])


def test_mixed_up_intents_come_with_the_examples_that_were_mistaken_the_surest_first() -> None:
    (found,) = alike_intents(*mixed_up(5, 10, 5))

    assert found.message == "a and b are hard to tell apart: 5 of their examples (25%) were taken for the other."
    assert [passage.text for passage in found.passages] == ["a 4", "a 3", "a 2", "a 1", "a 0"]


def test_mistakes_in_both_directions_count_together() -> None:
    examples = sized(a=8, b=8)
    probabilities = np.eye(2)[examples.classes]
    for row in (0, 1, 8, 9):
        probabilities[row] = probabilities[row][::-1]

    (found,) = alike_intents(examples, probabilities)

    assert found.weight == 0.25
    assert {passage.intent for passage in found.passages} == {"a", "b"}


def test_examples_that_nothing_could_be_said_of_are_not_mistakes() -> None:
    examples = sized(a=4, b=4)

    assert alike_intents(examples, np.zeros((8, 2))) == []
