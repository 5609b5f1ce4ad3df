"""What every conversation store gives review: turns page by page in both directions, verdicts, and people's labels."""

import random
from functools import partial
from typing import Any

from bot.stores.evidence import Feedback, write_evidence
from bot.stores.labels import Label, LabelKind, disagreements, give_label, labels_of, undo_label
from bot.stores.review_log import called_wrong, given_labels, page_after, page_before, turns_of, undone_labels
from bot.stores.store import ConversationStore
from bot.stores.turn import Evidence

START, END = (0.0, "", 0), (1e12, "", 0)


async def written(store: ConversationStore, count: int = 60) -> list[tuple[float, str, int, str, float]]:
    """Turns of which several share a moment; in their order, with what came of each and how sure the bot was."""
    rng = random.Random(4)
    outcomes = ("answered", "asked_back", "fell_back", "handed_over", "form")
    rows, turns = [], []
    for number in range(count):
        row = (float(rng.randrange(12)), f"c{number % 7}", number, rng.choice(outcomes), rng.random())
        rows.append(row)
        why = Evidence(
            at=row[0], release_id="r", reason="unsure", confidence=row[4], message=f"m{number}", outcome=row[3]
        )
        turns.append((row[1], row[2], why))
    await store.write(partial(write, turns=turns))
    return sorted(rows)


def write(connection: Any, turns: list[tuple[str, int, Evidence]]) -> None:
    for turn in turns:
        write_evidence(connection, *turn)


def worth(rows: list[tuple[float, str, int, str, float]], sure: float) -> list[tuple[str, int]]:
    unanswered = ("asked_back", "fell_back", "handed_over")
    return [row[1:3] for row in rows if row[3] in unanswered or (row[3] == "answered" and row[4] < sure)]


async def test_pages_forwards_and_backwards_pass_every_turn_once(store: ConversationStore) -> None:
    rows = await written(store)

    for count in (7, 60, 61):
        forwards: list[tuple[str, int]] = []
        place, is_last = START, False
        while not is_last:
            page = await store.read(partial(page_after, place=place, sure=0.6, count=count))
            forwards += [(seen.conversation_id, seen.seq) for seen in page.seen]
            place, is_last = page.place or place, page.is_last
        backwards: list[tuple[str, int]] = []
        place, is_last = END, False
        while not is_last:
            page = await store.read(partial(page_before, place=place, sure=0.6, count=count))
            backwards = [(seen.conversation_id, seen.seq) for seen in page.seen] + backwards
            place, is_last = page.place or place, page.is_last

        assert forwards == backwards == worth(rows, 0.6)


async def test_an_empty_store_has_one_empty_page(store: ConversationStore) -> None:
    for page in (page_after, page_before):
        found = await store.read(partial(page, place=START, sure=0.6))
        assert (found.seen, found.place, found.is_last) == ((), None, True)


async def test_turns_that_were_called_wrong_are_found_and_those_that_are_gone_are_none(
    store: ConversationStore,
) -> None:
    await written(store, 5)
    for seq, verdict, at in ((0, "wrong", 100.0), (1, "right", 100.0), (2, "corrected", 200.0), (3, "wrong", 50.0)):
        given = Feedback(conversation_id=f"c{seq}", turn_seq=seq, who="customer", verdict=verdict, comment=None, at=at)
        await store.give_feedback(given)

    found = await store.read(partial(called_wrong, since=100.0, most=10))
    assert [(turn.conversation_id, turn.message) for turn in found] == [("c2", "m2"), ("c0", "m0")]
    assert len(await store.read(partial(called_wrong, since=0.0, most=2))) == 2
    here, gone = await store.read(partial(turns_of, keys=[("c1", 1), ("c1", 99)]))
    assert (here and here.message, gone) == ("m1", None)


def label(who: str, kind: LabelKind, value: str, at: float, seq: int = 0) -> Label:
    return Label(conversation_id=f"c{seq}", turn_seq=seq, text="m", kind=kind, value=value, who=who, at=at)


async def test_labels_are_followed_by_their_ids_and_by_when_they_were_taken_back(store: ConversationStore) -> None:
    await written(store, 3)
    give = [label("ann", LabelKind.INTENT, "a", 1.0), label("ben", LabelKind.INTENT, "b", 2.0)]
    first, second = [await store.write(partial(give_label, given=one)) for one in give]
    assert first is not None
    assert second is not None

    both = await store.read(partial(given_labels, after_id=0, most=10))
    assert [one.who for one in both] == ["ann", "ben"]
    assert disagreements(both) == [tuple(both)]
    assert [one.id for one in await store.read(partial(given_labels, after_id=first, most=10))] == [second]
    assert [one.id for one in await store.read(partial(given_labels, after_id=0, most=1))] == [first]

    await store.write(partial(undo_label, label_id=first, who="ben", now=10.0))
    assert await store.read(partial(undone_labels, since=10.0)) == [first]
    assert await store.read(partial(undone_labels, since=11.0)) == []
    assert [one.id for one in await store.read(partial(given_labels, after_id=0, most=10))] == [second]


async def test_an_answer_stands_beside_a_new_intent_of_the_same_person_and_no_other_label_does(
    store: ConversationStore,
) -> None:
    await written(store, 1)
    steps = [
        (LabelKind.IGNORE, "", ["ignore"]),
        (LabelKind.NEW_INTENT, "refund", ["new_intent"]),
        (LabelKind.ANSWER, "Soon.", ["new_intent", "answer"]),
        (LabelKind.ANSWER, "Now.", ["new_intent", "answer"]),
        (LabelKind.INTENT, "order", ["intent"]),
        (LabelKind.ANSWER, "Never.", ["answer"]),
    ]
    for at, (kind, value, standing) in enumerate(steps):
        await store.write(partial(give_label, given=label("ann", kind, value, float(at))))

        said = await store.read(partial(labels_of, conversation_id="c0", turn_seq=0))
        left = [one for one in said if one.undone_at is None]
        assert [one.kind.value for one in left] == standing
        assert disagreements(left) == []
