"""One refresh at a time in a data folder: a lock that goes with its process, however that ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from configs.errors import KefuError

REFRESH_FOLDER = "refresh"
LOCK_FILE = "lock"


class RefreshUnderWay(KefuError):
    """Another refresh of the same data folder runs."""


@contextmanager
def one_at_a_time(data_dir: Path) -> Iterator[None]:
    """Holds the lock for the block.

    Raises:
        RefreshUnderWay: Another process holds it.
        OSError: The data folder cannot be written.
    """
    folder = data_dir / REFRESH_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read(20).strip()
            who = f"process {holder}" if holder.isdigit() else "another process"
            raise RefreshUnderWay(f"A refresh of {data_dir} is under way, in {who}. Wait until it has ended.") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
