"""Pairs in JSON Lines: an object a line, with lists where a pair has several values."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from configs.errors import AssistantError
from retrieval.checked_pair import refuse_unknown
from retrieval.files.rows import BadRow, Row, checked_row
from retrieval.files.text_encoding import TextEncoding, TextLines

MAX_LINE_CHARS = 1 << 22


class JsonlFile:
    """A file of JSON Lines. Only a line feed ends a line, as JSON texts may hold other line breaks."""

    format = "jsonl"
    notes: tuple[str, ...] = ()

    def __init__(self, path: Path, encoding: TextEncoding) -> None:
        self.path, self.encoding = path, encoding.name
        self._text = TextLines(path, encoding)
        self.total: int | None = self._text.size_bytes

    def rows(self) -> Iterator[Row | BadRow]:
        """Each line that is not blank."""
        for line, text in enumerate(self._text.read(newline="\n", max_chars=MAX_LINE_CHARS), start=1):
            if text is None:
                yield BadRow(line=line, problem=f"the line has over {MAX_LINE_CHARS:,} characters", fix="Shorten it.")
            elif text.strip():
                yield self._row(text, line)

    def position(self) -> int:
        """Bytes read."""
        return self._text.bytes_read

    def _row(self, text: str, line: int) -> Row | BadRow:
        try:
            values = self._values(text, line)
        except AssistantError as error:
            return BadRow.of(error, line)
        return checked_row(values, self.path, line)

    def _values(self, text: str, line: int) -> Mapping[str, Any]:
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise AssistantError(self.path, line, f"not valid JSON: {error}", "Write one object a line.") from error
        if not isinstance(values, dict):
            raise AssistantError(self.path, line, "not an object", 'Write {"id": ..., "question": ..., "answer": ...}.')
        refuse_unknown(values, self.path, line)
        return values
