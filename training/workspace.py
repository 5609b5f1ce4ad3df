"""Where a training keeps what it can go on from: one folder for each set of inputs, held by one training at a time."""

import fcntl
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self, TextIO

CHECKPOINT_FILE = "checkpoint.json"
_LOCK_FILE = "lock"


class Workspace:
    """The folder `<data>/work/<fingerprint>/` of one training, with a folder for each of its fits.

    Entering removes what trainings of other inputs have left; those that still run hold a lock and are left alone.
    What stands in it outlives a training that was stopped, and is removed by `clear` once it is of no use.

    Args:
        folder: `<data>/work`.
        fingerprint: Of all that the fits depend on.
        note: Told in a sentence what an owner should know of what was kept.
    """

    def __init__(self, folder: Path, fingerprint: str, note: Callable[[str], None]) -> None:
        self.folder = folder
        self.note = note
        self.own = folder / fingerprint[:16]
        self._lock: TextIO | None = None

    def __enter__(self) -> Self:
        self.own.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.own)
        for other in list(self.folder.iterdir()):
            if other != self.own and (lock := _locked(other)):
                with lock:
                    shutil.rmtree(other, ignore_errors=True)
        return self

    def __exit__(self, *error: object) -> None:
        del error
        if self._lock is not None:
            if not any(self.own.glob(f"*/{CHECKPOINT_FILE}")):
                self.clear()
            self._lock.close()

    def of_fit(self, name: str) -> Path | None:
        """The folder of one fit; None where another training of the same inputs is under way and writes to it."""
        return self.own / name if self._lock is not None else None

    def clear(self) -> None:
        """Removes what this training has kept."""
        if self._lock is not None:
            shutil.rmtree(self.own, ignore_errors=True)
        with suppress(OSError):  # another training's folder stands in it
            self.folder.rmdir()


def remove_kept(folder: Path, fingerprint: str) -> bool:
    """Removes what a stopped training of these inputs has kept in `folder`, which is `<data>/work`.

    False where there is nothing, or such a training runs.
    """
    own = folder / fingerprint[:16]
    lock = _locked(own)
    if lock is None:
        return False
    with lock:
        shutil.rmtree(own, ignore_errors=True)
    with suppress(OSError):  # another training's folder stands in it
        folder.rmdir()
    return True


def kept(folder: Path) -> bool:
    """Whether a training that was stopped can go on from what stands in `folder`, which is `<data>/work`."""
    return any(folder.glob(f"*/*/{CHECKPOINT_FILE}"))


def _locked(folder: Path) -> TextIO | None:
    """The lock of `folder`, held until it is closed or the process ends; None where another process holds it."""
    if not folder.is_dir():
        return None
    file = (folder / _LOCK_FILE).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
