"""What a release holds, and whether all of it is there unaltered."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from configs.errors import KefuError
from retrieval.promise import PROMISE_FILE
from retrieval.retriever import RETRIEVER_FILES

FORMAT_VERSION = 4
MANIFEST_FILE = "manifest.json"
ASSISTANT_FILE = "assistant.json"
SMOKE_FILE = "smoke.json"
HELD_OUT_FILE = "held_out.safetensors"
REPORT_FOLDER = "report"
REQUIRED_FILES = frozenset(
    {
        ASSISTANT_FILE,
        SMOKE_FILE,
        HELD_OUT_FILE,
        PROMISE_FILE,
        "intents.json",
        "scope.safetensors",
        "encoder.onnx",
        "encoder.json",
        "tokenizer.json",
        *RETRIEVER_FILES,
    }
)
MAX_MANIFEST_BYTES = 4 * 1024 * 1024
_FILE_NAME = re.compile(r"(?:report/)?[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\Z")


class ReleaseError(KefuError):
    """A release is missing, half written, damaged or altered; the message says which file and why."""


class FileEntry(BaseModel):
    """Size and hash of one file of a release."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class _Versioned(BaseModel):
    """The one field that manifests of every format have."""

    model_config = ConfigDict(strict=True)

    format_version: int


class Manifest(BaseModel):
    """What a release holds.

    Attributes:
        fingerprints: By part (`intents`, `all`), a hash of everything that part was made from.
        knowledge_seq: The last revision of the knowledge store that its past answers have in them.
        trained_with: Rows learned from conversations that it was trained with; `learned.jsonl` names them.
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
    knowledge_seq: int = Field(ge=0)
    dimension: int = Field(ge=1)
    trained_with: int = Field(default=0, ge=0)
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


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(folder: Path, release_id: str) -> Manifest:
    """The manifest in `folder`.

    Raises:
        ReleaseError: It is missing, damaged, of another format, or another release's.
    """
    path = folder / MANIFEST_FILE
    if not folder.is_dir() or folder.is_symlink():
        raise ReleaseError(f"The release {release_id} is missing: there is no folder {folder}.")
    if not path.is_file() or path.is_symlink():
        raise ReleaseError(f"The release {release_id} is incomplete: it has no {MANIFEST_FILE}.")
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise ReleaseError(f"The release {release_id} has a {MANIFEST_FILE} that is too large.")
    raw = path.read_bytes()
    try:
        version = _Versioned.model_validate_json(raw).format_version
        if version != FORMAT_VERSION:
            raise ReleaseError(f"The release {release_id} has format {version}, this Kefu reads {FORMAT_VERSION}.")
        manifest = Manifest.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(key) for key in first["loc"])
        reason = f"{place}: {first['msg']}" if place else first["msg"]
        raise ReleaseError(f"The release {release_id} has a damaged {MANIFEST_FILE}: {reason}.") from error
    if manifest.id != release_id:
        raise ReleaseError(f"The release {release_id} says it is {manifest.id!r}: it was moved or altered.")
    return manifest


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Compares `folder` with its manifest, file by file and hash by hash.

    Raises:
        ReleaseError: A file is missing, damaged, altered or too many.
    """
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
