"""Holds the engine that serves, and follows `CURRENT` to the next one. One of the three places with state."""

import ctypes
import os
import sys
import threading
import weakref

import structlog
from threadpoolctl import threadpool_limits

from bot.engine import Engine
from bot.errors import Refused
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
        self._swapping = threading.Lock()
        # What one message needs of them is too little to be shared out: threads would wait for each other.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        self._refused_at: tuple[int, int] | None = None
        self._was_swapped = False
        self._alive: weakref.WeakValueDictionary[str, Engine] = weakref.WeakValueDictionary()
        self._engine: Engine | None = self._first_good()
        threadpool_limits(limits=threads)
        return_freed_memory()
        self.refused: dict[str, str] = {}

    @property
    def engine(self) -> Engine:
        """The engine in use.

        Raises:
            Refused: 409; it was unloaded.
        """
        engine = self._engine
        if engine is None:
            raise no_model()
        return engine

    @property
    def is_loaded(self) -> bool:
        """Whether there is an engine."""
        return self._engine is not None

    def unload(self) -> None:
        """Lets go of the engine; until `load` nothing is answered, whatever is promoted meanwhile."""
        with self._swapping:
            self._engine = None
        _log.warning("release_unloaded")
        return_freed_memory()

    def load(self, release_id: str | None = None) -> None:
        """Loads a release, promotes it and serves it; the one that `CURRENT` names where none is given. Blocking.

        Its files are verified also where it serves already: they may have been damaged since.

        Raises:
            ReleaseError: There is no such release, or it cannot be served; what served goes on serving.
        """
        with self._swapping:
            current = self.releases.current_id()
            wanted = release_id or current
            if wanted is None:
                raise ReleaseError("No release has been promoted. Name one in model_file.")
            engine = self.engine_of(wanted)
            if current != wanted:
                self.releases.promote(engine.release)
            self._engine = engine
            self.refused.pop(wanted, None)
            del engine
        _log.info("release_loaded", release=wanted)
        return_freed_memory()

    def follow(self) -> bool:
        """Loads the release that `CURRENT` names, if that is another one. Blocking; True if it was swapped.

        A release that is refused is tried once for each time that it is promoted; the reason is logged and kept in
        `refused`.
        """
        with self._swapping:
            before = dict(self.refused)
            swapped = self._engine is not None and self._follow(self._engine.id)
            if swapped or self._was_swapped or before != self.refused:
                return_freed_memory()
            self._was_swapped = swapped  # turns under way may hold the old engine until the next look
        return swapped

    def engine_of(self, release_id: str) -> Engine:
        """A release, verified and loaded, that is not removed as long as the engine is there. Blocking.

        One that is loaded already, as a candidate that is being tried, is not loaded twice.

        Raises:
            ReleaseError: It cannot be served.
        """
        hold = self.releases.hold(release_id)
        try:
            release = self.releases.open(release_id)
            engine = self._alive.get(release_id)
            if engine is not None and engine.release == release:
                hold.close()
                return engine
            engine = Engine(release, threads=self.threads)
        except BaseException:
            hold.close()
            raise
        weakref.finalize(engine, hold.close)
        self._alive[release_id] = engine
        return engine

    def _follow(self, serving: str) -> bool:
        wanted: str | None = None
        promoted = self._when_promoted()
        try:
            wanted = self.releases.current_id()
            if wanted is None or wanted == serving or (wanted in self.refused and promoted == self._refused_at):
                return False
            engine = self.engine_of(wanted)
        except ReleaseError as error:
            key, self._refused_at = wanted or "CURRENT", promoted
            if self.refused.get(key) != str(error):
                self.refused[key] = str(error)
                _log.error("release_refused", release=wanted, reason=str(error), serving=serving)
            return False
        _log.info("release_swapped", old=serving, new=engine.id)
        self._engine = engine
        self.refused.pop(wanted, None)
        return True

    def _when_promoted(self) -> tuple[int, int] | None:
        """What changes with each promotion, also of the same release."""
        try:
            found = (self.releases.data_dir / "CURRENT").stat()
        except OSError:
            return None
        return (found.st_ino, found.st_mtime_ns)

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
                engine = self.engine_of(release_id)
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


def no_model() -> Refused:
    """What is said where a message needs a model and none is loaded."""
    return Refused(409, "Conflict", "No model is loaded. Load one with PUT /model.")


def return_freed_memory() -> None:
    """Gives what loading a model has freed back to the system; without it each swap leaves some 10 MB behind.

    Only glibc keeps such memory and only glibc has the call; elsewhere nothing is done.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
