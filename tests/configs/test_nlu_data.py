import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs import AssistantError, Example
from configs.entity_markup import FIX, Annotation, parse_markup
from configs.nlu_data import Lookup, NluData, Regex, Synonym, compile_pattern, parse_nlu, synonym_table
from configs.yaml_file import parse_yaml

FILE = Path("data/nlu.yml")


def read_all(text: str) -> tuple[NluData, list[str]]:
    return parse_nlu(parse_yaml(text, FILE))


def read(text: str) -> tuple[list[Example], list[str]]:
    data, notices = read_all(text)
    return list(data.examples), notices


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
        Example(
            text="plain Leeds",
            intent="greet",
            path=FILE,
            line=8,
            entities=(Annotation(start=6, end=11, entity="city", value="Leeds"),),
        ),
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
        ("[ ](x)", "[ ](x)"),
        ("call items[0]() once", "call items[0]() once"),
        ("a](x) [b", "a](x) [b"),
        ("[one][two](x)", "[one]two"),
        ("[[Leeds](city)]", "[Leeds]"),
        ("[open [Leeds](city)", "[open Leeds"),
    ],
)
def test_entity_markup_is_taken_off_and_other_brackets_stay(written: str, text: str) -> None:
    assert texts(f"- {written}") == [text]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("to [Leeds](city) please", [(3, 8, "city", "Leeds", None, None)]),
        ("to [Leeds]( city :LDS)", [(3, 8, "city", "LDS", None, None)]),
        ("[at](time:10:30)", [(0, 2, "time", "10:30", None, None)]),
        (
            '[Leeds]{"entity": "city", "role": "to", "group": "1", "value": "LDS {UK}"}!',
            [(0, 5, "city", "LDS {UK}", "to", "1")],
        ),
        (
            '[Leeds][{"entity": "city", "role": "to"}, {"entity": "town"}] now',
            [(0, 5, "city", "Leeds", "to", None), (0, 5, "town", "Leeds", None, None)],
        ),
        ("[a](x)[b](y)", [(0, 1, "x", "a", None, None), (1, 2, "y", "b", None, None)]),
        (
            "\U0001f600 [cafe\u0301](place) [客服](dept)吗",
            [(2, 7, "place", "cafe\u0301", None, None), (8, 10, "dept", "客服", None, None)],
        ),
        ("[no markup] (at all)", []),
        ("[[Leeds](city)]", [(1, 6, "city", "Leeds", None, None)]),
    ],
)
def test_annotations_have_their_place_in_the_clean_text(written: str, found: list[tuple[object, ...]]) -> None:
    text, entities = parse_markup(written)

    assert [(e.start, e.end, e.entity, e.value, e.role, e.group) for e in entities] == found
    assert text == texts(f"- {written}")[0]


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(alphabet="ab 客", max_size=3), st.text(alphabet="cd客", min_size=1, max_size=3))))
def test_every_annotation_covers_its_own_text(parts: list[tuple[str, str]]) -> None:
    text, entities = parse_markup("".join(f"{before}[{marked}](e)" for before, marked in parts))

    assert text == "".join(before + marked for before, marked in parts)
    assert [text[e.start : e.end] for e in entities] == [marked for _, marked in parts]


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("[Leeds](city", "the markup '(city' has no closing parenthesis"),
        ("[Leeds](city:)", "the markup '(city:)' has no value behind its colon"),
        ("[Leeds](:LDS)", "entity is '' in the markup of 'Leeds', not text"),
        ("[Leeds]{city}", "the markup '{city}' is not JSON"),
        ('[Leeds]{"entity": "city"', 'the markup \'{"entity": "city"\' is not JSON'),
        ('[Leeds][{"entity": "city"}', 'the markup \'[{"entity": "city"}\' is not JSON'),
        ('[Leeds]{"role": "to"}', "the markup of 'Leeds' names no entity"),
        ('[Leeds][{"entity": "city"}, {}]', "the markup of 'Leeds' names no entity"),
        ('[Leeds][{"entity": "city"}, 3]', "3 in the markup of 'Leeds' is not a mapping"),
        (
            '[Leeds]{"entity": "city", "rol": "to"}',
            "the key 'rol' in the markup of 'Leeds' is not one of entity, role, group, value",
        ),
        ('[Leeds]{"entity": "city", "group": 1}', "group is 1 in the markup of 'Leeds', not text"),
        ('[Leeds]{"entity": "city", "value": "\\ud800"}', "value is '\\ud800' in the markup of 'Leeds', not text"),
        ("[to [Leeds](city)](route)", "the marked text 'to [Leeds](city)' holds brackets of its own"),
        ("[see [1] there](page)", "the marked text 'see [1] there' holds brackets of its own"),
        ("[a]{" + "x" * 90, f"the markup '{{{'x' * 59}...' is not JSON"),
        ('[a]{"b":' + '{"b":' * 100_000, f"the markup '{('{' + chr(34) + 'b' + chr(34) + ':') * 12}...' is not JSON"),
    ],
)
def test_malformed_markup_is_refused_with_its_line(written: str, problem: str) -> None:
    with pytest.raises(AssistantError) as caught:
        texts(f"- fine\n- {written}")
    assert str(caught.value) == f"data/nlu.yml:5: {problem}. {FIX}"


