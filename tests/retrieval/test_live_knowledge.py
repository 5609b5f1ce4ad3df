"""What is edited in the store is found by the next search, a little at a time, and whatever the store goes through."""

import contextlib
import hashlib
import itertools
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlu.encoder import FloatArray
from retrieval import Pair, Query, Retriever, live_knowledge
from retrieval.knowledge_store import Edit, KnowledgeStore, KnowledgeStoreError, Put, Remove
from retrieval.live_knowledge import LiveKnowledge

DIMENSION = 12
BASE = [Pair(id=f"b{at}", question=f"base question {at}", answer=f"base answer {at}") for at in range(4)]


class Embedding:
    """A direction for each text, the same every time; notes the first text of each call, a pair's question."""

    def __init__(self) -> None:
        self.questions: list[str] = []

    def __call__(self, texts: Sequence[str]) -> FloatArray:
        self.questions.append(texts[0])
        rows = np.zeros((len(texts), DIMENSION))
        for at, text in enumerate(texts):
            seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
            rows[at] = np.random.default_rng(seed).normal(size=DIMENSION)
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "knowledge.db"


@pytest.fixture
def editor(path: Path) -> Iterator[KnowledgeStore]:
    """What another process has open: the store with the base in it."""
    with KnowledgeStore(path) as store:
        store.change(Put(pair, "files") for pair in BASE)
        yield store


@pytest.fixture
def embed() -> Embedding:
    return Embedding()


@pytest.fixture
def retriever() -> Retriever:
    return Retriever.build(BASE, Embedding(), dimension=DIMENSION)


@pytest.fixture
def live(retriever: Retriever, path: Path, embed: Embedding) -> LiveKnowledge:
    """Follows the store from the revision that the base was made of."""
    return LiveKnowledge(retriever, path, seq=len(BASE), embed=embed)


def put(pair_id: str, answer: str) -> Put:
    return Put(Pair(id=pair_id, question=f"{pair_id} question", answer=answer), "ann")


def found(retriever: Retriever, question: str) -> str:
    """The best answer to a question in the very words that are stored."""
    ((hit,),) = retriever.search([Query(text=question, embedding=Embedding()([question])[0])], 1)
    return hit.pair.answer


def answers(retriever: Retriever) -> dict[str, str]:
    return {pair.id: pair.answer for pair in retriever.pairs()}


# Following


def test_an_edit_in_another_instance_is_found_by_the_next_search(
    live: LiveKnowledge, retriever: Retriever, editor: KnowledgeStore
) -> None:
    assert found(retriever, "base question 1") == "base answer 1"

    editor.change([put("new", "added"), Put(BASE[1].with_values(answer="changed"), "ann")])
    assert live.catch_up()
    assert found(retriever, "new question") == "added"
    assert found(retriever, "base question 1") == "changed"

    editor.change([Remove("new", "ann"), Put(BASE[1].with_values(question="asked otherwise"), "ann")])
    assert live.catch_up()
    assert found(retriever, "asked otherwise") == "base answer 1"
    assert "new" not in answers(retriever)

    editor.revert("new", 1, "ann")
    assert live.catch_up()
    assert found(retriever, "new question") == "added"


def test_what_the_base_has_in_it_is_not_embedded_again(
    live: LiveKnowledge, editor: KnowledgeStore, embed: Embedding
) -> None:
    assert live.catch_up()
    assert (embed.questions, live.seq) == ([], len(BASE))


def test_an_edit_that_comes_to_what_is_known_already_is_not_embedded(
    live: LiveKnowledge, editor: KnowledgeStore, embed: Embedding
) -> None:
    editor.change([Remove("b0", "ann"), Put(BASE[0], "ann")])

    assert live.catch_up()
    assert (embed.questions, live.seq) == ([], len(BASE) + 2)


def test_while_there_is_no_store_none_is_made_and_one_that_appears_is_followed(
    retriever: Retriever, path: Path, embed: Embedding
) -> None:
    live = LiveKnowledge(retriever, path, seq=0, embed=embed)
    assert live.catch_up()
    assert not path.exists()

    with KnowledgeStore(path) as store:
        store.change([put("new", "added")])
        assert live.catch_up()
        assert found(retriever, "new question") == "added"
        store.change([put("new", "changed")])
        assert live.catch_up()
        assert found(retriever, "new question") == "changed"


