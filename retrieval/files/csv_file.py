"""Pairs in CSV: a header, then a row a pair, with a comma, a semicolon or a tab between the values."""

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from configs.errors import AssistantError
from configs.yaml_file import nearest
from retrieval.checked_pair import COLUMNS, REQUIRED
from retrieval.files.cells import without_guard
from retrieval.files.rows import BadRow, Row, checked_row
from retrieval.files.text_encoding import TextEncoding, TextLines

MAX_LINE_CHARS = 1 << 22
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
_SEPARATOR_LINE = re.compile(r'"?sep=([,;\t])"?\s*\Z')  # the first line of a file that names its separator to Excel


class CsvFile:
    """A CSV file whose header was read."""

    format = "csv"

    def __init__(self, path: Path, encoding: TextEncoding) -> None:
        """Finds the separator and the columns.

        Raises:
            AssistantError: There is no header, or it names other columns.
        """
        self.path, self.encoding = path, encoding.name
        self._text = TextLines(path, encoding)
        self.total: int | None = self._text.size_bytes
        self._delimiter, self._header_lines, self._header = self._read_header()
        self.notes: tuple[str, ...] = (
            () if self._delimiter == "," else (f"a {DELIMITERS[self._delimiter]} stands between the values",)
        )

    def rows(self) -> Iterator[Row | BadRow]:
        """Each row after the header, blank lines passed over."""
        lines = _Lines(self._text.read(newline="", max_chars=MAX_LINE_CHARS))
        lines.skip(self._header_lines)
        for begins, record in _records(lines, self._delimiter):
            if isinstance(record, csv.Error):
                yield BadRow(line=lines.number, problem=f"not valid CSV: {record}", fix="Mend the quotes.")
                lines.put_back_all_but_first()
            elif len(record) != len(self._header):
                yield BadRow(
                    line=lines.number,
                    problem=f"the row has {len(record)} values, the header {len(self._header)}",
                    fix=f'Put a value that holds a {DELIMITERS[self._delimiter]} in "quotes".',
                )
            else:
                values = dict(zip(self._header, map(without_guard, record), strict=True))
                yield checked_row(values, self.path, lines.number, begins)

    def position(self) -> int:
        """Bytes read."""
        return self._text.bytes_read

    def _read_header(self) -> tuple[str, int, list[str]]:
        """The separator, how many lines the header and all before it take, and the columns."""
        lines = _Lines(self._text.read(newline="", max_chars=MAX_LINE_CHARS))
        delimiter = ","
        for line in lines:
            if named := _SEPARATOR_LINE.match(line):
                delimiter = named[1]
            elif line.strip("\r\n"):
                lines.put_back(line)
                delimiter = delimiter if delimiter != "," else _delimiter_of(line)
                break
        for _, record in _records(lines, delimiter):
            if isinstance(record, csv.Error):
                raise AssistantError(self.path, lines.number, f"not valid CSV: {record}", "Mend the quotes.")
            return delimiter, lines.number, _checked_header(record, self.path, lines.number)
        raise AssistantError(self.path, 1, "the file is empty", f"Start with the header {','.join(COLUMNS)}.")


class _Lines:
    """Lines for `csv.reader`, counted.

    Those of a row with a quote that never closes can be put back, all but the first: they may be rows of their own.
    """

    def __init__(self, source: Iterator[str | None]) -> None:
        self._source = source
        self._waiting: deque[str | None] = deque()
        self._taken: list[str | None] = []
        self.number = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else next(self._source)
        self.number += 1
        self._taken.append(line)
        if line is None:
            raise csv.Error(f"a line has over {MAX_LINE_CHARS:,} characters")
        return line

    def begin_row(self) -> int:
        """Forgets the lines of the row before; the number of the next line."""
        self._taken = []
        return self.number + 1

    def put_back_all_but_first(self) -> None:
        back = self._taken[1:]
        self._waiting.extendleft(reversed(back))
        self.number -= len(back)

    def put_back(self, line: str) -> None:
        self._waiting.appendleft(line)
        self.number -= 1

    def skip(self, count: int) -> None:
        for _ in range(count):
            next(self, None)


def _records(lines: _Lines, delimiter: str) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Each record that is not blank, with the line it begins on, or the error in its place."""
    while True:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        begins = lines.begin_row()
        try:
            for record in reader:
                if record:
                    yield begins, record
                begins = lines.begin_row()
        except csv.Error as error:
            yield begins, error
        else:
            return


def _delimiter_of(line: str) -> str:
    """The first separator with which the line names the needed columns; a comma where none does."""
    for delimiter in DELIMITERS:
        try:
            names = {name.strip() for name in next(csv.reader([line], delimiter=delimiter, strict=True), [])}
        except csv.Error:
            continue
        if names.issuperset(REQUIRED):
            return delimiter
    return ","


def _checked_header(record: Sequence[str], path: Path, line: int) -> list[str]:
    header = [name.strip() for name in record]
    check_columns(header, path, line)
    return header


def check_columns(header: Sequence[str], path: Path, line: int) -> None:
    """Lets pass a header that names the needed columns, and no other than the known ones, once each.

    Raises:
        AssistantError: It does not.
    """
    for name in REQUIRED:
        if name not in header:
            raise AssistantError(path, line, f"the column {name!r} is missing", f"The columns are {','.join(COLUMNS)}.")
    for name in header:
        if name not in COLUMNS:
            raise AssistantError(path, line, f"unknown column {name!r}", f"Remove it.{nearest(name, COLUMNS)}")
    if any(left == right for left, right in pairwise(sorted(header))):
        raise AssistantError(path, line, "a column stands twice", "Name each column once.")
