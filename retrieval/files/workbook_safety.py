"""Whether an Excel workbook may be opened: looked at as the zip archive it is, before any parser for workbooks sees it.

A workbook of a few kilobytes can hold gigabytes of zeros, and XML can define words that stand for billions of letters.
Python's `zipfile` gives no more of a member than its header says, so what the headers say is what counts.
"""

import zipfile
import zlib
from pathlib import Path
from xml.parsers import expat

from configs.errors import AssistantError

MAX_MEMBERS = 10_000
MAX_SHEET_BYTES = 2 << 30
MAX_PART_BYTES = 128 << 20  # shared strings, styles and the like are held in memory; sheets are streamed
MAX_RATIO = 200  # of unpacked to packed; real sheets reach 20, repetitive ones 100
RATIO_COUNTS_FROM_BYTES = 1 << 20
MAX_PROLOG_BYTES = 1 << 16
ZIP_MAGIC = b"PK\x03\x04"
OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
SAVE_AGAIN = "Open it in a spreadsheet program and save it as .xlsx again."


class _RootReached(Exception):
    """The document's first element began, so no document type can follow."""


def refuse_unsafe_workbook(path: Path) -> None:
    """Lets pass a zip archive of an ordinary workbook's size whose XML defines no entities.

    Raises:
        AssistantError: It is no such archive; says which member is the reason.
    """
    with path.open("rb") as file:
        magic = file.read(len(OLE_MAGIC))
    if magic == OLE_MAGIC:
        raise AssistantError(path, None, "is encrypted, or an old .xls", "Save it as .xlsx without a password.")
    if not magic.startswith(ZIP_MAGIC):
        raise AssistantError(path, None, "is not an Excel workbook", SAVE_AGAIN)
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(archive, path)
            for member in archive.infolist():
                if member.filename.lower().endswith((".xml", ".rels", ".vml")):
                    _refuse_document_type(archive, member, path)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise AssistantError(path, None, f"is a damaged workbook: {error}", SAVE_AGAIN) from error


def _check_sizes(archive: zipfile.ZipFile, path: Path) -> None:
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise AssistantError(path, None, f"holds {len(members):,} parts", f"Keep under {MAX_MEMBERS:,}.")
    names = [member.filename for member in members]
    if len(set(names)) != len(names):
        raise AssistantError(path, None, "holds two parts of one name", SAVE_AGAIN)
    total = 0
    for member in members:
        total += member.file_size
        is_sheet = member.filename.startswith("xl/worksheets/sheet")
        if member.file_size > (MAX_SHEET_BYTES if is_sheet else MAX_PART_BYTES) or total > MAX_SHEET_BYTES:
            raise AssistantError(
                path, None, f"unpacks to over {member.file_size:,} bytes in {member.filename}", "Save it as CSV."
            )
        if member.file_size > RATIO_COUNTS_FROM_BYTES and member.file_size > MAX_RATIO * member.compress_size:
            raise AssistantError(
                path,
                None,
                f"{member.filename} unpacks to {member.file_size / max(1, member.compress_size):,.0f} times its size",
                "Save it as CSV.",
            )


def _refuse_document_type(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    """Workbooks have no document type; only there could entities be defined."""

    def found(*_: object) -> None:
        raise AssistantError(path, None, f"{member.filename} has a document type", SAVE_AGAIN)

    def reached(*_: object) -> None:
        raise _RootReached

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = found
    parser.StartElementHandler = reached
    with archive.open(member) as part:
        try:
            parser.Parse(part.read(MAX_PROLOG_BYTES), False)
        except _RootReached:
            return
        except expat.ExpatError as error:
            raise AssistantError(path, None, f"{member.filename} is not XML: {error}", SAVE_AGAIN) from error
    raise AssistantError(path, None, f"{member.filename} does not begin as XML", SAVE_AGAIN)
