"""Proposals wait, are decided once, and what is accepted is live; a crash at any moment loses no decision."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from configs.errors import KefuError
from retrieval.knowledge_store import KnowledgeStore, Put, VersionConflict
from retrieval.pair import Pair
from retrieval.proposals import Added, Proposal, ProposalError, ProposalStore, State, proposal_id


def proposal(question: str = "Do you deliver to Norway?", **values: Any) -> Proposal:
    given: dict[str, Any] = {
        "id": proposal_id(question, "Yes."),
        "question": question,
        "answer": "Yes.",
        "also_asked": ("norway?",),
        "count": 2,
        "conversations": ("c1", "c2"),
        "score": 0.8,
        "evidence": {"thanked": 2},
    }
    return Proposal(**{**given, **values})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ProposalStore]:
    opened = ProposalStore(tmp_path / "data" / "proposals.db", now=lambda: 1_000.0)
    yield opened
    opened.close()


@pytest.fixture
def knowledge(tmp_path: Path) -> Iterator[KnowledgeStore]:
    opened = KnowledgeStore(tmp_path / "data" / "knowledge.db")
    yield opened
    opened.close()


def test_proposals_are_listed_as_they_were_added_the_most_frequent_first(store: ProposalStore) -> None:
    given = [
        proposal("a?", count=2),
        proposal("b?", count=9, doubtful=True, warnings=("look",), contradicts="h1"),
        proposal("c?", count=5),
        proposal("d?", count=5, score=0.9),
    ]

    assert store.add(given) == Added(new=4)
    assert [filed.proposal for filed in store.list()] == [given[3], given[2], given[0], given[1]]
    assert {filed.state for filed in store.list()} == {State.PENDING}
    assert store.list(State.ACCEPTED, State.REJECTED) == []


def test_accepting_writes_the_pair_and_who_did_it(store: ProposalStore, knowledge: KnowledgeStore) -> None:
    one = proposal()
    store.add([one])

    store.accept(one.id, "anna", knowledge)

    stored = knowledge.get(f"mined-{one.id}")
    assert stored is not None
    assert stored.pair == Pair(
        id=f"mined-{one.id}", question=one.question, answer="Yes.", also_asked=("norway?",), source="mined"
    )
    (revision,) = knowledge.history(stored.pair.id)
    assert (revision.by, revision.note) == ("anna", "mined from 2 conversations")
    filed = store.get(one.id)
    assert filed is not None
    assert (filed.state, filed.by, filed.at, filed.pair_id) == (State.ACCEPTED, "anna", 1_000.0, stored.pair.id)


def test_a_rejected_proposal_leaves_the_knowledge_alone(store: ProposalStore, knowledge: KnowledgeStore) -> None:
    one = proposal()
    store.add([one])

    store.reject(one.id, "anna")

    assert [filed.state for filed in store.list()] == [State.REJECTED]
    assert list(knowledge.pairs()) == []


def test_what_was_decided_is_not_proposed_again(store: ProposalStore, knowledge: KnowledgeStore) -> None:
    accepted, rejected = proposal("a?"), proposal("b?")
    store.add([accepted, rejected])
    store.accept(accepted.id, "anna", knowledge)
    store.reject(rejected.id, "anna")

    added = store.add([proposal("a?", count=99), proposal("b?", count=99), proposal("c?")])

    assert added == Added(new=1, decided=2)
    assert [filed.proposal.question for filed in store.list(State.PENDING)] == ["c?"]
    assert {filed.proposal.count for filed in store.list()} == {2}


def test_a_pending_proposal_gets_the_new_values_and_the_conversations_of_both(store: ProposalStore) -> None:
    one = proposal(also_asked=("old?",), conversations=("c1", "c2"), count=2)
    store.add([one])

    added = store.add([proposal(id=one.id, answer="Yes!", also_asked=("new?",), conversations=("c2", "c3"), count=2)])

    filed = store.get(one.id)
    assert added == Added(renewed=1)
    assert filed is not None
    assert filed.proposal.answer == "Yes!"
    assert filed.proposal.also_asked == ("new?", "old?")
    assert (filed.proposal.conversations, filed.proposal.count) == (("c1", "c2", "c3"), 3)


def test_a_proposal_is_decided_once(store: ProposalStore, knowledge: KnowledgeStore) -> None:
    one = proposal()
    store.add([one])
    store.reject(one.id, "anna")

    with pytest.raises(ProposalError, match="was rejected by anna before"):
        store.accept(one.id, "ben", knowledge)
    with pytest.raises(ProposalError, match="was rejected by anna before"):
        store.reject(one.id, "ben")
    with pytest.raises(ProposalError, match="There is no proposal 'x'"):
        store.reject("x", "ben")
    assert list(knowledge.pairs()) == []


def test_a_decision_can_be_taken_back(store: ProposalStore, knowledge: KnowledgeStore) -> None:
    one, other = proposal("a?"), proposal("b?")
    store.add([one, other])
    store.accept(one.id, "anna", knowledge)
    store.reject(other.id, "anna")

    store.reopen(one.id, "anna", knowledge)
    store.reopen(other.id, "anna", knowledge)

    assert {filed.state for filed in store.list()} == {State.PENDING}
    assert list(knowledge.pairs()) == []
    with pytest.raises(ProposalError, match="nothing to take back"):
        store.reopen(one.id, "anna", knowledge)
    store.accept(one.id, "anna", knowledge)
    assert [pair.question for pair in knowledge.pairs()] == ["a?"]


def test_a_pair_that_was_changed_since_is_not_removed(store: ProposalStore, knowledge: KnowledgeStore) -> None:
    one = proposal()
    store.add([one])
    pair = store.accept(one.id, "anna", knowledge)
    knowledge.change([Put(pair.with_values(answer="Yes, and to Sweden."), "ben")])

    with pytest.raises(VersionConflict):
        store.reopen(one.id, "anna", knowledge)

    assert [stored.answer for stored in knowledge.pairs()] == ["Yes, and to Sweden."]
    assert [filed.state for filed in store.list()] == [State.ACCEPTED]


class _Refusing:
    """A knowledge store that is broken."""

    def change(self, _: Any) -> int:
        raise KefuError("the disk is full")

    def get(self, _: str) -> None:
        return None


def test_where_the_pair_cannot_be_written_the_proposal_waits_on(store: ProposalStore) -> None:
    one = proposal()
    store.add([one])

    with pytest.raises(KefuError, match="the disk is full"):
        store.accept(one.id, "anna", _Refusing())

    assert [filed.state for filed in store.list()] == [State.PENDING]


def test_adding_is_all_or_nothing(store: ProposalStore) -> None:
    def broken() -> Iterator[Proposal]:
        yield proposal("a?")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.add(broken())

    assert store.list() == []


def test_two_stores_on_one_file_see_each_other(store: ProposalStore, tmp_path: Path, knowledge: KnowledgeStore) -> None:
    other = ProposalStore(tmp_path / "data" / "proposals.db")
    one = proposal()
    store.add([one])
    other.accept(one.id, "ben", knowledge)

    with pytest.raises(ProposalError, match="was accepted by ben before"):
        store.reject(one.id, "anna")
    other.close()


@pytest.mark.parametrize("after", ["put", "decided"])
def test_a_kill_while_accepting_leaves_what_can_be_accepted_again(
    tmp_path: Path, store: ProposalStore, knowledge: KnowledgeStore, after: str
) -> None:
    one = proposal()
    store.add([one])
    script = f"""
        import os, signal
        from pathlib import Path
        from retrieval.knowledge_store import KnowledgeStore
        from retrieval.proposals import ProposalStore
        folder = Path({str(tmp_path / "data")!r})
        store, knowledge = ProposalStore(folder / "proposals.db"), KnowledgeStore(folder / "knowledge.db")
        if {after!r} == "put":
            knowledge.get = lambda _: os.kill(os.getpid(), signal.SIGKILL)
        else:
            store._decide = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
        store.accept({one.id!r}, "anna", knowledge)
    """
    child = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], env=os.environ, check=False)
    assert child.returncode == -signal.SIGKILL

    assert [filed.state for filed in store.list()] == [State.PENDING]
    store.accept(one.id, "anna", knowledge)

    assert len(knowledge.history(f"mined-{one.id}")) == 1
    assert [filed.state for filed in store.list()] == [State.ACCEPTED]


def test_a_file_of_something_else_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    other, text = tmp_path / "other.db", tmp_path / "text.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE things (id INTEGER)")
    connection.close()
    text.write_text("no database, but long enough to look at" * 10)
    for path, message in ((other, "it is a database of something else"), (text, "not a database")):
        before = path.read_bytes()
        with pytest.raises(ProposalError, match=message):
            ProposalStore(path)
        assert path.read_bytes() == before


def test_ids_are_those_of_the_words_alone() -> None:
    assert proposal_id("Do you deliver?", "Yes.") == proposal_id(" do you  DELIVER?", "yes.")
    assert proposal_id("Do you deliver?", "Yes.") != proposal_id("Do you deliver?", "No.")
