"""Conversations in SQLite: Rasa's event table, and each conversation's state beside it.

One thread owns the one connection, and what arrives while a commit is in work is committed together with the next.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import (
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
    exc,
    inspect,
    select,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.pool import StaticPool

from bot.batching import BatchWorker
from bot.conversation import Conversation, Event
from configs.errors import KefuError

MAX_COMMIT_SIZE = 64
BUSY_TIMEOUT_MS = 5_000

_metadata = MetaData()
_events = Table(
    "events",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("sender_id", String(255), nullable=False, index=True),
    Column("type_name", String(255), nullable=False),
    Column("timestamp", Float),
    Column("intent_name", String(255)),
    Column("action_name", String(255)),
    Column("data", Text),
)
_conversations = Table(
    "conversations",
    _metadata,
    Column("sender_id", String(255), primary_key=True),
    Column("state", Text, nullable=False),
    Column("updated_at", Float, nullable=False),
)
_upsert = insert(_conversations)
_upsert = _upsert.on_conflict_do_update(
    index_elements=["sender_id"],
    set_={"state": _upsert.excluded.state, "updated_at": _upsert.excluded.updated_at},
)

_Work: TypeAlias = Callable[[Connection], Any]


class StoreError(KefuError):
    """The conversation store cannot be opened or written."""


class SqliteStore:
    """Keeps conversations in one SQLite file, or in memory where no path is given.

    Args:
        max_waiting: Operations that may wait; more are refused as overload.
    """

    def __init__(self, path: Path | None, *, max_waiting: int = 10_000) -> None:
        self._path = path
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._worker: BatchWorker[_Work, Any] = BatchWorker(
            "conversation store", self._commit_together, max_batch=MAX_COMMIT_SIZE, max_waiting=max_waiting
        )

    async def open(self) -> None:
        """Opens the file and makes its tables.

        Raises:
            StoreError: It cannot be opened, or is no database of conversations; it is left as it was.
        """
        try:
            await self._worker.submit(_make_tables)
        except (exc.SQLAlchemyError, OSError, ValueError) as error:
            raise StoreError(
                f"The conversation store {self._path} cannot be opened: {_reason(error)}. Move the file away, restore "
                "a backup over it, or choose another folder with KEFU_DATA_DIR."
            ) from error

    async def load(self, conversation_id: str) -> Conversation:
        """The conversation's state; a fresh one where nothing is stored.

        Raises:
            StoreError: The file cannot be read.
        """
        query = select(_conversations.c.state).where(_conversations.c.sender_id == conversation_id)
        state = await self._do(lambda connection: connection.scalar(query))
        return Conversation(id=conversation_id) if state is None else Conversation.from_json(state)

    async def append(self, conversation: Conversation, events: Sequence[Event]) -> None:
        """Writes `events` and the state they lead to, both or neither; they are on disk when this returns.

        Raises:
            StoreError: The file cannot be written.
        """
        rows = [_row(conversation.id, item) for item in events]
        state = {
            "sender_id": conversation.id,
            "state": conversation.to_json(),
            "updated_at": conversation.last_event_at or 0.0,
        }

        def write(connection: Connection) -> None:
            connection.execute(_events.insert(), rows)
            connection.execute(_upsert, state)

        await self._do(write)

    async def events(self, conversation_id: str) -> list[Event]:
        """All events of a conversation, in order.

        Raises:
            StoreError: The file cannot be read.
        """
        query = select(_events.c.data).where(_events.c.sender_id == conversation_id).order_by(_events.c.id)
        found = await self._do(lambda connection: connection.scalars(query).all())
        return [json.loads(data) for data in found]

    async def close(self) -> None:
        """Commits what waits and closes the file."""
        await self._worker.close()
        if self._connection is not None:
            self._connection.close()
        if self._engine is not None:
            self._engine.dispose()

    async def _do(self, work: _Work) -> Any:
        try:
            return await self._worker.submit(work)
        except exc.SQLAlchemyError as error:
            raise StoreError(f"The conversation store {self._path} cannot be used: {_reason(error)}.") from error

    def _commit_together(self, works: Sequence[_Work]) -> Sequence[Any]:
        """One commit for all; if one of them fails, each gets a commit of its own, so only that one fails."""
        try:
            return self._in_one_commit(works)
        except Exception as error:  # whatever one of them raises, the others are not to suffer
            return [error] if len(works) == 1 else [self._commit_together([work])[0] for work in works]

    def _in_one_commit(self, works: Sequence[_Work]) -> list[Any]:
        connection = self._open_connection()
        with connection.begin():
            return [work(connection) for work in works]

    def _open_connection(self) -> Connection:
        if self._connection is None:
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            self._engine = _make_engine(self._path)
            self._connection = self._engine.connect()
        return self._connection


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
        for pragma in (
            "synchronous=FULL",  # a turn that was answered is on disk
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _make_tables(connection: Connection) -> None:
    """Makes the tables that are missing.

    Raises:
        ValueError: There is a table of that name with other columns.
    """
    found = inspect(connection)
    for table in _metadata.sorted_tables:
        columns = {column["name"] for column in found.get_columns(table.name)} if found.has_table(table.name) else None
        if columns is not None and (missing := {column.name for column in table.columns} - columns):
            raise ValueError(f"its table {table.name} has no column {sorted(missing)[0]}")
    connection.exec_driver_sql("PRAGMA journal_mode=WAL")  # not before: it would write into a file of others
    _metadata.create_all(connection)


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", error))


def _row(conversation_id: str, item: Event) -> dict[str, Any]:
    return {
        "sender_id": conversation_id,
        "type_name": item["event"],
        "timestamp": item["timestamp"],
        "intent_name": item["parse_data"].get("intent", {}).get("name") if item["event"] == "user" else None,
        "action_name": item["name"] if item["event"] == "action" else None,
        "data": json.dumps(item, ensure_ascii=False),
    }
