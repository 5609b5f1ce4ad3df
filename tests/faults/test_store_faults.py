"""The conversation store when its process is killed, its disk is full, its file damaged or its server gone."""

import asyncio
import contextlib
import random
import resource
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from postgres_server import PostgresServer
from sqlalchemy import Connection, text

import bot.stores.postgres
import bot.stores.sqlite
from bot.conversation import Conversation, Moment
from bot.errors import Overloaded
from bot.stores.errors import StoreError
from bot.stores.postgres import PostgresConnector
from bot.stores.sqlite import SqliteStore
from bot.stores.sqlite_file import copy_file
from bot.stores.store import ConversationStore
from bot.stores.turn import Evidence, InboxMessage, Reminder, TurnWrite

ROOT = Path(__file__).resolve().parents[2]
WRITER = Path(__file__).with_name("store_writer.py")


@pytest.fixture
def moments() -> random.Random:
    """When to strike; what is printed makes a failure happen again, as far as that can be."""
    seed = random.randrange(1 << 32)
    sys.stdout.write(f"seed={seed}\n")
    return random.Random(seed)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path)
    await store.open()
    yield store
    await store.close()
    assert sql(path, "PRAGMA integrity_check") == [("ok",)]
    assert sql(path, "PRAGMA foreign_key_check") == []


