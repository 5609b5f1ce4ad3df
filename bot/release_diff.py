"""What differs between two releases, by what their files say. Pure but for reading them."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

from pydantic import BaseModel

from configs.bot_spec import BotSpec
from configs.json_lines import read_json_lines
from nlu.examples import TEXTS_FILE
from retrieval.pair_file import PAIRS_FILE
from training.releases import ASSISTANT_FILE, Release

CONFIG = (
    *("language", "policy", "handoff", "context", "trust_slash_intents", "intent_split_symbol"),
    *("max_history", "fallback_action", "falls_back", "exact_stories"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What of one kind of thing differs, by name or id."""

    gone: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.gone or self.added or self.changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDiff:
    """What differs between two releases.

    Attributes:
        parts: By kind: `intents`, `examples`, `pairs`, `responses`, `rules`, `stories`, `slots`, `titles`. Examples are
            named by intent, with how many came and went.
        without_examples: Whether one of them has not kept its examples, so that these cannot be compared.
        figures: By name, before and after; None where one of them has no such figure.
        config: By key, before and after.
    """

    parts: Mapping[str, Change]
    without_examples: bool
    figures: Mapping[str, tuple[float | None, float | None]]
    config: Mapping[str, tuple[Any, Any]]


def diff_releases(before: Release, after: Release) -> ReleaseDiff:
    """What `after` has otherwise than `before`.

    Raises:
        ValueError: A file of them is damaged.
    """
    old, new = (BotSpec.from_json((one.folder / ASSISTANT_FILE).read_bytes()) for one in (before, after))
    examples = [_examples(one) for one in (before, after)]
    known = [each for each in examples if each is not None]
    parts = {
        "intents": _named(dict.fromkeys(_intents(before, old)), dict.fromkeys(_intents(after, new))),
        "examples": _counted(*known) if len(known) == 2 else Change(),
        "pairs": _named(_pairs(before), _pairs(after)),
        "responses": _named(old.domain.responses, new.domain.responses),
        "rules": _named(_by_name(old.rules), _by_name(new.rules)),
        "stories": _named(_by_name(old.stories), _by_name(new.stories)),
        "slots": _named(old.domain.slots, new.domain.slots),
        "titles": _named(old.titles, new.titles),
    }
    return ReleaseDiff(
        parts=parts,
        without_examples=len(known) < 2,
        figures=_both(before.manifest.figures, after.manifest.figures),
        config=_changed_config(before, after, old, new),
    )


def _changed_config(before: Release, after: Release, old: BotSpec, new: BotSpec) -> dict[str, tuple[Any, Any]]:
    """Settings by their path; those that are the same are left out."""
    sides = []
    for release, spec in ((before, old), (after, new)):
        flat = {"encoder": release.manifest.encoder, "kefu_version": release.manifest.kefu_version}
        for key in CONFIG:
            flat |= _flat(key, _plain(getattr(spec, key)))
        sides.append(flat)
    return {key: pair for key, pair in _both(*sides).items() if pair[0] != pair[1]}


def _intents(release: Release, spec: BotSpec) -> Iterable[str]:
    try:
        labels = release.read_json("intents.json")["labels"]
    except (KeyError, TypeError, ValueError):
        labels = ()
    return [*spec.domain.intents, *map(str, labels)]


def _examples(release: Release) -> dict[str, set[str]] | None:
    """Texts by intent; None where the release has not kept them."""
    if not (release.folder / TEXTS_FILE).is_file():
        return None
    found: dict[str, set[str]] = {}
    for _, value in read_json_lines(release.folder / TEXTS_FILE):
        found.setdefault(value["intent"], set()).add(value["text"])
    return found


def _counted(old: Mapping[str, set[str]], new: Mapping[str, set[str]]) -> Change:
    gone, added = [], []
    for intent in sorted({*old, *new}):
        before, after = old.get(intent, set()), new.get(intent, set())
        gone += [f"{intent}: {len(before - after)}"] if before - after else []
        added += [f"{intent}: {len(after - before)}"] if after - before else []
    return Change(gone=tuple(gone), added=tuple(added))


def _pairs(release: Release) -> dict[str, Any]:
    return {str(value["id"]): value for _, value in read_json_lines(release.folder / PAIRS_FILE)}


def _by_name(flows: Iterable[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for flow in flows:
        found.setdefault(flow.name, []).append(flow)
    return found


def _named(old: Mapping[str, Any], new: Mapping[str, Any]) -> Change:
    return Change(
        gone=tuple(sorted(set(old) - set(new))),
        added=tuple(sorted(set(new) - set(old))),
        changed=tuple(sorted(name for name in set(old) & set(new) if old[name] != new[name])),
    )


def _both(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (old.get(name), new.get(name)) for name in sorted({*old, *new})}


def _flat(key: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        found: dict[str, Any] = {}
        for name, inner in value.items():
            found |= _flat(f"{key}.{name}", inner)
        return found
    return {key: value}


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
