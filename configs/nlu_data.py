"""Rasa NLU training data: examples with their entities, synonyms, regexes and lookup tables."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import re2

from configs.entity_markup import FIX, Annotation, MarkupError, parse_markup
from configs.errors import AssistantError
from configs.yaml_file import Place, YamlFile

MAX_PATTERN_CHARS = 1_000
KINDS = ("synonym", "regex", "lookup")
_ASCII_ONLY = re.compile(r"\\[bBwW]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One message that a customer might write, the intent behind it and the entities in it.

    Attributes:
        text: Without markup.
        entities: In the order of their places; several may share one span.
    """

    text: str
    intent: str
    path: Path
    line: int
    entities: tuple[Annotation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Synonym:
    """Several texts that stand for one value."""

    value: str
    texts: tuple[str, ...]
    path: Path
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Regex:
    """Patterns in RE2's syntax, each of which is known to compile."""

    name: str
    patterns: tuple[str, ...]
    path: Path
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A list of all that an entity can be, such as every city."""

    name: str
    texts: tuple[str, ...]
    path: Path
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NluData:
    """What stands under `nlu:`."""

    examples: tuple[Example, ...] = ()
    synonyms: tuple[Synonym, ...] = ()
    regexes: tuple[Regex, ...] = ()
    lookups: tuple[Lookup, ...] = ()


def parse_nlu(file: YamlFile) -> tuple[NluData, list[str]]:
    """What stands under `nlu:` of one file, and a line for each pattern that may not find what it seems to.

    Raises:
        AssistantError: An entry has the wrong shape or no examples, markup cannot be read, or a pattern does not
            compile.
    """
    entries = file.data.get("nlu")
    if entries is None:
        return NluData(), []
    if not isinstance(entries, list):
        raise file.error(("nlu",), "`nlu` must be a list", "Write `- intent: name` entries under it.")
    found: dict[type, list[Any]] = {Example: [], Synonym: [], Regex: [], Lookup: []}
    notices: list[str] = []
    for index, entry in enumerate(entries):
        place: Place = ("nlu", index)
        if not isinstance(entry, dict):
            raise file.error(place, f"{entry!r} is not an entry", "Write `- intent: name` with `examples: |`.")
        for item in _parse_entry(file, place, entry, notices):
            found[type(item)].append(item)
    data = NluData(
        examples=tuple(found[Example]),
        synonyms=tuple(found[Synonym]),
        regexes=tuple(found[Regex]),
        lookups=tuple(found[Lookup]),
    )
    return data, notices


def compile_pattern(pattern: str) -> Any:
    """An owner's pattern, matched in time linear in the text and without regard to case.

    Raises:
        ValueError: It is no pattern of RE2's syntax, is too long, or would become too large.
    """
    if len(pattern) > MAX_PATTERN_CHARS:
        raise ValueError(f"it is {len(pattern):,} characters long, more than {MAX_PATTERN_CHARS:,}")
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(error.args[0].decode()) from error


def synonym_table(synonyms: Iterable[Synonym], examples: Iterable[Example]) -> tuple[dict[str, str], list[str]]:
    """From each text, in lower case, to the value it stands for, and a line for each that stands for two.

    As in Rasa, an annotated value that differs from its text is a synonym too. Where two differ, an entry wins over an
    annotation, and the first over the next.
    """
    pairs = [(text, entry.value, entry.path, entry.line) for entry in synonyms for text in entry.texts]
    pairs += [
        (example.text[entity.start : entity.end], entity.value, example.path, example.line)
        for example in examples
        for entity in example.entities
    ]
    table: dict[str, str] = {}
    notices: list[str] = []
    for text, value, path, line in pairs:
        if text == value:
            continue
        kept = table.setdefault(text.lower(), value)
        if kept != value:
            notices.append(f"{path}:{line}: {text!r} does not become {value!r}: it is a synonym of {kept!r} already")
    return table, notices


def patterns_by_entity(
    entries: Iterable[Regex] | Iterable[Lookup], entities: Collection[str]
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """The patterns or texts of each name that is an entity, and a line for each entry whose name is none."""
    merged: dict[str, tuple[str, ...]] = {}
    notices: list[str] = []
    for entry in entries:
        kind, texts = ("regex", entry.patterns) if isinstance(entry, Regex) else ("lookup", entry.texts)
        if entry.name in entities:
            merged[entry.name] = tuple(dict.fromkeys((*merged.get(entry.name, ()), *texts)))
        else:
            notices.append(f"{entry.path}:{entry.line}: the {kind} {entry.name} is not used: no entity has its name")
    return merged, notices


def _parse_entry(
    file: YamlFile, place: Place, entry: dict[str, Any], notices: list[str]
) -> Iterable[Example | Synonym | Regex | Lookup]:
    kind = next((kind for kind in KINDS if kind in entry), "intent")
    name = entry.get(kind)
    if not isinstance(name, str) or not name.strip():
        raise file.error(place, f"an entry has {kind} {name!r}", f"Write `- {kind}: name`.")
    name, texts = name.strip(), _texts(file, place, entry, f"{kind} {name}")
    if kind == "intent":
        return [_example(file, name, text, line) for text, line in texts]
    line = file.line(*place) or 0
    values = tuple(dict.fromkeys(text for text, _ in texts))
    if kind == "synonym":
        return [Synonym(value=name, texts=values, path=file.path, line=line)]
    if kind == "lookup":
        return [Lookup(name=name, texts=values, path=file.path, line=line)]
    for pattern, pattern_line in texts:
        notices += _check_pattern(file, name, pattern, pattern_line)
    return [Regex(name=name, patterns=values, path=file.path, line=line)]


def _example(file: YamlFile, intent: str, written: str, line: int) -> Example:
    try:
        text, entities = parse_markup(written)
    except MarkupError as error:
        raise AssistantError(file.path, line, str(error), FIX) from error
    return Example(text=text, intent=intent, path=file.path, line=line, entities=entities)


def _check_pattern(file: YamlFile, name: str, pattern: str, line: int) -> list[str]:
    try:
        compile_pattern(pattern)
    except ValueError as error:
        shown = pattern if len(pattern) <= 60 else f"{pattern[:60]}..."
        raise AssistantError(
            file.path,
            line,
            f"the pattern {shown!r} of regex {name} cannot be used: {error}",
            "Write it in RE2's syntax, which knows neither look-around nor back-references.",
        ) from error
    if pattern.isascii() or not (escape := _ASCII_ONLY.search(pattern)):
        return []
    return [f"{file.path}:{line}: `{escape[0]}` in the pattern {pattern!r} of regex {name} knows ASCII letters only"]


def _texts(file: YamlFile, place: Place, entry: dict[str, Any], what: str) -> list[tuple[str, int]]:
    """The examples of an entry, each with its line."""
    given = entry.get("examples")
    texts: list[tuple[str, int]]
    if isinstance(given, str):
        texts = _block_lines(file, (*place, "examples"), given)
    elif isinstance(given, list):
        texts = [_listed(file, (*place, "examples", index), item) for index, item in enumerate(given)]
    else:
        raise file.error(place, f"{what} has no examples", "Write `examples: |` and `- text` lines.")
    if not texts:
        raise file.error(place, f"{what} has no examples", "Write `- text` lines under `examples: |`.")
    return texts


def _block_lines(file: YamlFile, place: Place, block: str) -> list[tuple[str, int]]:
    first_line = (file.line(*place) or 0) + 1
    lines: list[tuple[str, int]] = []
    for offset, raw in enumerate(block.splitlines()):
        line, written = first_line + offset, raw.strip()
        if not written or written.startswith("#"):
            continue
        if not written.startswith("-"):
            raise _at_line(file, line, f"the example {written[:60]!r} does not start with `- `")
        text = written[1:].strip()
        if not text:
            raise _at_line(file, line, "an example is empty")
        lines.append((text, line))
    return lines


def _at_line(file: YamlFile, line: int, problem: str) -> AssistantError:
    return AssistantError(file.path, line, problem, "Write each example as `- text` on a line of its own.")


def _listed(file: YamlFile, place: Place, item: Any) -> tuple[str, int]:
    text = item.get("text") if isinstance(item, dict) else item
    if not isinstance(text, str) or not text.strip():
        raise file.error(place, f"{item!r} is not an example", "Write `- text: ...`.")
    return text.strip().removeprefix("- ").strip(), file.line(*place) or 0
