"""The record of one training, `<data>/runs/<release id>/run.json`: with what it was made, and what came of it.

It is kept beside the release, and no release needs it: a release holds what serves, a record what one compares.
"""

import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from configs.assistant import Assistant
from configs.errors import KefuError
from training.manifest import Manifest
from training.whole_file import replace_file

RUNS_FOLDER = "runs"
RECORD_FILE = "run.json"
FORMAT_VERSION = 1
MAX_RECORD_BYTES = 16 * 1024 * 1024
PACKAGES = ("kefu", "torch", "transformers", "onnxruntime", "scikit-learn", "numpy")

Curves = dict[str, list[tuple[float, float]]]


class RunError(KefuError):
    """The record of a training is missing or damaged."""


class RunRecord(BaseModel):
    """What one training was made with, and what it came to.

    Attributes:
        seconds: From its start until its release was sealed.
        versions: Of the code: Python's, Kefu's and those of the libraries that learn.
        settings: Everything under `kefu:`.
        data: How many `examples`, `intents` and `pairs`.
        fingerprints: Of the data and the settings together, by part, as in the release's manifest.
        warm_from: The release whose training it was built on; None where it began anew.
        encoder_from: The release whose encoder was taken over; None where it was fitted.
        curves: By name, points of position and value; none where the encoder was taken over.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: int
    release: str
    assistant: str
    created_at: str
    seconds: float
    seed: int
    versions: dict[str, str]
    settings: dict[str, Any]
    data: dict[str, int]
    fingerprints: dict[str, str]
    warm_from: str | None
    encoder_from: str | None
    figures: dict[str, float]
    curves: Curves

    @classmethod
    def of(
        cls,
        manifest: Manifest,
        assistant: Assistant,
        *,
        seconds: float,
        curves: Mapping[str, Sequence[tuple[float, float]]],
        warm_from: str | None,
        encoder_from: str | None,
    ) -> "RunRecord":
        """The record of the training that has made the release of `manifest`."""
        config = assistant.config
        return cls(
            format_version=FORMAT_VERSION,
            release=manifest.id,
            assistant=manifest.assistant,
            created_at=manifest.created_at,
            seconds=round(seconds, 3),
            seed=config.training.seed,
            versions={"python": ".".join(map(str, sys.version_info[:3])), **_versions()},
            settings=config.model_dump(mode="json"),
            data={
                "examples": len(assistant.examples),
                "intents": manifest.intent_count,
                "pairs": manifest.pair_count,
            },
            fingerprints=manifest.fingerprints,
            warm_from=warm_from,
            encoder_from=encoder_from,
            figures=manifest.figures,
            curves={name: list(points) for name, points in curves.items()},
        )

    def flat_settings(self) -> dict[str, Any]:
        """The settings by their full name, such as `kefu.training.seed`."""
        return dict(_flat("kefu", self.settings))

    def save(self, data_dir: Path) -> None:
        """Writes it into the data folder, in the place of one that is there."""
        folder = data_dir / RUNS_FOLDER / self.release
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / RECORD_FILE, self.model_dump_json(indent=1).encode("utf-8"))


def read_record(data_dir: Path, release_id: str) -> RunRecord:
    """The record of the training that has made a release.

    Raises:
        RunError: It is missing, damaged, or of another format.
    """
    path = data_dir / RUNS_FOLDER / release_id / RECORD_FILE
    if Path(release_id).name != release_id or not path.is_file():
        raise RunError(f"There is no record of a training {release_id!r}. `kefu runs list` names those there are.")
    if path.stat().st_size > MAX_RECORD_BYTES:
        raise RunError(f"{path} is too large to be a record of a training. Remove it.")
    try:
        record = RunRecord.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(key) for key in first["loc"])
        raise RunError(f"{path} is damaged: {place}: {first['msg']}. Remove it.") from error
    if record.format_version != FORMAT_VERSION or record.release != release_id:
        raise RunError(f"{path} is of another format or another release. Remove it.")
    return record


def read_records(data_dir: Path) -> tuple[list[RunRecord], list[str]]:
    """All records, the newest first, and a sentence for each that cannot be read."""
    found: list[RunRecord] = []
    wrong: list[str] = []
    for path in sorted((data_dir / RUNS_FOLDER).glob(f"*/{RECORD_FILE}")):
        try:
            found.append(read_record(data_dir, path.parent.name))
        except RunError as error:
            wrong.append(str(error))
    return sorted(found, key=lambda record: (record.created_at, record.release), reverse=True), wrong


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _flat(prefix: str, value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, dict) or not value:
        return [(prefix, value)]
    return [each for key, inner in value.items() for each in _flat(f"{prefix}.{key}", inner)]
