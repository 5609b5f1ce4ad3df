"""Takes wordings of one customer out of past answers, and out of their history."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from retrieval.knowledge_edits import Edit, Put, Remove, Revision
from retrieval.knowledge_schema import revisions_table
from retrieval.knowledge_store import KnowledgeStore
from retrieval.pair import Pair

BY = "erasure"
NOTE = "asked for by a customer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What goes of one pair.

    Attributes:
        wordings: Questions; where no other is left, the pair goes.
        since: The number of the revision that first held one of them.
        wholly: Whether the pair goes with all its wordings.
    """

    wordings: frozenset[str]
    since: int
    wholly: bool = False


def wordings_by(history: Sequence[Revision], whose: Callable[[Revision], bool]) -> dict[str, int]:
    """The wordings that such a revision brought, each with the revision's number."""
    seen: dict[str, int] = {}
    theirs: dict[str, int] = {}
    for revision in history:
        for wording in revision.pair.questions if revision.pair else ():
            if wording not in seen:
                seen[wording] = revision.seq
                if whose(revision):
                    theirs[wording] = revision.seq
    return theirs


def forget(store: KnowledgeStore, forgotten: Mapping[str, Forgotten]) -> None:
    """Edits the pairs as anyone would, so that releases follow, and takes the wordings out of earlier revisions.

    What was there is nowhere in the file afterwards.

    Raises:
        VersionConflict: A pair was changed in this moment; nothing was done.
        KnowledgeStoreError: The file cannot be read or written.
    """
    edits = [edit for pair_id, one in sorted(forgotten.items()) for edit in _edits(store, pair_id, one)]
    with store.transaction() as connection:
        store.write(connection, edits)
        for pair_id, one in sorted(forgotten.items()):
            _scrub(connection, pair_id, one)
    store.vacuum()


def without(pair: Pair, wordings: Collection[str]) -> Pair | None:
    """`pair` without these questions; None where it has no others."""
    left = [text for text in pair.questions if text not in wordings]
    return pair.with_values(question=left[0], also_asked=tuple(left[1:])) if left else None


def _edits(store: KnowledgeStore, pair_id: str, one: Forgotten) -> list[Edit]:
    stored = store.get(pair_id)
    if stored is None:
        return []
    new = None if one.wholly else without(stored.pair, one.wordings)
    version = stored.version
    return [Remove(pair_id, BY, version, NOTE)] if new is None else [Put(new, BY, version, NOTE)]


def _scrub(connection: Connection, pair_id: str, one: Forgotten) -> None:
    query = select(revisions_table.c.seq, revisions_table.c.data)
    query = query.where(revisions_table.c.pair_id == pair_id, revisions_table.c.data.is_not(None))
    for row in connection.execute(query).all():
        data = None if one.wholly else _scrubbed(row.data, one.wordings)
        if data != row.data:
            connection.execute(update(revisions_table).where(revisions_table.c.seq == row.seq).values(data=data))


def _scrubbed(data: str, wordings: Collection[str]) -> str | None:
    values: dict[str, Any] = json.loads(data)
    new = without(Pair.from_dict(values), wordings)
    return None if new is None else json.dumps(new.to_dict(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
