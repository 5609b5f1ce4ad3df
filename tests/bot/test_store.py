"""Conversations in SQLite: both or neither, alone if it fails, there after a restart, and never over a damaged file."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from bot.conversation import Conversation, Moment
from bot.errors import Overloaded
from bot.events import Event, action_event, slot_events
from bot.stores.errors import StoreError
from bot.stores.sqlite import SqliteConnector, SqliteStore
from bot.stores.turn import Committed

Open = Callable[[Path], Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.db"


@pytest.fixture
async def on_disk(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path)
    await store.open()
    yield store
    await store.close()


def turn(number: float) -> list[Event]:
    """One user event and one action, told apart by their time."""
    user = {
        "event": "user",
        "timestamp": number,
        "text": f"text {number:g}",
        "parse_data": {"intent": {"name": "greet"}},
    }
    return [user, *slot_events({"last": number}, number), action_event("utter_greet", number)]


def after(conversation_id: str, events: list[Event]) -> Conversation:
    """A state that tells which turn was the last."""
    slots = {"last": events[-1]["timestamp"]} if events else {}
    return Conversation(id=conversation_id, now=Moment(slots=slots), last_event_at=slots.get("last"))


async def write(store: SqliteStore, conversation_id: str, events: list[Event]) -> None:
    await store.append(after(conversation_id, events), events)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def content(path: Path) -> bytes:
    return path.read_bytes()


def put(path: Path, written: bytes) -> None:
    path.write_bytes(written)


def cut(path: Path, share: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])


def sql(path: Path, statement: str) -> list[tuple[Any, ...]]:
    """What another program reads from the file."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = connection.execute(statement).fetchall()
        connection.commit()
    return found


async def test_what_was_written_is_read_back(on_disk: SqliteStore) -> None:
    events = turn(1.0) + turn(2.0)

    await write(on_disk, "ann", events)

    assert await on_disk.events("ann") == events
    assert await on_disk.load("ann") == after("ann", events)


async def test_an_unknown_conversation_is_a_fresh_one(on_disk: SqliteStore) -> None:
    assert await on_disk.load("nobody") == Conversation(id="nobody")
    assert await on_disk.events("nobody") == []


async def test_everything_is_there_after_a_restart(path: Path) -> None:
    first = SqliteStore(path)
    await first.open()
    await write(first, "ann", turn(1.0))
    await first.close()

    second = SqliteStore(path)
    await second.open()
    await write(second, "ann", turn(2.0))

    assert await second.events("ann") == turn(1.0) + turn(2.0)
    assert (await second.load("ann")).slots == {"last": 2.0}
    await second.close()


async def test_a_turn_that_was_acknowledged_is_in_the_file_at_once(on_disk: SqliteStore, path: Path) -> None:
    await write(on_disk, "ann", turn(1.0))

    assert sql(path, "SELECT count(*) FROM events WHERE sender_id = 'ann'") == [(3,)]


async def test_rows_have_the_columns_of_rasas_event_table(on_disk: SqliteStore, path: Path) -> None:
    await write(on_disk, "ann", turn(1.5))

    rows = sql(path, "SELECT sender_id, type_name, timestamp, intent_name, action_name FROM events ORDER BY id")

    assert rows == [
        ("ann", "user", 1.5, "greet", None),
        ("ann", "slot", 1.5, None, None),
        ("ann", "action", 1.5, None, "utter_greet"),
    ]


