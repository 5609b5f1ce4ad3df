"""The tables of the knowledge store, and opening its file without harm to whatever else may lie there.

A rollback journal, no write-ahead log: the SQLite that comes with Python 3.11 can damage a database in WAL mode when
two processes write at the same instant (sqlite.org/wal.html#walresetbug). The file is never read by other means than
SQLite: closing it would drop the locks that this process holds on it (sqlite.org/howtocorrupt.html).
"""

import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    inspect,
)
from sqlalchemy.pool import StaticPool

from configs.errors import KefuError

MAX_CHECKED_BYTES = 16 * 1024 * 1024  # checked as a whole when opened, in some 30 ms; of a larger file, samples
CACHE_KIB = 64 * 1024  # a change that fits keeps readers out only while it is committed

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
# Step n makes schema n + 1 of schema n. A new store takes all of them, an old one those it lacks.
STEPS: Sequence[Callable[[Connection], None]] = (metadata.create_all,)


class KnowledgeStoreError(KefuError):
    """The knowledge store cannot be opened, read or written."""


def open_database(path: Path, *, busy_timeout_s: float) -> Connection:
    """The only connection of a new engine to the store at `path`, which is made where there is none.

    Its transactions are to be begun by hand, `BEGIN` or `BEGIN IMMEDIATE`; see `KnowledgeStore`.

    Raises:
        ValueError: It is no knowledge store, a damaged one, or one of a newer Kefu; it is left as it was.
        OSError: Its folder cannot be written.
        SQLAlchemyError: It cannot be opened or read.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _create(path, busy_timeout_s)
    if not path.is_file():
        raise ValueError("it is not a file")
    if not path.stat().st_size:  # SQLite would take it for a new database
        raise ValueError("it is empty")
    connection = _engine(path, busy_timeout_s).connect()
    try:
        with connection.begin():
            _check(connection, path)
        # Unlike DELETE, TRUNCATE syncs the end of a commit: after a loss of power, no journal undoes what was
        # acknowledged (sqlite.org/pragma.html#pragma_synchronous, under EXTRA).
        with connection.begin():
            mode = _scalar(connection, "PRAGMA journal_mode=TRUNCATE")
        if mode != "truncate":
            raise ValueError(f"its journal mode is {mode}, and another process has it open")
        _migrate(connection)
    except BaseException:
        close_database(connection)
        raise
    return connection


def close_database(connection: Connection) -> None:
    """Closes the connection and its file."""
    connection.close()
    connection.engine.dispose()


def _create(path: Path, busy_timeout_s: float) -> None:
    """Makes the store under another name: whoever finds one at `path` finds it whole."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        connection = _engine(part, busy_timeout_s).connect()
        try:
            _migrate(connection)
        finally:
            close_database(connection)
        _link(part, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        part.unlink(missing_ok=True)


def _link(part: Path, path: Path) -> None:
    """Gives the file its name, unless another process was quicker."""
    with suppress(FileExistsError):
        try:
            path.hardlink_to(part)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            if not path.exists():
                part.rename(path)


def _engine(path: Path, busy_timeout_s: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=StaticPool,
        connect_args={"check_same_thread": False, "timeout": busy_timeout_s, "isolation_level": None},
        hide_parameters=True,  # an error must not quote what is stored
    )

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _: object) -> None:
        connection.execute("PRAGMA synchronous=FULL")  # what was acknowledged is on disk
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")

    return engine


def _check(connection: Connection, path: Path) -> None:
    version = _scalar(connection, "PRAGMA user_version")
    found = inspect(connection)
    # What every schema has; of this one, all columns.
    for table in metadata.sorted_tables if version == len(STEPS) else (pairs_table, revisions_table):
        columns = {column["name"] for column in found.get_columns(table.name)} if found.has_table(table.name) else set()
        missing = [column.name for column in table.columns if column.name not in columns]
        if not columns or (missing and version == len(STEPS)):
            raise ValueError(f"it is the database of another program: its table {table.name} has no {missing[0]}")
    if version > len(STEPS):
        raise ValueError(f"it was written by a newer Kefu (schema {version}, known is {len(STEPS)}): update Kefu")
    if path.stat().st_size <= MAX_CHECKED_BYTES:
        if (found_wrong := _scalar(connection, "PRAGMA quick_check(1)")) != "ok":
            raise ValueError(f"it is damaged: {found_wrong}")
    else:
        for table in metadata.sorted_tables:
            (key,) = table.primary_key.columns
            for order in (key, key.desc()):
                connection.execute(table.select().order_by(order).limit(1)).all()


def _migrate(connection: Connection) -> None:
    """Brings the schema up to date, in one transaction."""
    with connection.begin():
        if _scalar(connection, "PRAGMA user_version") == len(STEPS):
            return
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        version = _scalar(connection, "PRAGMA user_version")  # another process may have been quicker
        for step in STEPS[version:]:
            step(connection)
        connection.exec_driver_sql(f"PRAGMA user_version = {len(STEPS)}")


def _scalar(connection: Connection, statement: str) -> Any:
    return connection.exec_driver_sql(statement).scalar_one()
