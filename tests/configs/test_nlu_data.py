import time
from pathlib import Path

import pytest

from configs import AssistantError, Example
from configs.nlu_data import parse_nlu
from configs.yaml_file import parse_yaml

FILE = Path("data/nlu.yml")


def read(text: str) -> tuple[list[Example], list[str]]:
    return parse_nlu(parse_yaml(text, FILE))


def texts(block: str) -> list[str]:
    examples, _ = read("nlu:\n- intent: a\n  examples: |\n" + "".join(f"    {line}\n" for line in block.split("\n")))
    return [example.text for example in examples]


def test_each_bullet_is_an_example_with_its_line() -> None:
    examples, notices = read(
        "nlu:\n"
        "- intent: greet\n"
        "  examples: |\n"
        "    - hello\n"
        "\n"
        "    # the short ones\n"
        "      -   hi there  \n"
        "    -hey\n"
        "    - -10 degrees - really\n"
        "- intent: faq/opening hours\n"
        "  examples: |\n"
        "    - 什么时候开门\n"
    )
    assert examples == [
        Example(text="hello", intent="greet", path=FILE, line=4),
        Example(text="hi there", intent="greet", path=FILE, line=7),
        Example(text="hey", intent="greet", path=FILE, line=8),
        Example(text="-10 degrees - really", intent="greet", path=FILE, line=9),
        Example(text="什么时候开门", intent="faq/opening hours", path=FILE, line=12),
    ]
    assert notices == []


def test_examples_may_be_a_list() -> None:
    examples, _ = read(
        "nlu:\n"
        "- intent: ' greet '\n"
        "  examples:\n"
        "  - text: hello\n"
        "    metadata: {sentiment: glad}\n"
        "  - text: |\n"
        "      -   hi\n"
        "  - plain [Leeds](city)\n"
    )
    assert examples == [
        Example(text="hello", intent="greet", path=FILE, line=4),
        Example(text="hi", intent="greet", path=FILE, line=6),
        Example(text="plain Leeds", intent="greet", path=FILE, line=8),
    ]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("to [Leeds](city) please", "to Leeds please"),
        ("to [Leeds](city:LDS)", "to Leeds"),
        ('to [Leeds]{"entity": "city"}', "to Leeds"),
        ('to [Leeds]{"entity": "city", "role": "to", "group": "1", "value": "LDS"}', "to Leeds"),
        ('to [Leeds][{"entity": "city"}]', "to Leeds"),
        ('to [Leeds][{"entity": "city", "role": "to"}, {"entity": "town"}] now', "to Leeds now"),
        ('[New York](city) to [Leeds]{"entity": "city"}, [2](number:\'2\')', "New York to Leeds, 2"),
        ("[a](x)[b](y)", "ab"),
        ("[客服](dept)吗", "客服吗"),
        ("[no markup] (at all)", "[no markup] (at all)"),
        ("[no markup] [here]", "[no markup] [here]"),
        ("press [1] or {2} (now)", "press [1] or {2} (now)"),
        ("[](x)", "[](x)"),
        ("[open](city", "[open](city"),
    ],
)
def test_entity_markup_is_taken_off_and_other_brackets_stay(written: str, text: str) -> None:
    assert texts(f"- {written}") == [text]


@pytest.mark.parametrize("text", ["[a][{" * 40_000, "[" * 200_000, "[a]{" * 50_000, "x" + " " * 200_000 + "x"])
def test_a_hostile_example_takes_no_longer_than_its_length(text: str) -> None:
    started = time.process_time()
    assert texts(f"- {text}") == [text]
    assert time.process_time() - started < 2  # in the square of its length it would take minutes


def test_an_alias_takes_the_examples_of_its_anchor() -> None:
    examples, _ = read("nlu:\n- intent: a\n  examples: &x |\n    - one\n- intent: b\n  examples: *x\n")
    assert [(example.intent, example.text) for example in examples] == [("a", "one"), ("b", "one")]


