"""Labels become edits of the past answers: each once, taken back with the label, and never over a person's edit."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from refresh_rows import answered, linked

from configs.taught import Taught
from retrieval.knowledge_store import KnowledgeStore, Put, Remove
from retrieval.knowledge_sync import sync_files
from retrieval.pair import Pair
from training.refresh.answers import apply_edits, planned_edits, with_edits

SHIPPING = Pair(id="ship", question="How long does it take?", answer="Three days.", also_asked=("how fast",))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KnowledgeStore]:
    with KnowledgeStore(tmp_path / "knowledge.db", now=lambda: 0.0) as store:
        sync_files(store, [SHIPPING])
        yield store


def teach(store: KnowledgeStore, *rows: Taught) -> dict[str, Pair]:
    """What stands in the store after `rows`; planned and made must be the same, and once more change nothing."""
    planned = with_edits(store.pairs(), planned_edits(store, rows))
    apply_edits(store, rows)
    assert tuple(store.pairs()) == planned
    assert planned_edits(store, rows) == []
    return {pair.id: pair for pair in planned}


def edit(store: KnowledgeStore, pair_id: str, **changed: object) -> None:
    stored = store.get(pair_id)
    assert stored is not None
    store.change([Put(stored.pair.with_values(**changed), "bob")])


def wordings(pairs: dict[str, Pair], pair_id: str = "ship") -> Sequence[str]:
    return pairs[pair_id].also_asked


def test_a_linked_message_becomes_another_wording_and_goes_with_its_label(store: KnowledgeStore) -> None:
    one, two = linked(1, "when will it come", "ship"), linked(2, "HOW FAST", "ship")

    assert wordings(teach(store, one, two)) == ("how fast", "when will it come")
    assert wordings(teach(store, two)) == ("how fast",)
    assert [revision.by for revision in store.history("ship")] == ["files", "review", "review"]


def test_an_answer_becomes_a_pair_and_the_same_answer_is_one(store: KnowledgeStore) -> None:
    rows = [answered(7, "in crypto?", "Only cards."), answered(9, "bitcoin", " only  CARDS."), answered(8, "a", "B")]
    pairs = teach(store, *rows)

    assert pairs["review-7"] == Pair(
        id="review-7", question="in crypto?", answer="Only cards.", also_asked=("bitcoin",), source="review"
    )
    assert set(pairs) == {"ship", "review-7", "review-8"}
    assert set(teach(store, *rows[:1])) == {"ship", "review-7"}
    assert set(teach(store)) == {"ship"}
    assert set(teach(store, *rows)) == {"ship", "review-7", "review-8"}


def test_the_answer_of_a_new_intent_is_no_pair(store: KnowledgeStore) -> None:
    assert set(teach(store, answered(7, "in crypto?", "Only cards.", "crypto"))) == {"ship"}


def test_what_a_person_has_changed_since_stays(store: KnowledgeStore) -> None:
    rows = [linked(1, "when", "ship"), linked(2, "how soon", "ship"), answered(3, "open?", "At nine.")]
    teach(store, *rows)
    edit(store, "ship", also_asked=("how soon",), answer="Two days.")
    edit(store, "review-3", answer="At ten.")
    pairs = teach(store, *rows)

    assert wordings(pairs) == ("how soon",)
    assert (pairs["ship"].answer, pairs["review-3"].answer) == ("Two days.", "At ten.")
    assert teach(store)["review-3"].answer == "At ten."  # it is bob's too
    store.change([Remove("review-3", "bob")])
    assert "review-3" not in teach(store, *rows)


def test_what_the_files_overwrite_is_taught_again(store: KnowledgeStore) -> None:
    row = linked(1, "when", "ship")
    teach(store, row)
    sync_files(store, [SHIPPING.with_values(answer="Four days.")])

    assert teach(store, row)["ship"] == SHIPPING.with_values(answer="Four days.", also_asked=("how fast", "when"))


def test_a_pair_holds_no_more_wordings_than_it_may(store: KnowledgeStore) -> None:
    rows = [linked(number, f"wording {number}", "ship") for number in range(1, 600)]

    assert len(wordings(teach(store, *rows))) == 500


def test_somebody_elses_edit_in_the_same_moment_wins(store: KnowledgeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    change_each = store.change_each

    def late(edits: object) -> object:
        edit(store, "ship", answer="Now.")
        return change_each(edits)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "change_each", late)
    assert apply_edits(store, [linked(1, "when", "ship")]) == (0, 1)
    stored = store.get("ship")
    assert stored is not None
    assert stored.pair == SHIPPING.with_values(answer="Now.")
