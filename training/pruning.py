"""Which releases may go to make room, and their going, with what else belongs to them alone."""

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from training.manifest import ReleaseError
from training.releases import Releases
from training.workspace import remove_kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Superfluous:
    """A release that may go.

    Attributes:
        size_bytes: Of all its files, with what else goes with it.
        beside: Folders outside the release that belong to it alone.
        intents: Its fingerprint of the examples, by which a stopped training is found; empty where it does not tell.
    """

    release_id: str
    made_at: float
    size_bytes: int
    beside: tuple[Path, ...] = ()
    intents: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """What would go, and why the rest stays: by id, a reason."""

    goes: tuple[Superfluous, ...]
    stays: Mapping[str, str]


def plan_pruning(
    releases: Releases,
    *,
    keep: int,
    older_than_s: float = 0.0,
    spared: Mapping[str, str] | None = None,
    now: float,
) -> Pruning:
    """What may go so that the releases of the last `keep` promotions stay.

    Args:
        keep: 1 or more.
        older_than_s: Only releases that were made longer ago.
        spared: Others that are to stay, by id, with the reason.
    """
    stays, goes = dict(_needed(releases, keep)), []
    for release_id, reason in (spared or {}).items():
        stays.setdefault(release_id, reason)
    for release_id in releases.ids():
        if release_id in stays:
            continue
        found = _superfluous(releases, release_id)
        if now - found.made_at < older_than_s:
            stays[release_id] = "not old enough"
        else:
            goes.append(found)
    there = set(releases.ids())
    return Pruning(goes=tuple(goes), stays={name: reason for name, reason in stays.items() if name in there})


def prune(releases: Releases, planned: Sequence[Superfluous], *, keep: int) -> list[str]:
    """Removes what was planned; returns the ids that are gone.

    One that has been promoted meanwhile, or that somebody loads or serves, stays.
    """
    gone = []
    for one in planned:

        def may_go(release_id: str = one.release_id) -> bool:
            return release_id not in _needed(releases, keep)

        try:
            was_removed = releases.remove(one.release_id, may_go)
        except FileNotFoundError:  # somebody else has removed it
            was_removed = False
        if was_removed:
            gone.append(one.release_id)
            for folder in one.beside:
                shutil.rmtree(folder, ignore_errors=True)
    _forget_stopped_trainings(releases, [one for one in planned if one.release_id in gone])
    return gone


def size_of(folder: Path) -> int:
    """Bytes of all files in `folder`."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def made_at(created_at: str) -> float:
    """Unix time of a manifest's `created_at`.

    Raises:
        ValueError: It is no such time.
    """
    return datetime.strptime(created_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()


def _needed(releases: Releases, keep: int) -> dict[str, str]:
    """Ids that stay in any case, with the reason."""
    *earlier, current = releases.trail() or [""]
    promoted = [one.release_id for one in releases.promotions()]
    latest = list(dict.fromkeys(reversed(promoted)))[:keep]
    back = list(dict.fromkeys([current, *reversed(earlier)]))[:keep]
    reasons = {release_id: f"one of the last {keep} promotions" for release_id in (*latest, *back) if release_id}
    return {**reasons, current: "served"} if current else reasons


def _superfluous(releases: Releases, release_id: str) -> Superfluous:
    folder = releases.folder / release_id
    try:
        manifest = releases.manifest(release_id)
        made, intents = made_at(manifest.created_at), manifest.fingerprints.get("intents", "")
    except (ReleaseError, ValueError, OSError):  # what is damaged may go as well
        made, intents = _changed_at(folder), ""
    data = releases.data_dir
    beside = tuple(path for path in (data / "warm" / release_id, data / "runs" / release_id) if path.is_dir())
    size = sum(map(size_of, (folder, *beside)))
    return Superfluous(release_id=release_id, made_at=made, size_bytes=size, beside=beside, intents=intents)


def _changed_at(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return time.time()


def _forget_stopped_trainings(releases: Releases, gone: Sequence[Superfluous]) -> None:
    """Removes what stopped trainings of the same examples have kept, where no release of them is left."""
    left = set()
    for release_id in releases.ids():
        try:
            left.add(releases.manifest(release_id).fingerprints.get("intents", ""))
        except (ReleaseError, OSError):
            continue
    for intents in {one.intents for one in gone} - left - {""}:
        remove_kept(releases.data_dir / "work", intents)
