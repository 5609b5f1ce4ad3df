"""Takes an assistant's knowledge files over into the store, where people may have edited the same pairs meanwhile.

The store remembers what it took from the files. So it can tell a row that was changed in the files, which counts, from
one that was changed in the store since, which stays.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from retrieval.knowledge_edits import BATCH, Put, Remove, batches
from retrieval.knowledge_schema import file_rows_table, pairs_table
from retrieval.knowledge_store import KnowledgeStore
from retrieval.pair import Pair

BY_FILES = "files"


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What came of it.

    Attributes:
        put: Pairs that the files have changed or added.
        removed: Pairs that are gone from the files.
        kept_live: Pairs that were edited in the store and differ from the files, which have not changed them.
    """

    put: int
    removed: int
    kept_live: int


def sync_files(store: KnowledgeStore, pairs: Iterable[Pair], by: str = BY_FILES) -> Synced:
    """Makes `pairs`, all that the files hold, known to `store`, in one transaction.

    A row that the files have changed since the last time wins over an edit. A row that is gone from them is removed,
    unless it was edited in the store since.

    Raises:
        KnowledgeStoreError: The store cannot be written; it is as it was.
    """
    put = removed = kept = 0
    with store.transaction() as connection:
        sync = 1 + connection.execute(select(func.coalesce(func.max(file_rows_table.c.sync), 0))).scalar_one()
        for batch in batches(pairs, lambda pair: pair.id):
            changed, edited = _compare(connection, batch)
            put += len(store.write(connection, [Put(pair, by) for pair in changed]))
            kept += edited
            _remember(connection, batch, changed, sync)
        while gone := connection.execute(_gone(sync)).all():
            untouched = [row.id for row in gone if row.current == row.version]
            removed += len(store.write(connection, [Remove(pair_id, by) for pair_id in untouched]))
            kept += sum(row.current != row.version and row.data is not None for row in gone)
            connection.execute(delete(file_rows_table).where(file_rows_table.c.id.in_([row.id for row in gone])))
    return Synced(put=put, removed=removed, kept_live=kept)


def _compare(connection: Connection, batch: Sequence[Pair]) -> tuple[list[Pair], int]:
    """The pairs that the files have changed, and how many others were edited in the store."""
    ids = [pair.id for pair in batch]
    known = {row.id: row for row in connection.execute(select(file_rows_table).where(file_rows_table.c.id.in_(ids)))}
    query = select(pairs_table.c.id, pairs_table.c.version).where(pairs_table.c.id.in_(ids))
    current = {row.id: row.version for row in connection.execute(query)}
    changed = [pair for pair in batch if pair.id not in known or known[pair.id].hash != _hash(pair)]
    same = {pair.id for pair in batch} - {pair.id for pair in changed}
    return changed, sum(current[pair_id] != known[pair_id].version for pair_id in same)


def _remember(connection: Connection, batch: Sequence[Pair], changed: Sequence[Pair], sync: int) -> None:
    """Notes each row as seen, and of those that were taken over what they became."""
    ids = [pair.id for pair in batch]
    connection.execute(file_rows_table.update().where(file_rows_table.c.id.in_(ids)).values(sync=sync))
    query = select(pairs_table.c.id, pairs_table.c.version).where(pairs_table.c.id.in_([pair.id for pair in changed]))
    versions = {row.id: row.version for row in connection.execute(query)}
    rows = [{"id": p.id, "hash": _hash(p), "version": versions[p.id], "sync": sync} for p in changed]
    if rows:
        statement = insert(file_rows_table)
        names = ("hash", "version", "sync")
        statement = statement.on_conflict_do_update(
            index_elements=["id"], set_={name: statement.excluded[name] for name in names}
        )
        connection.execute(statement, rows)


def _gone(sync: int) -> Any:
    """Rows that this time were not in the files, with the version of their pair now."""
    return (
        select(
            file_rows_table.c.id,
            file_rows_table.c.version,
            pairs_table.c.version.label("current"),
            pairs_table.c.data,
        )
        .join(pairs_table, pairs_table.c.id == file_rows_table.c.id)
        .where(file_rows_table.c.sync != sync)
        .order_by(file_rows_table.c.id)
        .limit(BATCH)
    )


def _hash(pair: Pair) -> str:
    return hashlib.sha256(json.dumps(pair.to_dict(), ensure_ascii=False, sort_keys=True).encode("utf-8")).hexdigest()
