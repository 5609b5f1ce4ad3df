"""Keeps a release from being removed while somebody loads or serves it, in this process or another.

The hold is a lock on the release's folder, which goes with its process however that ends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.manifest import ReleaseError


class ReleaseHold:
    """A hold on one release, until it is closed.

    Raises:
        ReleaseError: The release is missing, or is being removed in this moment.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:
            raise ReleaseError(f"The release {folder.name} is missing: there is no folder {folder}.") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise ReleaseError(f"The release {folder.name} is being removed.") from error

    def close(self) -> None:
        """Gives it back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@contextmanager
def nobody_holds(folder: Path) -> Iterator[bool]:
    """Whether nobody holds the release in `folder`; if so, nobody can until the block ends."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