def sql(path: Path, statement: str) -> list[tuple[Any, ...]]:
    """What another program reads from the file."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def said(*texts: str) -> list[dict[str, Any]]:
    return [{"event": "user", "timestamp": 1.0, "text": text, "parse_data": {}} for text in texts]


def state(conversation_id: str, count: int = 0) -> Conversation:
    return Conversation(id=conversation_id, now=Moment(slots={"count": count}))


def message(external_id: str, conversation_id: str = "ann", words: str = "") -> InboxMessage:
    return InboxMessage(
        conversation_id=conversation_id,
        channel="chat",
        external_id=external_id,
        payload={"text": words or external_id},
        received_at=1.0,
    )


async def outcomes(*works: Any) -> Counter[str]:
    """How many of these ended how."""
    ended = await asyncio.gather(*works, return_exceptions=True)
    return Counter(type(one).__name__ for one in ended)


async def until(count: Callable[[], int], goal: int) -> None:
    """Waits while others work, until they have come so far."""
    async with asyncio.timeout(30):
        while count() < goal:  # noqa: ASYNC110 - they know nothing of who waits
            await asyncio.sleep(0.001)


# kill -9


def writer(mode: str, path: Path, channel: str) -> "subprocess.Popen[str]":
    command = [sys.executable, str(WRITER), mode, str(path), channel]
    return subprocess.Popen(
        command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def killed(process: "subprocess.Popen[str]", after_lines: int) -> list[str]:
    """What the process has acknowledged; it is killed once it has said so many lines."""
    with process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(after_lines)]
        process.kill()
        lines += process.stdout.readlines()
    return [line.strip() for line in lines if line.endswith("\n")]  # a last line without its end was not said


def lost(path: Path, acknowledged: list[str]) -> list[str]:
    """What was acknowledged and is not there."""
    inbox = dict(sql(path, "SELECT external_id, state FROM inbox"))
    there = {f"accepted {one}" for one in inbox} | {f"answered {one}" for one, end in inbox.items() if end == "done"}
    return [line for line in acknowledged if line not in {"opened", *there}]


def check_consistent(path: Path) -> None:
    """Each conversation is what an unbroken beginning of its messages makes it, and each was answered once."""
    assert sql(path, "PRAGMA integrity_check") == [("ok",)]
    assert sql(path, "PRAGMA foreign_key_check") == []
    for (who,) in sql(path, "SELECT sender_id FROM conversations"):
        inbox = sql(path, f"SELECT external_id, state, conv_seq FROM inbox WHERE conversation_id = '{who}' ORDER BY id")  # noqa: S608
        done = [external_id for external_id, end, _ in inbox if end == "done"]
        events = sql(path, f"SELECT data ->> 'text' FROM events WHERE sender_id = '{who}' ORDER BY id")  # noqa: S608
        parts = sql(path, f"SELECT payload ->> 'text' FROM outbox WHERE conversation_id = '{who}' ORDER BY id")  # noqa: S608
        written, version = sql(path, f"SELECT state, version FROM conversations WHERE sender_id = '{who}'")[0]  # noqa: S608
        assert [number for *_, number in inbox] == list(range(1, len(inbox) + 1))
        assert [external_id for external_id, *_ in inbox][: len(done)] == done
        assert [one for (one,) in events] == [one for (one,) in parts] == done
        assert Conversation.from_json(written).slots == {"count": len(done)}
        assert version == len(done)


def test_what_a_killed_process_acknowledged_is_there_and_its_turns_are_whole(
    path: Path, moments: random.Random
) -> None:
    acknowledged: list[str] = []
    for number in range(4):
        acknowledged += killed(writer("work", path, f"r{number}"), moments.randrange(1, 300))
        check_consistent(path)

    assert lost(path, acknowledged) == []
    assert len(acknowledged) > 50
    assert {line.split()[0] for line in acknowledged} == {"opened", "accepted", "answered"}


def test_a_process_that_acknowledges_too_early_is_found_out(path: Path) -> None:
    acknowledged = killed(writer("lie", path, "r"), 1)

    assert lost(path, acknowledged) == ["accepted r-c0-0"]


def test_a_second_process_is_refused_while_the_first_lives_and_not_afterwards(path: Path) -> None:
    with writer("work", path, "r") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "opened\n"
        with pytest.raises(StoreError, match=f"is in use by process {process.pid}. Stop that one, choose another"):
            asyncio.run(open_and_close(path))
        process.kill()
        process.communicate()

    asyncio.run(open_and_close(path))
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name]


async def open_and_close(path: Path) -> None:
    store = SqliteStore(path)
    try:
        await store.open()
    finally:
        await store.close()


# F07, F08, F09: no room


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not mount("size=8m", folder):
        pytest.skip("Only root may mount a disk.")
    yield folder
    subprocess.run(["/bin/umount", str(folder)], check=True)


def mount(options: str, folder: Path) -> bool:
    command = ["/bin/mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


async def test_a_full_disk_refuses_messages_and_takes_them_again_once_there_is_room(small_disk: Path) -> None:
    path = small_disk / "conversations.db"
    store = SqliteStore(path)
    await store.open()
    accepted = [await store.inbox.accept(message("first"))]
    filler = small_disk / "filler"
    fill(filler)

    refused = await outcomes(*(store.inbox.accept(message(f"m{n}", words="x" * 40_000)) for n in range(100)))

    assert refused["StoreError"] > 0
    assert set(refused) <= {"StoreError", "Accepted"}
    assert await store.load("ann") == Conversation(id="ann"), "what only reads goes on"
    remove(filler)
    accepted.append(await store.inbox.accept(message("last")))
    assert all(one.is_new for one in accepted)
    await store.close()
    assert sql(path, "PRAGMA integrity_check") == [("ok",)]
    there = [one for (one,) in sql(path, "SELECT external_id FROM inbox ORDER BY id")]
    assert (there[0], there[-1], len(there)) == ("first", "last", 2 + refused["Accepted"])


def fill(file: Path) -> None:
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as opened:
        while True:
            opened.write(bytes(4096))


def remove(file: Path) -> None:
    file.unlink()


async def test_a_file_that_may_not_grow_refuses_and_goes_on_afterwards(store: SqliteStore) -> None:
    await store.inbox.accept(message("first"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        with pytest.raises(StoreError, match="disk I/O error"):
            await store.append(state("ann"), said("x" * 400_000))
        assert await store.events("ann") == []
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert (await store.inbox.accept(message("last"))).is_new
    assert await store.inbox.count_waiting() == 2


async def test_a_disk_that_can_only_be_read_is_named_and_used_once_it_can_be_written(small_disk: Path) -> None:
    await open_and_close(small_disk / "conversations.db")
    mount("remount,ro", small_disk)

    with pytest.raises(StoreError, match=r"conversations\.db cannot be opened: .*Read-only file system"):
        await open_and_close(small_disk / "conversations.db")

    mount("remount,rw", small_disk)
    await open_and_close(small_disk / "conversations.db")


# F10: a lock of another


@pytest.fixture
def quick_to_give_up(monkeypatch: pytest.MonkeyPatch) -> None:
    pragmas = [one for one in bot.stores.sqlite._PRAGMAS if not one.startswith("busy_timeout")]
    monkeypatch.setattr(bot.stores.sqlite, "_PRAGMAS", (*pragmas, "busy_timeout=200"))


@pytest.mark.usefixtures("quick_to_give_up")
async def test_behind_anothers_lock_all_are_refused_within_one_wait_and_nothing_is_lost(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    await store.inbox.accept(message("first"))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        works = [store.inbox.accept(message(f"m{n}")) for n in range(200)]
        refused = await outcomes(*works, *(store.load(f"c{n}") for n in range(50)))
        waited_s = time.monotonic() - started
        assert refused == {"StoreError": 200, "Conversation": 50}, "what only reads goes on"
        assert waited_s < 10, "each commit waits once, not each of the messages in it"
        other.execute("ROLLBACK")

    assert (await store.inbox.accept(message("last"))).is_new
    await store.close()
    assert sql(path, "SELECT external_id FROM inbox ORDER BY id") == [("first",), ("last",)]


# F11: a damaged file


@pytest.mark.parametrize("damage", ["page 2", "the middle", "truncated", "0 bytes", "text"])
async def test_a_damaged_file_is_refused_and_left_as_it_is(path: Path, damage: str, moments: random.Random) -> None:
    store = SqliteStore(path)
    await store.open()
    for number in range(40):
        await store.append(state(f"c{number}"), said("x" * 500))
    await store.close()
    written = damaged(path, damage, moments)
    store = SqliteStore(path)

    with pytest.raises(StoreError) as error:
        await store.open()

    await store.close()
    assert str(path) in str(error.value)
    assert "restore a backup over it" in str(error.value)
    assert content(path) == written


def content(path: Path) -> bytes:
    return path.read_bytes()


def damaged(path: Path, damage: str, moments: random.Random) -> bytes:
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 4096 // 2 * 4096
    match damage:
        case "page 2":
            whole[4096:8192] = moments.randbytes(4096)
        case "the middle":
            whole[middle : middle + 4096] = moments.randbytes(4096)
        case "truncated":
            whole = whole[:middle]
        case "0 bytes":
            whole = bytearray()
        case "text":
            whole = bytearray(b"dear diary\n" * 1_000)
    path.write_bytes(bytes(whole))
    return bytes(whole)


# F41: a copy under load


async def test_a_backup_under_load_is_a_consistent_beginning(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    counts = Counter[str]()
    going_on = True

    async def write(who: str) -> None:
        while going_on:
            number = counts[who] + 1
            turn = TurnWrite(message=message(f"{who}-{number}", who), parts=({"text": f"{who}-{number}"},))
            await store.append(state(who, number), said(f"{who}-{number}"), turn=turn)
            counts[who] = number

    writers = [asyncio.create_task(write(f"c{n}")) for n in range(6)]
    for number in range(4):
        await until(counts.total, 60 * (number + 1))
        before, target = Counter(counts), tmp_path / f"{number}.db"
        await asyncio.to_thread(copy_file, path, target)
        after = Counter(counts)
        check_consistent(target)
        for who in counts:
            copied = dict(sql(target, "SELECT sender_id, version FROM conversations")).get(who, 0)
            assert before[who] <= copied <= after[who] + 1, "at most one more was committed, but not yet acknowledged"
    going_on = False
    await asyncio.gather(*writers)

    restored = SqliteStore(tmp_path / "3.db")
    await restored.open()
    (count,) = sql(tmp_path / "3.db", "SELECT version FROM conversations WHERE sender_id = 'c0'")[0]
    assert await restored.load("c0") == state("c0", count)
    assert (await restored.reply_of("chat", "", "c0-1")) == ({"text": "c0-1"},)
    await restored.close()


# F42: nothing stays behind


async def test_an_erased_conversation_is_in_no_file_even_if_a_turn_was_under_way(
    store: SqliteStore, path: Path
) -> None:
    nonce, kept = "n0nce-7f3a9c", "kept-5b2e1d"
    for who, word in (("ann", nonce), ("ben", kept)):
        for number in range(30):
            turn = TurnWrite(
                message=message(f"{word}-{number}", who, word),
                parts=({"text": word * 50},),
                reminders=(Reminder(name=f"{word}-{number}", due_at=9e9, channel="chat", payload={"x": word}),),
                evidence=Evidence(at=1.0, release_id="r", reason="x", evidence={"x": word}),
            )
            long = Conversation(id=who, now=Moment(slots={"said": word * (100 * number)}))
            await store.append(long, said(word * 200, word), turn=turn)
    await store.inbox.accept(message(f"{nonce}-late", "ann", nonce))
    claimed = await store.inbox.claim()
    assert claimed is not None
    assert nonce in everything_under(path.parent)

    erasing = asyncio.create_task(store.erase("ann"))
    late = TurnWrite(lease=claimed.lease, inbox_id=claimed.inbox_id, parts=({"text": nonce},))
    await asyncio.sleep(0)
    ended = await outcomes(store.append(state("ann"), said(nonce), turn=late))
    await erasing
    await store._connector.clean()

    assert ended == {"LeaseLost": 1}
    assert nonce not in everything_under(path.parent)
    assert kept in everything_under(path.parent)
    assert (await store.load_versioned("ann")).version == 0


def everything_under(folder: Path) -> str:
    return "".join(file.read_bytes().decode("latin-1") for file in sorted(folder.rglob("*")) if file.is_file())


async def test_what_a_reader_keeps_in_the_log_is_gone_once_it_ends(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot.stores.sqlite, "CLEANING_PAUSE_S", 0.0)
    await store.append(state("ann"), said("n0nce-7f3a9c"))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM events").fetchall()
        assert await store.erase("ann")
        reader.execute("ROLLBACK")

    await store.close()

    assert "n0nce-7f3a9c" not in everything_under(path.parent)


# F22, F23: a server that goes away


@pytest.fixture
async def shared(postgres: PostgresServer) -> AsyncIterator[ConversationStore]:
    store = ConversationStore(PostgresConnector(postgres.new_database(), pool_size=4))
    await store.open()
    yield store
    await store.close()


def all_ids(store: ConversationStore, postgres: PostgresServer) -> list[str]:
    database = store._connector.name.rpartition("/")[2]
    return postgres.sql("SELECT external_id FROM inbox ORDER BY id", database)


async def test_what_was_acknowledged_before_a_server_crashed_is_there_once(
    shared: ConversationStore, postgres: PostgresServer
) -> None:
    acknowledged: list[str] = []
    going_on = True

    async def take_in(who: str) -> None:
        for number in range(10_000):
            while going_on:
                try:
                    await shared.inbox.accept(message(f"{who}-{number}", who))
                except StoreError:
                    continue
                acknowledged.append(f"{who}-{number}")
                break

    tasks = [asyncio.create_task(take_in(f"c{n}")) for n in range(4)]
    for _ in range(2):
        await until(lambda: len(acknowledged), len(acknowledged) + 40)
        await asyncio.to_thread(postgres.stop, "immediate")
        await asyncio.to_thread(postgres.start)
    await until(lambda: len(acknowledged), len(acknowledged) + 40)
    going_on = False
    await asyncio.gather(*tasks)

    there = all_ids(shared, postgres)
    assert set(acknowledged) <= set(there)
    assert len(there) == len(set(there))
    for who in (f"c{n}" for n in range(4)):
        theirs = [one for one in there if one.startswith(f"{who}-")]
        assert theirs == [f"{who}-{number}" for number in range(len(theirs))]


async def test_while_a_server_is_away_everyone_is_refused_in_bounded_time(
    postgres: PostgresServer,
) -> None:
    store = ConversationStore(PostgresConnector(postgres.new_database(), pool_size=4, patience_s=0.5))
    await store.open()
    await store.inbox.accept(message("first"))
    postgres.stop("immediate")
    try:
        started = time.monotonic()
        refused = await outcomes(*(store.inbox.accept(message(f"m{n}")) for n in range(20)), store.load("ann"))
        waited_s = time.monotonic() - started
    finally:
        postgres.start()

    assert refused == {"StoreError": 21}
    assert waited_s < 5
    assert (await store.inbox.accept(message("last"))).is_new
    assert all_ids(store, postgres) == ["first", "last"]
    await store.close()


async def test_a_commit_of_which_nobody_heard_is_not_made_twice(
    shared: ConversationStore, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    once, lost_answers = bot.stores.postgres._once, []

    async def lose_the_first_answer(engine: Any, work: Any) -> Any:
        result = await once(engine, work)
        if work not in lost_answers:
            lost_answers.append(work)
            raise ConnectionResetError("planted")
        return result

    monkeypatch.setattr(bot.stores.postgres, "_once", lose_the_first_answer)

    await shared.inbox.accept(message("m1"))
    held = await shared.hold("ben", wait_s=0)
    committed = await shared.append(
        state("ben", 1), said("b"), turn=TurnWrite(lease=held.lease, version=0, message=message("m2", "ben"))
    )
    claimed = await shared.inbox.claim()
    assert claimed is not None
    turn = TurnWrite(lease=claimed.lease, inbox_id=claimed.inbox_id, parts=({"text": "hi"},), deliver=True)
    await shared.append(state("ann", 1), said("a"), turn=turn)
    (part,) = await shared.outbox.take({"chat": 9})
    await shared.replace(state("cat", 1), said("c"))

    assert (claimed.attempts, claimed.message) == (1, message("m1"))
    assert committed.version == 1
    assert all_ids(shared, postgres) == ["m1", "m2"]
    assert await shared.events("ben") == said("b")
    assert await shared.events("ann") == said("a")
    assert await shared.events("cat") == said("c")
    assert part.payload == {"text": "hi"}
    assert len(lost_answers) > 6


async def test_connections_that_are_cut_are_replaced(shared: ConversationStore, postgres: PostgresServer) -> None:
    for number in range(5):
        postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kefu'")
        assert (await shared.inbox.accept(message(f"m{number}"))).is_new
        assert (await shared.load_versioned("ann")).version == 0


async def test_where_all_connections_are_taken_one_more_is_refused_in_bounded_time(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot.stores.postgres, "POOL_TIMEOUT_S", 0.2)
    store = ConversationStore(PostgresConnector(postgres.new_database(), pool_size=1))
    await store.open()
    slow = asyncio.create_task(
        store._connector.write(lambda connection: connection.execute(text("SELECT pg_sleep(1.5)")))
    )
    await asyncio.sleep(0.1)

    with pytest.raises(Overloaded, match="All connections of the conversation store are busy"):
        await store.load("ann")

    await slow
    assert (await store.load_versioned("ann")).version == 0
    await store.close()


async def test_more_operations_than_may_wait_are_refused(postgres: PostgresServer) -> None:
    store = ConversationStore(PostgresConnector(postgres.new_database(), pool_size=2, max_waiting=5))
    await store.open()

    ended = await outcomes(*(store.append(state(f"c{n}"), said("x")) for n in range(9)))

    assert ended == {"Committed": 5, "Overloaded": 4}
    await store.close()


async def test_a_statement_that_does_not_end_is_ended(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = {**bot.stores.postgres._SERVER_SETTINGS, "statement_timeout": "200"}
    monkeypatch.setattr(bot.stores.postgres, "_SERVER_SETTINGS", short)
    store = ConversationStore(PostgresConnector(postgres.new_database()))
    await store.open()

    def sleep(connection: Connection) -> None:
        connection.execute(text("SELECT pg_sleep(60)"))

    with pytest.raises(StoreError, match="statement timeout"):
        await store._connector.write(sleep)

    assert (await store.load_versioned("ann")).version == 0
    await store.close()


async def test_a_server_that_only_reads_refuses_and_is_written_again_afterwards(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    store = ConversationStore(PostgresConnector(url, patience_s=0.3))
    await store.open()
    await store.append(state("ann", 1), said("a"))
    postgres.sql(f"ALTER DATABASE {url.database} SET default_transaction_read_only = on")
    postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kefu'")

    with pytest.raises(StoreError, match="read-only transaction"):
        await store.append(state("ann", 2), said("b"))
    assert await store.load("ann") == state("ann", 1)
    postgres.sql(f"ALTER DATABASE {url.database} SET default_transaction_read_only = off")

    await until_written(store)
    assert await store.events("ann") == said("a", "c")
    await store.close()


async def until_written(store: ConversationStore) -> None:
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(StoreError):
                await store.append(state("ann", 3), said("c"))
                return


async def test_an_error_of_the_server_does_not_quote_what_a_customer_wrote(shared: ConversationStore) -> None:
    secret = "my-card-4111"  # noqa: S105 - what a customer might write

    def fail(connection: Connection) -> None:
        for _ in range(2):
            connection.execute(
                text("INSERT INTO conversations (sender_id, state, updated_at) VALUES (:who, '', 0)"), {"who": secret}
            )

    with pytest.raises(StoreError, match="duplicate key value") as error:
        await shared._connector.write(fail)

    assert secret not in str(error.value)


async def test_requests_that_are_given_up_leave_no_connection_behind(
    postgres: PostgresServer, moments: random.Random
) -> None:
    store = ConversationStore(PostgresConnector(postgres.new_database(), pool_size=3))
    await store.open()
    for number in range(60):
        task = asyncio.create_task(store.append(state(f"c{number % 5}"), said(str(number))))
        for _ in range(moments.randrange(12)):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    ended = await outcomes(*(store.append(state(f"d{n}"), said("x")) for n in range(30)))

    assert ended == {"Committed": 30}
    for n in range(5):
        loaded, events = await store.load_versioned(f"c{n}"), await store.events(f"c{n}")
        assert loaded.version == len(events), "a turn is whole or not at all"
    await store.close()
