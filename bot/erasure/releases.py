"""Which releases still hold something of a sender: they are never changed, so they have to go as a whole."""

import json
from collections.abc import Collection
from pathlib import Path

from bot.erasure.traces import Traces
from training.releases import ReleaseError, Releases

LEARNED_FILE = "learned.jsonl"


def releases_with(data_dir: Path, traces: Traces, revisions: Collection[int]) -> list[str]:
    """Ids of the releases that were trained with rows of these conversations, or hold wordings of such revisions.

    One that cannot be read is among them: nobody can say that it holds nothing.

    Args:
        revisions: Numbers of revisions of the knowledge store.
    """
    releases = Releases(data_dir)
    since = min(revisions, default=None)
    found = []
    for release_id in releases.ids():
        try:
            held = since is not None and releases.manifest(release_id).knowledge_seq >= since
            held = held or _was_trained_with(releases.folder / release_id / LEARNED_FILE, traces)
        except (ReleaseError, OSError, ValueError, KeyError, TypeError):
            held = True
        if held:
            found.append(release_id)
    return found


def _was_trained_with(path: Path, traces: Traces) -> bool:
    if not path.exists():
        return False
    with path.open(encoding="utf-8") as lines:
        return any(json.loads(line)["conversation"] in traces.conversations for line in lines if line.strip())
