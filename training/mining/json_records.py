"""Reads JSON values one after the other from a file of any length: an object a line, a list, or one document.

Owns where a record begins and ends, and its number. Knows nothing of what a record is about.
"""

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from configs.errors import AssistantError
from training.mining.conversation import BadRecord

MAX_RECORD_BYTES = 32 * 1024 * 1024
MAX_DOCUMENT_BYTES = 256 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_BLANK = " \t\r\n"

Record: TypeAlias = tuple[int, Any] | BadRecord


class JsonRecords:
    """The records of one file, read as they are asked for.

    Raises:
        AssistantError: The file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.is_file():
            problem = "is not a regular file" if path.exists() else "there is no such file"
            raise AssistantError(path, None, problem, "Name a file of transcripts.")
        self.size_bytes = path.stat().st_size
        self.position_bytes = 0

    def __iter__(self) -> Iterator[Record]:
        """Each record with its number from 1, or what is wrong with it.

        Raises:
            AssistantError: The file cannot be read.
        """
        try:
            with self._path.open("rb") as file:
                start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
                file.seek(0)
                if start.startswith(b"["):
                    yield from self._of_list(file)
                elif start.startswith(b"{") and not _holds_a_line(start):
                    yield from self._of_document(file)
                else:
                    yield from self._of_lines(file)
        except OSError as error:
            raise AssistantError(
                self._path, None, f"cannot be read: {error.strerror}", "Check its permissions."
            ) from error

    def _of_lines(self, file: BinaryIO) -> Iterator[Record]:
        number = 0
        while line := file.readline(MAX_RECORD_BYTES + 1):
            number += 1
            self.position_bytes = file.tell()
            if len(line) > MAX_RECORD_BYTES:
                while line and not line.endswith(b"\n"):
                    line = file.readline(MAX_RECORD_BYTES)
                yield BadRecord(number=number, message=f"is over {MAX_RECORD_BYTES:,} bytes. Split it")
            elif line := line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip():
                yield _parsed(line, number)

    def _of_document(self, file: BinaryIO) -> Iterator[Record]:
        if self.size_bytes > MAX_DOCUMENT_BYTES:
            yield BadRecord(
                number=0,
                message=f"is one object of {self.size_bytes:,} bytes. Write a list, or an object a line: those are "
                "read piece by piece",
            )
            return
        content = file.read().removeprefix(b"\xef\xbb\xbf")
        self.position_bytes = self.size_bytes
        yield _parsed(content, 1)

    def _of_list(self, file: BinaryIO) -> Iterator[Record]:
        """The items of a list; what follows an item that is not JSON cannot be read."""
        text = _Characters(file)
        text.skip(_BLANK + "[")
        decoder, number = json.JSONDecoder(), 0
        while text.skip(_BLANK + ",") and text.rest[text.at] != "]":
            number += 1
            wanted = _CHUNK_BYTES
            while True:
                try:
                    value, text.at = decoder.raw_decode(text.rest, text.at)
                    break
                except (ValueError, RecursionError) as error:
                    cut = isinstance(error, ValueError) and wanted <= MAX_RECORD_BYTES and text.more(wanted)
                    if not cut:
                        message = f"is not valid JSON: {error}. What follows it is not read"
                        yield BadRecord(number=number, message=message)
                        return
                    wanted *= 2
            self.position_bytes = file.tell()
            yield number, value
        if text.at == len(text.rest):
            yield BadRecord(number=number + 1, message="is missing: the list does not end. The file may be cut off")


class _Characters:
    """Text that is read from a file as needed; `rest[at:]` is what was not used yet."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self.rest, self.at = "", 0

    def more(self, size_bytes: int) -> bool:
        """Reads on; False at the end of the file."""
        read = self._file.read(size_bytes)
        self.rest, self.at = self.rest[self.at :] + self._decoder.decode(read, final=not read), 0
        return bool(read)

    def skip(self, characters: str) -> bool:
        """Goes to the next character that is none of these; False at the end of the file."""
        while True:
            while self.at < len(self.rest):
                if self.rest[self.at] not in characters:
                    return True
                self.at += 1
            if not self.more(_CHUNK_BYTES):
                return False


def _holds_a_line(start: bytes) -> bool:
    """Whether the first line of a file is a record by itself, as far as its first bytes show."""
    line, end, _ = start.partition(b"\n")
    return line.rstrip().endswith(b"}") or (not end and len(start) > 2048)


def _parsed(content: bytes, number: int) -> Record:
    try:
        return number, json.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        return BadRecord(number=number, message=f"is not UTF-8 text at byte {error.start:,}. Save the file as UTF-8")
    except (ValueError, RecursionError) as error:
        return BadRecord(number=number, message=f"is not valid JSON: {error}. Mend or remove it")
