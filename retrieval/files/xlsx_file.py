"""Pairs in an Excel workbook: the first sheet, with the columns of a CSV file.

Read row by row with openpyxl. Formulas are kept as the text they are; macros and links to other files are left alone.
"""

import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree.ElementTree import ParseError

from configs.errors import AssistantError, KefuError
from retrieval.checked_pair import COLUMNS
from retrieval.files.csv_file import check_columns
from retrieval.files.rows import BadRow, Row, checked_row
from retrieval.files.text_encoding import open_bytes
from retrieval.files.workbook_safety import SAVE_AGAIN, refuse_unsafe_workbook
from retrieval.files.workbook_text import unescaped

MAX_ROWS = 1_048_576  # Excel's own limit; a row number beyond it would be filled up with empty rows
MAX_COLUMNS = 100
# What openpyxl raises over parts that are no workbook: it checks little by itself.
_DAMAGE = (
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    ParseError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


class XlsxFile:
    """A workbook whose first sheet has the columns of pairs."""

    format = "xlsx"
    encoding = "utf-8"

    def __init__(self, path: Path) -> None:
        """Looks at the archive and at the first row.

        Raises:
            AssistantError: It is no workbook, may not be opened, or has other columns.
            KefuError: openpyxl is not installed.
        """
        self.path = path
        load_openpyxl()
        with open_bytes(path):
            refuse_unsafe_workbook(path)
        with self._sheet() as (sheet, names):
            self._title = names[0]
            rows = sheet.max_row
            self.total: int | None = rows if isinstance(rows, int) and 0 < rows <= MAX_ROWS else None
            self._header_row, self._header = self._read_header(sheet)
        self.notes: tuple[str, ...] = (
            () if len(names) == 1 else (f"only the first sheet, {names[0]!r}, is read; there are {len(names)}",)
        )
        self._position = 0

    def rows(self) -> Iterator[Row | BadRow]:
        """Each row under the header that is not blank."""
        with self._sheet() as (sheet, _):
            for number, cells in self._cells(sheet):
                self._position = number
                if number > self._header_row and any(cell.value is not None for cell in cells):
                    yield self._row(number, cells)

    def position(self) -> int:
        """Rows read."""
        return self._position

    def _row(self, number: int, cells: tuple[Any, ...]) -> Row | BadRow:
        beyond = [cell for cell in cells[len(self._header) :] if cell.value not in (None, "")]
        if beyond:
            return BadRow(
                line=number,
                problem=f"there are values beyond the {len(self._header)} columns of the header",
                fix="Remove them or give them a column.",
            )
        try:
            columns = zip(self._header, cells, strict=False)
            values = {column: self._text(cell, column, number) for column, cell in columns}
        except AssistantError as error:
            return BadRow.of(error, number)
        return checked_row(values, self.path, number)

    def _text(self, cell: Any, column: str, number: int) -> str:
        value = cell.value
        if value is not None and cell.data_type == "e":
            raise AssistantError(self.path, number, f"{column} holds the error {value}", "Mend the cell.")
        return text_of(value)

    def _read_header(self, sheet: Any) -> tuple[int, list[str]]:
        for number, cells in self._cells(sheet):
            names = [text_of(cell.value).strip() for cell in cells]
            while names and not names[-1]:
                names.pop()
            if names:
                check_columns(names, self.path, number)
                return number, names
        raise AssistantError(
            self.path, 1, f"the sheet {self._title!r} is empty", f"Start with the header {','.join(COLUMNS)}."
        )

    @contextmanager
    def _sheet(self) -> Iterator[tuple[Any, list[str]]]:
        """The first sheet, and the names of all."""
        openpyxl = load_openpyxl()
        book: Any = None
        try:
            with self._damage_named():
                book = openpyxl.load_workbook(self.path, read_only=True, data_only=False, keep_links=False)
                sheets = list(book.worksheets)
            if not sheets:
                raise AssistantError(self.path, None, "has no sheet", SAVE_AGAIN)
            yield sheets[0], [sheet.title for sheet in sheets]
        finally:
            if book is not None:
                book.close()

    def _cells(self, sheet: Any) -> Iterator[tuple[int, tuple[Any, ...]]]:
        with self._damage_named():
            rows = iter(sheet.iter_rows(min_row=1, max_row=MAX_ROWS, max_col=MAX_COLUMNS))
        for number in range(1, MAX_ROWS + 1):
            with self._damage_named():
                cells = next(rows, None)
            if cells is None:
                return
            yield number, cells

    @contextmanager
    def _damage_named(self) -> Iterator[None]:
        """Without openpyxl's warnings of what it passes over, and with its errors made into ours."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except AssistantError:
            raise
        except _DAMAGE as error:
            problem = f"is a damaged workbook: {type(error).__name__}: {str(error)[:200]}"
            raise AssistantError(self.path, None, problem, SAVE_AGAIN) from error


def load_openpyxl() -> ModuleType:
    """The module, which is an extra.

    Raises:
        KefuError: It is not installed.
    """
    try:
        import openpyxl  # noqa: PLC0415 - an extra: loaded only for a workbook
    except ImportError as error:
        raise KefuError("Workbooks need openpyxl. Install it: pip install 'kefu[xlsx]'.") from error
    module: ModuleType = openpyxl
    return module


def text_of(value: Any) -> str:
    """A cell's value as CSV would hold it; a formula as its own text."""
    if value is None or isinstance(value, bool):
        return {None: "", True: "TRUE", False: "FALSE"}[value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, str):
        return unescaped(value)
    formula = getattr(value, "text", None)  # of an array; a table of data has none
    return formula if isinstance(formula, str) else str(value)
