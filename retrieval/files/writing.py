"""Writes pairs as CSV, JSON Lines or an Excel workbook, so that reading them gives the same pairs.

A file appears whole or not at all: it is written under another name, synced, and renamed.
"""

import csv
import io
import json
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from configs.errors import KefuError
from retrieval.checked_pair import COLUMNS
from retrieval.files.cells import cells_of, with_guard
from retrieval.files.workbook_text import escaped
from retrieval.files.xlsx_file import load_openpyxl
from retrieval.pair import Pair

MAX_CELL_CHARS = 32_767  # Excel counts UTF-16 units, and openpyxl would cut off the rest without a word
MAX_SHEET_ROWS = 1_048_576


def write_knowledge(pairs: Iterable[Pair], path: Path) -> int:
    """Writes `pairs` to `path`, in its format by its ending, and says how many there were.

    Memory does not grow with their number. What stood at `path` stays until all is written.

    Raises:
        KefuError: The ending is none of .csv, .jsonl and .xlsx, openpyxl is missing, the file cannot be written, or a
            workbook cannot hold a value or that many rows.
    """
    write = WRITERS.get(path.suffix.lower())
    if write is None:
        raise KefuError(f"{path}: cannot be written in that format. Name it {', '.join(WRITERS)}.")
    target = path.resolve()
    written = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            with written.open("xb") as file:
                count = write(pairs, file)
                file.flush()
                os.fsync(file.fileno())
            written.replace(target)
            _sync_folder(target.parent)
        finally:
            written.unlink(missing_ok=True)
    except OSError as error:
        raise KefuError(f"{path}: cannot be written: {error.strerror}. Check the folder and its free space.") from error
    return count


def _write_csv(pairs: Iterable[Pair], file: BinaryIO) -> int:
    text = io.TextIOWrapper(file, "utf-8", newline="")
    writer = csv.writer(text)  # its lines end in CR LF, which makes it quote either of the two in a value
    writer.writerow(COLUMNS)
    count = 0
    for pair in pairs:
        count += 1
        _write_whole(pair, lambda pair: writer.writerow(map(with_guard, cells_of(pair))))
    text.flush()
    text.detach()
    return count


def _write_jsonl(pairs: Iterable[Pair], file: BinaryIO) -> int:
    count = 0
    for pair in pairs:
        count += 1
        _write_whole(pair, lambda pair: file.write(f"{json.dumps(pair.to_dict(), ensure_ascii=False)}\n".encode()))
    return count


def _write_xlsx(pairs: Iterable[Pair], file: BinaryIO) -> int:
    load_openpyxl()
    from openpyxl import Workbook  # noqa: PLC0415 - an extra: loaded only for a workbook
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415

    book = Workbook(write_only=True)
    sheet = book.create_sheet("knowledge")
    sheet.append(COLUMNS)
    count = 0

    def write_row(pair: Pair) -> None:
        row = []
        for column, text in zip(COLUMNS, map(escaped, cells_of(pair)), strict=True):
            if len(text.encode("utf-16-le")) // 2 > MAX_CELL_CHARS:
                raise KefuError(
                    f"A cell cannot hold {column} of the pair {pair.id!r}, {len(text):,} characters as a workbook "
                    "writes them. Write .csv or .jsonl."
                )
            cell = WriteOnlyCell(sheet, text or None)
            if text:
                cell.data_type = "s"  # never a formula or an error, whatever it begins with
            row.append(cell)
        sheet.append(row)

    try:
        for pair in pairs:
            count += 1
            if count >= MAX_SHEET_ROWS:
                raise KefuError(f"A sheet holds at most {MAX_SHEET_ROWS - 1:,} pairs. Write .csv or .jsonl.")
            _write_whole(pair, write_row)
        book.save(file)
    finally:
        if not sheet.closed:  # openpyxl keeps the rows in a file of its own, which only `save` removes
            sheet.close()
            sheet._writer.cleanup()
    return count


def _write_whole(pair: Pair, write: Callable[[Pair], object]) -> None:
    try:
        write(pair)
    except UnicodeEncodeError as error:
        raise KefuError(f"The pair {pair.id!a} holds half a character. Write it anew.") from error


def _sync_folder(folder: Path) -> None:
    """Makes a new name in `folder` last."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


WRITERS: Mapping[str, Callable[[Iterable[Pair], BinaryIO], int]] = MappingProxyType(
    {".csv": _write_csv, ".jsonl": _write_jsonl, ".xlsx": _write_xlsx}
)
