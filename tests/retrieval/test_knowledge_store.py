"""The knowledge store: edits under versions, all or nothing, a whole history, and never over another's file."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from retrieval import knowledge_schema
from retrieval.knowledge_edits import BATCH
from retrieval.knowledge_store import (
    Edit,
    KnowledgeStore,
    KnowledgeStoreError,
    Put,
    Remove,
    Revision,
    Stored,
    UnknownVersion,
    VersionConflict,
)
from retrieval.pair import Pair, PairButton

FULL = Pair(
    id="faq/ask_x",
    question="Open when? 你好 😀",
    answer="From 9.\n\n**Daily** '; DROP TABLE pairs; --",
    also_asked=("hours?", "100 % _sure_"),
    intent="opening_hours",
    tags=("a", "b c"),
    locale="en",
    source="chat",
    valid_from="2026-01-01",
    valid_until="2026-12-31",
    buttons=(PairButton(title="Map", payload="/map"),),
    images=("https://shop.example/a.png",),
    updated_at="2026-03-31",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "knowledge.db"


@pytest.fixture
def clock() -> list[float]:
    """Its one value is what time it is."""
    return [100.0]


@pytest.fixture
def store(path: Path, clock: list[float]) -> Iterator[KnowledgeStore]:
    with KnowledgeStore(path, now=lambda: clock[0]) as opened:
        yield opened


def pair(pair_id: str, answer: str = "yes", **values: Any) -> Pair:
    return Pair(id=pair_id, question=f"{pair_id}?", answer=answer, **values)


def put(pair_id: str, answer: str = "yes", expected: int | None = None) -> Put:
    return Put(pair(pair_id, answer), "ann", expected)


def sql(path: Path, *statements: str) -> list[tuple[Any, ...]]:
    """What another program reads from the file, or does to it."""
    found: list[tuple[Any, ...]] = []
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            found = connection.execute(statement).fetchall()
        connection.commit()
    return found


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


# Edits


def test_what_was_put_is_read_back_with_who_and_when(store: KnowledgeStore) -> None:
    assert store.change([Put(FULL, "ann", note="first")]) == 1

    assert store.get("faq/ask_x") == Stored(pair=FULL, version=1, by="ann", at=100.0)
    assert store.history("faq/ask_x") == [
        Revision(seq=1, pair_id="faq/ask_x", version=1, pair=FULL, by="ann", at=100.0, note="first")
    ]


def test_a_new_store_is_empty(store: KnowledgeStore) -> None:
    assert (store.get("a"), store.page(), list(store.pairs()), store.count()) == (None, [], [], 0)
    assert (store.latest_seq(), store.since(0, 10), store.history("a")) == (0, [], [])


def test_each_change_is_a_revision_with_the_next_version(store: KnowledgeStore, clock: list[float]) -> None:
    store.change([put("a")])
    clock[0] = 200.0
    store.change([Put(pair("a", "no"), "bob"), put("b")])
    store.change([Remove("a", "cy", note="old")])

    assert store.get("a") is None
    assert [(r.seq, r.version, r.pair and r.pair.answer, r.by, r.at, r.note) for r in store.history("a")] == [
        (1, 1, "yes", "ann", 100.0, ""),
        (2, 2, "no", "bob", 200.0, ""),
        (4, 3, None, "cy", 200.0, "old"),
    ]
    assert store.count() == 1


def test_what_changes_nothing_makes_no_revision(store: KnowledgeStore) -> None:
    store.change([Put(FULL, "ann")])

    assert store.change([Put(FULL, "bob", note="again"), Remove("nobody", "bob")]) == 0
    assert store.change([]) == 0
    assert store.latest_seq() == 1
    assert store.get("faq/ask_x") == Stored(pair=FULL, version=1, by="ann", at=100.0)


def test_a_removed_pair_may_come_back_and_its_versions_go_on(store: KnowledgeStore) -> None:
    store.change([put("a")])
    store.change([Remove("a", "ann")])
    assert store.change([Remove("a", "ann")]) == 0
    store.change([put("a", expected=0)])

    assert [(r.version, r.pair is None) for r in store.history("a")] == [(1, False), (2, True), (3, False)]
    stored = store.get("a")
    assert stored is not None
    assert stored.version == 3


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (put("a", "no", expected=1), 2),
        (put("a", "no", expected=3), 2),
        (put("a", "no", expected=0), 2),
        (put("gone", "no", expected=1), 0),
        (put("never", "no", expected=1), 0),
        (Remove("a", "ann", 1), 2),
        (Remove("gone", "ann", 1), 0),
        (Remove("never", "ann", 1), 0),
    ],
)
def test_an_edit_that_expected_another_version_is_refused_and_says_what_it_found(
    store: KnowledgeStore, edit: Edit, found: int
) -> None:
    store.change([put("a"), put("a", "yes!"), put("gone"), Remove("gone", "ann")])
    seq = store.latest_seq()

    with pytest.raises(VersionConflict) as error:
        store.change([edit])

    assert (error.value.pair_id, error.value.expected, error.value.found) == (
        edit.pair_id,
        edit.expected_version,
        found,
    )
    assert repr(edit.pair_id) in str(error.value)
    assert store.latest_seq() == seq


def test_the_expected_version_lets_an_edit_through(store: KnowledgeStore) -> None:
    store.change([put("a", expected=0)])
    store.change([put("a", "no", expected=1)])
    store.change([Remove("a", "ann", 2)])

    assert [r.version for r in store.history("a")] == [1, 2, 3]


def test_one_edit_that_fails_undoes_all_before_it_in_every_batch(store: KnowledgeStore) -> None:
    store.change([put("a")])

    def edits() -> Iterator[Edit]:
        yield from (put(f"n{number:05d}") for number in range(3 * BATCH))
        yield put("a", "no", expected=7)

    with pytest.raises(VersionConflict):
        store.change(edits())

    assert [p.id for p in store.pairs()] == ["a"]
    assert store.latest_seq() == 1
    store.change([put("b")])
    assert store.latest_seq() == 2


def test_a_stream_that_breaks_leaves_nothing(store: KnowledgeStore) -> None:
    def edits() -> Iterator[Edit]:
        yield from (put(f"n{number:05d}") for number in range(BATCH + 1))
        raise RuntimeError("planted")

    with pytest.raises(RuntimeError, match="planted"):
        store.change(edits())

    assert store.count() == 0
    assert store.change([put("a")]) == 1


def test_edits_of_one_pair_in_one_change_follow_each_other(store: KnowledgeStore) -> None:
    edits: list[Edit] = [put("a"), put("a", "no", expected=1), Remove("a", "ann", 2), put("a", "yes", expected=0)]

    assert store.change(edits) == 4
    assert [(r.version, r.pair and r.pair.answer) for r in store.history("a")] == [
        (1, "yes"),
        (2, "no"),
        (3, None),
        (4, "yes"),
    ]


def test_of_edits_made_together_only_those_in_conflict_are_left_out(store: KnowledgeStore) -> None:
    store.change([put("a"), put("b")])

    made = store.change_each(
        [put("a", "no", expected=1), put("b", "no", expected=9), put("a"), put("b"), put("c", expected=0)]
    )

    assert [m.version if isinstance(m, Revision) else m and (m.pair_id, m.found) for m in made] == [
        2,
        ("b", 1),
        3,
        None,
        1,
    ]
    assert made[0] == store.history("a")[1]
    assert [r.seq for r in store.since(2, 10)] == [3, 4, 5]
    assert store.change_each([]) == []


def test_revert_makes_a_pair_what_it_was_as_a_new_version(store: KnowledgeStore) -> None:
    store.change([put("a", "one"), put("a", "two"), Remove("a", "ann")])

    assert store.revert("a", 1, "bob") == 1
    assert store.revert("a", 1, "bob") == 0
    assert store.get("a") == Stored(pair=pair("a", "one"), version=4, by="bob", at=100.0)
    assert store.history("a")[3].note == "as in version 1"

    assert store.revert("a", 3, "bob") == 1
    assert store.get("a") is None


@pytest.mark.parametrize(("pair_id", "version"), [("a", 2), ("a", 0), ("nobody", 1)])
def test_a_version_that_never_was_cannot_come_back(store: KnowledgeStore, pair_id: str, version: int) -> None:
    store.change([put("a")])

    with pytest.raises(UnknownVersion, match=f"{pair_id!r} has no version {version}"):
        store.revert(pair_id, version, "ann")


def test_revert_too_expects_a_version(store: KnowledgeStore) -> None:
    store.change([put("a", "one"), put("a", "two")])

    with pytest.raises(VersionConflict):
        store.revert("a", 1, "bob", expected_version=1)

    assert store.revert("a", 1, "bob", expected_version=2) == 1


# Reading


def test_pages_follow_each_other_by_id_and_show_every_pair_once(store: KnowledgeStore) -> None:
    ids = sorted([f"n{number:04d}" for number in range(BATCH + 7)] + ["faq/ask", "Ä", "你", "z z"])
    store.change(put(pair_id) for pair_id in reversed(ids))
    store.change([Remove("n0003", "ann")])
    ids.remove("n0003")

    seen: list[str] = []
    while page := store.page(seen[-1] if seen else "", 100):
        seen += [stored.pair.id for stored in page]

    assert seen == ids
    assert [p.id for p in store.pairs()] == ids
    assert store.count() == len(ids)


def test_filters_are_those_of_a_plain_look_at_each_pair(store: KnowledgeStore) -> None:
    pairs = [
        pair(
            f"n{number:04d}",
            "Straße Löwe" if number % 5 == 0 else "x",
            tags=("t",) if number % 2 else ("tt", "u"),
            locale="en" if number % 3 else "zh-CN",
            intent="i" if number % 4 else "",
            source="s" if number % 7 else "chat",
            also_asked=("ÄRGER",) if number % 11 == 0 else (),
        )
        for number in range(2 * BATCH)
    ]
    store.change(Put(p, "ann") for p in pairs)
    cases: list[tuple[dict[str, str], Any]] = [
        ({"tag": "t"}, lambda p: "t" in p.tags),
        ({"locale": "zh-cn"}, lambda p: p.locale == "zh-CN"),
        ({"intent": "i"}, lambda p: p.intent == "i"),
        ({"source": "chat"}, lambda p: p.source == "chat"),
        ({"search": "löwe"}, lambda p: "Löwe" in p.answer),
        ({"search": "ärger"}, lambda p: p.also_asked),
        ({"search": "N0007"}, lambda p: "n0007" in p.question),
        ({"search": "100 %"}, lambda _: False),
        (
            {"tag": "u", "locale": "en", "source": "chat"},
            lambda p: "u" in p.tags and p.locale == "en" and p.source == "chat",
        ),
    ]

    for filters, wanted in cases:
        found = [stored.pair for stored in store.page("", 10_000, **filters)]
        assert found == [p for p in pairs if wanted(p)], filters
        assert [s.pair for s in store.page("n0400", 3, **filters)] == [
            p for p in pairs if p.id > "n0400" and wanted(p)
        ][:3]


def test_since_gives_changes_in_their_order_and_no_more_than_asked(store: KnowledgeStore) -> None:
    store.change([put("a"), put("b"), put("c"), Remove("a", "ann")])

    assert [(r.seq, r.pair_id, r.pair is None) for r in store.since(1, 2)] == [(2, "b", False), (3, "c", False)]
    assert [(r.seq, r.pair_id, r.pair is None) for r in store.since(3, 100)] == [(4, "a", True)]
    assert store.since(store.latest_seq(), 100) == []


def test_the_data_version_tells_own_changes_and_those_of_others(store: KnowledgeStore, path: Path) -> None:
    def version_changes(change: Any) -> bool:
        before = store.data_version()
        assert store.data_version() == before
        change()
        return store.data_version() != before

    with KnowledgeStore(path) as other:
        assert version_changes(lambda: store.change([put("a")]))
        assert version_changes(lambda: other.change([put("b")]))
        assert version_changes(lambda: store.change([put("c")]))
        assert version_changes(lambda: other.revert("b", 1, "x") or other.change([Remove("b", "x")]))
        assert not version_changes(other.page)
        assert not version_changes(store.page)


def test_versions_that_were_seen_do_not_come_back(store: KnowledgeStore, path: Path) -> None:
    seen = [store.data_version()]
    with KnowledgeStore(path) as other:
        for number in range(20):
            (store if number % 3 else other).change([put(f"n{number}")])
            seen.append(store.data_version())

    assert len(set(seen)) == len(seen)


# The file


def test_everything_is_there_after_a_restart(path: Path) -> None:
    with KnowledgeStore(path) as first:
        first.change([put("a"), Put(FULL, "bob")])

    with KnowledgeStore(path) as second:
        assert list(second.pairs()) == [pair("a"), FULL]
        second.change([put("a", "no", expected=1)])
        assert second.latest_seq() == 3


def test_a_change_is_seen_by_another_store_at_once(store: KnowledgeStore, path: Path) -> None:
    with KnowledgeStore(path) as other:
        store.change([put("a")])
        assert list(other.pairs()) == [pair("a")]
        other.change([put("a", "no", expected=1)])
        with pytest.raises(VersionConflict):
            store.change([put("a", "maybe", expected=1)])


def test_each_commit_is_synced_and_no_write_ahead_log_is_used(store: KnowledgeStore, path: Path) -> None:
    store.change([put("a")])
    connection = store._connection

    with connection.begin():
        set_to = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "user_version")
        }

    assert set_to == {
        "journal_mode": "truncate",
        "synchronous": 2,  # FULL
        "busy_timeout": 5000,
        "user_version": len(knowledge_schema.STEPS),
    }
    assert sql(path, "PRAGMA journal_mode") == [("delete",)]


def test_an_edit_of_a_file_that_was_replaced_meanwhile_is_refused(
    store: KnowledgeStore, path: Path, tmp_path: Path
) -> None:
    store.change([put("a")])
    assert store.is_in_place()
    with KnowledgeStore(tmp_path / "backup.db") as backup:
        backup.change([put("b")])
    (tmp_path / "backup.db").replace(path)

    assert not store.is_in_place()
    with pytest.raises(
        KnowledgeStoreError, match=r"its file was moved\. It was moved away or replaced while it was open"
    ):
        store.change([put("c")])
    with KnowledgeStore(path) as restored:
        assert list(restored.pairs()) == [pair("b")]
    path.unlink()
    assert not store.is_in_place()


def test_a_new_store_appears_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        assert not path.exists()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(knowledge_schema, "STEPS", (fail,))

    with pytest.raises(KnowledgeStoreError, match=r"cannot be opened: .*No space left on device"):
        KnowledgeStore(path)

    assert names(path.parent) == []


def test_who_comes_second_at_making_the_store_uses_the_first_ones(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = knowledge_schema._link

    def be_late(part: Path, target: Path) -> None:
        monkeypatch.setattr(knowledge_schema, "_link", make)
        with KnowledgeStore(path) as first:
            first.change([put("a")])
        make(part, target)

    monkeypatch.setattr(knowledge_schema, "_link", be_late)

    with KnowledgeStore(path) as second:
        assert list(second.pairs()) == [pair("a")]
    assert set(names(path.parent)) <= {path.name, f"{path.name}-journal"}


def test_a_folder_with_signs_of_an_address_in_its_name_is_made_and_used(tmp_path: Path) -> None:
    path = tmp_path / "a?b=c" / "50%25 #x" / "knowledge.db"

    with KnowledgeStore(path) as store:
        store.change([put("a")])

    assert path.is_file()


def refusal(path: Path) -> str:
    """What is said of a file that must not be opened, once it is certain that nothing was done to it."""
    before, beside = path.read_bytes(), names(path.parent)
    with pytest.raises(KnowledgeStoreError) as error:
        KnowledgeStore(path)
    assert path.read_bytes() == before
    assert names(path.parent) == beside
    assert str(path) in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (b"", "it is empty"),
        (b"hi", "not a database"),
        (b"This is a shopping list.\n" * 100, "not a database"),
        (bytes(8192), "not a database"),
        (b"SQLite format 2\0" + bytes(5000), "not a database"),
        (b"SQLite format 3\0" + bytes(100), "not a database"),
    ],
    ids=["nothing", "a few bytes", "a text", "zeros", "another format", "only the first words"],
)
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(path: Path, written: bytes, problem: str) -> None:
    path.write_bytes(written)

    said = refusal(path)

    assert problem in said
    assert "restore a backup over it" in said


@pytest.mark.parametrize(
    "made",
    [
        ("CREATE TABLE t (x)",),
        ("CREATE TABLE t (x)", "PRAGMA user_version = 1"),
        ("CREATE TABLE t (x)", "PRAGMA user_version = 77"),
        ("CREATE TABLE t (x)", "PRAGMA journal_mode = WAL"),
        ("CREATE TABLE pairs (id, what)", "CREATE TABLE revisions (seq)", "PRAGMA user_version = 1"),
    ],
)
def test_a_database_of_something_else_is_refused_and_left_as_it_is(path: Path, made: tuple[str, ...]) -> None:
    sql(path, *made)

    assert "it is the database of another program" in refusal(path)


def filled(path: Path, count: int = 2000) -> Path:
    with KnowledgeStore(path) as store:
        store.change(put(f"n{number:05d}", "x" * 200) for number in range(count))
    return path


@pytest.mark.parametrize("share", [0.001, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("checked_bytes", [knowledge_schema.MAX_CHECKED_BYTES, 0], ids=["checked whole", "sampled"])
def test_a_truncated_store_is_refused_and_left_as_it_is(
    path: Path, share: float, checked_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knowledge_schema, "MAX_CHECKED_BYTES", checked_bytes)
    whole = filled(path).read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])

    said = refusal(path)

    assert "malformed" in said or "not a database" in said
    assert "restore a backup over it" in said


@pytest.mark.parametrize("page", [1, 2, 3, 4, 40])
def test_a_store_with_a_page_of_noise_is_refused_and_left_as_it_is(path: Path, page: int) -> None:
    whole = bytearray(filled(path).read_bytes())
    whole[(page - 1) * 4096 : page * 4096] = bytes((7 * index + 3) % 256 for index in range(4096))
    path.write_bytes(whole)

    assert "restore a backup over it" in refusal(path)


def test_damage_that_is_met_later_says_what_to_do(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knowledge_schema, "MAX_CHECKED_BYTES", 0)
    whole = bytearray(filled(path).read_bytes())
    middle = len(whole) // 4096 // 3
    for page in range(middle, 2 * middle):
        whole[page * 4096 : (page + 1) * 4096] = b"\x77" * 4096
    path.write_bytes(whole)

    with (
        KnowledgeStore(path) as store,
        pytest.raises(KnowledgeStoreError, match=r"malformed\. It is damaged: restore a backup"),
    ):
        list(store.pairs())


def test_a_folder_in_the_files_place_is_refused(path: Path) -> None:
    path.mkdir()

    with pytest.raises(KnowledgeStoreError, match="it is not a file"):
        KnowledgeStore(path)

    assert names(path) == []


def test_a_store_of_a_newer_kefu_is_refused_and_left_as_it_is(path: Path) -> None:
    filled(path, 1)
    sql(path, f"PRAGMA user_version = {len(knowledge_schema.STEPS) + 1}")

    assert "written by a newer Kefu" in refusal(path)


def test_a_store_of_an_older_kefu_is_brought_up_to_date(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(path, 3)

    def add_table(connection: Any) -> None:
        connection.exec_driver_sql("CREATE TABLE added (n INTEGER)")
        connection.exec_driver_sql("INSERT INTO added SELECT count(*) FROM pairs")

    monkeypatch.setattr(knowledge_schema, "STEPS", (*knowledge_schema.STEPS, add_table))
    for _ in range(2):
        with KnowledgeStore(path) as store:
            assert store.count() == 3

    assert sql(path, "SELECT n FROM added") == [(3,)]
    assert sql(path, "PRAGMA user_version") == [(len(knowledge_schema.STEPS),)]


def test_an_update_that_fails_leaves_the_older_store(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(path, 3)

    def fail(connection: Any) -> None:
        connection.exec_driver_sql("DELETE FROM pairs")
        connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)")

    monkeypatch.setattr(knowledge_schema, "STEPS", (*knowledge_schema.STEPS, fail))
    with pytest.raises(KnowledgeStoreError, match="no such table: nowhere"):
        KnowledgeStore(path)
    monkeypatch.undo()

    with KnowledgeStore(path) as store:
        assert store.count() == 3


def test_an_error_of_the_file_does_not_quote_what_is_stored(store: KnowledgeStore, path: Path) -> None:
    sql(path, "CREATE TRIGGER plant BEFORE INSERT ON revisions BEGIN SELECT RAISE(ABORT, 'planted'); END")

    with pytest.raises(KnowledgeStoreError, match="planted") as error:
        store.change([put("a", "a secret")])

    assert str(path) in str(error.value)
    assert "secret" not in f"{error.value} {error.value.__cause__}"
    assert store.get("a") is None


# Everything together, against a dict

IDS = st.sampled_from(["a", "b", "faq/c"])
ANSWERS = st.sampled_from(["one", "two", "three"])
VERSIONS = st.none() | st.integers(min_value=0, max_value=6)


class Model(RuleBasedStateMachine):
    """Does to a store and to lists in a dict the same, and finds the same in both."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.histories: dict[str, list[str | None]] = {}
        self.seq = 0

    @initialize()
    def begin(self) -> None:
        self.path.unlink(missing_ok=True)
        self.store = KnowledgeStore(self.path)

    def teardown(self) -> None:
        self.store.close()

    def standing(self, pair_id: str) -> int:
        history = self.histories.get(pair_id, [])
        return len(history) if history and history[-1] is not None else 0

    def expect(self, pair_id: str, answer: str | None, expected: int | None) -> tuple[int | None, int]:
        """The version that is in the way, if one is, and how many revisions are made."""
        if expected is not None and expected != self.standing(pair_id):
            return self.standing(pair_id), 0
        history = self.histories.setdefault(pair_id, [])
        if (history[-1] if history else None) == answer:
            return None, 0
        history.append(answer)
        self.seq += 1
        return None, 1

    @rule(pair_id=IDS, answer=st.none() | ANSWERS, expected=VERSIONS)
    def edit(self, pair_id: str, answer: str | None, expected: int | None) -> None:
        edit = Remove(pair_id, "x", expected) if answer is None else put(pair_id, answer, expected)
        in_the_way, made = self.expect(pair_id, answer, expected)
        if in_the_way is None:
            assert self.store.change([edit]) == made
        else:
            with pytest.raises(VersionConflict) as error:
                self.store.change([edit])
            assert error.value.found == in_the_way

    @rule(edits=st.lists(st.tuples(IDS, st.none() | ANSWERS, VERSIONS), max_size=6), each=st.booleans())
    def edit_many(self, edits: list[tuple[str, str | None, int | None]], each: bool) -> None:
        written: list[Edit] = [Remove(i, "x", e) if a is None else put(i, a, e) for i, a, e in edits]
        before = {pair_id: list(history) for pair_id, history in self.histories.items()}, self.seq
        outcomes = [self.expect(*edit) for edit in edits] if each else []
        if each:
            made = self.store.change_each(written)
            assert [isinstance(m, Revision) for m in made] == [bool(count) for _, count in outcomes]
            assert [m.found if isinstance(m, VersionConflict) else None for m in made] == [
                found for found, _ in outcomes
            ]
            return
        total = 0
        for edit in edits:
            in_the_way, count = self.expect(*edit)
            if in_the_way is not None:
                self.histories, self.seq = before
                with pytest.raises(VersionConflict):
                    self.store.change(iter(written))
                return
            total += count
        assert self.store.change(iter(written)) == total

    @rule(pair_id=IDS, version=st.integers(min_value=1, max_value=5))
    def revert(self, pair_id: str, version: int) -> None:
        history = self.histories.get(pair_id, [])
        if version > len(history):
            with pytest.raises(UnknownVersion):
                self.store.revert(pair_id, version, "x")
        else:
            assert self.store.revert(pair_id, version, "x") == self.expect(pair_id, history[version - 1], None)[1]

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = KnowledgeStore(self.path)

    @invariant()
    def same(self) -> None:
        if not hasattr(self, "store"):
            return
        standing = {i: h[-1] for i, h in sorted(self.histories.items()) if h and h[-1] is not None}
        assert {p.id: p.answer for p in self.store.pairs()} == standing
        assert self.store.count() == len(standing)
        assert self.store.latest_seq() == self.seq
        for pair_id, history in self.histories.items():
            assert [r.pair and r.pair.answer for r in self.store.history(pair_id)] == history
        assert [r.seq for r in self.store.since(0, 10_000)] == list(range(1, self.seq + 1))


def test_whatever_is_done_the_store_is_what_a_dict_of_lists_is(tmp_path: Path) -> None:
    run_state_machine_as_test(
        lambda: Model(tmp_path / "knowledge.db"),
        settings=settings(
            max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
