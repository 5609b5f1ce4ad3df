"""What was changed between two releases, read from their folders."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.numpy import load

from configs.json_lines import read_json_lines
from nlu.encoder import FloatArray
from nlu.examples import EMBEDDINGS_FILE, EXAMPLE_FILES, TEXTS_FILE
from retrieval.pair_file import PAIRS_FILE
from training.gate.drift import Drift, drift
from training.manifest import ASSISTANT_FILE, Release
from training.run_record import RunError, read_record

_SETTINGS = ("policy", "handoff", "context", "language", "trust_slash_intents", "intent_split_symbol")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many there were and are, and how many came, went or were altered."""

    before: int
    after: int
    added: int
    removed: int
    altered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What differs between two releases.

    Attributes:
        examples: None where a release does not keep its examples.
        new_intents: In order.
        gone_intents: In order.
        settings: By name, the value before and now, of those that are not the same.
        drift: None where a release does not keep its examples.
    """

    examples: Counted | None
    pairs: Counted
    new_intents: tuple[str, ...]
    gone_intents: tuple[str, ...]
    settings: Mapping[str, tuple[Any, Any]]
    drift: Drift | None


def changes(current: Release, candidate: Release) -> Changes:
    """From `current` to `candidate`."""
    before, after = _examples(current), _examples(candidate)
    labels = [set(release.read_json("intents.json")["labels"]) for release in (current, candidate)]
    return Changes(
        examples=_counted_examples(before[0], after[0]) if before and after else None,
        pairs=_counted_pairs(*(_pairs(release.folder) for release in (current, candidate))),
        new_intents=tuple(sorted(labels[1] - labels[0])),
        gone_intents=tuple(sorted(labels[0] - labels[1])),
        settings=_changed_settings(current, candidate),
        drift=_drift(current, candidate, before, after) if before and after else None,
    )


Examples = tuple[list[tuple[str, str]], FloatArray]


def _drift(current: Release, candidate: Release, before: Examples, after: Examples) -> Drift:
    alike = current.manifest.encoder == candidate.manifest.encoder and before[1].shape[1:] == after[1].shape[1:]
    return drift(before[0], after[0], (before[1], after[1]) if alike else None)


def _examples(release: Release) -> Examples | None:
    if not set(EXAMPLE_FILES) <= set(release.manifest.files):
        return None
    texts = [(row["text"], row["intent"]) for _, row in read_json_lines(release.folder / TEXTS_FILE)]
    return texts, load((release.folder / EMBEDDINGS_FILE).read_bytes())["plain"]


def _counted_examples(before: list[tuple[str, str]], after: list[tuple[str, str]]) -> Counted:
    was, now = dict(before), dict(after)
    altered = sum(text in now and now[text] != intent for text, intent in was.items())
    return Counted(
        before=len(before),
        after=len(after),
        added=len(now.keys() - was),
        removed=len(was.keys() - now),
        altered=altered,
    )


def _pairs(folder: Path) -> dict[str, Any]:
    return {row["id"]: row for _, row in read_json_lines(folder / PAIRS_FILE)}


def _counted_pairs(was: Mapping[str, Any], now: Mapping[str, Any]) -> Counted:
    altered = sum(now[key] != was[key] for key in was.keys() & now.keys())
    return Counted(
        before=len(was), after=len(now), added=len(now.keys() - was), removed=len(was.keys() - now), altered=altered
    )


def _changed_settings(current: Release, candidate: Release) -> dict[str, tuple[Any, Any]]:
    was, now = (_settings(release) for release in (current, candidate))
    return {name: (was.get(name), now.get(name)) for name in sorted({*was, *now}) if was.get(name) != now.get(name)}


def _settings(release: Release) -> dict[str, Any]:
    """Those of the training's record where it is there, else those that the release itself carries."""
    versions = {"encoder": release.manifest.encoder, "kefu_version": release.manifest.kefu_version}
    try:
        return {**versions, **read_record(release.folder.parent.parent, release.id).flat_settings()}
    except RunError:
        spec = json.loads((release.folder / ASSISTANT_FILE).read_bytes())
        return {**versions, **{name: spec.get(name) for name in _SETTINGS}}
