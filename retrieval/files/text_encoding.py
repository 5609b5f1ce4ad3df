"""How the characters of a text file are stored: found by reading it once, strictly, in constant memory.

UTF-8 is tried first, then UTF-16 and GB18030 (which holds GBK and GB2312). Any other encoding is refused: a file that
decodes without an error and gives the wrong letters is worse than one that is not read.
"""

import codecs
import io
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import charset_normalizer

from configs.errors import AssistantError

CHUNK_BYTES = 1 << 16
SAMPLE_BYTES = 1 << 16
# Western text that happens to be valid GB18030 gives rare characters; Chinese text gives those of GB2312.
MIN_COMMON_SHARE = 0.5
# Korean and Japanese EUC use the bytes of GB2312 too, but only Chinese text is full of these characters.
MIN_FREQUENT_SHARE = 0.1
_FREQUENT = frozenset("的一是不了我在有人这他们你到说要以就时会可也和为么能对下得看多用怎什没好子过后个上来大中")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8 with BOM", "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
)
ENCODINGS = {
    "utf-8": "utf-8-sig",
    "utf-16": "utf-16",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "gb18030": "gb18030",
    "gbk": "gb18030",
}
_UTF32_BOMS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextEncoding:
    """An encoding: `name` is what a person is told, `codec` what Python opens the file with."""

    name: str
    codec: str


def detect_encoding(path: Path) -> TextEncoding:
    """The encoding in which the whole file can be read.

    Raises:
        AssistantError: The file cannot be read, or is in none of the encodings; with the line and the byte.
    """
    with open_bytes(path) as file:
        head = file.read(4)
        if head.startswith(_UTF32_BOMS):
            raise AssistantError(path, 1, "is not UTF-8 text: it is UTF-32", "Save the file as UTF-8.")
        for bom, name, codec in _BOMS:
            if head.startswith(bom):
                if fault := _first_fault(file, name.removesuffix(" with BOM")):
                    raise _not_text(path, fault, "UTF-16" if codec == "utf-16" else "UTF-8", "")
                return TextEncoding(name=name, codec=codec)
        if codec := _utf16_by_zeros(head):
            if fault := _first_fault(file, codec):
                raise _not_text(path, fault, "UTF-16", "")
            return TextEncoding(name=codec, codec=codec)
        fault = _first_fault(file, "utf-8")
        if fault is None:
            return TextEncoding(name="utf-8", codec="utf-8")
        sample = _sample(file)
        guess = charset_normalizer.from_bytes(sample).best()
        guessed = guess.encoding if guess else ""
        if _first_fault(file, "gb18030") is None and _is_chinese(sample, guessed):
            return TextEncoding(name="gb18030", codec="gb18030")
        raise _not_text(path, fault, "UTF-8", guessed)


def named_encoding(path: Path, name: str) -> TextEncoding:
    """The encoding that a person says a file is in.

    Raises:
        AssistantError: It is none of `ENCODINGS`, or the file cannot be read in it.
    """
    codec = ENCODINGS.get(name.lower())
    if codec is None:
        raise AssistantError(path, None, f"the encoding {name!r} is not known", f"Use {', '.join(ENCODINGS)}.")
    with open_bytes(path) as file:
        if fault := _first_fault(file, codec):
            raise _not_text(path, fault, name, "")
    return TextEncoding(name=name.lower(), codec=codec)


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """The file, open for reading.

    Raises:
        AssistantError: It is missing, not a regular file, or may not be read.
    """
    try:
        if not path.exists():
            raise AssistantError(path, None, "there is no such file", "Create it or mend the path.")
        if not path.is_file():
            raise AssistantError(path, None, "is not a regular file", "Put a text file there.")
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise AssistantError(
            path, None, f"cannot be read: {error.strerror}", "Check its name and permissions."
        ) from error


class TextLines:
    """The lines of a text file, one at a time, and how many bytes of it were read."""

    def __init__(self, path: Path, encoding: TextEncoding) -> None:
        self.path, self.encoding = path, encoding
        self.size_bytes = path.stat().st_size
        self.bytes_read = 0

    def read(self, *, newline: str, max_chars: int) -> Iterator[str | None]:
        r"""Each line with its end; None in the place of one with more than `max_chars` characters.

        Args:
            newline: As `io.TextIOWrapper` takes it: "" ends a line at any line break, "\n" only at that.
            max_chars: What a line may have, its end included.

        Raises:
            AssistantError: The file was changed since its encoding was found, or may not be read any more.
        """
        with open_bytes(self.path) as file:
            text = io.TextIOWrapper(file, encoding=self.encoding.codec, newline=newline)
            try:
                while line := text.readline(max_chars):
                    self.bytes_read = file.tell()
                    whole = len(line) < max_chars or line.endswith(("\n", "\r"))
                    yield line if whole else None
                    while not whole:
                        line = text.readline(max_chars)
                        whole = len(line) < max_chars or line.endswith(("\n", "\r"))
            except UnicodeDecodeError as error:
                raise AssistantError(
                    self.path, None, f"is not {self.encoding.name} text any more", "It was changed; read it again."
                ) from error
            finally:
                text.detach()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    line: int
    offset: int
    byte: int


def _first_fault(file: BinaryIO, codec: str) -> _Fault | None:
    """Where the file, read from its start, first breaks the rules of `codec`."""
    decoder = codecs.getincrementaldecoder(codec)("strict")
    file.seek(0)
    begins, newline_count = 0, 0
    while True:
        chunk = file.read(CHUNK_BYTES)
        pending = len(decoder.getstate()[0])
        try:
            newline_count += decoder.decode(chunk, final=not chunk).count("\n")
        except UnicodeDecodeError as error:
            good = error.object[: error.start].decode(codec, "replace")
            return _Fault(
                line=newline_count + good.count("\n") + 1,
                offset=begins - pending + error.start,
                byte=error.object[error.start],
            )
        begins += len(chunk)
        if not chunk:
            return None


def _utf16_by_zeros(head: bytes) -> str:
    """The form of UTF-16 without a mark that begins with two ASCII characters, as every knowledge file does."""
    zeros = [byte == 0 for byte in head]
    if zeros == [False, True, False, True]:
        return "utf-16-le"
    return "utf-16-be" if zeros == [True, False, True, False] else ""


def _sample(file: BinaryIO) -> bytes:
    """The first lines that are not ASCII."""
    file.seek(0)
    lines: list[bytes] = []
    size = 0
    while size < SAMPLE_BYTES and (line := file.readline(SAMPLE_BYTES)):
        if not line.isascii():
            lines.append(line)
            size += len(line)
    return b"".join(lines)


def _is_chinese(sample: bytes, guessed: str) -> bool:
    """Whether a sample that is valid GB18030 is meant as such."""
    letters = [c for c in sample.decode("gb18030", "ignore") if not c.isascii() and unicodedata.category(c)[0] == "L"]
    if not letters:
        return False
    common = sum(bool(letter.encode("gb2312", "ignore")) for letter in letters) / len(letters)
    frequent = sum(letter in _FREQUENT for letter in letters) / len(letters)
    chinese = guessed in {"gb18030", "gbk", "gb2312"} or frequent >= MIN_FREQUENT_SHARE
    return common >= MIN_COMMON_SHARE and chinese


def _not_text(path: Path, fault: _Fault, encoding: str, guessed: str) -> AssistantError:
    looks = f", and looks like {guessed}" if guessed else ""
    return AssistantError(
        path,
        fault.line,
        f"is not {encoding} text (byte {fault.offset:,} is 0x{fault.byte:02X}){looks}",
        "Save the file as UTF-8.",
    )
