"""A release as whole as a real one, written in a millisecond: its files hold their own names."""

from typing import Any

from training.manifest import REQUIRED_FILES
from training.releases import Release, Releases

ID = "0123456789ab"
PICTURE = "report/curve.png"
FILES = [*sorted(REQUIRED_FILES), PICTURE]


def facts(release_id: str) -> dict[str, Any]:
    return {
        "id": release_id,
        "assistant": "minimal",
        "kefu_version": "0.1.0",
        "encoder": "all-MiniLM-L6-v2",
        "intent_count": 8,
        "pair_count": 16,
        "knowledge_seq": 16,
        "dimension": 384,
        "fingerprints": {"intents": "a", "all": "b"},
        "figures": {"validation_accuracy": 0.9},
    }


def write_small_release(releases: Releases, release_id: str, *, promote: bool = True) -> Release:
    """Writes a release and promotes it."""
    with releases.writing(release_id) as part:
        for name in FILES:
            (part / name).write_text(f"content of {name}", "utf-8")
        release = releases.seal(part, facts(release_id))
    if promote:
        releases.promote(release)
    return release
