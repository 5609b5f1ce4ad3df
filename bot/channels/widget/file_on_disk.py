"""A file that a customer has sent, on disk: its bytes, and beside them what is known of it. Blocking."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from bot.channels.widget.file_kinds import KINDS

PART, ABOUT = ".part", ".json"  # of a file that is still coming; of what is known of one
_TYPE_OF = {kind.mime: kind for kind in KINDS.values()}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that was taken.

    Attributes:
        id: The name of its session's folder and its own name in it; neither says whose it is.
    """

    id: str
    name: str
    bytes: int
    mime: str

    def as_media(self, url: str) -> dict[str, Any]:
        """As the metadata of a message hold it."""
        return {"kind": "image" if _TYPE_OF[self.mime].is_image else "file", **asdict(self), "url": url}


def swept(folder: Path, before: float) -> int:
    """How many bytes the files in `folder` have; those that broke off `before` are removed."""
    total_bytes = 0
    for file in folder.glob("*/*") if folder.is_dir() else ():
        with suppress(FileNotFoundError):  # another process removes them too
            known = file.stat()
            if file.suffix == PART and known.st_mtime < before:
                file.unlink()
            else:
                total_bytes += known.st_size
    return total_bytes


def sync(file: BinaryIO) -> None:
    """Has what was written be on disk."""
    file.flush()
    os.fsync(file.fileno())


def finish(part: Path, path: Path, kept: File) -> None:
    """What is known of a file is written first: a file without it is none."""
    path.with_name(path.name + ABOUT).write_text(json.dumps(asdict(kept), ensure_ascii=False), "utf-8")
    part.rename(path)


def read_about(path: Path) -> File | None:
    """What is known of the file at `path`; None where there is none."""
    try:
        about = json.loads(path.with_name(path.name + ABOUT).read_text("utf-8"))
        return File(**about) if path.is_file() else None
    except (OSError, ValueError, TypeError):
        return None
