"""Release folders: written whole or not at all, verified before use, one of them named by `CURRENT`.

    <data>/CURRENT              the id of the release to serve
    <data>/HISTORY              every id ever promoted, one a line, the newest last
    <data>/knowledge.db         past answers as they are now, with their history
    <data>/releases/<id>/       the files below, and manifest.json with a SHA-256 for each
    <data>/releases/.part-*     a release being written; never served, removed by the next training

The bot and the training meet only here, so this file imports neither.
"""

import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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

# What the bot needs of a manifest it takes from here: the releases are its only door to the training.
__all__ = ["ASSISTANT_FILE", "KNOWLEDGE_FILE", "SMOKE_FILE", "Manifest", "Release", "ReleaseError", "Releases"]

KNOWLEDGE_FILE = "knowledge.db"

_ID = re.compile(r"[0-9a-z][0-9a-z-]{3,63}\Z")


class Releases:
    """The releases of one assistant, in its data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.folder = data_dir / "releases"

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
        if not _ID.match(content):
            raise ReleaseError(f"{path} holds {content!r}, not a release id. Promote a release by training again.")
        return content

    def history(self) -> list[str]:
        """Ids that were promoted, the newest first, each once."""
        path = self.data_dir / "HISTORY"
        if not path.is_file():
            return []
        lines = path.read_text("ascii", errors="replace").split()
        return list(dict.fromkeys(line for line in reversed(lines) if _ID.match(line)))

    def open(self, release_id: str) -> Release:
        """Verifies a release and returns it.

        Raises:
            ReleaseError: It is missing, incomplete, damaged or altered.
        """
        if not _ID.match(release_id):
            raise ReleaseError(f"{release_id!r} is not a release id.")
        folder = self.folder / release_id
        manifest = read_manifest(folder, release_id)
        verify_files(folder, manifest)
        return Release(folder=folder, manifest=manifest)

    def candidates(self) -> Iterator[str]:
        """The current id, then earlier ones: the order in which to try.

        A `CURRENT` that cannot be read counts as absent here; `current_id` says what is wrong with it.
        """
        try:
            current = self.current_id()
        except ReleaseError:
            current = None
        earlier = self.history()
        yield from dict.fromkeys([current, *earlier] if current else earlier)

    def promote(self, release: Release) -> None:
        """Makes `release` the one that is served."""
        path = self.data_dir / "HISTORY"
        torn = path.is_file() and not path.read_bytes().endswith(b"\n")
        with path.open("a", encoding="ascii") as history:
            history.write(f"\n{release.id}\n" if torn else f"{release.id}\n")
            _flush(history.fileno())
        _replace(self.data_dir / "CURRENT", f"{release.id}\n".encode("ascii"))

    def new_id(self, fingerprint: str) -> str:
        """An id for a release made from inputs with this fingerprint: the same inputs, the same id.

        A second training of the same inputs gets a number behind it, because releases never change.
        """
        base = fingerprint[:12]
        taken = {path.name for path in self.folder.glob(f"{base}*")}
        return next(name for number in range(1, 10_000) if (name := _numbered(base, number)) not in taken)

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
        _replace(part / MANIFEST_FILE, manifest.model_dump_json(indent=1).encode("utf-8"))
        for folder in (part / REPORT_FOLDER, part):
            _flush_folder(folder)
        target = self.folder / manifest.id
        try:
            part.rename(target)
        except OSError as error:
            if not target.is_dir():
                raise
            raise ReleaseError(f"The release {manifest.id} was made by another training meanwhile.") from error
        _flush_folder(self.folder)
        return Release(folder=target, manifest=manifest)

    def _remove_leftovers(self) -> None:
        """Removes what trainings that no longer run left half written."""
        for path in self.folder.glob(".part-*"):
            if not _is_running(path.name.rpartition("-")[2]):
                shutil.rmtree(path, ignore_errors=True)


def _numbered(base: str, number: int) -> str:
    return base if number == 1 else f"{base}-{number}"


def _replace(path: Path, content: bytes) -> None:
    """Writes a file so that at any moment either the old or the new content stands there."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(content)
        _flush(file.fileno())
    temporary.replace(path)
    _flush_folder(path.parent)


def _flush(descriptor: int) -> None:
    os.fsync(descriptor)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
