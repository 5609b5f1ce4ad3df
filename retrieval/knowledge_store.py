"""The past answers as they are now, with their whole history, in one SQLite file for several processes."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Executable, Row, exc, func, select
from sqlalchemy.dialects.sqlite import insert

from retrieval.knowledge_edits import BATCH, Edit, Put, Remove, Revision, Stored, VersionConflict, batches
from retrieval.knowledge_schema import (
    KnowledgeStoreError,
    close_database,
    open_database,
    pairs_table,
    revisions_table,
)
from retrieval.pair import Pair

__all__ = [
    "Edit",
    "KnowledgeStore",
    "KnowledgeStoreError",
    "Put",
    "Remove",
    "Revision",
    "Stored",
    "UnknownVersion",
    "VersionConflict",
]

BUSY_TIMEOUT_S = 5.0
LOCK_POLL_S = 0.001
# By what SQLite says; each as the last sentence of an error.
ADVICE = {
    "locked": "Another process is writing to it; try again when it is done.",
    "malformed": "It is damaged: restore a backup over it, or move it away and import again.",
    "not a database": "It is damaged: restore a backup over it, or move it away and import again.",
    "full": "Nothing was written; make room on the disk and try again.",
    "disk I/O": "Nothing was written; look after the disk, its free space and its limits, and try again.",
    "moved": "It was moved away or replaced while it was open: restart what has it open.",
    "readonly": "Give this user the right to write it and its folder.",
}


class UnknownVersion(KnowledgeStoreError):
    """A pair never had the version that was asked for."""


class KnowledgeStore:
    """Pairs with their history. An instance is for one thread at a time.

    Args:
        path: The database; made where there is none.
        busy_timeout_s: How long to wait for another process's lock.
        now: Seconds since 1970.

    Raises:
        KnowledgeStoreError: It cannot be opened, or is no knowledge store; it is left as it was.
    """

    def __init__(
        self, path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S, now: Callable[[], float] = time.time
    ) -> None:
        self.path = path
        self._now = now
        self._busy_timeout_s = busy_timeout_s
        self._own_changes = 0
        self._data_version: int | None = None
        try:
            self._connection = open_database(path, busy_timeout_s=busy_timeout_s)
            self._file = _file_at(path)
        except exc.SQLAlchemyError as error:
            raise self._failed(error, "opened") from error
        except (OSError, ValueError) as error:
            raise KnowledgeStoreError(
                f"The knowledge store {path} cannot be opened: {error}. Move the file away or restore a backup over it."
            ) from error

    def close(self) -> None:
        """Closes the file."""
        close_database(self._connection)

    def vacuum(self) -> None:
        """Writes the file anew, without what was deleted from it.

        Raises:
            KnowledgeStoreError: It cannot be written.
        """
        try:
            self._raw.execute("VACUUM")
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def is_in_place(self) -> bool:
        """Whether its path still names the file that is open; not so once that was moved away or replaced."""
        return self._file == _file_at(self.path)

    def __enter__(self) -> "KnowledgeStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def change(self, edits: Iterable[Edit]) -> int:
        """Makes all of `edits`, which may be a stream, in one transaction, or none; returns how many changed anything.

        Raises:
            VersionConflict: An edit expected another version.
            KnowledgeStoreError: The file cannot be written.
        """
        with self.transaction() as connection:
            return sum(len(self.write(connection, batch)) for batch in batches(edits, _pair_id))

    def change_each(self, edits: Sequence[Edit]) -> list[Revision | VersionConflict | None]:
        """Makes `edits` in one transaction, but leaves out those that expected another version.

        Returns:
            For each edit what it made, the conflict, or None where it changed nothing.

        Raises:
            KnowledgeStoreError: The file cannot be written; none was made.
        """
        made: list[Revision | VersionConflict | None] = []
        with self.transaction() as connection:
            for batch in batches(edits, _pair_id):
                try:
                    revisions = {revision.pair_id: revision for revision in self.write(connection, batch)}
                    made += [revisions.get(edit.pair_id) for edit in batch]
                except VersionConflict:  # it is found before anything of the batch is written
                    made += [self._write_alone(connection, edit) for edit in batch]
        return made

    def revert(self, pair_id: str, version: int, by: str, *, expected_version: int | None = None) -> int:
        """Makes a pair what it was in `version`; returns 1 where that changed anything.

        Raises:
            UnknownVersion: There is no such version.
            VersionConflict: It has another version than expected.
            KnowledgeStoreError: The file cannot be read or written.
        """
        then = next((revision for revision in self.history(pair_id) if revision.version == version), None)
        if then is None:
            raise UnknownVersion(f"{pair_id!r} has no version {version}. `kefu knowledge history` lists them.")
        note = f"as in version {version}"
        if then.pair is None:
            return self.change([Remove(pair_id, by, expected_version, note)])
        return self.change([Put(then.pair, by, expected_version, note)])

    def get(self, pair_id: str) -> Stored | None:
        """The pair with this id, if there is one."""
        query = select(pairs_table).where(pairs_table.c.id == pair_id, pairs_table.c.data.is_not(None))
        return next(map(self._stored, self._read(query)), None)

    def page(
        self,
        after_id: str = "",
        limit: int = 100,
        *,
        tag: str | None = None,
        locale: str | None = None,
        intent: str | None = None,
        source: str | None = None,
        search: str | None = None,
    ) -> list[Stored]:
        """Pairs in the order of their ids, the first `limit` behind `after_id`.

        Args:
            search: A text that stands in a wording or in the answer, whatever the case.
        """
        found: list[Stored] = []
        while len(found) < limit:
            query = select(pairs_table).where(pairs_table.c.id > after_id, pairs_table.c.data.is_not(None))
            rows = self._read(query.order_by(pairs_table.c.id).limit(BATCH))
            for row in rows:
                pair = (stored := self._stored(row)).pair
                wanted = (
                    (tag is None or tag in pair.tags)
                    and (locale is None or pair.locale.casefold() == locale.casefold())
                    and (intent is None or pair.intent == intent)
                    and (source is None or pair.source == source)
                    and (search is None or _holds(pair, search))
                )
                if wanted and len(found) < limit:
                    found.append(stored)
            if len(rows) < BATCH:
                break
            after_id = rows[-1].id
        return found

    def pairs(self) -> Iterator[Pair]:
        """All pairs in the order of their ids."""
        after_id = ""
        while found := self.page(after_id, BATCH):
            yield from (stored.pair for stored in found)
            after_id = found[-1].pair.id

    def count(self) -> int:
        """How many pairs there are."""
        return int(self._read(select(func.count()).where(pairs_table.c.data.is_not(None)))[0][0])

    def history(self, pair_id: str) -> list[Revision]:
        """All changes of a pair, the oldest first."""
        query = select(revisions_table).where(revisions_table.c.pair_id == pair_id).order_by(revisions_table.c.seq)
        return [self._revision(row) for row in self._read(query)]

    def since(self, seq: int, limit: int) -> list[Revision]:
        """At most `limit` changes after `seq`, the oldest first."""
        query = select(revisions_table).where(revisions_table.c.seq > seq).order_by(revisions_table.c.seq).limit(limit)
        return [self._revision(row) for row in self._read(query)]

    def changed_by(self, by: str) -> list[str]:
        """The ids of the pairs that `by` has ever changed, in their order."""
        query = select(revisions_table.c.pair_id).where(revisions_table.c.by == by).distinct()
        return sorted(row.pair_id for row in self._read(query))

    def latest_seq(self) -> int:
        """Of the newest change; 0 for none."""
        return int(self._read(select(func.coalesce(func.max(revisions_table.c.seq), 0)))[0][0])

    def data_version(self) -> int:
        """Another number after any change, by whichever process; some microseconds.

        While another process is committing it stays what it was: nothing of that is acknowledged yet.

        Raises:
            KnowledgeStoreError: The file cannot be read.
        """
        try:
            (self._data_version,) = self._raw.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or self._data_version is None:
                raise self._failed(error) from error
        return int(self._data_version) + (self._own_changes << 32)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction for the block, which writes by `write`; nothing of it stays if it does not end well.

        Raises:
            KnowledgeStoreError: The file cannot be written.
        """
        try:
            with self._connection.begin():
                self._lock()
                yield self._connection
        except exc.SQLAlchemyError as error:
            raise self._failed(error) from error
        finally:
            # SQLAlchemy takes a commit that had to wait too long for its end; SQLite still holds the lock.
            self._raw.rollback()
        self._own_changes += 1

    def write(self, connection: Connection, edits: Sequence[Edit]) -> list[Revision]:
        """Makes `edits`, no more than one a pair, within a `transaction`; returns what they made.

        Raises:
            VersionConflict: One expected another version; none was made.
        """
        ids = [edit.pair_id for edit in edits]
        query = select(pairs_table.c.id, pairs_table.c.version, pairs_table.c.data).where(pairs_table.c.id.in_(ids))
        before = {row.id: (row.version, row.data) for row in connection.execute(query)}
        at, rows, pairs = self._now(), [], []
        for edit in edits:
            version, data = before.get(edit.pair_id, (0, None))
            standing = version if data is not None else 0
            if edit.expected_version is not None and edit.expected_version != standing:
                raise VersionConflict(edit.pair_id, edit.expected_version, standing)
            pair = edit.pair if isinstance(edit, Put) else None
            new = None if pair is None else _to_json(pair)
            if new != data:
                pairs.append(pair)
                rows.append(
                    {
                        "pair_id": edit.pair_id,
                        "version": version + 1,
                        "data": new,
                        "by": edit.by,
                        "at": at,
                        "note": edit.note,
                    }
                )
        if not rows:
            return []
        connection.execute(_UPSERT, [{**row, "id": row["pair_id"]} for row in rows])
        connection.execute(revisions_table.insert(), rows)
        last = connection.execute(select(func.max(revisions_table.c.seq))).scalar_one()
        return [
            Revision(
                seq=seq,
                pair_id=row["pair_id"],
                version=row["version"],
                pair=pair,
                by=row["by"],
                at=at,
                note=row["note"],
            )
            for seq, (row, pair) in enumerate(zip(rows, pairs, strict=True), start=last - len(rows) + 1)
        ]

    def _lock(self) -> None:
        """Begins a transaction that may write: who reads first and locks then may find that another has written.

        SQLite waits up to 0.1 s between two looks, and would seldom meet the moment between two commits of a busy
        process.
        """
        deadline = time.monotonic() + self._busy_timeout_s
        self._raw.execute("PRAGMA busy_timeout = 0")
        try:
            while True:
                try:
                    self._connection.exec_driver_sql("BEGIN IMMEDIATE")
                    return
                except exc.OperationalError as error:
                    code = getattr(error.orig, "sqlite_errorcode", None)
                    if code != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                        raise
                    time.sleep(LOCK_POLL_S)
        finally:
            self._raw.execute(f"PRAGMA busy_timeout = {round(1e3 * self._busy_timeout_s)}")

    @property
    def _raw(self) -> Any:
        return self._connection.connection.dbapi_connection

    def _write_alone(self, connection: Connection, edit: Edit) -> Revision | VersionConflict | None:
        try:
            return next(iter(self.write(connection, [edit])), None)
        except VersionConflict as conflict:
            return conflict

    def _read(self, query: Executable) -> Sequence[Row[Any]]:
        try:
            with self._connection.begin():
                return self._connection.execute(query).all()
        except exc.SQLAlchemyError as error:
            raise self._failed(error) from error

    def _stored(self, row: Row[Any]) -> Stored:
        return Stored(pair=self._pair(row.id, row.data), version=row.version, by=row.by, at=row.at)

    def _revision(self, row: Row[Any]) -> Revision:
        return Revision(
            seq=row.seq,
            pair_id=row.pair_id,
            version=row.version,
            pair=None if row.data is None else self._pair(row.pair_id, row.data),
            by=row.by,
            at=row.at,
            note=row.note,
        )

    def _pair(self, pair_id: str, data: str) -> Pair:
        try:
            return Pair.from_dict(json.loads(data))
        except (ValueError, TypeError, AttributeError) as error:  # SQLite checks its pages, not what stands in them
            reason = f"what it holds of {pair_id!r} is malformed"
            raise self._failed(ValueError(reason)) from error

    def _failed(self, error: Exception, what: str = "used") -> KnowledgeStoreError:
        reason = str(getattr(error, "orig", error))
        if getattr(getattr(error, "orig", error), "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY_DBMOVED:
            reason = "its file was moved"
        advice = next((advice for word, advice in ADVICE.items() if word in reason), "")
        return KnowledgeStoreError(f"The knowledge store {self.path} cannot be {what}: {reason}. {advice}".rstrip())


_UPSERT = insert(pairs_table)
_UPSERT = _UPSERT.on_conflict_do_update(
    index_elements=["id"], set_={name: _UPSERT.excluded[name] for name in ("version", "data", "by", "at")}
)


def _file_at(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _pair_id(edit: Edit) -> str:
    return edit.pair_id


def _holds(pair: Pair, search: str) -> bool:
    wanted = search.casefold()
    return any(wanted in passage.casefold() for passage in (*pair.questions, pair.answer))


def _to_json(pair: Pair) -> str:
    return json.dumps(pair.to_dict(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
