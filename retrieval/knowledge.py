"""Past question-answer pairs: what they are, and reading them from CSV and JSON Lines."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from configs.errors import AssistantError
from configs.json_lines import read_json_lines
from configs.yaml_file import nearest, read_text

COLUMNS = ("id", "question", "answer", "intent", "tags", "locale", "source", "updated_at")
REQUIRED = ("id", "question", "answer")
MAX_QUESTION_CHARS = 4_000
MAX_ANSWER_CHARS = 20_000
_SURROGATE = re.compile("[\ud800-\udfff]")  # half of a pair, which JSON can escape and UTF-8 cannot hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A question that was asked and the answer that was given.

    Attributes:
        intent: The intent the question also belongs to, or "".
        tags: Words to group pairs by.
        updated_at: ISO date, with or without a time, or "".
    """

    id: str
    question: str
    answer: str
    intent: str = ""
    tags: tuple[str, ...] = ()
    locale: str = ""
    source: str = ""
    updated_at: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as `parse_pair` takes them back."""
        return {**asdict(self), "tags": "|".join(self.tags)}


def read_knowledge(paths: Sequence[Path], intents: Iterable[str] = ()) -> tuple[Pair, ...]:
    """Reads and checks all pairs of `paths`, in order.

    Args:
        paths: Files ending in .csv (with a header) or .jsonl (an object a line).
        intents: Names that the intent column may use; none given means any.

    Raises:
        AssistantError: The file, the line and the column that are wrong.
    """
    known_intents = frozenset(intents)
    seen: dict[str, tuple[Path, int]] = {}
    pairs = []
    for path in paths:
        rows = _csv_rows(path) if path.suffix == ".csv" else _jsonl_rows(path)
        for line, row in rows:
            pair = parse_pair(row, path, line)
            if pair.id in seen:
                first_path, first_line = seen[pair.id]
                raise AssistantError(
                    path,
                    line,
                    f"the id {pair.id!r} was used in {first_path.name}:{first_line}",
                    "Give it its own.",
                )
            if known_intents and pair.intent and pair.intent not in known_intents:
                raise AssistantError(
                    path,
                    line,
                    f"the intent {pair.intent!r} has no examples",
                    f"Leave it empty or mend it.{nearest(pair.intent, known_intents)}",
                )
            seen[pair.id] = (path, line)
            pairs.append(pair)
    return tuple(pairs)


def parse_pair(row: dict[str, Any], path: Path, line: int) -> Pair:
    """One row as a pair.

    Raises:
        AssistantError: A column is missing, empty, too long or of the wrong type.
    """
    values = {}
    for column in COLUMNS:
        value = row.get(column)
        if value is None:
            value = ""
        if not isinstance(value, str):
            raise AssistantError(path, line, f"{column} is {value!r}", "Write text in quotes.")
        if "\x00" in value:
            raise AssistantError(path, line, f"{column} holds a NUL character", "Remove it.")
        if _SURROGATE.search(value):
            raise AssistantError(path, line, f"{column} holds half a character, {value[:60]!a}", "Mend the escape.")
        values[column] = value.strip()
    for column in REQUIRED:
        if not values[column]:
            raise AssistantError(path, line, f"{column} is empty", "Fill it in or remove the row.")
    for column, limit in (("question", MAX_QUESTION_CHARS), ("answer", MAX_ANSWER_CHARS)):
        if len(values[column]) > limit:
            raise AssistantError(
                path, line, f"{column} has {len(values[column]):,} characters", f"Shorten it to {limit:,}."
            )
    _check_date(values["updated_at"], path, line)
    tags = tuple(tag.strip() for tag in values.pop("tags").split("|") if tag.strip())
    return Pair(tags=tags, **values)


def _check_date(text: str, path: Path, line: int) -> None:
    try:
        if text:
            datetime.fromisoformat(text)
    except ValueError as error:
        raise AssistantError(path, line, f"updated_at is {text!r}", "Write a date such as 2026-03-31.") from error


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each record with the line it ends on."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    header: list[str] | None = None
    try:
        for record in reader:
            if not record:
                continue
            if header is None:
                header = _checked_header(record, path, reader.line_num)
            elif len(record) != len(header):
                raise AssistantError(
                    path,
                    reader.line_num,
                    f"the row has {len(record)} values, the header {len(header)}",
                    'Put a value that holds a comma in "quotes".',
                )
            else:
                yield reader.line_num, dict(zip(header, record, strict=True))
    except csv.Error as error:
        raise AssistantError(path, reader.line_num, f"not valid CSV: {error}", "Mend the quotes.") from error
    if header is None:
        raise AssistantError(path, 1, "the file is empty", f"Start with the header {','.join(COLUMNS)}.")


def _checked_header(record: Sequence[str], path: Path, line: int) -> list[str]:
    header = [name.strip() for name in record]
    for name in REQUIRED:
        if name not in header:
            raise AssistantError(path, line, f"the column {name!r} is missing", f"The columns are {','.join(COLUMNS)}.")
    for name in header:
        if name not in COLUMNS:
            raise AssistantError(path, line, f"unknown column {name!r}", f"Remove it.{nearest(name, COLUMNS)}")
    if len(set(header)) != len(header):
        raise AssistantError(path, line, "a column stands twice", "Name each column once.")
    return header


def _jsonl_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, row in read_json_lines(path):
        if not isinstance(row, dict):
            raise AssistantError(path, line, "not an object", 'Write {"id": ..., "question": ..., "answer": ...}.')
        if unknown := set(row) - set(COLUMNS):
            name = sorted(unknown)[0]
            raise AssistantError(path, line, f"unknown key {name!r}", f"Remove it.{nearest(name, COLUMNS)}")
        tags = row.get("tags")
        if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
            row["tags"] = "|".join(tags)
        yield line, row
