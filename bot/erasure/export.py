"""Everything that is held of a sender, as plain values for JSON: what an erasure would erase."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from bot.erasure.files import UPLOADS
from bot.erasure.past_answers import planned
from bot.erasure.releases import releases_with
from bot.erasure.traces import Traces, traces_of, traces_of_ids
from bot.stores.belongings import conversations_of, rows_of
from configs.learned import LEARNED_FOLDER, read_origins
from nlu.masking import Regions
from retrieval.knowledge_store import KnowledgeStore
from retrieval.proposals import PROPOSALS_FILE, Filed, ProposalStore, State
from training.releases import KNOWLEDGE_FILE

FORMAT = 1


def held_of(
    connection: Connection, sender: str, data_dir: Path, regions: Regions, *, prefix: bool, now: float
) -> dict[str, Any]:
    """The conversations with all their rows, and what was made of them.

    Raises:
        KefuError: A store cannot be read.
    """
    ids = conversations_of(connection, sender, prefix=prefix)
    traces = traces_of(connection, ids, regions).with_others(traces_of_ids([sender]))
    return {
        "format": FORMAT,
        "sender": sender,
        "exported_at": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
        "conversations": [{"id": id_, **rows_of(connection, id_)} for id_ in ids],
        "uploads": [about for _, about in uploads_of(data_dir, traces)],
        "learned": _learned(data_dir, traces),
        **_derived(data_dir, traces),
        "releases": releases_with(data_dir, traces, ()),
    }


def uploads_of(data_dir: Path, traces: Traces) -> list[tuple[Path, dict[str, Any]]]:
    """The files that the customer has sent, and what is known of each."""
    found = []
    for folder in sorted(data_dir / UPLOADS / name for name in traces.uploads):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            about = path.with_name(f"{path.name}.json")
            if path.suffix == "" and path.is_file():
                found.append((path, {"file": path.name, **(_json(about) if about.is_file() else {})}))
    return found


def _learned(data_dir: Path, traces: Traces) -> list[dict[str, Any]]:
    origins = read_origins(data_dir / LEARNED_FOLDER)
    return [
        {"row": origin.row, "conversation": origin.conversation, "turn": origin.turn, "value": origin.value}
        for origin in origins
        if traces.has(origin.conversation)
    ]


def _derived(data_dir: Path, traces: Traces) -> dict[str, Any]:
    """Mined proposals that the sender is in, and wordings of past answers; the others in them are not named."""
    filed = _filed(data_dir)
    mine = [one for one in filed if any(map(traces.has_mined, one.proposal.conversations))]
    path = data_dir / KNOWLEDGE_FILE
    pairs: list[dict[str, Any]] = []
    if path.exists():
        with KnowledgeStore(path) as store:
            plan = planned(store, [one for one in filed if one.state is State.ACCEPTED], traces)
            pairs = [{"pair": pair_id, "wordings": sorted(one.wordings)} for pair_id, one in plan.items()]
    return {
        "proposals": [{"id": one.proposal.id, "question": one.proposal.question, "state": one.state} for one in mine],
        "past_answers": pairs,
    }


def _filed(data_dir: Path) -> list[Filed]:
    path = data_dir / PROPOSALS_FILE
    if not path.exists():
        return []
    store = ProposalStore(path)
    try:
        return store.list()
    finally:
        store.close()


def _json(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text("utf-8"))
    return found if isinstance(found, dict) else {}
