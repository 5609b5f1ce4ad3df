"""Files and people edit the same pairs: what the files change counts, and what was edited since stays."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.knowledge_edits import BATCH
from retrieval.knowledge_store import KnowledgeStore, Put, Remove
from retrieval.knowledge_sync import Synced, sync_files
from retrieval.pair import Pair


@pytest.fixture
def store(tmp_path: Path) -> KnowledgeStore:
    return KnowledgeStore(tmp_path / "knowledge.db")


def pairs(**answers: str) -> list[Pair]:
    return [Pair(id=pair_id, question=f"{pair_id}?", answer=answer) for pair_id, answer in answers.items()]


def live(store: KnowledgeStore, **answers: str | None) -> None:
    store.change(
        Remove(pair_id, "ann") if answer is None else Put(pairs(**{pair_id: answer})[0], "ann")
        for pair_id, answer in answers.items()
    )


def answers(store: KnowledgeStore) -> dict[str, str]:
    return {pair.id: pair.answer for pair in store.pairs()}


def synced(put: int = 0, removed: int = 0, kept_live: int = 0) -> Synced:
    return Synced(put=put, removed=removed, kept_live=kept_live)


def test_the_first_time_all_rows_are_taken(store: KnowledgeStore) -> None:
    assert sync_files(store, pairs(a="1", b="2")) == synced(put=2)

    assert answers(store) == {"a": "1", "b": "2"}
    assert {revision.by for revision in store.since(0, 10)} == {"files"}


def test_files_that_have_not_changed_make_no_revision(store: KnowledgeStore) -> None:
    sync_files(store, pairs(a="1", b="2"))

    assert sync_files(store, pairs(b="2", a="1")) == synced()
    assert store.latest_seq() == 2


def test_a_row_that_has_changed_or_gone_is_changed_or_gone(store: KnowledgeStore) -> None:
    sync_files(store, pairs(a="1", b="2", c="3"))

    assert sync_files(store, pairs(a="1", b="two", d="4")) == synced(put=2, removed=1)
    assert answers(store) == {"a": "1", "b": "two", "d": "4"}


def test_a_row_that_has_not_changed_never_touches_an_edit(store: KnowledgeStore) -> None:
    sync_files(store, pairs(a="1", b="2", c="3"))
    live(store, a="one", b=None)
    seq = store.latest_seq()

    for _ in range(2):
        assert sync_files(store, pairs(a="1", b="2", c="3")) == synced(kept_live=2)

    assert answers(store) == {"a": "one", "c": "3"}
    assert store.latest_seq() == seq


def test_a_row_that_has_changed_wins_over_an_edit_which_stays_in_the_history(store: KnowledgeStore) -> None:
    sync_files(store, pairs(a="1", b="2"))
    live(store, a="one", b=None)

    assert sync_files(store, pairs(a="uno", b="dos")) == synced(put=2)

    assert answers(store) == {"a": "uno", "b": "dos"}
    assert [r.pair and r.pair.answer for r in store.history("a")] == ["1", "one", "uno"]


def test_a_row_that_is_gone_stays_where_it_was_edited_and_is_no_longer_the_files(store: KnowledgeStore) -> None:
    sync_files(store, pairs(a="1", b="2", c="3"))
    live(store, a="one", b=None)

    assert sync_files(store, []) == synced(removed=1, kept_live=1)
    assert answers(store) == {"a": "one"}
    assert sync_files(store, []) == synced()
    assert answers(store) == {"a": "one"}


def test_pairs_that_were_never_in_the_files_are_left_alone(store: KnowledgeStore) -> None:
    live(store, x="live")

    assert sync_files(store, pairs(a="1")) == synced(put=1)
    assert sync_files(store, []) == synced(removed=1)
    assert answers(store) == {"x": "live"}


def test_what_was_exported_into_the_files_changes_nothing_and_counts_as_theirs(store: KnowledgeStore) -> None:
    sync_files(store, pairs(a="1", b="2"))
    live(store, a="one", x="live")
    exported = list(store.pairs())
    seq = store.latest_seq()

    assert sync_files(store, exported) == synced()
    assert store.latest_seq() == seq
    assert sync_files(store, []) == synced(removed=3)


def test_a_file_that_breaks_off_changes_nothing(store: KnowledgeStore) -> None:
    sync_files(store, pairs(a="1", b="2"))

    def broken() -> object:
        yield from pairs(a="changed", c="new")
        raise RuntimeError("planted")

    with pytest.raises(RuntimeError, match="planted"):
        sync_files(store, broken())  # type: ignore[arg-type]

    assert answers(store) == {"a": "1", "b": "2"}
    assert sync_files(store, pairs(a="1", b="2")) == synced()


def test_many_rows_are_compared_in_several_batches(store: KnowledgeStore) -> None:
    many = {f"n{number:05d}": "x" for number in range(3 * BATCH + 1)}
    sync_files(store, pairs(**many))
    live(store, n00001="live", n01000="live")
    kept = dict(list(many.items())[: BATCH // 2]) | {"n01499": "changed"}

    assert sync_files(store, pairs(**kept)) == synced(put=1, removed=len(many) - len(kept) - 1, kept_live=2)
    assert answers(store) == {**kept, "n00001": "live", "n01000": "live"}


class Oracle:
    """The merge in dicts: base, files, store."""

    def __init__(self) -> None:
        self.now: dict[str, str] = {}
        self.base: dict[str, str] = {}
        self.edited: set[str] = set()

    def live(self, pair_id: str, answer: str | None) -> None:
        if self.now.get(pair_id) != answer:
            self.edited.add(pair_id)
        if answer is None:
            self.now.pop(pair_id, None)
        else:
            self.now[pair_id] = answer

    def sync(self, files: dict[str, str]) -> Synced:
        put = removed = 0
        kept = sum(self.base.get(i) == answer and i in self.edited for i, answer in files.items())
        for pair_id, answer in files.items():
            if self.base.get(pair_id) != answer:
                put += self.now.get(pair_id) != answer
                self.now[pair_id] = answer
                self.edited.discard(pair_id)
        for pair_id in set(self.base) - set(files):
            if pair_id in self.edited:
                kept += pair_id in self.now
            else:
                removed += 1
                del self.now[pair_id]
            self.edited.discard(pair_id)
        self.base = dict(files)
        return synced(put, removed, kept)


FILES = st.dictionaries(st.sampled_from("abc"), st.sampled_from("12"))
STEPS = st.lists(FILES | st.tuples(st.sampled_from("abc"), st.none() | st.sampled_from("123")), max_size=12)


@settings(max_examples=30, deadline=None)
@given(steps=STEPS)
def test_any_order_of_edits_and_trainings_comes_to_what_the_merge_in_dicts_says(
    steps: Sequence[dict[str, str] | tuple[str, str | None]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    oracle = Oracle()
    with KnowledgeStore(tmp_path_factory.mktemp("sync") / "knowledge.db") as store:
        for step in steps:
            if isinstance(step, dict):
                assert sync_files(store, pairs(**step)) == oracle.sync(step)
            else:
                live(store, **{step[0]: step[1]})
                oracle.live(*step)
            assert answers(store) == dict(sorted(oracle.now.items()))
