"""Keeps a second process from writing to a SQLite file.

SQLite up to 3.51.2 can damage a database in WAL mode when two connections write or checkpoint in the same instant.
"""

import fcntl
import os
from pathlib import Path
from typing import TextIO

from bot.stores.errors import StoreInUse


class ProcessLock:
    """The right to write a file, in a lock file beside it that goes with its holder, however that ends."""

    def __init__(self, guarded: Path) -> None:
        self._guarded = guarded
        self._path = guarded.with_name(f"{guarded.name}.lock")
        self._file: TextIO | None = None

    def take(self) -> None:
        """Takes the lock; does nothing where this one has it.

        Raises:
            StoreInUse: Another process has it.
        """
        while self._file is None:
            file = self._path.open("a+", encoding="ascii")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreInUse(_in_use(self._guarded, file)) from None
            if _is_at(self._path, file):
                file.truncate(0)
                file.write(str(os.getpid()))
                file.flush()
                self._file = file
            else:  # its last holder removed it in this very moment
                file.close()

    def release(self) -> None:
        """Gives the lock back."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            self._file.close()
            self._file = None


def _is_at(path: Path, file: TextIO) -> bool:
    try:
        return path.stat().st_ino == os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False


def _in_use(guarded: Path, file: TextIO) -> str:
    with file:
        file.seek(0)
        holder = file.read(20).strip()
    who = f"process {holder}" if holder.isdigit() else "another process"
    return (
        f"The conversation store {guarded} is in use by {who}. Stop that one, choose another folder with "
        "KEFU_DATA_DIR, or let several processes share a PostgreSQL database with KEFU_DATABASE_URL."
    )