def test_a_block_with_windows_line_endings_has_clean_examples() -> None:
    examples, _ = read("nlu:\r\n- intent: a\r\n  examples: |\r\n    - one\r\n    - two\r\n")
    assert [(example.text, example.line) for example in examples] == [("one", 4), ("two", 5)]


@pytest.mark.parametrize("text", ["", "version: '3.1'\n", "nlu:\n", "nlu: []\n", "rules: []\n"])
def test_a_file_without_examples_has_none(text: str) -> None:
    assert read(text) == ([], [])


def test_entries_that_are_not_used_are_counted() -> None:
    examples, notices = read(
        "nlu:\n"
        "- synonym: lds\n  examples: |\n    - Leeds\n"
        "- regex: zip\n  examples: |\n    - \\d+\n"
        "- intent: a\n  examples: |\n    - one\n"
        "- synonym: ny\n  examples: |\n    - New York\n"
        "- lookup: city\n  examples: |\n    - Leeds\n"
    )
    assert [example.text for example in examples] == ["one"]
    assert notices == [
        "data/nlu.yml: 2 `synonym` entries are not used: entities are not extracted yet",
        "data/nlu.yml: 1 `regex` entries are not used: entities are not extracted yet",
        "data/nlu.yml: 1 `lookup` entries are not used: entities are not extracted yet",
    ]


INTENT = "Write `- intent: name`."
LINES = "Write `examples: |` and `- text` lines."
BULLET = "Write each example as `- text` on a line of its own."


@pytest.mark.parametrize(
    ("text", "line", "problem", "fix"),
    [
        ("version: 1\nnlu: {}\n", 2, "`nlu` must be a list", "Write `- intent: name` entries under it."),
        ("nlu: text\n", 1, "`nlu` must be a list", "Write `- intent: name` entries under it."),
        ("nlu:\n- greet\n", 2, "'greet' is not an entry", "Write `- intent: name` with `examples: |`."),
        ("nlu:\n-\n", 2, "None is not an entry", "Write `- intent: name` with `examples: |`."),
        ("nlu:\n- examples: |\n    - a\n", 2, "an entry has intent None", INTENT),
        ("nlu:\n- intent: 12\n", 2, "an entry has intent 12", INTENT),
        ("nlu:\n- intent: ' '\n", 2, "an entry has intent ' '", INTENT),
        ("nlu:\n\n- intent: a\n", 3, "intent a has no examples", LINES),
        ("nlu:\n- intent: a\n  examples: 5\n", 2, "intent a has no examples", LINES),
        (
            "nlu:\n- intent: a\n  examples: |\n    # none\n",
            2,
            "intent a has no examples",
            "Write `- text` lines under `examples: |`.",
        ),
        (
            "nlu:\n- intent: a\n  examples: []\n",
            2,
            "intent a has no examples",
            "Write `- text` lines under `examples: |`.",
        ),
        (
            "nlu:\n- intent: a\n  examples: |\n    - one\n\n    two\n",
            6,
            "the example 'two' does not start with `- `",
            BULLET,
        ),
        (
            "nlu:\n- intent: a\n  examples: |\n    " + "x" * 100 + "\n",
            4,
            f"the example '{'x' * 60}' does not start with `- `",
            BULLET,
        ),
        ("nlu:\n- intent: a\n  examples: |\n    - one\n    -  \n", 5, "an example is empty", BULLET),
        ("nlu:\n- intent: a\n  examples:\n  - one\n  - 12\n", 5, "12 is not an example", "Write `- text: ...`."),
        (
            "nlu:\n- intent: a\n  examples:\n  - text: ' '\n",
            4,
            "{'text': ' '} is not an example",
            "Write `- text: ...`.",
        ),
        (
            "nlu:\n- intent: a\n  examples:\n  - one\n  - metadata: b\n",
            5,
            "{'metadata': 'b'} is not an example",
            "Write `- text: ...`.",
        ),
    ],
)
def test_wrong_examples_are_refused_with_line_problem_and_fix(text: str, line: int, problem: str, fix: str) -> None:
    with pytest.raises(AssistantError) as caught:
        read(text)
    assert str(caught.value) == f"data/nlu.yml:{line}: {problem}. {fix}"
