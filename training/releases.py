"""Release folders: written whole or not at all, verified before use, one of them named by `CURRENT`.

    <data>/CURRENT              the id of the release to serve
    <data>/HISTORY              every id ever promoted, one a line, the newest last
    <data>/releases/<id>/       the files below, and manifest.json with a SHA-256 for each
    <data>/releases/.part-*     a release being written; never served, removed by the next training

The bot and the training meet only here, so this file imports neither.
"""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from configs.errors import KefuError

FORMAT_VERSION = 1
MANIFEST_FILE = "manifest.json"
ASSISTANT_FILE = "assistant.json"
INTENTS_FILE = "intents.json"
SMOKE_FILE = "smoke.json"
REPORT_FOLDER = "report"
REQUIRED_FILES = frozenset(
    {
        ASSISTANT_FILE,
        INTENTS_FILE,
        SMOKE_FILE,
        "encoder.onnx",
        "encoder.json",
        "tokenizer.json",
        "index.faiss",
        "knowledge.jsonl",
    }
)
MAX_MANIFEST_BYTES = 4 * 1024 * 1024
_ID = re.compile(r"[0-9a-z][0-9a-z-]{3,63}\Z")
_FILE_NAME = re.compile(r"(?:report/)?[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\Z")


class ReleaseError(KefuError):
    """A release is missing, half written, damaged or altered; the message says which file and why."""


class FileEntry(BaseModel):
    """Size and hash of one file of a release."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Manifest(BaseModel):
    """What a release holds.

    Attributes:
        fingerprints: By part (`intents`, `all`), a hash of everything that part was made from.
        figures: What the training measured, such as `validation_accuracy`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format_version: int
    id: str
    assistant: str
    kefu_version: str
    created_at: str
    encoder: str
    intent_count: int = Field(ge=2)
    pair_count: int = Field(ge=0)
    dimension: int = Field(ge=1)
    fingerprints: dict[str, str]
    figures: dict[str, float]
    files: dict[str, FileEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A verified release: every file is there, of the right size and hash, and nothing else is."""

    folder: Path
    manifest: Manifest

    @property
    def id(self) -> str:
        """Its name."""
        return self.manifest.id

    def read_json(self, name: str) -> Any:
        """The parsed content of one of its JSON files."""
        return json.loads((self.folder / name).read_text("utf-8"))


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
        try:
            with path.open("rb") as file:
                content = file.read(100).decode("ascii").strip()
        except FileNotFoundError:
            if path.is_symlink():
                raise ReleaseError(f"{path} points nowhere. Promote a release by training again.") from None
            return None
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
        manifest = _read_manifest(folder, release_id)
        _verify_files(folder, manifest)
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
        with (self.data_dir / "HISTORY").open("a", encoding="ascii") as history:
            history.write(f"{release.id}\n")
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
        part.rename(target)
        _flush_folder(self.folder)
        return Release(folder=target, manifest=manifest)

    def _remove_leftovers(self) -> None:
        """Removes what trainings that no longer run left half written."""
        for path in self.folder.glob(".part-*"):
            if not _is_running(path.name.rpartition("-")[2]):
                shutil.rmtree(path, ignore_errors=True)


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _numbered(base: str, number: int) -> str:
    return base if number == 1 else f"{base}-{number}"


def _read_manifest(folder: Path, release_id: str) -> Manifest:
    path = folder / MANIFEST_FILE
    if not folder.is_dir() or folder.is_symlink():
        raise ReleaseError(f"The release {release_id} is missing: there is no folder {folder}.")
    if not path.is_file() or path.is_symlink():
        raise ReleaseError(f"The release {release_id} is incomplete: it has no {MANIFEST_FILE}.")
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise ReleaseError(f"The release {release_id} has a {MANIFEST_FILE} that is too large.")
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(key) for key in first["loc"])
        raise ReleaseError(
            f"The release {release_id} has a damaged {MANIFEST_FILE}: {place} {first['msg']}."
        ) from error
    if manifest.format_version != FORMAT_VERSION:
        raise ReleaseError(
            f"The release {release_id} has format {manifest.format_version}, this Kefu reads {FORMAT_VERSION}."
        )
    if manifest.id != release_id:
        raise ReleaseError(f"The release {release_id} says it is {manifest.id!r}: it was moved or altered.")
    return manifest


def _verify_files(folder: Path, manifest: Manifest) -> None:
    said = f"The release {manifest.id}"
    if missing := REQUIRED_FILES - set(manifest.files):
        raise ReleaseError(f"{said} is incomplete: its manifest lacks {', '.join(sorted(missing))}.")
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}
    if extra := found - set(manifest.files) - {MANIFEST_FILE}:
        raise ReleaseError(f"{said} was altered: {sorted(extra)[0]} is not in its manifest.")
    for name, entry in manifest.files.items():
        path = folder / name
        if not _FILE_NAME.match(name):
            raise ReleaseError(f"{said} names a file {name!r} that no release holds.")
        if not path.is_file() or path.is_symlink():
            raise ReleaseError(f"{said} is incomplete: {name} is missing.")
        size = path.stat().st_size
        if size != entry.bytes:
            raise ReleaseError(f"{said} is damaged: {name} has {size} bytes instead of {entry.bytes}.")
        if file_sha256(path) != entry.sha256:
            raise ReleaseError(f"{said} is damaged or altered: {name} does not have its recorded SHA-256.")


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
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
