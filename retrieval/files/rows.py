"""What every kind of knowledge file gives, row by row: a pair, or what is wrong with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from configs.errors import AssistantError
from retrieval.checked_pair import parse_pair
from retrieval.pair import Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A pair and where it stands.

    Attributes:
        line: 1-based: the line of a text file on which it ends, or the row of a workbook. In a folder, the line of
            `pair.source`.
        begins: The line on which it begins; another than `line` where a CSV value holds line breaks.
    """

    line: int
    begins: int
    pair: Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row that is no pair.

    Attributes:
        line: As in `Row`.
        problem: What is wrong, with the offending value.
        fix: What the reader should do.
        file: In a folder, the file's path in it; else "".
    """

    line: int
    problem: str
    fix: str
    file: str = ""

    @classmethod
    def of(cls, error: AssistantError, line: int) -> Self:
        """The row on `line` that `error` is about."""
        return cls(line=line, problem=error.problem, fix=error.fix)

    @property
    def message(self) -> str:
        """Problem and fix, as a person reads them beside the line."""
        return f"{self.file}: {self.problem}. {self.fix}" if self.file else f"{self.problem}. {self.fix}"


class KnowledgeFile(Protocol):
    """A file or folder of pairs, opened: it was looked at as a whole, and its rows are read when asked for.

    Attributes:
        path: Where it is.
        format: "csv", "jsonl", "xlsx", "markdown" or "rasa".
        encoding: How its characters are stored: "utf-8", "utf-8 with BOM", "utf-16-le", "utf-16-be" or "gb18030".
        total: How far `position` goes, or None where that is not known before the end.
        notes: What a person should know of how it is read, such as a separator that is no comma.
    """

    path: Path
    format: str
    encoding: str
    total: int | None
    notes: tuple[str, ...]

    def rows(self) -> Iterator[Row | BadRow]:
        """Each row from the first; a bad one does not end it.

        Raises:
            AssistantError: The file changed while it was read, or is damaged further on.
        """
        ...

    def position(self) -> int:
        """How much of `total` was read: bytes of a text file, rows of a workbook, files of a folder."""
        ...


def checked_row(values: Mapping[str, Any], path: Path, line: int, begins: int | None = None) -> Row | BadRow:
    """The row whose columns hold `values`, or what is wrong with them."""
    try:
        return Row(line=line, begins=begins or line, pair=parse_pair(values, path, line))
    except AssistantError as error:
        return BadRow.of(error, line)