@pytest.mark.parametrize(
    "trigger",
    [
        "CREATE TRIGGER plant BEFORE INSERT ON conversations BEGIN SELECT RAISE(ABORT, 'planted'); END",
        "CREATE TRIGGER plant BEFORE UPDATE ON conversations BEGIN SELECT RAISE(ABORT, 'planted'); END",
        "CREATE TRIGGER plant BEFORE INSERT ON events WHEN NEW.type_name = 'action' "
        "BEGIN SELECT RAISE(ABORT, 'planted'); END",
    ],
    ids=["state fails at first", "state fails later", "the last event fails"],
)
async def test_events_and_state_are_written_both_or_neither(on_disk: SqliteStore, path: Path, trigger: str) -> None:
    written = []
    if "UPDATE" in trigger:
        written = turn(1.0)
        await write(on_disk, "ann", written)
    before = await on_disk.load("ann")
    sql(path, trigger)

    with pytest.raises(StoreError, match="planted"):
        await write(on_disk, "ann", turn(2.0))

    assert await on_disk.events("ann") == written
    assert await on_disk.load("ann") == before
    sql(path, "DROP TRIGGER plant")
    await write(on_disk, "ann", turn(3.0))
    assert await on_disk.events("ann") == written + turn(3.0)


async def test_an_error_of_the_file_names_it_and_not_what_a_customer_wrote(on_disk: SqliteStore, path: Path) -> None:
    sql(path, "CREATE TRIGGER plant BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'planted'); END")

    with pytest.raises(StoreError) as error:
        await write(on_disk, "ann", turn(1.0))

    assert str(path) in str(error.value)
    assert "text 1" not in str(error.value)
    assert "text 1" not in str(error.value.__cause__)


@pytest.mark.parametrize(
    "failing",
    [
        pytest.param(
            lambda connection: connection.execute(text("INSERT INTO nowhere VALUES (1)")), id="by the database"
        ),
        pytest.param(lambda _: "\ud800".encode(), id="by a text that cannot be encoded"),
    ],
)
async def test_an_operation_that_fails_in_a_shared_commit_fails_alone(
    on_disk: SqliteStore, failing: Callable[[Connection], Any]
) -> None:
    before = asyncio.create_task(write(on_disk, "first", turn(1.0)))
    good = [asyncio.create_task(on_disk.append(after(f"c{n}", turn(n)), turn(n))) for n in range(5)]
    bad = asyncio.create_task(on_disk._connector.write(failing))
    more = [asyncio.create_task(on_disk.append(after(f"c{n}", turn(n)), turn(n))) for n in range(5, 10)]

    outcomes = await asyncio.gather(before, *good, *more, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [type(None), *[Committed] * 10]
    with pytest.raises((StoreError, UnicodeEncodeError)):
        await bad
    for number in range(10):
        assert await on_disk.events(f"c{number}") == turn(number)
    assert await on_disk.events("first") == turn(1.0)


async def test_conversations_at_the_same_time_do_not_mix(on_disk: SqliteStore) -> None:
    async def talk(name: str, base: int) -> None:
        for number in range(10):
            await write(on_disk, name, turn(base + number))

    await asyncio.gather(*(talk(f"c{index}", 100 * index) for index in range(20)))

    for index in range(20):
        expected = [event for number in range(10) for event in turn(100 * index + number)]
        assert await on_disk.events(f"c{index}") == expected
        assert (await on_disk.load(f"c{index}")).slots == {"last": 100 * index + 9}


async def test_many_turns_share_few_commits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    commit = SqliteConnector._in_one_commit

    def counted(connection: Connection, jobs: Any) -> Any:
        sizes.append(len(jobs))
        return commit(connection, jobs)

    monkeypatch.setattr(SqliteConnector, "_in_one_commit", staticmethod(counted))
    store = SqliteStore(path)
    await store.open()
    sizes.clear()

    await asyncio.gather(*(store.append(after(f"c{n}", turn(n)), turn(n)) for n in range(64)))

    await store.close()
    assert sum(sizes) == 64
    assert len(sizes) <= 4, "what arrives while a commit is in work is committed together"


async def test_every_text_comes_back_as_it_was(on_disk: SqliteStore) -> None:
    texts = ["'; DROP TABLE events; --", "100 % _sure_", "你好 😀", "a\x00b", "\u202e\u200b", '"\\n', "é é"]
    events = [{"event": "user", "timestamp": 1.0, "text": text, "parse_data": {}} for text in texts]

    await write(on_disk, "'; DROP TABLE events; --", events)

    assert [event["text"] for event in await on_disk.events("'; DROP TABLE events; --")] == texts


async def test_each_commit_is_synced_to_disk_and_readers_do_not_block(on_disk: SqliteStore) -> None:
    names = ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")

    set_to = [
        await on_disk._connector.read(
            lambda connection, name=name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
        )
        for name in names
    ]

    assert dict(zip(names, set_to, strict=True)) == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "busy_timeout": 5000,
        "foreign_keys": 1,
    }


