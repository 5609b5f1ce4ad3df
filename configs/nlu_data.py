"""Rasa NLU training data: the examples of each intent, with Rasa's entity markup taken off."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.yaml_file import Place, YamlFile

# [text](entity), [text](entity:value), [text]{"entity": ...}, [text][{...}, {...}]
_ENTITY_MARKUP = re.compile(r"\[(?P<text>[^\]\[]+)\](?:\([^()]*\)|\{[^{}]*\}|\[\{[^\]]*\}\])")
KINDS_IGNORED = ("synonym", "regex", "lookup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One message that a customer might write, and the intent behind it."""

    text: str
    intent: str
    path: Path
    line: int


def parse_nlu(file: YamlFile) -> tuple[list[Example], list[str]]:
    """The examples under `nlu:` of one file, and a line for each kind of entry that is not used.

    Raises:
        AssistantError: An entry has the wrong shape, or an intent has no examples.
    """
    entries = file.data.get("nlu")
    if entries is None:
        return [], []
    if not isinstance(entries, list):
        raise file.error(("nlu",), "`nlu` must be a list", "Write `- intent: name` entries under it.")
    examples: list[Example] = []
    ignored: dict[str, int] = {}
    for index, entry in enumerate(entries):
        place: Place = ("nlu", index)
        if not isinstance(entry, dict):
            raise file.error(place, f"{entry!r} is not an entry", "Write `- intent: name` with `examples: |`.")
        kind = next((kind for kind in KINDS_IGNORED if kind in entry), None)
        if kind is None:
            examples += _parse_intent(file, place, entry)
        else:
            ignored[kind] = ignored.get(kind, 0) + 1
    notices = [
        f"{file.path}: {count} `{kind}` entries are not used: entities are not extracted yet"
        for kind, count in ignored.items()
    ]
    return examples, notices


def _parse_intent(file: YamlFile, place: Place, entry: dict[str, Any]) -> list[Example]:
    intent = entry.get("intent")
    if not isinstance(intent, str) or not intent.strip():
        raise file.error(place, f"an entry has intent {intent!r}", "Write `- intent: name`.")
    given = entry.get("examples")
    texts: list[tuple[str, int]]
    if isinstance(given, str):
        texts = _block_lines(file, (*place, "examples"), given)
    elif isinstance(given, list):
        texts = [_listed(file, (*place, "examples", index), item) for index, item in enumerate(given)]
    else:
        raise file.error(place, f"intent {intent} has no examples", "Write `examples: |` and `- text` lines.")
    if not texts:
        raise file.error(place, f"intent {intent} has no examples", "Write `- text` lines under `examples: |`.")
    return [
        Example(text=_ENTITY_MARKUP.sub(r"\g<text>", text), intent=intent.strip(), path=file.path, line=line)
        for text, line in texts
    ]


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


def _at_line(file: YamlFile, line: int, problem: str) -> Exception:
    error = file.error((), problem, "Write each example as `- text` on a line of its own.")
    return type(error)(error.path, line, error.problem, error.fix)


def _listed(file: YamlFile, place: Place, item: Any) -> tuple[str, int]:
    text = item.get("text") if isinstance(item, dict) else item
    if not isinstance(text, str) or not text.strip():
        raise file.error(place, f"{item!r} is not an example", "Write `- text: ...`.")
    return text.strip().removeprefix("- ").strip(), file.line(*place) or 0
