import io
import random
import sys
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from configs import AssistantError, KefuError
from retrieval.files import Row, open_knowledge, write_knowledge, xlsx_file
from retrieval.files import workbook_safety as safety
from retrieval.pair import Pair

HEADER = ("id", "question", "answer")


def workbook(path: Path, *rows: tuple[Any, ...], also: tuple[str, ...] = ()) -> Path:
    book = openpyxl.Workbook()
    book.active.title = "answers"
    for row in rows:
        book.active.append(row)
    for name in also:
        book.create_sheet(name)
    book.save(path)
    return path


def rows_of(path: Path) -> list[tuple[int, str]]:
    return [(row.line, row.pair.id if isinstance(row, Row) else row.message) for row in open_knowledge(path).rows()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.xlsx"


def test_a_bad_row_is_reported_and_the_others_are_read(path: Path) -> None:
    workbook(
        path, (), HEADER, ("1", "q", "a"), (), ("2", "q"), ("3", "q", "a", None, "x"), ("4", "q", "#REF!"), (5, "q", 7)
    )
    assert rows_of(path) == [
        (3, "1"),
        (5, "answer is empty. Fill it in or remove the row."),
        (6, "there are values beyond the 3 columns of the header. Remove them or give them a column."),
        (7, "answer holds the error #REF!. Mend the cell."),
        (8, "5"),
    ]


def test_cells_of_every_kind_become_text_and_formulas_are_not_worked_out(path: Path) -> None:
    workbook(
        path,
        (*HEADER, "source", "tags", "valid_from", "valid_until", "updated_at"),
        (7, 2.5, "=1+1", 3.0, True, date(2026, 3, 31), datetime(2026, 4, 1, 10, 30), "2026-01-01"),
    )
    (row,) = open_knowledge(path).rows()
    assert isinstance(row, Row)
    assert row.pair == Pair(
        id="7",
        question="2.5",
        answer="=1+1",
        source="3",
        tags=("TRUE",),
        valid_from="2026-03-31",
        valid_until="2026-04-01T10:30:00",
        updated_at="2026-01-01",
    )


def test_only_the_first_sheet_is_read_and_it_is_said(path: Path) -> None:
    opened = open_knowledge(workbook(path, HEADER, ("1", "q", "a"), also=("notes", "old")))
    assert opened.notes == ("only the first sheet, 'answers', is read; there are 3",)
    assert len(list(opened.rows())) == 1
    assert open_knowledge(workbook(path, HEADER)).notes == ()


def test_progress_is_in_rows(path: Path) -> None:
    write_knowledge((Pair(id=str(n), question="q", answer="a") for n in range(50)), path)
    opened = open_knowledge(path)
    assert [opened.position() for _ in opened.rows()] == list(range(2, 52))


def test_a_sheet_without_the_columns_is_refused(path: Path) -> None:
    with pytest.raises(AssistantError, match="the sheet 'answers' is empty"):
        open_knowledge(workbook(path))
    with pytest.raises(AssistantError, match=r"history\.xlsx:1: the column 'answer' is missing"):
        open_knowledge(workbook(path, ("id", "question")))
    with pytest.raises(AssistantError, match="unknown column 'url'"):
        open_knowledge(workbook(path, (*HEADER, "url")))


@pytest.mark.parametrize("name", ["a.xls", "a.xlsm", "a.ods"])
def test_another_ending_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(AssistantError, match=rf"the ending '\{Path(name).suffix}' is not known.*\.xlsx"):
        open_knowledge(workbook(tmp_path / "a.xlsx", HEADER).rename(tmp_path / name))


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "is not an Excel workbook"),
        (b"id,question,answer\n", "is not an Excel workbook"),
        (safety.OLE_MAGIC + b"x" * 600, "is encrypted, or an old .xls"),
        (safety.ZIP_MAGIC + b"x" * 600, "is a damaged workbook: File is not a zip file"),
    ],
)
def test_what_is_no_workbook_is_refused(raw: bytes, problem: str, path: Path) -> None:
    path.write_bytes(raw)
    with pytest.raises(AssistantError) as caught:
        open_knowledge(path)
    assert caught.value.problem == problem


