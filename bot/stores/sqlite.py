"""The conversation store in one SQLite file.

One thread owns the one connection, and what arrives while a commit is in work is committed together with the next.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine, create_engine, event, exc
from sqlalchemy.pool import StaticPool

from bot.batching import BatchWorker
from bot.stores.connector import Work
from bot.stores.errors import StoreError, StoreRefusal
from bot.stores.process_lock import ProcessLock
from bot.stores.schema import bring_up_to_date, read_schema
from bot.stores.sqlite_file import check_whole, reason_of, refuse_empty
from bot.stores.store import ConversationStore

__all__ = ["SqliteConnector", "SqliteStore", "StoreError"]

MAX_COMMIT_SIZE = 64
BUSY_TIMEOUT_MS = 5_000
CLEANING_TRIES = 20
CLEANING_PAUSE_S = 0.1
# Errors that every operation would meet: they are not tried one by one, each with its own wait for a lock.
_OF_THE_FILE = frozenset(
    getattr(sqlite3, f"SQLITE_{name}")
    for name in ("BUSY", "CANTOPEN", "CORRUPT", "FULL", "IOERR", "LOCKED", "NOMEM", "NOTADB", "READONLY")
)
_PRAGMAS = (
    "synchronous=FULL",  # a turn that was answered is on disk
    f"busy_timeout={BUSY_TIMEOUT_MS}",
    "foreign_keys=ON",
    "secure_delete=ON",  # what was erased is not left in free pages
    "temp_store=MEMORY",
)
# Leases are the process's own: nothing waits for the disk, and none outlives it.
_LEASES = (
    "CREATE TEMP TABLE leases (fence INTEGER PRIMARY KEY AUTOINCREMENT, conversation_id TEXT NOT NULL UNIQUE, "
    "holder TEXT NOT NULL, expires_at FLOAT NOT NULL)"
)
_log = structlog.get_logger()
Result = TypeVar("Result")


class _Mode(Enum):
    READ = auto()
    WRITE = auto()
    ALONE = auto()  # not within a transaction


@dataclass(frozen=True, slots=True)
class _Job:
    work: Work[Any]
    mode: _Mode


class SqliteConnector:
    """Runs operations on one SQLite file, or in memory where no path is given.

    Args:
        max_waiting: Operations that may wait; more are refused as overload.
    """

    is_shared = False

    def __init__(self, path: Path | None, *, max_waiting: int = 10_000) -> None:
        self.name = "in memory" if path is None else str(path)
        self._path = path
        self._lock = None if path is None else ProcessLock(path)
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._worker: BatchWorker[_Job, Any] = BatchWorker(
            "conversation store", self._work_off, max_batch=MAX_COMMIT_SIZE, max_waiting=max_waiting
        )

    async def open(self) -> Sequence[str]:
        """Opens the file and brings its tables to what this version of Kefu needs.

        Raises:
            StoreError: It cannot be opened, is no database of conversations, or is in use; it is left as it was.
        """
        try:
            migrated: Sequence[str] = await self._worker.submit(_Job(self._set_up, _Mode.ALONE))
        except (exc.SQLAlchemyError, OSError, ValueError) as error:
            raise StoreError(
                f"The conversation store {self.name} cannot be opened: {reason_of(error)}. Move the file away, restore "
                "a backup over it, or choose another folder with KEFU_DATA_DIR."
            ) from error
        for revision in migrated:
            _log.info("schema_migrated", store=self.name, revision=revision)
        return migrated

    async def read(self, work: Work[Result]) -> Result:
        """What `work` reads."""
        return await self._do(work, _Mode.READ)

    async def write(self, work: Work[Result]) -> Result:
        """Does `work` in a commit, which it may share with others."""
        return await self._do(work, _Mode.WRITE)

    async def clean(self) -> None:
        """Empties the write-ahead log, which holds copies of what was erased."""
        for _ in range(CLEANING_TRIES):
            if await self._do(_empty_log, _Mode.ALONE):
                return
            await asyncio.sleep(CLEANING_PAUSE_S)
        _log.warning("log_not_emptied", store=self.name, message="Another process has read from it all the while.")

    async def close(self) -> None:
        """Commits what waits and closes the file."""
        await self._worker.close()
        if self._connection is not None:
            self._connection.close()
        if self._engine is not None:
            self._engine.dispose()
        if self._lock is not None:
            self._lock.release()

    async def _do(self, work: Work[Result], mode: _Mode) -> Result:
        try:
            result: Result = await self._worker.submit(_Job(work, mode))
        except (exc.SQLAlchemyError, OSError) as error:
            raise StoreError(f"The conversation store {self.name} cannot be used: {reason_of(error)}.") from error
        return result

    def _work_off(self, jobs: Sequence[_Job]) -> Sequence[Any]:
        """One commit for all; if one of them fails, each gets a commit of its own, so only that one fails.

        If the file cannot be written, none can; what only reads may still go on.
        """
        if len(jobs) > 1 and any(job.mode is _Mode.ALONE for job in jobs):
            return [self._work_off([job])[0] for job in jobs]
        try:
            connection = self._open_connection()
            if jobs[0].mode is _Mode.ALONE:
                return [jobs[0].work(connection)]
            return self._in_one_commit(connection, jobs)
        except Exception as error:  # whatever one of them raises, the others are not to suffer
            if len(jobs) == 1:
                return [error]
            is_lost = _is_of_the_file(error)
            return [error if is_lost and job.mode is _Mode.WRITE else self._work_off([job])[0] for job in jobs]

    @staticmethod
    def _in_one_commit(connection: Connection, jobs: Sequence[_Job]) -> list[Any]:
        with connection.begin():
            if any(job.mode is _Mode.WRITE for job in jobs):
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            return [_outcome(job.work, connection) for job in jobs]

    def _open_connection(self) -> Connection:
        if self._connection is None:
            if self._path is not None and self._lock is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._lock.take()
                refuse_empty(self._path)
            self._engine = self._engine or _make_engine(self._path)
            self._connection = self._engine.connect()
        return self._connection

    def _set_up(self, connection: Connection) -> Sequence[str]:
        with connection.begin():
            if self._path is not None:
                check_whole(connection, self._path)
            schema = read_schema(connection)
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")  # not before: it would write into a file of others
        connection.commit()
        migrated: Sequence[str] = ()
        with connection.begin():
            if not schema.is_current:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                migrated = bring_up_to_date(connection)
            connection.exec_driver_sql(_LEASES)
        return migrated


class SqliteStore(ConversationStore):
    """A conversation store in one SQLite file, or in memory where no path is given."""

    def __init__(self, path: Path | None, *, max_waiting: int = 10_000) -> None:
        super().__init__(SqliteConnector(path, max_waiting=max_waiting))


def _make_engine(path: Path | None) -> Engine:
    url = "sqlite://" if path is None else f"sqlite:///{path}"
    engine = create_engine(
        url,
        poolclass=StaticPool,
        connect_args={"check_same_thread": False},
        hide_parameters=True,  # an error must not quote what a customer wrote
    )

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _: object) -> None:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _outcome(work: Work[Any], connection: Connection) -> Any:
    try:
        return work(connection)
    except StoreRefusal as refusal:
        if refusal.undoes:
            raise
        return refusal  # it has written nothing: the others' commit is not touched


def _empty_log(connection: Connection) -> bool:
    """Whether it could be emptied; not so while another process reads."""
    with connection.begin():
        connection.exec_driver_sql("PRAGMA busy_timeout=0")
        try:
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    return not busy


def _is_of_the_file(error: Exception) -> bool:
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return isinstance(error, OSError) or (code is not None and code & 0xFF in _OF_THE_FILE)
