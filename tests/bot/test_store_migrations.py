"""A database of an earlier Kefu goes on without loss, a newer one is refused, and a kill does no harm."""

import asyncio
import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from postgres_server import PostgresServer
from sqlalchemy import Connection, text

from bot.conversation import Conversation, Moment
from bot.stores.errors import StoreError
from bot.stores.postgres import PostgresConnector
from bot.stores.schema import HEAD, MIGRATIONS, REVISIONS, bring_up_to_date
from bot.stores.sqlite import SqliteConnector, SqliteStore
from bot.stores.store import ConversationStore
from bot.stores.tables import lasting_tables, metadata
from bot.stores.turn import Loaded, TurnWrite

ROOT = Path(__file__).resolve().parents[2]
# As Kefu made them before its schema had a version.
FIRST_SCHEMA = """
CREATE TABLE events (
    id INTEGER NOT NULL, sender_id VARCHAR(255) NOT NULL, type_name VARCHAR(255) NOT NULL, timestamp FLOAT,
    intent_name VARCHAR(255), action_name VARCHAR(255), data TEXT, PRIMARY KEY (id)
);
CREATE INDEX ix_events_sender_id ON events (sender_id);
CREATE TABLE conversations (
    sender_id VARCHAR(255) NOT NULL, state TEXT NOT NULL, updated_at FLOAT NOT NULL, PRIMARY KEY (sender_id)
);
"""
EVENTS = [{"event": "user", "timestamp": float(n), "text": f"text {n}", "parse_data": {}} for n in range(5)]
OLD_STATE = {"id": "ann", "slots": {"last": 4, "名": "é"}, "offered": ["/yes"], "last_event_at": 4.0}
NOW = Moment(slots={"last": 4, "名": "é"}, action="action_listen", from_start=False)
STATE = Conversation(id="ann", now=NOW, offered=("/yes",), last_event_at=4.0)
MIGRATE = """
import asyncio, sys
from pathlib import Path
import bot.stores.sqlite as sqlite
migrate = sqlite.bring_up_to_date
def slow(connection):
    done = migrate(connection)
    print("migrated", flush=True)
    sys.stdin.readline()
    return done
sqlite.bring_up_to_date = slow
asyncio.run(sqlite.SqliteStore(Path(sys.argv[1])).open())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database of the first schema with a conversation."""
    path = tmp_path / "conversations.db"
    rows = [("ann", event["event"], event["timestamp"], json.dumps(event)) for event in EVENTS]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(FIRST_SCHEMA)
        connection.executemany("INSERT INTO events (sender_id, type_name, timestamp, data) VALUES (?, ?, ?, ?)", rows)
        connection.execute("INSERT INTO conversations VALUES ('ann', ?, 4.0)", (json.dumps(OLD_STATE),))
        connection.commit()
    return path


def content(path: Path) -> bytes:
    return path.read_bytes()


