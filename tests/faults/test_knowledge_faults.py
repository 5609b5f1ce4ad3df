"""The knowledge store under kill -9, on a full disk and behind another's lock: what was acknowledged is there."""

import contextlib
import random
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.knowledge_store import KnowledgeStore, KnowledgeStoreError, Put
from retrieval.knowledge_sync import sync_files
from retrieval.pair import Pair

ROOT = Path(__file__).resolve().parents[2]
WRITER = Path(__file__).with_name("knowledge_writer.py")
PATIENCE_S = 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "knowledge.db"


@pytest.fixture
def moments() -> random.Random:
    """When to kill; what is printed makes a failure happen again, as far as that can be."""
    seed = random.randrange(1 << 32)
    sys.stdout.write(f"seed={seed}\n")
    return random.Random(seed)


@contextlib.contextmanager
def writer(mode: str, *arguments: object) -> Iterator["subprocess.Popen[str]"]:
    """A process that writes, killed at the end of the block if it still lives."""
    command = [sys.executable, str(WRITER), mode, *map(str, arguments)]
    with subprocess.Popen(
        command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: "subprocess.Popen[str]", count: int) -> list[str]:
    """The next lines of it."""
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


def rest(process: "subprocess.Popen[str]") -> list[str]:
    """Kills it; what it still said. A last line without its end was not said."""
    process.kill()
    assert process.stdout is not None
    return [line.strip() for line in process.stdout if line.endswith("\n")]


def pair(pair_id: str, answer: str = "a") -> Pair:
    return Pair(id=pair_id, question=f"{pair_id}?", answer=answer)


def check_whole(path: Path) -> None:
    """The file is sound, its revisions are without gap, and each pair is what its last revision says."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        revisions = connection.execute("SELECT seq, pair_id, version, data FROM revisions ORDER BY seq").fetchall()
        pairs = connection.execute("SELECT id, version, data FROM pairs ORDER BY id").fetchall()
    assert [seq for seq, *_ in revisions] == list(range(1, len(revisions) + 1))
    last: dict[str, tuple[int, str | None]] = {}
    for _, pair_id, version, data in revisions:
        assert version == last.get(pair_id, (0, None))[0] + 1
        last[pair_id] = (version, data)
    assert pairs == [(pair_id, *last[pair_id]) for pair_id in sorted(last)]


def lost(path: Path, acknowledged: list[str]) -> list[str]:
    """What was acknowledged and is not there."""
    with KnowledgeStore(path) as store:
        there = {f"{revision.pair_id} {revision.version}" for revision in store.since(0, 1_000_000)}
    return [line for line in acknowledged if line not in there]


# kill -9


def test_edits_of_two_processes_that_are_killed_are_there_once_acknowledged(path: Path, moments: random.Random) -> None:
    acknowledged: list[str] = []
    for number in range(4):
        with writer("edit", path, f"a{number}") as one, writer("edit", path, f"b{number}") as other:
            acknowledged += said(one, 1) + said(other, 1)
            acknowledged += said(one, moments.randrange(40))
            acknowledged += rest(one)
            acknowledged += said(other, 3)  # the one that lives goes on where the dead one held the lock
            acknowledged += rest(other)
        check_whole(path)

    assert len(set(acknowledged)) == len(acknowledged) > 20
    assert lost(path, acknowledged) == []


def test_a_writer_that_acknowledges_too_early_is_found_out(path: Path) -> None:
    with writer("lie", path, "a") as process:
        assert said(process, 1) == ["opened"]
        acknowledged = said(process, 1)
        rest(process)

    assert lost(path, acknowledged) == ["a-000001 1"]
    check_whole(path)


@pytest.mark.parametrize("how", ["import", "files"])
@pytest.mark.parametrize("cache_kib", [64, 65_536], ids=["written as it comes", "written at the end"])
def test_what_is_taken_over_by_a_killed_process_is_there_as_a_whole_or_not_at_all(
    path: Path, moments: random.Random, how: str, cache_kib: int
) -> None:
    count, steps = 6_000, 12
    with KnowledgeStore(path) as store:
        (store.change([Put(pair("n000000", "old"), "x")]) if how == "import" else sync_files(store, [pair("n000000")]))
    whole = 0
    for number in range(4):
        before = contents(path)
        with writer("take over", path, how, cache_kib, count, number) as process:
            lines = said(process, steps + 1 if number == 3 else moments.randrange(1, steps + 2))
            lines += rest(process)
        after = contents(path)
        written = {f"n{n:06d}": str(number) * 300 for n in range(count)}
        assert after in (before, written)
        assert after == written or "done" not in lines
        whole += after == written
        check_whole(path)
    assert whole < 4, "none was killed in its work"

    with writer("take over", path, how, cache_kib, count, "z") as process:
        assert said(process, steps + 2)[-1] == "done"
    assert contents(path) == {f"n{n:06d}": "z" * 300 for n in range(count)}


def contents(path: Path) -> dict[str, str]:
    with KnowledgeStore(path) as store:
        return {one.id: one.answer for one in store.pairs()}


def test_a_process_that_is_killed_while_it_makes_a_store_leaves_none_or_a_whole_one(
    tmp_path: Path, moments: random.Random
) -> None:
    for number in range(4):
        folder = tmp_path / str(number)
        folder.mkdir()
        with writer("make", folder) as process:
            said(process, moments.randrange(1, 8))
            rest(process)
        for path in folder.glob("*.db"):
            with KnowledgeStore(path) as store:
                assert store.count() == 0
        with KnowledgeStore(folder / "9999.db") as store:
            assert store.change([Put(pair("a"), "x")]) == 1


def test_no_count_of_two_processes_is_lost(path: Path) -> None:
    times = 60
    with writer("count", path, times) as one, writer("count", path, times) as other:
        assert said(one, 1) + said(other, 1) == ["done", "done"]

    with KnowledgeStore(path) as store:
        stored = store.get("n")
    assert stored is not None
    assert (stored.pair.answer, stored.version) == (str(2 * times), 2 * times)
    check_whole(path)


# No room


def test_a_file_that_may_not_grow_is_an_error_and_nothing_is_written(path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with KnowledgeStore(path) as store:
        store.change([Put(pair("a"), "x")])
        size = path.stat().st_size
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 40_000, hard))
            with pytest.raises(KnowledgeStoreError, match="Nothing was written"):
                store.change(Put(pair(f"n{n:04d}", "x" * 500), "x") for n in range(5_000))
            assert list(store.pairs()) == [pair("a")]
            assert store.change([Put(pair("b"), "x")]) == 1
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert store.change(Put(pair(f"n{n:04d}", "x" * 500), "x") for n in range(1_000)) == 1_000
    check_whole(path)


def test_a_full_disk_is_an_error_and_nothing_is_written(path: Path) -> None:
    with KnowledgeStore(path) as store:
        store.change([Put(pair("a"), "x")])
        with store._connection.begin():
            pages = store._connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            store._connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 3}")

        with pytest.raises(KnowledgeStoreError, match=r"full\. Nothing was written; make room on the disk"):
            store.change(Put(pair(f"n{n:04d}", "x" * 500), "x") for n in range(5_000))

        assert list(store.pairs()) == [pair("a")]
        assert store.change([Put(pair("b"), "x")]) == 1
    check_whole(path)


# Locks of others


@pytest.fixture
def store(path: Path) -> Iterator[KnowledgeStore]:
    with KnowledgeStore(path, busy_timeout_s=0.05) as store:
        store.change([Put(pair("a"), "x")])
        store.data_version()
        yield store
    check_whole(path)


@pytest.fixture
def other(path: Path, store: KnowledgeStore) -> Iterator[sqlite3.Connection]:
    """Another program with the same file."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def test_while_another_writes_reads_go_on_and_edits_are_refused_with_the_reason(
    store: KnowledgeStore, other: sqlite3.Connection
) -> None:
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(KnowledgeStoreError, match=r"locked\. Another process is writing to it; try again"):
        store.change([Put(pair("b"), "x")])
    assert list(store.pairs()) == [pair("a")]

    other.execute("ROLLBACK")
    assert store.change([Put(pair("b"), "x")]) == 1


