"""Opens whatever holds pairs, by its ending or by what lies in the folder."""

from pathlib import Path

from configs.errors import AssistantError
from retrieval.files.csv_file import CsvFile
from retrieval.files.jsonl_file import JsonlFile
from retrieval.files.markdown_folder import MarkdownFolder
from retrieval.files.rasa_responses import RasaProject, is_rasa_project
from retrieval.files.rows import KnowledgeFile
from retrieval.files.text_encoding import detect_encoding, named_encoding
from retrieval.files.xlsx_file import XlsxFile

FORMATS = ("csv", "jsonl", "xlsx", "markdown", "rasa")
FORMAT_BY_ENDING = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".xlsx": "xlsx"}


def open_knowledge(path: Path, *, format: str | None = None, encoding: str | None = None) -> KnowledgeFile:  # noqa: A002
    """Opens a CSV, JSON Lines or Excel file, a folder of Markdown pages, or a Rasa project.

    Args:
        path: A file or a folder.
        format: One of `FORMATS`; None goes by the ending, and in a folder by its files.
        encoding: One of `text_encoding.ENCODINGS`, for a text file whose encoding is not found by itself.

    Raises:
        AssistantError: It cannot be read as a whole: missing, of no known format, in no known encoding, without a
            header, damaged.
        KefuError: A workbook, and openpyxl is not installed.
    """
    chosen = format or _format_of(path)
    if chosen not in FORMATS:
        raise AssistantError(path, None, f"cannot be read as {chosen!r}", f"The formats are {', '.join(FORMATS)}.")
    if chosen == "xlsx":
        return XlsxFile(path)
    if chosen in {"markdown", "rasa"}:
        if not path.is_dir():
            raise AssistantError(path, None, "is not a folder", "Name the folder that the files lie in.")
        return MarkdownFolder(path) if chosen == "markdown" else RasaProject(path)
    found = detect_encoding(path) if encoding is None else named_encoding(path, encoding)
    return CsvFile(path, found) if chosen == "csv" else JsonlFile(path, found)


def _format_of(path: Path) -> str:
    if path.is_dir():
        return "rasa" if is_rasa_project(path) else "markdown"
    known = FORMAT_BY_ENDING.get(path.suffix.lower())
    if known is None and not path.exists():
        raise AssistantError(path, None, "there is no such file", "Create it or mend the path.")
    if known is None:
        raise AssistantError(
            path,
            None,
            f"the ending {path.suffix!r} is not known",
            f"Save it as {', '.join(FORMAT_BY_ENDING)}, or name a folder of Markdown pages or a Rasa project.",
        )
    return known
