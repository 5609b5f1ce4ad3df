"""A conversation's events put in the place of all there were: in memory, in a SQLite file and in PostgreSQL."""

import pytest

from bot.conversation import Conversation
from bot.events import Event
from bot.stores.errors import LeaseLost
from bot.stores.store import ConversationStore
from bot.stores.turn import InboxMessage, TurnWrite


def said(*texts: str) -> list[Event]:
    return [{"event": "user", "timestamp": 1.0, "text": text, "parse_data": {}} for text in texts]


def state(channel: str) -> Conversation:
    return Conversation(id="ann", channel=channel, last_event_at=1.0)


async def test_the_old_events_are_gone_the_new_ones_there_and_others_untouched(store: ConversationStore) -> None:
    await store.append(state("old"), said("one", "two"))
    await store.append(Conversation(id="ben"), said("ben's"))
    waiting = InboxMessage(conversation_id="ann", channel="chat", external_id="a1", payload={}, received_at=1.0)
    await store.inbox.accept(waiting)

    committed = await store.replace(state("new"), said("three"))

    assert committed.version == 2
    assert await store.events("ann") == said("three")
    assert (await store.load("ann")).channel == "new"
    assert await store.events("ben") == said("ben's")
    claimed = await store.inbox.claim()
    assert claimed is not None
    assert claimed.message.external_id == "a1"


async def test_one_that_was_not_there_is_made(store: ConversationStore) -> None:
    await store.replace(state("new"), said("one"))

    assert await store.events("ann") == said("one")


async def test_where_it_was_changed_meanwhile_everything_stays(store: ConversationStore) -> None:
    await store.append(state("old"), said("one"))

    with pytest.raises(LeaseLost):
        await store.replace(state("new"), said("two"), turn=TurnWrite(version=0))

    assert await store.events("ann") == said("one")
    assert (await store.load("ann")).channel == "old"
