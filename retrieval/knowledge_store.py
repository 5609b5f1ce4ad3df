"""The past answers as they are now, with their whole history, in one SQLite file for several processes.

A rollback journal, no write-ahead log: the SQLite that comes with Python 3.11 can damage a database in WAL mode when
two processes write at the same instant (sqlite.org/wal.html#walresetbug). What was acknowledged is on disk.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Executable,
    Float,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    create_engine,
    event,
    exc,
    func,
    select,
    text,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.pool import StaticPool

from configs.errors import KefuError
from retrieval.pair import Pair

SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 5.0
BATCH = 500
_MAGIC = b"SQLite format 3\x00"

metadata = MetaData()
pairs_table = Table(
    "pairs",
    metadata,
    Column("id", String(500), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("data", Text),  # NULL where it was removed
    Column("by", String(255), nullable=False),
    Column("at", Float, nullable=False),
    sqlite_with_rowid=False,
)
revisions_table = Table(
    "revisions",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("pair_id", String(500), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("data", Text),
    Column("by", String(255), nullable=False),
    Column("at", Float, nullable=False),
    Column("note", Text, nullable=False),
    sqlite_autoincrement=True,
)
file_rows_table = Table(
    "file_rows",
    metadata,
    Column("id", String(500), primary_key=True),
    Column("hash", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("sync", Integer, nullable=False),
    sqlite_with_rowid=False,
)


class KnowledgeStoreError(KefuError):
    """The knowledge store cannot be opened, read or written."""


class VersionConflict(KefuError):
    """A pair was changed since the version that an edit was made from."""

    def __init__(self, pair_id: str, expected: int, found: int) -> None:
        """Version 0 stands for a pair that does not exist."""
        super().__init__(
            f"{pair_id!r} has version {found}, not {expected}: it was changed meanwhile. Look at it first."
            if found
            else f"{pair_id!r} does not exist (any more). Look at the list, or leave the expected version out."
        )
        self.pair_id, self.expected, self.found = pair_id, expected, found


@dataclass(frozen=True, slots=True)
class Put:
    """Write a pair, whether it exists or not.

    Attributes:
        expected_version: The version that must stand, 0 for a pair that must not exist; None for any.
    """

    pair: Pair
    by: str
    expected_version: int | None = None
    note: str = ""

    @property
    def pair_id(self) -> str:
        """Of the pair that is written."""
        return self.pair.id


@dataclass(frozen=True, slots=True)
class Remove:
    """Take a pair out; nothing happens where there is none, unless a version is expected."""

    pair_id: str
    by: str
    expected_version: int | None = None
    note: str = ""


Edit: TypeAlias = Put | Remove


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One change of one pair.

    Attributes:
        seq: Rises from change to change, over all pairs.
        version: Of this pair, from 1.
        pair: What it became; None where it was removed.
        at: Seconds since 1970.
    """

    seq: int
    pair_id: str
    version: int
    pair: Pair | None
    by: str
    at: float
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A pair as it is now, and who made it so when."""

    pair: Pair
    version: int
    by: str
    at: float


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
        self._own_changes = 0
        self._begin = "BEGIN"
        try:
            _refuse_foreign(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._engine = _make_engine(path, busy_timeout_s, lambda: self._begin)
            self._connection = self._engine.connect()
            self._prepare()
        except KnowledgeStoreError:
            raise
        except (exc.SQLAlchemyError, OSError, ValueError) as error:
            raise KnowledgeStoreError(
                f"The knowledge store {path} cannot be opened: {getattr(error, 'orig', error)}. Move the file away or "
                "restore a backup over it."
            ) from error

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()
        self._engine.dispose()

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
            return sum(len(self.write(connection, batch)) for batch in _batches(edits))

    def change_each(self, edits: Sequence[Edit]) -> list[Revision | VersionConflict | None]:
        """Makes `edits` in one transaction, but leaves out those that expected another version.

        Returns:
            For each edit what it made, the conflict, or None where it changed nothing.

        Raises:
            KnowledgeStoreError: The file cannot be written; none was made.
        """
        made: list[Revision | VersionConflict | None] = []
        with self.transaction() as connection:
            for edit in edits:
                try:
                    made.append(next(iter(self.write(connection, [edit])), None))
                except VersionConflict as conflict:  # found before anything of this edit is written
                    made.append(conflict)
        return made

    def revert(self, pair_id: str, version: int, by: str, *, expected_version: int | None = None) -> int:
        """Makes a pair what it was in `version`; returns 1 where that changed anything.

        Raises:
            KnowledgeStoreError: There is no such version.
        """
        then = next((revision for revision in self.history(pair_id) if revision.version == version), None)
        if then is None:
            raise KnowledgeStoreError(f"{pair_id!r} has no version {version}. `kefu knowledge history` lists them.")
        note = f"as in version {version}"
        if then.pair is None:
            return self.change([Remove(pair_id, by, expected_version, note)])
        return self.change([Put(then.pair, by, expected_version, note)])

    def get(self, pair_id: str) -> Stored | None:
        """The pair with this id, if there is one."""
        query = select(pairs_table).where(pairs_table.c.id == pair_id, pairs_table.c.data.is_not(None))
        return next(map(_stored, self._read(query)), None)

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
                pair = (stored := _stored(row)).pair
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
        return [_revision(row) for row in self._read(query)]

    def since(self, seq: int, limit: int) -> list[Revision]:
        """At most `limit` changes after `seq`, the oldest first."""
        query = select(revisions_table).where(revisions_table.c.seq > seq).order_by(revisions_table.c.seq).limit(limit)
        return [_revision(row) for row in self._read(query)]

    def latest_seq(self) -> int:
        """Of the newest change; 0 for none."""
        return int(self._read(select(func.coalesce(func.max(revisions_table.c.seq), 0)))[0][0])

    def data_version(self) -> int:
        """Another number after any change, by whichever process; some microseconds."""
        raw: Any = self._connection.connection.dbapi_connection
        try:
            (version,) = raw.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error as error:
            raise self._failed(error) from error
        return int(version) + (self._own_changes << 32)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction for the block, which writes by `write`; nothing of it stays if it does not end well.

        Raises:
            KnowledgeStoreError: The file cannot be written.
        """
        # Who reads first and writes then may find that another has written meanwhile; so the lock is taken at once.
        self._begin = "BEGIN IMMEDIATE"
        try:
            with self._connection.begin():
                yield self._connection
        except exc.SQLAlchemyError as error:
            raise self._failed(error) from error
        finally:
            self._begin = "BEGIN"
        self._own_changes += 1

    def write(self, connection: Connection, edits: Sequence[Edit]) -> list[Revision]:
        """Makes `edits`, no more than one a pair, within a `transaction`; returns what they made.

        Raises:
            VersionConflict: One expected another version; none was made.
        """
        ids = [edit.pair_id for edit in edits]
        query = select(pairs_table.c.id, pairs_table.c.version, pairs_table.c.data).where(pairs_table.c.id.in_(ids))
        before = {row.id: (row.version, row.data) for row in connection.execute(query)}
        at, rows = self._now(), []
        for edit in edits:
            version, data = before.get(edit.pair_id, (0, None))
            standing = version if data is not None else 0
            if edit.expected_version is not None and edit.expected_version != standing:
                raise VersionConflict(edit.pair_id, edit.expected_version, standing)
            new = _to_json(edit.pair) if isinstance(edit, Put) else None
            if new != data:
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
                seq=last - len(rows) + 1 + at_row,
                pair_id=row["pair_id"],
                version=row["version"],
                pair=None if row["data"] is None else _from_json(row["data"]),
                by=row["by"],
                at=at,
                note=row["note"],
            )
            for at_row, row in enumerate(rows)
        ]

    def _read(self, query: Executable) -> Sequence[Row[Any]]:
        try:
            with self._connection.begin():
                return self._connection.execute(query).all()
        except exc.SQLAlchemyError as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> KnowledgeStoreError:
        reason = getattr(error, "orig", error)
        return KnowledgeStoreError(f"The knowledge store {self.path} cannot be used: {reason}.")

    def _prepare(self) -> None:
        (version,) = self._read(text("PRAGMA user_version"))[0]
        if version > SCHEMA_VERSION:
            raise ValueError(f"it was written by a newer Kefu (schema {version}, known is {SCHEMA_VERSION})")
        if version == SCHEMA_VERSION:
            return
        with self.transaction() as connection:
            if connection.execute(text("PRAGMA user_version")).scalar_one():
                return  # another process was quicker
            if connection.execute(text("SELECT name FROM sqlite_master")).all():
                raise ValueError("it is the database of another program")
            metadata.create_all(connection)
            connection.execute(text(f"PRAGMA user_version = {SCHEMA_VERSION}"))