@pytest.mark.parametrize("text", ["[" * 200_000, "]" * 200_000, "[a]" * 100_000, "x" + " " * 200_000 + "x"])
def test_a_hostile_example_takes_no_longer_than_its_length(text: str) -> None:
    started = time.process_time()
    assert texts(f"- {text}") == [text]
    assert time.process_time() - started < 2  # in the square of its length it would take minutes


def test_many_annotations_take_no_longer_than_their_length() -> None:
    started = time.process_time()
    text, entities = parse_markup("[[a](x)" * 50_000)
    assert (text, len(entities)) == ("[a" * 50_000, 50_000)
    assert time.process_time() - started < 2


def test_an_alias_takes_the_examples_of_its_anchor() -> None:
    examples, _ = read("nlu:\n- intent: a\n  examples: &x |\n    - one\n- intent: b\n  examples: *x\n")
    assert [(example.intent, example.text) for example in examples] == [("a", "one"), ("b", "one")]


def test_a_block_with_windows_line_endings_has_clean_examples() -> None:
    examples, _ = read("nlu:\r\n- intent: a\r\n  examples: |\r\n    - one\r\n    - two\r\n")
    assert [(example.text, example.line) for example in examples] == [("one", 4), ("two", 5)]


@pytest.mark.parametrize("text", ["", "version: '3.1'\n", "nlu:\n", "nlu: []\n", "rules: []\n"])
def test_a_file_without_examples_has_none(text: str) -> None:
    assert read_all(text) == (NluData(), [])


def test_synonyms_regexes_and_lookups_are_read() -> None:
    data, notices = read_all(
        "nlu:\n"
        "- synonym: LDS\n  examples: |\n    - Leeds\n    - city of Leeds\n    - Leeds\n"
        "- regex: zip\n  examples: |\n    - \\d{5}\n    - -\\d\n"
        "- lookup: ' city '\n  examples:\n  - Leeds\n  - 利兹\n"
        "- lookup: size\n  examples: |\n    - [L](x)\n"
    )
    assert data == NluData(
        synonyms=(Synonym(value="LDS", texts=("Leeds", "city of Leeds"), path=FILE, line=2),),
        regexes=(Regex(name="zip", patterns=("\\d{5}", "-\\d"), path=FILE, line=7),),
        lookups=(
            Lookup(name="city", texts=("Leeds", "利兹"), path=FILE, line=11),
            Lookup(name="size", texts=("[L](x)",), path=FILE, line=15),
        ),
    )
    assert notices == []


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(?<=#)\\d+", "invalid perl operator: (?<="),
        ("(?=#)\\d+", "invalid perl operator: (?="),
        ("(a)\\1", "invalid escape sequence: \\1"),
        ("(open", "missing ): (open"),
        ("((a{99}){99}){99}", "invalid repetition size: {99}"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_with_its_line(pattern: str, reason: str) -> None:
    with pytest.raises(AssistantError) as caught:
        read_all(f"nlu:\n- regex: zip\n  examples: |\n    - fine\n    - {pattern}\n")
    assert str(caught.value) == (
        f"data/nlu.yml:5: the pattern {pattern!r} of regex zip cannot be used: {reason}. "
        "Write it in RE2's syntax, which knows neither look-around nor back-references."
    )


def test_a_pattern_may_be_a_thousand_characters_long_and_no_longer() -> None:
    assert compile_pattern("a" * 1_000).search("A" * 1_000) is not None
    with pytest.raises(ValueError, match=r"^it is 1,001 characters long, more than 1,000$"):
        compile_pattern("a" * 1_001)


def test_a_pattern_whose_escape_knows_no_accents_is_named() -> None:
    _, notices = read_all("nlu:\n- regex: floor\n  examples:\n  - '\\d étage\\b'\n  - '\\d floor\\b'\n")
    assert notices == [
        "data/nlu.yml:4: `\\b` in the pattern '\\\\d étage\\\\b' of regex floor knows ASCII letters only"
    ]


def test_entries_and_annotated_values_are_synonyms_and_the_entry_wins() -> None:
    data, _ = read_all(
        "nlu:\n"
        "- intent: a\n  examples: |\n    - to [Leeds](city:LS)\n    - to [LEEDS](city:LDS)\n    - to [York](city)\n"
        "    - to [Ham](city:LHR)\n    - to [ham](city:HAM)\n"
        "- synonym: LDS\n  examples: |\n    - Leeds\n    - LDS\n"
    )
    table, notices = synonym_table(data.synonyms, data.examples)

    assert table == {"leeds": "LDS", "ham": "LHR"}
    assert notices == [
        "data/nlu.yml:4: 'Leeds' does not become 'LS': it is a synonym of 'LDS' already",
        "data/nlu.yml:8: 'ham' does not become 'HAM': it is a synonym of 'LHR' already",
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
        ("nlu:\n- synonym: 5\n  examples: |\n    - a\n", 2, "an entry has synonym 5", "Write `- synonym: name`."),
        ("nlu:\n- regex: zip\n", 2, "regex zip has no examples", LINES),
        ("nlu:\n- lookup: city\n  examples: |\n    Leeds\n", 4, "the example 'Leeds' does not start with `- `", BULLET),
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
