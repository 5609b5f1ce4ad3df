"""Files that are replaced in one step, and stay so after a power cut."""

import os
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Writes a file so that at any moment either the old or the new content stands there."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(content)
        flush(file.fileno())
    temporary.replace(path)
    flush_folder(path.parent)


def flush(descriptor: int) -> None:
    """Waits until what was written is on the disk; a file written through Python is to be flushed before."""
    os.fsync(descriptor)


def flush_folder(folder: Path) -> None:
    """Waits until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