def test_while_another_commits_nothing_new_is_known_yet(store: KnowledgeStore, other: sqlite3.Connection) -> None:
    before = store.data_version()
    other.execute("BEGIN EXCLUSIVE")
    other.execute("UPDATE pairs SET at = 7")

    assert store.data_version() == before
    with pytest.raises(KnowledgeStoreError, match="locked"):
        store.get("a")

    other.execute("COMMIT")
    assert store.data_version() != before
    stored = store.get("a")
    assert stored is not None
    assert stored.at == 7


def test_a_reader_that_does_not_end_holds_up_a_commit_which_then_leaves_nothing(
    store: KnowledgeStore, other: sqlite3.Connection
) -> None:
    other.execute("BEGIN")
    other.execute("SELECT * FROM pairs").fetchone()

    with pytest.raises(KnowledgeStoreError, match="locked"):
        store.change([Put(pair("b"), "x")])
    assert list(store.pairs()) == [pair("a")]

    other.execute("COMMIT")
    assert store.change([Put(pair("b"), "x")]) == 1


def test_a_store_that_is_locked_when_it_is_opened_says_so(
    store: KnowledgeStore, other: sqlite3.Connection, path: Path
) -> None:
    other.execute("BEGIN EXCLUSIVE")

    with pytest.raises(KnowledgeStoreError, match=r"cannot be opened: .*locked\. Another process is writing to it"):
        KnowledgeStore(path, busy_timeout_s=0.05)

    other.execute("ROLLBACK")


def test_opening_a_store_does_not_drop_the_lock_that_this_process_holds_on_it(
    store: KnowledgeStore, other: sqlite3.Connection, path: Path
) -> None:
    other.execute("BEGIN IMMEDIATE")
    KnowledgeStore(path, busy_timeout_s=0.05).close()

    with writer("lie", path, "b") as process:  # another process: it must wait for the lock, and is killed waiting
        assert said(process, 1) == ["opened"]
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        assert rest(process) == []
    other.execute("ROLLBACK")
