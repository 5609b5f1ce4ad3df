"""Holds the engine that serves, and follows `CURRENT` to the next one. One of the three places with state."""

import ctypes
import sys

import structlog

from bot.engine import Engine
from training.releases import ReleaseError, Releases

_log = structlog.get_logger()


class ModelHost:
    """The engine in use. A release that cannot be loaded never replaces one that can.

    Args:
        threads: Threads of one forward pass.
    """

    def __init__(self, releases: Releases, *, threads: int = 1) -> None:
        self.releases = releases
        self.threads = threads
        self.engine = self._first_good()
        return_freed_memory()
        self.refused: dict[str, str] = {}

    def follow(self) -> bool:
        """Loads the release that `CURRENT` names, if that is another one. Blocking; True if it was swapped.

        A release that is refused is tried once; the reason is logged and kept in `refused`.
        """
        wanted: str | None = None
        try:
            wanted = self.releases.current_id()
            if wanted is None or wanted == self.engine.id or wanted in self.refused:
                return False
            engine = Engine(self.releases.open(wanted), threads=self.threads)
        except ReleaseError as error:
            key = wanted or "CURRENT"
            if self.refused.get(key) != str(error):
                self.refused[key] = str(error)
                _log.error("release_refused", release=wanted, reason=str(error), serving=self.engine.id)
            return False
        _log.info("release_swapped", old=self.engine.id, new=engine.id)
        self.engine = engine
        return_freed_memory()
        return True

    def _first_good(self) -> Engine:
        """The current release, or the newest earlier one that can be served.

        Raises:
            ReleaseError: None can.
        """
        reasons = []
        try:
            self.releases.current_id()
        except ReleaseError as error:
            reasons.append(str(error))
            _log.error("current_unreadable", reason=str(error))
        for release_id in self.releases.candidates():
            try:
                engine = Engine(self.releases.open(release_id), threads=self.threads)
            except ReleaseError as error:
                reasons.append(str(error))
                _log.error("release_refused", release=release_id, reason=str(error))
            else:
                if reasons:
                    _log.warning("serving_earlier_release", release=release_id)
                return engine
        if reasons:
            raise ReleaseError(" ".join(reasons) + " Run `kefu train --force`.")
        raise ReleaseError(f"There is no release in {self.releases.data_dir}. Run `kefu train` first.")


def return_freed_memory() -> None:
    """Gives what loading a model has freed back to the system; without it each swap leaves some 10 MB behind.

    Only glibc keeps such memory and only glibc has the call; elsewhere nothing is done.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