def sql(path: Path, statement: str, *values: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = connection.execute(statement, values).fetchall()
        connection.commit()
    return found


async def test_a_database_from_before_schemas_had_a_version_goes_on_without_loss(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()

    assert await store.load_versioned("ann") == Loaded(conversation=STATE, version=1)
    assert await store.events("ann") == EVENTS
    await store.append(STATE, EVENTS[:1], turn=TurnWrite(version=1))
    assert await store.events("ann") == [*EVENTS, EVENTS[0]]
    await store.close()
    assert sql(path, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    assert sql(path, "PRAGMA integrity_check") == [("ok",)]


async def test_it_is_migrated_once(path: Path) -> None:
    made = []
    for _ in range(2):
        connector = SqliteConnector(path)
        made.append(list(await connector.open()))
        await connector.close()

    assert made == [list(REVISIONS), []]


def differences(connection: Connection) -> list[Any]:
    """What a database has otherwise than the tables say; columns' types apart, which SQLite does not care for."""
    tables = lasting_tables(connection.dialect.name)
    context = MigrationContext.configure(
        connection,
        opts={
            "compare_type": connection.dialect.name != "sqlite",
            "include_object": lambda item, _name, kind, *_: kind != "table" or item.name in {t.name for t in tables},
        },
    )
    return list(compare_metadata(context, metadata))


async def test_a_migrated_database_is_what_a_new_one_is(path: Path, tmp_path: Path) -> None:
    migrated, new = SqliteConnector(path), SqliteConnector(tmp_path / "new.db")
    await migrated.open()
    await new.open()

    assert await new.read(differences) == []
    assert await migrated.read(differences) == []
    indexes = "SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    assert sql(path, indexes) == sql(tmp_path / "new.db", indexes)
    await migrated.close()
    await new.close()


async def test_in_postgresql_too(postgres: PostgresServer) -> None:
    old, new = PostgresConnector(postgres.new_database()), PostgresConnector(postgres.new_database())

    def make_first_schema(connection: Connection) -> None:
        for statement in FIRST_SCHEMA.replace("id INTEGER", "id BIGSERIAL").split(";")[:-1]:
            connection.execute(text(statement))
        connection.execute(
            text("INSERT INTO events (sender_id, type_name, data) VALUES ('ann', 'user', :data)"),
            [{"data": json.dumps(event)} for event in EVENTS],
        )
        connection.execute(
            text("INSERT INTO conversations VALUES ('ann', :state, 4.0)"), {"state": json.dumps(OLD_STATE)}
        )

    await old.write(make_first_schema)
    assert list(await old.open()) == list(REVISIONS)
    await new.open()
    store = ConversationStore(old)

    assert await store.load_versioned("ann") == Loaded(conversation=STATE, version=1)
    assert await store.events("ann") == EVENTS
    assert await new.read(differences) == []
    # Names may have been limited to 255 characters in Rasa's own table.
    assert [found for found in await old.read(differences) if not is_of_rasas_column(found)] == []
    await old.close()
    await new.close()


def is_of_rasas_column(found: Any) -> bool:
    return isinstance(found, list) and found[0][0] == "modify_type" and found[0][3] == "sender_id"


def test_several_processes_may_start_on_one_new_database(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    program = (
        "import asyncio, sys\nfrom sqlalchemy import make_url\nfrom bot.stores.postgres import PostgresConnector\n"
        "connector = PostgresConnector(make_url(sys.argv[1]))\nasyncio.run(connector.open())"
    )
    command = [sys.executable, "-c", program, url.render_as_string()]
    started = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(3)]

    ended = [(process.communicate(timeout=30)[1], process.returncode) for process in started]

    assert ended == [("", 0)] * 3
    assert postgres.sql("SELECT version_num FROM alembic_version", url.database or "") == [HEAD]


@pytest.mark.parametrize("revision", ["kefu_9999", "1234abcd"])
async def test_a_newer_schema_is_refused_and_left_as_it_is(path: Path, revision: str) -> None:
    await SqliteStore(path).close()
    sql(path, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    sql(path, "INSERT INTO alembic_version VALUES (?)", revision)
    before = content(path)
    store = SqliteStore(path)

    with pytest.raises(StoreError, match=f"its schema is {revision}, and this Kefu knows those up to {HEAD}"):
        await store.open()

    await store.close()
    assert content(path) == before


async def events_of(path: Path) -> list[Any]:
    store = SqliteStore(path)
    await store.open()
    events = await store.events("ann")
    await store.close()
    return events


def test_a_migration_that_is_killed_leaves_the_database_as_it_was(path: Path) -> None:
    command = [sys.executable, "-c", MIGRATE, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "migrated\n"
        process.kill()
        assert process.wait(20) == -signal.SIGKILL

    assert sql(path, "SELECT name FROM sqlite_master WHERE name IN ('inbox', 'alembic_version')") == []
    assert sql(path, "PRAGMA integrity_check") == [("ok",)]
    assert asyncio.run(events_of(path)) == EVENTS


async def test_a_migration_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(connection: Connection) -> Any:
        bring_up_to_date(connection)
        raise OSError("planted")

    monkeypatch.setattr("bot.stores.sqlite.bring_up_to_date", fail)
    store = SqliteStore(path)
    with pytest.raises(StoreError, match="planted"):
        await store.open()
    await store.close()

    assert sql(path, "SELECT name FROM sqlite_master WHERE name IN ('inbox', 'alembic_version')") == []


def test_the_migrations_form_one_line_and_are_the_ones_that_are_named() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))

    assert tuple(script.revision for script in reversed(list(scripts.walk_revisions()))) == REVISIONS