def rebuilt(path: Path, change: Callable[[str, bytes], bytes], extra: dict[str, bytes] | None = None) -> Path:
    """The workbook with its parts changed, and others added."""
    with zipfile.ZipFile(path) as old:
        parts = {name: change(name, old.read(name)) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, raw in {**parts, **(extra or {})}.items():
            new.writestr(name, raw)
    return path


def sheet_with(text: str) -> Callable[[str, bytes], bytes]:
    """Changes the sheet: `text` stands in front of its first element."""
    return lambda name, raw: raw.replace(b"<worksheet", text.encode() + b"<worksheet") if "sheet1" in name else raw


def kept(_: str, raw: bytes) -> bytes:
    return raw


def test_a_zip_bomb_is_refused_before_it_is_unpacked(path: Path) -> None:
    workbook(path, HEADER, ("1", "q", "a"))
    rebuilt(path, kept, {"xl/media/zeros.bin": bytes(4 << 20)})
    with pytest.raises(
        AssistantError, match=r"xl/media/zeros\.bin unpacks to [0-9,]+ times its size\. Save it as CSV\."
    ):
        open_knowledge(path)


def test_too_large_too_many_and_doubled_parts_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workbook(path, HEADER, ("1", "q", "a"))
    monkeypatch.setattr(safety, "MAX_PART_BYTES", 200)
    with pytest.raises(AssistantError, match=r"unpacks to over [0-9,]+ bytes in docProps/app\.xml"):
        open_knowledge(path)
    monkeypatch.undo()
    monkeypatch.setattr(safety, "MAX_MEMBERS", 3)
    with pytest.raises(AssistantError, match=r"holds [0-9]+ parts"):
        open_knowledge(path)
    monkeypatch.undo()
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("xl/worksheets/sheet1.xml", b"<x/>")
    with pytest.raises(AssistantError, match="holds two parts of one name"):
        open_knowledge(path)


ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize("before", ["", "<!-- " + "x" * 5_000 + " -->"])
def test_xml_that_defines_entities_is_refused(before: str, path: Path) -> None:
    workbook(path, HEADER, ("1", "q", "a"))
    rebuilt(path, sheet_with(before + ENTITIES))
    with pytest.raises(AssistantError, match=r"xl/worksheets/sheet1\.xml has a document type"):
        open_knowledge(path)


def test_entities_behind_a_long_comment_or_in_another_encoding_are_refused(path: Path) -> None:
    workbook(path, HEADER, ("1", "q", "a"))
    rebuilt(path, sheet_with(f"<!-- {'x' * (1 << 17)} -->{ENTITIES}"))
    with pytest.raises(AssistantError, match="does not begin as XML"):
        open_knowledge(path)
    workbook(path, HEADER, ("1", "q", "a"))
    rebuilt(path, lambda n, raw: f"{ENTITIES}<worksheet/>".encode("utf-16") if "sheet1" in n else raw)
    with pytest.raises(AssistantError, match="has a document type"):
        open_knowledge(path)


def test_a_row_number_beyond_excels_ends_the_sheet_instead_of_being_filled_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx_file, "MAX_ROWS", 5_000)
    workbook(path, HEADER, ("1", "q", "a"), ("2", "q", "a"))
    rebuilt(path, lambda _, raw: raw.replace(b'<row r="3"', b'<row r="999999999999"'))
    opened = open_knowledge(path)
    assert [row.line for row in opened.rows()] == [2]


def test_macros_and_links_to_other_files_are_left_alone(path: Path) -> None:
    workbook(path, HEADER, ("1", "q", "='[1]other'!A1"))
    rebuilt(path, kept, {"xl/vbaProject.bin": b"macro", "xl/externalLinks/externalLink1.xml": b"<x/>"})
    (row,) = open_knowledge(path).rows()
    assert isinstance(row, Row)
    assert row.pair.answer == "='[1]other'!A1"


def test_damaged_workbooks_are_read_or_refused_and_nothing_else(path: Path) -> None:
    raw = workbook(path, HEADER, ("1", "q", "a"), (2, True, date(2026, 1, 1))).read_bytes()
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    chance = random.Random(3)
    outcomes = set()
    for _ in range(300):
        if chance.random() < 0.3:
            damaged = bytearray(raw)
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            path.write_bytes(damaged)
        else:
            name = chance.choice(sorted(parts))
            part = bytearray(parts[name])
            at = chance.randrange(len(part))
            part[at : at + chance.randrange(4)] = chance.choice([b"", b"9", b"<", b"x", b'"', b"/>"])
            with zipfile.ZipFile(path, "w") as archive:
                for other, text in parts.items():
                    if other != name or chance.random() < 0.9:
                        archive.writestr(other, bytes(part) if other == name else text)
        try:
            list(open_knowledge(path).rows())
            outcomes.add("read")
        except AssistantError:
            outcomes.add("refused")
    assert outcomes == {"refused", "read"}


def test_without_openpyxl_it_is_said_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workbook(path, HEADER)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    for attempt in (lambda: open_knowledge(path), lambda: write_knowledge([], path)):
        with pytest.raises(KefuError, match=r"pip install 'kefu\[xlsx\]'"):
            attempt()