_UPSERT = insert(pairs_table)
_UPSERT = _UPSERT.on_conflict_do_update(
    index_elements=["id"], set_={name: _UPSERT.excluded[name] for name in ("version", "data", "by", "at")}
)


def _refuse_foreign(path: Path) -> None:
    """SQLite would take an empty file for a new database, and find out what a text file is only later."""
    if not path.exists():
        return
    if not path.is_file():
        raise ValueError("it is not a file")
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
    if start != _MAGIC:
        raise ValueError("it is empty" if not start else "it is not an SQLite database")


def _make_engine(path: Path, busy_timeout_s: float, begin_statement: Callable[[], str]) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=StaticPool,
        connect_args={"check_same_thread": False, "timeout": busy_timeout_s, "isolation_level": None},
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _: object) -> None:
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin_statement())

    return engine


def _batches(edits: Iterable[Edit]) -> Iterator[list[Edit]]:
    """Batches in which no pair is named twice."""
    batch: list[Edit] = []
    named: set[str] = set()
    for edit in edits:
        if len(batch) == BATCH or edit.pair_id in named:
            yield batch
            batch, named = [], set()
        batch.append(edit)
        named.add(edit.pair_id)
    if batch:
        yield batch


def _holds(pair: Pair, search: str) -> bool:
    wanted = search.casefold()
    return any(wanted in passage.casefold() for passage in (*pair.questions, pair.answer))


def _stored(row: Row[Any]) -> Stored:
    return Stored(pair=_from_json(row.data), version=row.version, by=row.by, at=row.at)


def _revision(row: Row[Any]) -> Revision:
    return Revision(
        seq=row.seq,
        pair_id=row.pair_id,
        version=row.version,
        pair=None if row.data is None else _from_json(row.data),
        by=row.by,
        at=row.at,
        note=row.note,
    )


def _to_json(pair: Pair) -> str:
    return json.dumps(pair.to_dict(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _from_json(data: str) -> Pair:
    return Pair.from_dict(json.loads(data))