def test_where_nothing_is_new_no_table_is_read(
    live: LiveKnowledge, editor: KnowledgeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor.change([put("new", "added")])
    assert live.catch_up()

    def read(*_: object) -> None:
        raise AssertionError("read")

    monkeypatch.setattr(KnowledgeStore, "_read", read)
    assert live.catch_up()
    editor.change([put("new", "changed")])
    with pytest.raises(AssertionError, match="read"):
        live.catch_up()


def test_only_the_newest_revision_of_a_pair_is_embedded(
    live: LiveKnowledge, retriever: Retriever, editor: KnowledgeStore, embed: Embedding
) -> None:
    for number in range(20):
        editor.change([put("often", str(number)), put("other", str(number // 19))])
    editor.change([put("short", "lived")])
    editor.change([Remove("short", "ann")])

    assert live.catch_up()

    assert embed.questions == ["often question", "other question"]
    assert found(retriever, "often question") == "19"
    assert found(retriever, "other question") == "1"
    assert "short" not in answers(retriever)


def test_more_than_are_read_at_once_are_all_taken_over(
    live: LiveKnowledge, retriever: Retriever, editor: KnowledgeStore
) -> None:
    editor.change(put(f"n{number:03d}", str(number)) for number in range(3 * live_knowledge._AT_ONCE + 1))

    assert live.catch_up(budget_s=None)

    assert len(retriever) == editor.count()
    assert answers(retriever) == {pair.id: pair.answer for pair in editor.pairs()}


# A little at a time


def test_without_a_budget_one_is_taken_over_each_time(
    live: LiveKnowledge, retriever: Retriever, editor: KnowledgeStore
) -> None:
    editor.change(put(f"n{number}", "a") for number in range(3))

    assert [(live.catch_up(budget_s=0.0), len(retriever)) for _ in range(4)] == [
        (False, 5),
        (False, 6),
        (True, 7),
        (True, 7),
    ]


@pytest.mark.parametrize("budget_s", [0.5, 1.5, 3.5])
def test_none_is_begun_once_the_budget_is_spent_but_one_always_is(
    live: LiveKnowledge,
    retriever: Retriever,
    editor: KnowledgeStore,
    monkeypatch: pytest.MonkeyPatch,
    budget_s: float,
) -> None:
    """Every look at the clock takes a second, so that even reading what is new takes longer than the least budget."""
    editor.change(put(f"n{number}", "a") for number in range(9))
    ticks = itertools.count()
    monkeypatch.setattr(live_knowledge, "time", SimpleNamespace(monotonic=lambda: float(next(ticks))))

    calls = 1
    while not live.catch_up(budget_s):
        before = len(retriever)
        calls += 1
        assert calls < 20, "it does not come on"
        assert before > len(BASE)

    assert len(retriever) == len(BASE) + 9
    assert calls > 1


def test_edits_that_come_while_others_wait_are_taken_over_too(
    live: LiveKnowledge, retriever: Retriever, editor: KnowledgeStore
) -> None:
    editor.change([put("a", "1"), put("b", "1"), put("c", "1")])
    assert not live.catch_up(budget_s=0.0)
    editor.change([put("a", "2"), Remove("b", "ann")])

    calls = [live.catch_up(budget_s=0.0) for _ in range(4)]

    assert calls[-1]
    assert {key: answer for key, answer in answers(retriever).items() if len(key) == 1} == {"a": "2", "c": "1"}


# What can go wrong


@pytest.fixture
def other(path: Path, editor: KnowledgeStore) -> Iterator[sqlite3.Connection]:
    """Another program with the same file."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def test_a_store_that_is_locked_when_it_is_first_met_costs_little_and_the_next_call_catches_up(
    live: LiveKnowledge, retriever: Retriever, editor: KnowledgeStore, other: sqlite3.Connection
) -> None:
    editor.change([put("new", "added")])
    other.execute("BEGIN EXCLUSIVE")
    started = time.monotonic()
    with pytest.raises(KnowledgeStoreError, match="locked"):
        live.catch_up()
    assert time.monotonic() - started < 1.0  # it would be 5 s with the store's own patience

    other.execute("ROLLBACK")
    assert live.catch_up()
    assert found(retriever, "new question") == "added"


def test_while_another_commits_answers_go_on_and_the_next_call_catches_up(
    live: LiveKnowledge, retriever: Retriever, editor: KnowledgeStore, other: sqlite3.Connection
) -> None:
    assert live.catch_up()
    editor.change([put("new", "added")])
    other.execute("BEGIN EXCLUSIVE")
    started = time.monotonic()
    assert live.catch_up()
    assert time.monotonic() - started < 1.0
    assert "new" not in answers(retriever)

    other.execute("ROLLBACK")
    assert live.catch_up()
    assert found(retriever, "new question") == "added"


@pytest.mark.parametrize("method", ["data_version", "latest_seq", "since"])
def test_a_lock_that_comes_at_any_step_loses_nothing(
    live: LiveKnowledge,
    retriever: Retriever,
    editor: KnowledgeStore,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    """The store's numbers lie below those of the base, as a new one's do."""
    live.seq = 100
    editor.change([put("new", "added"), Remove("b0", "ann")])
    real = getattr(KnowledgeStore, method)

    def locked(*_: object) -> None:
        monkeypatch.setattr(KnowledgeStore, method, real)
        raise KnowledgeStoreError("database is locked")

    monkeypatch.setattr(KnowledgeStore, method, locked)
    with pytest.raises(KnowledgeStoreError, match="locked"):
        live.catch_up()

    assert live.catch_up()
    assert answers(retriever) == {pair.id: pair.answer for pair in editor.pairs()}


def test_an_edit_that_cannot_be_embedded_now_is_taken_over_later(
    live: LiveKnowledge, retriever: Retriever, editor: KnowledgeStore, embed: Embedding
) -> None:
    editor.change([put("a", "1"), put("b", "1"), put("c", "1")])

    def fail_at_b(texts: Sequence[str]) -> FloatArray:
        if texts[0] == "b question":
            raise RuntimeError("no encoder")
        return embed(texts)

    live._embed = fail_at_b
    with pytest.raises(RuntimeError, match="no encoder"):
        live.catch_up()
    assert "a" in answers(retriever)

    live._embed = embed
    assert live.catch_up()
    assert answers(retriever) == {pair.id: pair.answer for pair in editor.pairs()}


def test_a_new_store_is_taken_over_whole_by_a_base_that_was_made_of_another(
    retriever: Retriever, path: Path, embed: Embedding
) -> None:
    live = LiveKnowledge(retriever, path, seq=1_000, embed=embed)
    with KnowledgeStore(path) as store:
        store.change([put("new", "added")])

    assert live.catch_up()
    assert live.seq == 1
    assert found(retriever, "new question") == "added"


def test_edits_of_a_store_that_was_restored_under_a_running_bot_are_taken_over(
    live: LiveKnowledge, retriever: Retriever, editor: KnowledgeStore, path: Path, tmp_path: Path
) -> None:
    with (
        contextlib.closing(sqlite3.connect(path)) as store,
        contextlib.closing(sqlite3.connect(tmp_path / "backup.db")) as backup,
    ):
        store.backup(backup)
    for number in range(10):
        editor.change([put("new", str(number))])
    assert live.catch_up()
    with (
        contextlib.closing(sqlite3.connect(path)) as store,
        contextlib.closing(sqlite3.connect(tmp_path / "backup.db")) as backup,
    ):
        backup.backup(store)

    editor.change([put("after", "restored")])
    assert live.catch_up()

    assert found(retriever, "after question") == "restored"


def test_a_store_that_is_put_in_the_place_of_the_open_one_is_taken_over(
    live: LiveKnowledge, retriever: Retriever, editor: KnowledgeStore, path: Path, tmp_path: Path
) -> None:
    editor.change([put("new", "lost"), put("new", "lost too")])
    assert live.catch_up()
    with KnowledgeStore(tmp_path / "backup.db") as backup:
        backup.change([*(Put(pair, "files") for pair in BASE[1:]), *(put("new", str(n)) for n in range(9))])
    (tmp_path / "backup.db").replace(path)

    assert live.catch_up()
    assert found(retriever, "new question") == "8"
    path.unlink()
    assert live.catch_up()
    assert found(retriever, "new question") == "8"
    assert not path.exists()


@pytest.mark.parametrize("data", ["{", "[1]", "{}", '{"id": "new", "question": "q", "answer": "a", "what": 1}'])
def test_a_revision_that_holds_no_pair_is_an_error_of_the_store(
    live: LiveKnowledge, editor: KnowledgeStore, other: sqlite3.Connection, data: str
) -> None:
    assert live.catch_up()
    editor.change([put("new", "added")])
    other.execute("UPDATE revisions SET data = ? WHERE pair_id = 'new'", [data])
    other.execute("UPDATE pairs SET data = ? WHERE id = 'new'", [data])

    reads: list[Any] = [live.catch_up, lambda: editor.get("new"), editor.page, lambda: editor.history("new")]
    for read in reads:
        with pytest.raises(KnowledgeStoreError, match=r"'new' .*restore a backup over it") as error:
            read()
        assert str(editor.path) in str(error.value)


# Everything together

IDS = st.sampled_from(["b0", "b1", "n0", "n1"])
EDITS: st.SearchStrategy[Edit] = st.builds(put, IDS, st.sampled_from("12")) | st.builds(Remove, IDS, st.just("ann"))
STEPS = st.lists(st.tuples(st.integers(0, 2), st.lists(EDITS, max_size=4), st.sampled_from([None, 0.0])), max_size=8)


@settings(max_examples=25, deadline=None)
@given(steps=STEPS, base_at=st.integers(0, 8))
def test_after_any_edits_by_anybody_what_is_found_is_what_is_stored(
    steps: list[tuple[int, list[Edit], float | None]], base_at: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("live") / "knowledge.db"
    with KnowledgeStore(path) as one, KnowledgeStore(path) as two:
        one.change(Put(pair, "files") for pair in BASE)
        lives: list[tuple[Retriever, LiveKnowledge]] = []
        for number, (who, edits, budget_s) in enumerate([(0, [], None), *steps, (0, [], None)]):
            (one, two)[who % 2].change(edits)
            if number == min(base_at, len(steps)):
                base = Retriever.build(list(one.pairs()), Embedding(), dimension=DIMENSION)
                lives.append((base, LiveKnowledge(base, path, seq=one.latest_seq(), embed=Embedding())))
            for retriever, live in lives:
                if live.catch_up(budget_s):
                    assert answers(retriever) == {pair.id: pair.answer for pair in two.pairs()}
                    assert len(retriever) == two.count()
        for retriever, live in lives:
            assert live.catch_up(None)
            assert answers(retriever) == {pair.id: pair.answer for pair in one.pairs()}
