import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from configs import AssistantError, yaml_file
from configs.yaml_file import MAX_FILE_BYTES, MAX_NESTING, MAX_NUMBER_CHARS, nearest, parse_yaml, read_text, read_yaml

FILE = Path("domain.yml")
MEND = "Mend the indentation or quote the value."
MAX_VALUES_SAID = "over 2,000,000 values"


@pytest.fixture(params=["libyaml", "pure Python"])
def _parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each parser that PyYAML may bring; the C one is missing where it was built without libyaml."""
    if request.param == "pure Python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    elif not hasattr(yaml, "CSafeLoader"):
        pytest.skip("this PyYAML was built without libyaml")


both_parsers = pytest.mark.usefixtures("_parser")


def parsed(text: str) -> Any:
    return parse_yaml(text, FILE).data


@both_parsers
@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("y", "y"),
        ("12:30", "12:30"),
        ("1:30:45", "1:30:45"),
        ("2026-03-31", "2026-03-31"),
        ("1_000", "1_000"),
        ("=", "="),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("nUll", "nUll"),
        ("tRue", "tRue"),
        ("٣", "٣"),
        ("1 2", "1 2"),
        ("null", None),
        ("Null", None),
        ("NULL", None),
        ("~", None),
        ("", None),
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("false", False),
        ("0", 0),
        ("010", 10),
        ("-7", -7),
        ("+7", 7),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("-1e-3", -0.001),
        ("1E3", 1000.0),
        ("'12'", "12"),
        ('"true"', "true"),
        ("''", ""),
        ('"~"', "~"),
        ("|\n  12\n", "12\n"),
        ("! word", "word"),
        (">-\n  null\n", "null"),
    ],
)
def test_plain_words_get_the_core_types_and_all_else_stays_text(written: str, value: object) -> None:
    data = parsed(f"a: {written}")
    assert data == {"a": value}
    assert type(data["a"]) is type(value)


@pytest.mark.parametrize("written", ["1e999", "-1e999", "9" * (MAX_NUMBER_CHARS + 1), "9" * 100_000])
def test_a_number_too_large_to_be_kept_stays_text(written: str) -> None:
    assert parsed(f"a: {written}") == {"a": written}


def test_a_number_of_the_longest_length_is_a_number() -> None:
    digits = "9" * MAX_NUMBER_CHARS
    assert parsed(f"a: {digits}") == {"a": int(digits)}


@both_parsers
def test_keys_are_words_whatever_they_look_like() -> None:
    assert parsed("1: a\nno: b\n~: c\n12:30: d\n'<<': e") == {"1": "a", "no": "b", "~": "c", "12:30": "d", "<<": "e"}


@both_parsers
@pytest.mark.parametrize(
    "text", ["", "\n\n", "# only\n# comments\n", "---\n", "--- # nothing\n...\n", "\ufeff", "~", "null\n"]
)
def test_a_text_without_values_is_an_empty_mapping(text: str) -> None:
    assert parsed(text) == {}


@both_parsers
def test_every_value_has_its_line() -> None:
    file = parse_yaml(
        "# first\na: 1\nb:\n  - x\n  - {c: 2,\n     d: 3\n    }\n  - |\n    long\n    text\ne:\n  f\n", FILE
    )
    assert file.lines == {
        (): 2,
        ("a",): 2,
        ("b",): 3,
        ("b", 0): 4,
        ("b", 1): 5,
        ("b", 1, "c"): 5,
        ("b", 1, "d"): 6,
        ("b", 2): 8,
        ("e",): 11,  # of its key
    }


def test_the_line_of_an_unknown_place_is_its_nearest_parents() -> None:
    file = parse_yaml("a: 1\nb:\n  c: 2\n", FILE)
    assert file.line("b", "c", "missing", 3) == 3
    assert file.line("missing") == 1


def test_an_error_about_a_value_names_its_file_and_line() -> None:
    file = parse_yaml("a: 1\nb:\n  c: 2\n", FILE)
    error = file.error(("b", "c"), "is 2", "Write 3.")
    assert str(error) == "domain.yml:3: is 2. Write 3."
    assert (error.path, error.line, error.problem, error.fix) == (FILE, 3, "is 2", "Write 3.")


@both_parsers
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings_change_neither_values_nor_lines(ending: str, tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_bytes(ending.join(["a: 1", "b: |", "  x", "  y", "c: z", ""]).encode())
    file = read_yaml(path)
    assert file.data == {"a": 1, "b": "x\ny\n", "c": "z"}
    assert file.line("c") == 5


@both_parsers
def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_bytes(b"\xef\xbb\xbfk\xc3\xbcche: \xe5\xae\xa2\xe6\x9c\x8d\n")
    assert read_yaml(path).data == {"küche": "客服"}


@both_parsers
def test_an_alias_stands_for_the_value_of_its_anchor() -> None:
    assert parsed("a: &x [1, {b: 2}]\nc: *x\nd: &x 5\ne: *x\n") == {
        "a": [1, {"b": 2}],
        "c": [1, {"b": 2}],
        "d": 5,
        "e": 5,
    }


def deep_block(levels: int) -> str:
    return "".join(f"{' ' * level}a:\n" for level in range(levels))


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{level}: &a{level} [{','.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 12)
)
MAPPING_BOMB = "a0: &a0 {x: 1, y: 2}\n" + "".join(
    f"a{level}: &a{level} {{x: *a{level - 1}, y: *a{level - 1}}}\n" for level in range(1, 60)
)
TOO_DEEP = ("nested too deeply", f"Use at most {MAX_NESTING} levels.")
NO_WORD = ("a key is not a single word", "Use a plain word as key.")
PLAIN = "Write a plain YAML value."


@both_parsers
@pytest.mark.parametrize(
    ("text", "line", "problem", "fix"),
    [
        pytest.param("\na: " + "[" * 100_000, 2, *TOO_DEEP, id="100,000 open brackets"),
        pytest.param("a: " + "[" * 100_000 + "]" * 100_000, 1, *TOO_DEEP, id="100,000 closed brackets"),
        pytest.param("a: " + "{a: " * 100_000, 1, *TOO_DEEP, id="100,000 braces"),
        pytest.param("{" * 100_000, 1, *NO_WORD, id="100,000 braces as keys"),
        pytest.param("- " * 100_000, 1, *TOO_DEEP, id="100,000 dashes"),
        pytest.param("? " * 100_000, 1, *NO_WORD, id="100,000 question marks"),
        pytest.param(deep_block(2_000), MAX_NESTING + 2, *TOO_DEEP, id="2,000 indented lines"),
        pytest.param(BOMB, 7, MAX_VALUES_SAID, "Split the file.", id="alias bomb of lists"),
        pytest.param(MAPPING_BOMB, 19, MAX_VALUES_SAID, "Split the file.", id="alias bomb of mappings"),
        pytest.param("a: &a [*a]", 1, "*a has no anchor before it", "Define it with & first.", id="alias in itself"),
        pytest.param("a: 1\nb: *c", 2, "*c has no anchor before it", "Define it with & first.", id="alias of nothing"),
        pytest.param("a: &a {b: 1}\nc:\n  <<: *a", 3, "the merge key << is not supported", "Write the values out."),
        pytest.param(
            "a: 1\nb: !!python/object/apply:os.system [id]",
            2,
            "the tag tag:yaml.org,2002:python/object/apply:os.system is not allowed",
            PLAIN,
            id="tag that would run a command",
        ),
        pytest.param("a: !!str 1", 1, "the tag tag:yaml.org,2002:str is not allowed", PLAIN, id="tag on a word"),
        pytest.param("a: !mine {}", 1, "the tag !mine is not allowed", PLAIN, id="tag on a mapping"),
        pytest.param("a: 1\n!!str b: 2", 2, "the tag tag:yaml.org,2002:str is not allowed", PLAIN, id="tag on a key"),
        pytest.param("a:\n  b: 1\n  b: 2", 3, "the key 'b' stands twice", "Merge the two, or remove one."),
        pytest.param("{a: 1, 'a': 2}", 1, "the key 'a' stands twice", "Merge the two, or remove one."),
        pytest.param("1: a\n'1': b", 2, "the key '1' stands twice", "Merge the two, or remove one."),
        pytest.param("a: 1\n---\nb: 2", 2, "a second document starts here", "Keep one document a file."),
        pytest.param("---\n---\n", 2, "a second document starts here", "Keep one document a file."),
        pytest.param("a: 1\n...\n---\nb: 2", 3, "a second document starts here", "Keep one document a file."),
        pytest.param("a:\n  [x, y]: 1", 2, *NO_WORD, id="list as key"),
        pytest.param("a: &a 1\n*a : 2", 2, *NO_WORD, id="alias as key"),
    ],
)
def test_what_a_file_must_not_hold_is_refused_with_its_line(text: str, line: int, problem: str, fix: str) -> None:
    with pytest.raises(AssistantError) as caught:
        parse_yaml(text, FILE)
    assert str(caught.value) == f"domain.yml:{line}: {problem}. {fix}"


@both_parsers
def test_the_deepest_nesting_allowed_is_read() -> None:
    levels = MAX_NESTING - 1
    data = parsed("a: " + "[" * levels + "]" * levels)["a"]
    for _ in range(levels - 1):
        (data,) = data
    assert data == []


def test_more_values_than_the_limit_are_refused_and_as_many_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_file, "MAX_VALUES", 5)
    assert parsed("a: [1, 2, 3]") == {"a": [1, 2, 3]}  # the mapping, the list and what it holds
    with pytest.raises(AssistantError, match=r"^domain\.yml:2: over 5 values\. Split the file\.$"):
        parsed("a: [1, 2, 3,\n4]")


@both_parsers
@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("a:\n\tb: 1\n", 2, id="tab as indentation"),
        pytest.param("a: 1\n b: 2\n", 2, id="wrong indentation"),
        pytest.param("a: 1\nb: [1, 2\nc: 3\n", 3, id="open list"),
        pytest.param("a: 1\nb: 'open\n", 3, id="open quote"),
        pytest.param("a: @b\n", 1, id="reserved sign"),
        pytest.param("a: %b\n", 1, id="per cent sign"),
        pytest.param('a: "\\q"\n', 1, id="unknown escape"),
        pytest.param("a: b: c\n", 1, id="mapping in a line"),
        pytest.param("%YAML 9.1\n---\na: 1\n", 1, id="another YAML"),
        pytest.param("- a\nb: 1\n", 2, id="list, then mapping"),
    ],
)
def test_what_is_not_yaml_is_refused_with_its_line(text: str, line: int, tmp_path: Path) -> None:
    path = tmp_path / "domain.yml"
    path.write_text(text, "utf-8")
    with pytest.raises(AssistantError) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(f"{path}:{line}: not valid YAML: ")
    assert caught.value.problem.strip() not in {"not valid YAML:", "not valid YAML: None"}
    assert caught.value.fix == MEND


@both_parsers
@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\ufffe"])
def test_a_control_character_is_refused(character: str, tmp_path: Path) -> None:
    path = tmp_path / "domain.yml"
    path.write_text(f"a: 1\nb: x{character}y\n", "utf-8")
    with pytest.raises(AssistantError) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(f"{path}: not valid YAML: ")
    assert caught.value.fix == "Remove the character; the file must be plain text."


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"a: 1\nb: caf\xe9\n", 2),
        (b"\xff\xfea\x00", 1),
        (b"a: 1\n\n\n# \xc3", 4),
        (b"\xef\xbb\xbfa: 1\n\xff", 2),
        (b"a: \xed\xa0\x80", 1),
        (b"\n\xe9", 2),
    ],
    ids=["Latin-1", "UTF-16", "cut short", "after a byte-order mark", "surrogate", "second line"],
)
def test_what_is_not_utf_8_is_refused_with_its_line(raw: bytes, line: int, tmp_path: Path) -> None:
    path = tmp_path / "nlu.yml"
    path.write_bytes(raw)
    with pytest.raises(AssistantError) as caught:
        read_yaml(path)
    assert str(caught.value) == f"{path}:{line}: is not UTF-8 text. Save the file as UTF-8."


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.yml"
    with pytest.raises(AssistantError) as caught:
        read_text(path)
    assert str(caught.value) == f"{path}: there is no such file. Create it or mend the path."


def test_a_folder_and_a_pipe_are_refused_without_being_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yml"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe):
        with pytest.raises(AssistantError) as caught:
            read_text(path)
        assert str(caught.value) == f"{path}: is not a regular file. Put a text file there."


def test_a_file_that_the_system_refuses_is_named(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 300)
    with pytest.raises(AssistantError) as caught:
        read_text(path)
    assert str(caught.value) == f"{path}: cannot be read: File name too long. Check its name and permissions."


def test_a_file_over_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.yml"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)  # sparse: takes no space
    with pytest.raises(AssistantError) as caught:
        read_text(path)
    assert str(caught.value) == f"{path}: is 67,108,865 bytes long. Split it into files under 67,108,864 bytes."


def test_a_file_of_the_largest_size_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_file, "MAX_FILE_BYTES", 5)
    path = tmp_path / "a.yml"
    path.write_text("a: 1\n", "utf-8")
    assert read_text(path) == "a: 1\n"


@pytest.mark.parametrize(
    ("word", "said"),
    [("respones", " Did you mean 'responses'?"), ("Intents", " Did you mean 'intents'?"), ("zzz", ""), ("", "")],
)
def test_the_nearest_known_word_is_suggested(word: str, said: str) -> None:
    assert nearest(word, ["intents", "responses", "slots"]) == said


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=200) | st.text(alphabet="[]{}:,-&*!|>'\"#%@`?~ \n\r\tab01.e", max_size=60))
def test_any_text_is_either_read_or_refused(text: str) -> None:
    try:
        file = parse_yaml(text, FILE)
    except (AssistantError, yaml.YAMLError):
        return
    json.dumps(file.data, allow_nan=False)  # only what JSON, and so a release, can hold
    assert all(1 <= line <= len(text) + 1 for line in file.lines.values())


words = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=20)
plain_values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words
trees = st.recursive(
    plain_values, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4), max_leaves=20
)


@settings(max_examples=100, deadline=None)
@given(data=st.dictionaries(words, trees, max_size=5))
def test_json_is_read_as_the_values_it_holds(data: dict[str, Any]) -> None:
    written = json.dumps(data, ensure_ascii=False)
    assert json.dumps(parsed(written), ensure_ascii=False) == written
