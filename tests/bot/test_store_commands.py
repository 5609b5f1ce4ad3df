"""`kefu db`: what it does to a database, and what it says."""

import asyncio
import contextlib
import random
import sqlite3
from pathlib import Path

import pytest
from postgres_server import PostgresServer
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.conversation import Conversation
from bot.stores.sqlite import SqliteStore
from configs.errors import KefuError

EVENTS = [{"event": "user", "timestamp": float(n), "text": f"text {n}", "parse_data": {}} for n in range(50)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with one conversation."""
    folder = tmp_path / "data"

    async def fill() -> None:
        store = SqliteStore(folder / "conversations.db")
        await store.open()
        await store.append(Conversation(id="ann"), EVENTS)
        await store.close()

    asyncio.run(fill())
    return folder


def db(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["db", *map(str, arguments)], catch_exceptions=True)


def said(result: Result) -> str:
    """What a person reads: the output, or the error that ended the command."""
    if isinstance(result.exception, KefuError):
        return str(result.exception)
    return result.output.strip()


async def events_of(path: Path) -> list[object]:
    store = SqliteStore(path)
    await store.open()
    events: list[object] = list(await store.events("ann"))
    await store.close()
    return events


def test_a_backup_is_taken_while_the_server_runs_and_can_be_served(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "backups" / "monday.db"

    async def copy_under_a_server() -> Result:
        store = SqliteStore(data / "conversations.db")
        await store.open()
        try:
            return await asyncio.to_thread(db, "backup", target, "--data", data)
        finally:
            await store.close()

    result = asyncio.run(copy_under_a_server())

    assert said(result) == f"Copied {data / 'conversations.db'} to {target}, and checked the copy."
    assert asyncio.run(events_of(target)) == EVENTS
    assert sorted(path.name for path in target.parent.iterdir()) == ["monday.db"]


def test_a_backup_is_written_over_nothing(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "monday.db"
    target.write_text("somebody's notes")

    assert said(db("backup", target, "--data", data)) == f"{target} exists already. Name a file that does not."
    assert target.read_text() == "somebody's notes"


def test_a_store_that_is_not_there_is_named(tmp_path: Path) -> None:
    for command in (["check"], ["backup", tmp_path / "x.db"]):
        assert said(db(*command, "--data", tmp_path)).startswith(
            f"There is no conversation store {tmp_path}/conversations.db."
        )
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_wrong_with_a_sound_store(data: Path) -> None:
    result = db("check", "--data", data)

    assert (said(result), result.exit_code) == (f"{data}/conversations.db: nothing is wrong.", 0)


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("DELETE FROM conversations", "50 rows of events refer to something that is not there"),
        (
            "INSERT INTO outbox (key, inbox_id, conversation_id, part_no, channel, account, payload, state, attempts, "
            "not_before, created_at) VALUES ('k', 99, 'ann', 0, '', '', '{}', 'sent', 1, 0, 0)",
            "a row of outbox refers to a row of inbox that is not there",
        ),
        (
            "INSERT INTO turns (conversation_id, seq, at, release_id, reason, evidence) VALUES "
            "('ben', 1, 0, 'r', 'x', '{}')",
            "1 rows of turns refer to something that is not there",
        ),
        ("UPDATE alembic_version SET version_num = 'kefu_0001'", "its schema is older than kefu_0004"),
        ("UPDATE alembic_version SET version_num = 'kefu_9999'", "its schema is kefu_9999"),
    ],
)
def test_rows_that_do_not_fit_are_found(data: Path, damage: str, found: str) -> None:
    with contextlib.closing(sqlite3.connect(data / "conversations.db")) as connection:
        connection.execute(damage)
        connection.commit()

    result = db("check", "--data", data)

    assert found in said(result)
    assert result.exit_code == 1


def test_damaged_pages_are_found_and_no_backup_is_called_good(data: Path, tmp_path: Path) -> None:
    path = data / "conversations.db"
    written = bytearray(path.read_bytes())
    written[4096 * 2 : 4096 * 4] = random.Random(1).randbytes(8192)
    path.write_bytes(bytes(written))

    result = db("check", "--data", data)
    copied = db("backup", tmp_path / "x.db", "--data", data)

    assert result.exit_code == 1
    assert copied.exit_code == 1
    assert not (tmp_path / "x.db").exists()
    assert path.read_bytes() == bytes(written)


def test_migrating_is_refused_while_a_server_has_the_file(data: Path) -> None:
    async def migrate_under_a_server() -> Result:
        store = SqliteStore(data / "conversations.db")
        await store.open()
        try:
            return await asyncio.to_thread(db, "migrate", "--data", data)
        finally:
            await store.close()

    assert "is in use by process" in said(asyncio.run(migrate_under_a_server()))
    assert said(db("migrate", "--data", data)).endswith("nothing to migrate; its schema is kefu_0004.")


def test_postgresql_is_migrated_and_checked_and_says_who_copies_it(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.new_database().set(password="s3cr3t")  # noqa: S106 - of nothing
    monkeypatch.setenv("KEFU_DATABASE_URL", url.render_as_string(hide_password=False))
    name = url.render_as_string()

    assert said(db("check", "--data", tmp_path)) == f"{name}: it has no tables of conversations"
    assert said(db("migrate", "--data", tmp_path)) == f"{name}: nothing to migrate; its schema is kefu_0004."
    assert said(db("check", "--data", tmp_path)) == f"{name}: nothing is wrong."
    copied = said(db("backup", "x.dump", "--data", tmp_path))
    assert f"pg_dump --format=custom --file=x.dump {name}" in copied
    assert "s3cr3t" not in copied
