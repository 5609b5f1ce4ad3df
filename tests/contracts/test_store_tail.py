"""What every conversation store tells a reader who has seen some of a conversation before."""

import itertools
from typing import Any

import pytest

from bot.conversation import Conversation, Moment
from bot.events import Event
from bot.stores.evidence import Feedback
from bot.stores.store import ConversationStore
from bot.stores.tail import MAX_NAMES, Tail, TurnMark
from bot.stores.turn import Evidence, TurnWrite

EVERYTHING = 10_000


def state(conversation_id: str, last: Any) -> Conversation:
    return Conversation(id=conversation_id, now=Moment(slots={"last": last}), last_event_at=1.0)


def said(text: str, at: float, kind: str = "bot") -> Event:
    return {"event": kind, "timestamp": at, "text": text, "parse_data": {}}


async def turn(store: ConversationStore, at: float, *texts: str, whose: str = "ann", reason: str = "template") -> None:
    why = Evidence(at=at, release_id="r", reason=reason)
    events = [said("?", at, "user"), *(said(text, at) for text in texts)]
    await store.append(state(whose, at), events, turn=TurnWrite(evidence=why))


async def tail(store: ConversationStore, after: int = 0, limit: int = EVERYTHING, whose: str = "ann") -> Tail:
    return await store.tail(whose, after, limit=limit, who="customer")


async def test_of_an_unknown_conversation_there_is_nothing(store: ConversationStore) -> None:
    await turn(store, 1.5, "hello")

    for after in (-5, 0, 7):
        assert await tail(store, after, whose="ben") == Tail(conversation=Conversation(id="ben"))


async def test_a_reader_gets_what_he_has_not_seen(store: ConversationStore) -> None:
    times = [1_700_000_000.1234567, 1_700_000_001.1, 1_700_000_002.3]
    for at in times:
        await turn(store, at, f"at {at}", "and more")
        await turn(store, at, "not hers", whose="ben")
    every = await store.events("ann")
    assert len(every) == 9

    for after, limit in itertools.product((-20, -9, -4, -1, 0, 1, 5, 8, 9, 20), (0, 1, 4, 9, 50)):
        found = await tail(store, after, limit)

        start = after if after >= 0 else max(0, 9 + after)
        assert (found.start, found.count, found.begun) == (start, 9, times[0])
        assert list(found.events) == every[start : start + limit]
        assert (found.conversation, found.version) == (state("ann", times[-1]), 3)
        bots = {event["timestamp"] for event in found.events if event["event"] == "bot"}
        assert bots <= set(found.turns)
        assert {at: found.turns[at].seq for at in bots} == {at: times.index(at) + 1 for at in bots}


async def test_a_turn_comes_with_its_reason_and_with_the_readers_own_verdict(store: ConversationStore) -> None:
    for number, reason in enumerate(("sure_intent", "unsure", "button")):
        await turn(store, float(number), "answer", reason=reason)
    await store.append(state("ann", "x"), [said("a person said", 3.0)])
    for who, seq, verdict in (("customer", 1, "right"), ("api", 1, "wrong"), ("api", 2, "wrong")):
        given = Feedback(conversation_id="ann", turn_seq=seq, who=who, verdict=verdict, comment=None, at=9.0)
        assert await store.give_feedback(given)

    assert (await tail(store)).turns == {
        0.0: TurnMark(seq=1, reason="sure_intent", verdict="right"),
        1.0: TurnMark(seq=2, reason="unsure"),
        2.0: TurnMark(seq=3, reason="button"),
    }


async def test_what_was_erased_or_replaced_is_known_by_its_begin(store: ConversationStore) -> None:
    await turn(store, 1.0, "one")
    await store.replace(state("ann", 2), [said("another", 5.0)])
    assert ((await tail(store)).begun, (await tail(store)).count, (await tail(store)).version) == (5.0, 1, 2)

    await store.erase("ann")
    assert await tail(store, 1) == Tail(conversation=Conversation(id="ann"))

    await turn(store, 7.0, "after")
    assert (await tail(store)).begun == 7.0


async def test_events_without_a_time_do_no_harm(store: ConversationStore) -> None:
    await store.append(state("ann", 1), [{"event": "bot", "timestamp": None, "text": "x"}])

    found = await tail(store)

    assert (found.begun, found.turns, found.count) == (None, {}, 1)


@pytest.mark.parametrize("others", [0, 2 * MAX_NAMES + 1])
async def test_the_versions_of_many_conversations_come_at_once(store: ConversationStore, others: int) -> None:
    for number in range(3):
        await turn(store, float(number), "x")
    await turn(store, 1.0, "x", whose="ben")
    unknown = [f"'; DROP TABLE events; -- {number}" for number in range(others)]

    assert await store.versions(["ann", *unknown, "ben"]) == {"ann": 3, "ben": 1}
    assert await store.versions([]) == {}
