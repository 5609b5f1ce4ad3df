"""What was written last need not be read again, and never hides what the database holds."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.conversation import Conversation, Moment
from bot.stores.errors import LeaseLost
from bot.stores.recent import RecentConversations
from bot.stores.sqlite import SqliteConnector
from bot.stores.store import ConversationStore
from bot.stores.turn import Loaded, TurnWrite


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[ConversationStore]:
    store = ConversationStore(SqliteConnector(tmp_path / "conversations.db"))
    await store.open()
    yield store
    await store.close()


def state(last: str, who: str = "ann") -> Conversation:
    return Conversation(id=who, now=Moment(slots={"last": last}), last_event_at=1.0)


async def test_the_next_turn_goes_on_from_what_was_written(store: ConversationStore) -> None:
    await store.append(state("one"), [], turn=TurnWrite(version=0))
    written = state("two")
    await store.append(written, [], turn=TurnWrite(version=1))

    loaded = await store.load_versioned("ann")

    assert loaded.conversation is written
    assert loaded.version == 2


async def test_what_was_not_written_is_not_remembered(store: ConversationStore) -> None:
    await store.append(state("one"), [], turn=TurnWrite(version=0))

    with pytest.raises(LeaseLost):
        await store.append(state("late"), [], turn=TurnWrite(version=0))

    assert (await store.load("ann")).slots == {"last": "one"}


async def test_an_erased_conversation_is_forgotten(store: ConversationStore) -> None:
    await store.append(state("one"), [], turn=TurnWrite(version=0))

    await store.erase("ann")

    assert await store.load_versioned("ann") == Loaded(conversation=Conversation(id="ann"), version=0)


async def test_what_is_read_anew_is_what_was_remembered(store: ConversationStore) -> None:
    written = state("one")
    await store.append(written, [])

    store._recent.forget("ann")

    assert await store.load("ann") == written


def test_what_was_written_longest_ago_is_forgotten_first() -> None:
    recent = RecentConversations(max_remembered=2)
    for who in ("ann", "ben", "ann", "cem"):
        recent.put(Loaded(conversation=state("x", who), version=1))

    assert [who for who in ("ann", "ben", "cem") if recent.get(who)] == ["ann", "cem"]


async def test_what_others_may_write_too_is_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SqliteConnector, "is_shared", True)
    store = ConversationStore(SqliteConnector(tmp_path / "conversations.db"))
    await store.open()
    written = state("one")
    await store.append(written, [])

    loaded = await store.load("ann")
    await store.close()

    assert loaded == written
    assert loaded is not written
