import pytest
from checked_corpus import NLU

from configs import Example
from configs.entity_markup import parse_markup
from training.data_checks.entities import unmarked_entities
from training.data_checks.finding import Severity


def examples(*written: str) -> list[Example]:
    return [
        Example(text=text, intent="travel", path=NLU, line=line, entities=entities)
        for line, (text, entities) in enumerate(map(parse_markup, written), start=1)
    ]


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("to [Berlin](city)", "from berlin, please"),
        ("to [New York](city)", "new york!"),
        ("to [Berlin](city)", "BERLIN-Hamburg"),
        ("去[北京](city)", "我想去北京玩"),
        ("[4](number) seats", "for 4"),
        ('[Berlin]{"entity": "city", "role": "to"}', "Berlin"),
    ],
)
def test_a_marked_text_that_stands_unmarked_elsewhere_is_found(marked: str, plain: str) -> None:
    (found,) = unmarked_entities(examples(marked, plain))

    assert [passage.line for passage in found.passages] == [1, 2]
    assert found.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("to [Berlin](city)", "the Berliner is late"),
        ("to [York](city)", "to [New York](city)"),
        ("I write [C++](language)", "vitamin c"),
        ("[!](sign) a", "wait!"),
        ("to [Berlin](city)", "to [Berlin](city) too"),
    ],
)
def test_parts_of_words_and_of_other_marks_are_no_mention(marked: str, plain: str) -> None:
    assert unmarked_entities(examples(marked, plain)) == []


def test_of_marked_texts_within_one_another_the_longest_counts() -> None:
    (found,) = unmarked_entities(examples("[York](city)", "[New York](city)", "new york"))

    assert found.message == "\u201cnew york\u201d is marked as city 1x, but stands unmarked in 1 example."


def test_a_mention_in_an_example_that_also_marks_it_is_found() -> None:
    (found,) = unmarked_entities(examples("[Berlin](city) to Berlin"))

    assert [passage.line for passage in found.passages] == [1, 1]


def test_a_word_that_mostly_stands_unmarked_is_only_a_hint() -> None:
    (found,) = unmarked_entities(examples("in [May](month)", "may I ask", "you may", "it may be"))

    assert found.severity is Severity.HINT
    assert found.message == "\u201cmay\u201d is marked as month 1x, but stands unmarked in 3 examples."
    assert found.advice == "Mark it there too, as [text](month), where it means the same."


def test_chinese_is_written_without_blanks_and_the_commonest_entity_is_named() -> None:
    (found,) = unmarked_entities(examples("[北京](city)", "[北京](city)", "[北京](team)", "北京"))

    assert found.message == "\u201c北京\u201d is marked as city 3x, but stands unmarked in 1 example."


def test_without_marks_there_is_nothing_to_find() -> None:
    assert unmarked_entities(examples("to Berlin", "Berlin")) == []
