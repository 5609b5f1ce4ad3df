"""Release folders: written whole or not at all, verified before use, one of them named by `CURRENT`.

    <data>/CURRENT              the id of the release to serve
    <data>/HISTORY              every promotion, one a line, the newest last
    <data>/knowledge.db         past answers as they are now, with their history
    <data>/releases/<id>/       the files below, and manifest.json with a SHA-256 for each
    <data>/releases/.part-*     a release being written; never served, removed by the next training
    <data>/releases/.gone-*     a release being removed

The bot and the training meet only here, so this file imports neither.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

from training.manifest import (
    ASSISTANT_FILE,
    FORMAT_VERSION,
    MANIFEST_FILE,
    REPORT_FOLDER,
    REQUIRED_FILES,
    SMOKE_FILE,
    FileEntry,
    Manifest,
    Release,
    ReleaseError,
    file_sha256,
    read_manifest,
    verify_files,
)
from training.promotions import RELEASE_ID, How, Promotion, parse_history, that_took_effect, trail
from training.release_hold import ReleaseHold, nobody_holds
from training.whole_file import flush, flush_folder, replace_file

# What the bot needs of a release it takes from here: this is its only door to the training.
__all__ = [
    "ASSISTANT_FILE",
    "KNOWLEDGE_FILE",
    "SMOKE_FILE",
    "How",
    "Manifest",
    "Promotion",
    "Release",
    "ReleaseError",
    "ReleaseHold",
    "Releases",
    "replace_file",
]

KNOWLEDGE_FILE = "knowledge.db"
_MAX_HISTORY_BYTES = 16 * 1024 * 1024


class Releases:
    """The releases of one assistant, in its data folder.

    Args:
        now: Unix time, for `HISTORY`.
    """

    def __init__(self, data_dir: Path, *, now: Callable[[], float] = time.time) -> None:
        self.data_dir = data_dir
        self.folder = data_dir / "releases"
        self._now = now

    def current_id(self) -> str | None:
        """The id in `CURRENT`, or None where nothing has been promoted.

        Raises:
            ReleaseError: `CURRENT` is not a plain file with one release id.
        """
        path = self.data_dir / "CURRENT"
        if not path.exists() and not path.is_symlink():
            return None
        if not path.is_file():  # opening a pipe would wait for ever
            raise ReleaseError(f"{path} is not a file. Remove it and promote a release by training again.")
        try:
            with path.open("rb") as file:
                content = file.read(100).decode("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ReleaseError(f"{path} cannot be read: {error}. Promote a release by training again.") from error
        if not RELEASE_ID.match(content):
            raise ReleaseError(f"{path} holds {content!r}, not a release id. Promote a release by training again.")
        return content

    def promotions(self) -> list[Promotion]:
        """Every promotion that took effect, the oldest first."""
        return that_took_effect(self._written(), self._current())

    def history(self) -> list[str]:
        """Ids that were promoted, the newest first, each once."""
        return list(dict.fromkeys(one.release_id for one in reversed(self.promotions())))

    def trail(self) -> list[str]:
        """What was promoted one on top of the other, the release that is served last; see `training.promotions`."""
        return trail(self.promotions(), self._current())

    def earlier(self) -> list[str]:
        """Where a rollback leads: what was promoted before the release that is served, the nearest first."""
        *before, current = self.trail() or [""]
        return [found for found in dict.fromkeys(reversed(before)) if found != current]

    def ids(self) -> list[str]:
        """The ids of all that lies in the folder of releases, in their order; nothing is verified."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if RELEASE_ID.match(path.name) and path.is_dir())

    def manifest(self, release_id: str) -> Manifest:
        """What a release says that it holds; `open` verifies it too.

        Raises:
            ReleaseError: It is missing, or its manifest is damaged.
        """
        return read_manifest(self._folder_of(release_id), release_id)

    def open(self, release_id: str) -> Release:
        """Verifies a release and returns it.

        Raises:
            ReleaseError: It is missing, incomplete, damaged or altered.
        """
        manifest = self.manifest(release_id)
        folder = self.folder / release_id
        verify_files(folder, manifest)
        return Release(folder=folder, manifest=manifest)

    def hold(self, release_id: str) -> ReleaseHold:
        """Keeps a release from being removed, until the hold is closed.

        Raises:
            ReleaseError: It is missing, or being removed.
        """
        return ReleaseHold(self._folder_of(release_id))

    def candidates(self) -> Iterator[str]:
        """The current id, then what was served before it, then all else that ever was: the order in which to try.

        A `CURRENT` that cannot be read counts as absent here; `current_id` says what is wrong with it.
        """
        current = self._current()
        yield from dict.fromkeys([*([current] if current else []), *reversed(self.trail()), *self.history()])

    def promote(self, release: Release, how: How = How.PROMOTED, *, instead_of: str | None = None) -> None:
        """Makes `release` the one that is served.

        The line in `HISTORY` comes first; where the process ends before `CURRENT` is replaced, it counts for nothing.

        Args:
            instead_of: Only where this one is served now.

        Raises:
            ReleaseError: It has been removed meanwhile, or another is served than `instead_of`.
        """
        with self._alone() as history:
            if not (release.folder / MANIFEST_FILE).is_file():
                raise ReleaseError(f"The release {release.id} has been removed.")
            before = self._current()
            if instead_of is not None and before != instead_of:
                raise ReleaseError(f"Meanwhile {before or 'nothing'} has come to be served instead of {instead_of}.")
            if before != release.id:
                at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._now()))
                line = Promotion(release_id=release.id, at=at, how=how, before=before).line()
                history.write(self._end_of_torn_line() + line.encode("ascii"))
                flush(history.fileno())
            replace_file(self.data_dir / "CURRENT", f"{release.id}\n".encode("ascii"))

    def remove(self, release_id: str, may_go: Callable[[], bool]) -> bool:
        """Removes a release, whole or not at all, unless it is served or held.

        Args:
            may_go: Asked while nothing can be promoted.
        """
        gone = self.folder / f".gone-{release_id}-{os.getpid()}"
        with self._alone():
            if self._current() == release_id or not may_go():
                return False
            folder = self._folder_of(release_id)
            with nobody_holds(folder) as free:
                if free:
                    folder.rename(gone)
        if free:
            flush_folder(self.folder)
            shutil.rmtree(gone, ignore_errors=True)
        return free

    def new_id(self, fingerprint: str) -> str:
        """An id for a release made from inputs with this fingerprint: the same inputs, the same id.

        A second training of the same inputs gets a number behind it, because releases never change.
        """
        base = self.first_id(fingerprint)
        taken = {path.name for path in self.folder.glob(f"{base}*")}
        return next(name for number in range(1, 10_000) if (name := _numbered(base, number)) not in taken)

    @staticmethod
    def first_id(fingerprint: str) -> str:
        """The id of the first release that is made from inputs with this fingerprint."""
        return fingerprint[:12]

    @contextmanager
    def writing(self, release_id: str) -> Iterator[Path]:
        """A fresh folder to fill; gone again if the block does not end well."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._remove_leftovers()
        part = self.folder / f".part-{release_id}-{os.getpid()}"
        part.mkdir()
        (part / REPORT_FOLDER).mkdir()
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def seal(self, part: Path, facts: Mapping[str, Any]) -> Release:
        """Hashes the files in `part`, writes the manifest last, and moves the folder to its final name.

        Args:
            facts: The manifest's fields except `files`, `format_version` and `created_at`.

        Raises:
            ReleaseError: A required file is missing, or another training has taken the id.
        """
        names = sorted(str(path.relative_to(part)) for path in part.rglob("*") if path.is_file())
        if missing := REQUIRED_FILES - set(names):
            raise ReleaseError(f"The release lacks {', '.join(sorted(missing))}.")
        files = {}
        for name in names:
            with (part / name).open("rb") as file:
                os.fsync(file.fileno())
            files[name] = FileEntry(bytes=(part / name).stat().st_size, sha256=file_sha256(part / name))
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            created_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            files=files,
            **facts,
        )
        replace_file(part / MANIFEST_FILE, manifest.model_dump_json(indent=1).encode("utf-8"))
        for folder in (part / REPORT_FOLDER, part):
            flush_folder(folder)
        target = self.folder / manifest.id
        try:
            part.rename(target)
        except OSError as error:
            if not target.is_dir():
                raise
            raise ReleaseError(f"The release {manifest.id} was made by another training meanwhile.") from error
        flush_folder(self.folder)
        return Release(folder=target, manifest=manifest)

    def take_in(self, folder: Path) -> Release:
        """Moves a release that was made elsewhere, a folder in ours, to where it belongs; it is not promoted.

        Raises:
            ReleaseError: It is incomplete, damaged or altered, or another release has its id.
        """
        manifest = read_manifest(folder, folder.name)
        verify_files(folder, manifest)
        target = self._folder_of(manifest.id)
        if target.is_dir():
            there = self.open(manifest.id)
            if there.manifest.files != manifest.files:
                raise ReleaseError(f"The release {manifest.id} is here already, and is another one.")
            return there
        folder.rename(target)
        flush_folder(self.folder)
        return Release(folder=target, manifest=manifest)

    def _folder_of(self, release_id: str) -> Path:
        if not RELEASE_ID.match(release_id):
            raise ReleaseError(f"{release_id[:80]!r} is not a release id.")
        return self.folder / release_id

    def _current(self) -> str | None:
        try:
            return self.current_id()
        except ReleaseError:
            return None

    def _written(self) -> list[Promotion]:
        path = self.data_dir / "HISTORY"
        if not path.is_file():
            return []
        with path.open("rb") as file:
            return parse_history(file.read(_MAX_HISTORY_BYTES).decode("ascii", errors="replace"))

    def _end_of_torn_line(self) -> bytes:
        """What makes half a line, which a power cut may leave, one that counts for nothing."""
        return b"" if (self.data_dir / "HISTORY").read_bytes()[-1:] in (b"", b"\n") else b" torn\n"

    @contextmanager
    def _alone(self) -> Iterator[FileIO]:
        """`HISTORY`, to be added to while nobody else promotes or removes a release."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with (self.data_dir / "HISTORY").open("ab", buffering=0) as history:
            fcntl.flock(history, fcntl.LOCK_EX)
            yield history

    def _remove_leftovers(self) -> None:
        """Removes what trainings that no longer run left half written, and what was being removed."""
        for path in (*self.folder.glob(".part-*"), *self.folder.glob(".gone-*")):
            if not _is_running(path.name.rpartition("-")[2]):
                shutil.rmtree(path, ignore_errors=True)


def _numbered(base: str, number: int) -> str:
    return base if number == 1 else f"{base}-{number}"


def _is_running(pid: str) -> bool:
    """Whether another process has this id; in a container a killed training may have had our own."""
    if pid in ("0", str(os.getpid())):
        return False
    try:
        os.kill(int(pid), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