async def test_closing_leaves_one_whole_file(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    await write(store, "ann", turn(1.0))
    await store.close()

    assert names(path.parent) == [path.name]
    assert sql(path, "PRAGMA integrity_check") == [("ok",)]


async def test_closing_finishes_what_waits(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    waiting = [asyncio.create_task(store.append(after(f"c{n}", turn(n)), turn(n))) for n in range(20)]
    await asyncio.sleep(0)

    await store.close()

    assert await asyncio.gather(*waiting) == [Committed(version=1)] * 20
    assert sql(path, "SELECT count(DISTINCT sender_id) FROM events") == [(20,)]
    with pytest.raises(Overloaded, match="stopped"):
        await store.load("c1")


async def test_the_folder_is_made_where_it_is_missing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "a" / "b" / "c.db")
    await store.open()
    await store.close()

    assert (tmp_path / "a" / "b" / "c.db").is_file()


async def test_in_memory_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = SqliteStore(None)
    await store.open()
    await write(store, "ann", turn(1.0))

    assert await store.events("ann") == turn(1.0)
    await store.close()
    assert names(tmp_path) == []


async def refusal(path: Path) -> str:
    """What is said of a file that must not be opened, once it is certain that nothing was done to it."""
    before = content(path)
    store = SqliteStore(path)
    with pytest.raises(StoreError) as error:
        await store.open()
    await store.close()
    assert content(path) == before
    assert names(path.parent) == [path.name]
    return str(error.value)


@pytest.mark.parametrize(
    "written",
    [b"This is a shopping list.\n" * 100, b"hi", bytes(8192), b"SQLite format 2\0" + bytes(5000), b"\xff" * 100],
    ids=["a text", "a few bytes", "zeros", "another format", "noise"],
)
async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(path: Path, written: bytes) -> None:
    put(path, written)

    said = await refusal(path)

    assert str(path) in said
    assert "not a database" in said
    assert "Move the file away" in said


@pytest.mark.parametrize("share", [0.001, 0.3, 0.5, 0.9])
async def test_a_truncated_database_is_refused_and_left_as_it_is(path: Path, share: float) -> None:
    store = SqliteStore(path)
    await store.open()
    await write(store, "ann", [event for number in range(200) for event in turn(number)])
    await store.close()
    cut(path, share)

    said = await refusal(path)

    assert str(path) in said
    assert "malformed" in said
    assert "restore a backup" in said


async def test_a_database_of_something_else_is_refused_and_left_as_it_is(path: Path) -> None:
    sql(path, "CREATE TABLE events (id INTEGER PRIMARY KEY, what TEXT)")

    said = await refusal(path)

    assert "its table events has no column action_name" in said


async def test_a_folder_in_the_files_place_is_refused(path: Path) -> None:
    store = SqliteStore(path.parent)

    with pytest.raises(StoreError, match="unable to open"):
        await store.open()

    await store.close()
    assert names(path.parent) == []


async def test_a_tracker_database_of_rasa_is_taken_over(path: Path) -> None:
    sql(
        path,
        "CREATE TABLE events (id INTEGER PRIMARY KEY, sender_id VARCHAR(255) NOT NULL, type_name VARCHAR(255), "
        "timestamp FLOAT, intent_name VARCHAR(255), action_name VARCHAR(255), data TEXT)",
    )
    sql(path, """INSERT INTO events VALUES (1, 'old', 'restart', 1.0, NULL, NULL, '{"event": "restart"}')""")
    store = SqliteStore(path)
    await store.open()

    await write(store, "ann", turn(1.0))

    assert await store.events("old") == [{"event": "restart"}]
    assert await store.events("ann") == turn(1.0)
    await store.close()
