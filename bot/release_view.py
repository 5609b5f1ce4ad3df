"""Releases as `kefu releases` shows them: what each says of itself, and what it is used for."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.experiments.experiment import ExperimentError, read_experiment
from configs.errors import KefuError
from retrieval.promise import PromiseFile
from training.releases import ReleaseError, Releases

USED_FOR = {"shadow": "shadowed", "ab": "in an A/B comparison"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseView:
    """One release.

    Attributes:
        made_at: When it was sealed, in UTC; empty where it does not tell.
        is_current: Whether it is served.
        tried: `shadow` or `ab` where it is being tried.
        promoted: How often it was.
        last_promoted: When it was last; None where it never was, or that was not kept.
        promise: Share of wrong answers that it keeps to, and how sure that is; None where it promises nothing.
        damage: Why it cannot be read; None where it can. Its hashes are not looked at.
    """

    id: str
    made_at: str = ""
    is_current: bool
    tried: str | None
    promoted: int
    last_promoted: str | None
    figures: Mapping[str, float]
    promise: tuple[float, float] | None = None
    size_bytes: int
    damage: str | None = None

    @property
    def accuracy(self) -> float | None:
        """Share of the examples set aside that it understood."""
        return self.figures.get("validation_accuracy")

    @property
    def marks(self) -> str:
        """What it is used for, in a few words."""
        said = ["served"] if self.is_current else []
        if self.tried:
            said.append(USED_FOR[self.tried])
        if not self.is_current and self.promoted:
            said.append(f"promoted {self.promoted} times" if self.promoted > 1 else "promoted")
        return ", ".join(said)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        promise = self.promise and {"max_wrong_rate": self.promise[0], "confidence": self.promise[1]}
        return {
            **{name: getattr(self, name) for name in ("id", "made_at", "is_current", "tried", "promoted")},
            **{name: getattr(self, name) for name in ("last_promoted", "accuracy", "size_bytes", "damage")},
            "promise": promise,
        }


def view_releases(releases: Releases) -> list[ReleaseView]:
    """All of them, those made last first."""
    spared = spared_by_experiment(releases.data_dir)
    found = [_view(releases, release_id, spared) for release_id in releases.ids()]
    return sorted(found, key=lambda one: (one.made_at, one.id), reverse=True)


def view_release(releases: Releases, release_id: str) -> ReleaseView:
    """One of them.

    Raises:
        ReleaseError: It is missing, or its manifest is damaged.
    """
    releases.manifest(release_id)
    return _view(releases, release_id, spared_by_experiment(releases.data_dir))


def spared_by_experiment(data_dir: Path) -> dict[str, str]:
    """The releases that an experiment needs, with its kind: the candidate, and what it is compared with."""
    try:
        experiment = read_experiment(data_dir)
    except ExperimentError:
        return {}
    if experiment is None or experiment.ended is not None:
        return {}
    return {experiment.release: experiment.kind.value, **_compared_with(experiment.kind.value, experiment.base)}


def _compared_with(kind: str, base: str) -> dict[str, str]:
    return {base: kind} if kind == "ab" else {}


def _view(releases: Releases, release_id: str, tried: Mapping[str, str]) -> ReleaseView:
    promotions = [one for one in releases.promotions() if one.release_id == release_id]
    folder = releases.folder / release_id
    facts: dict[str, Any] = {
        "id": release_id,
        "is_current": _current(releases) == release_id,
        "tried": tried.get(release_id),
        "promoted": len(promotions),
        "last_promoted": promotions[-1].at or None if promotions else None,
        "size_bytes": sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()),
    }
    try:
        manifest = releases.manifest(release_id)
    except ReleaseError as error:
        return ReleaseView(**facts, figures={}, damage=str(error))
    return ReleaseView(**facts, made_at=manifest.created_at, figures=manifest.figures, promise=_promise(folder))


def _current(releases: Releases) -> str | None:
    try:
        return releases.current_id()
    except ReleaseError:
        return None


def _promise(folder: Path) -> tuple[float, float] | None:
    try:
        promise = PromiseFile.load(folder).promise
    except (ValueError, OSError, KefuError):
        return None
    return None if promise is None else (promise.max_wrong_rate, promise.confidence)


def shown_size(size_bytes: float) -> str:
    """Bytes as people read them."""
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= 1e5 else f"{size_bytes / 1e3:,.1f} kB"


def shown_time(unix: float) -> str:
    """A time as the manifests write it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix))
