"""Reads one YAML file into plain Python values, and remembers on which line each value stands.

Owns: the YAML 1.2 core types (so `no` and `on` stay words, as Rasa reads them), limits against hostile
files, and errors with file and line. Knows nothing of what the file is about.
"""

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from configs.errors import AssistantError

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_NESTING = 60
MAX_VALUES = 2_000_000
MAX_NUMBER_CHARS = 300


def _finite(text: str) -> float | str:
    """The number; one too large for a float stays text, as JSON has no infinity to keep it as."""
    number = float(text)
    return number if math.isfinite(number) else text


_CORE_TYPES: tuple[tuple[re.Pattern[str], Any], ...] = (
    (re.compile(r"(?:null|Null|NULL|~|)\Z"), lambda _: None),
    (re.compile(r"(?:true|True|TRUE)\Z"), lambda _: True),
    (re.compile(r"(?:false|False|FALSE)\Z"), lambda _: False),
    (re.compile(r"[-+]?[0-9]+\Z"), int),
    (re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z"), _finite),
)

Key = str | int
Place = tuple[Key, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlFile:
    """One file's values and the line of each.

    Attributes:
        path: Where it was read from.
        data: Dicts, lists, strings, numbers, booleans and None.
        lines: From the keys that lead to a value to its 1-based line.
    """

    path: Path
    data: Any
    lines: Mapping[Place, int]

    def line(self, *place: Key) -> int | None:
        """The line of the value at `place`, or of its nearest parent that has one."""
        for end in range(len(place), -1, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return None

    def error(self, place: Place, problem: str, fix: str) -> AssistantError:
        """An error about the value at `place`, ready to raise."""
        return AssistantError(self.path, self.line(*place), problem, fix)


def read_yaml(path: Path) -> YamlFile:
    """Reads `path`; an empty file gives an empty mapping.

    Raises:
        AssistantError: The file cannot be read, is not UTF-8, not YAML, or is over a limit.
    """
    text = read_text(path)
    try:
        return parse_yaml(text, path)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        raise AssistantError(
            path, line, f"not valid YAML: {error.problem}", "Mend the indentation or quote the value."
        ) from error
    except yaml.YAMLError as error:
        raise AssistantError(
            path, None, f"not valid YAML: {error}", "Remove the character; the file must be plain text."
        ) from error


def read_text(path: Path) -> str:
    """The text of a regular UTF-8 file (a byte-order mark is allowed).

    Raises:
        AssistantError: Missing, not a regular file, too large, or not UTF-8.
    """
    try:
        if not path.exists():
            raise AssistantError(path, None, "there is no such file", "Create it or mend the path.")
        if not path.is_file():
            raise AssistantError(path, None, "is not a regular file", "Put a text file there.")
        size_bytes = path.stat().st_size
        if size_bytes > MAX_FILE_BYTES:
            raise AssistantError(
                path,
                None,
                f"is {size_bytes:,} bytes long",
                f"Split it into files under {MAX_FILE_BYTES:,} bytes.",
            )
        raw = path.read_bytes()
    except OSError as error:
        raise AssistantError(
            path, None, f"cannot be read: {error.strerror}", "Check its name and permissions."
        ) from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise AssistantError(path, line, "is not UTF-8 text", "Save the file as UTF-8.") from error


def parse_yaml(text: str, path: Path) -> YamlFile:
    """Parses YAML text; `path` is only for messages.

    Raises:
        AssistantError: A limit, a duplicate key, a tag, or a key that is not a word.
        yaml.YAMLError: The text is not YAML.
    """
    reader = _Reader(path, yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    data = reader.document()
    return YamlFile(path=path, data={} if data is None else data, lines=reader.lines)


class _Reader:
    """Builds values from the parser's events.

    Events come one by one without recursion, so depth is checked here before any stack can overflow, and an
    alias counts as many values as its anchor holds, so a few lines cannot stand for millions of values.
    """

    def __init__(self, path: Path, events: Iterable[yaml.Event]) -> None:
        self.path = path
        self.events = iter(events)
        self.lines: dict[Place, int] = {}
        self.value_count = 0
        self.anchors: dict[str, tuple[Any, int]] = {}

    def document(self) -> Any:
        data: Any = None
        seen = False
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if seen:
                    raise self.error(event, "a second document starts here", "Keep one document a file.")
                seen = True
                data = self.value(next(self.events), ())
        return data

    def value(self, event: yaml.Event, place: Place) -> Any:
        self.lines.setdefault(place, _line(event))
        before = self.value_count
        self.count(event, 1)
        if len(place) > MAX_NESTING:
            raise self.error(event, "nested too deeply", f"Use at most {MAX_NESTING} levels.")
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)  # noqa: S101 - there is no fourth kind
        self.refuse_tag(event)
        if isinstance(event, yaml.MappingStartEvent):
            made: Any = self.mapping(place)
        elif isinstance(event, yaml.ScalarEvent):
            made = _scalar(event)
        else:
            made = self.sequence(place)
        if event.anchor is not None:
            self.anchors[event.anchor] = (made, self.value_count - before)
        return made

    def sequence(self, place: Place) -> list[Any]:
        result: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            result.append(self.value(event, (*place, len(result))))
        return result

    def mapping(self, place: Place) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self.error(event, "a key is not a single word", "Use a plain word as key.")
            self.refuse_tag(event)
            key = event.value
            if key == "<<" and event.implicit[0]:  # a quoted one is a word
                raise self.error(event, "the merge key << is not supported", "Write the values out.")
            if key in result:
                raise self.error(event, f"the key {key!r} stands twice", "Merge the two, or remove one.")
            self.lines[(*place, key)] = _line(event)
            result[key] = self.value(next(self.events), (*place, key))
        return result

    def alias(self, event: yaml.AliasEvent) -> Any:
        if event.anchor not in self.anchors:
            raise self.error(event, f"*{event.anchor} has no anchor before it", "Define it with & first.")
        made, size = self.anchors[event.anchor]
        self.count(event, size)
        return made

    def refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag not in (None, "!"):
            raise self.error(event, f"the tag {event.tag} is not allowed", "Write a plain YAML value.")

    def count(self, event: yaml.Event, size: int) -> None:
        self.value_count += size
        if self.value_count > MAX_VALUES:
            raise self.error(event, f"over {MAX_VALUES:,} values", "Split the file.")

    def error(self, event: yaml.Event, problem: str, fix: str) -> AssistantError:
        return AssistantError(self.path, _line(event), problem, fix)


def _line(event: yaml.Event) -> int:
    """1-based; the parser marks every event, though its types allow for none."""
    return 1 if event.start_mark is None else event.start_mark.line + 1


def _scalar(event: yaml.ScalarEvent) -> Any:
    text: str = event.value
    if not event.implicit[0]:  # quoted or block: always text
        return text
    for pattern, make in _CORE_TYPES:
        if pattern.match(text):
            return make(text) if len(text) <= MAX_NUMBER_CHARS else text
    return text


def nearest(word: str, known: Iterable[str]) -> str:
    """' Did you mean X?' for the known word most like `word`, or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
