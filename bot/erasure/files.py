"""Erases what lies in folders of its own: files that customers sent, exports, and what trainings keep to go on from."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.erasure.traces import Traces
from configs.errors import KefuError

UPLOADS, EXPORTS = "uploads", "exports"
WORKSPACES = ("refresh", "work")
LOCK_FILE = "lock"
_KEPT = frozenset({LOCK_FILE, "accepted.json"})  # the latter names rows by their hashes


def erase_uploads(data_dir: Path, traces: Traces) -> str:
    """Removes the files that the customer has sent; says what was there.

    Raises:
        OSError: They cannot be removed.
    """
    there = [data_dir / UPLOADS / name for name in sorted(traces.uploads)]
    return _removed([folder for folder in there if folder.exists()], "folder of files sent")


def erase_exports(data_dir: Path, traces: Traces) -> str:
    """Removes exports of these conversations that lie in the data folder.

    Raises:
        OSError: They cannot be removed.
    """
    folder = data_dir / EXPORTS
    there = [] if not folder.is_dir() else sorted(folder.iterdir())
    return _removed([path for path in there if path.name in traces.conversations], "export")


def erase_workspaces(data_dir: Path) -> str:
    """Removes what trainings and refreshes keep to go on from: it holds texts, and the next one makes it anew.

    Raises:
        KefuError: One is under way.
        OSError: It cannot be removed.
    """
    removed = 0
    for name in WORKSPACES:
        folder = data_dir / name
        if not folder.is_dir():
            continue
        with _alone(folder):
            for path in sorted(folder.iterdir()):
                if path.is_dir():
                    with _alone(path):
                        shutil.rmtree(path)
                    removed += 1
                elif path.name not in _KEPT:
                    path.unlink()
    return f"{removed} workspaces of trainings" if removed else ""


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While nobody else works in a folder."""
    path = folder / LOCK_FILE
    if not path.exists():
        yield
        return
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise KefuError(
                f"A training or refresh works in {folder}, and may hold the sender's messages. Run this again once it "
                "has ended."
            ) from None
        yield


def _removed(paths: list[Path], what: str) -> str:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return f"{len(paths)} {what}{'' if len(paths) == 1 else 's'}" if paths else ""
