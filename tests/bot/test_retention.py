"""The inbox and the outbox forget what was done with long ago, and nothing else."""

from typing import Any

import pytest
from sqlalchemy import select, text

from bot.conversation import Conversation
from bot.retention import DAY_S, forget_finished
from bot.stores import finished
from bot.stores.sqlite import SqliteConnector
from bot.stores.store import ConversationStore
from bot.stores.tables import inbox, outbox
from bot.stores.turn import InboxMessage, TurnWrite

NOW = 1_000 * DAY_S


@pytest.fixture
async def store() -> Any:
    made = ConversationStore(SqliteConnector(None))
    await made.open()
    yield made
    await made.close()


async def take_in(store: ConversationStore, name: str, days_ago: float, *, answered: bool = True) -> None:
    """A message of so long ago, and the reply to it, which was given at once."""
    at = NOW - days_ago * DAY_S
    message = InboxMessage(
        conversation_id=name, channel="chat", external_id=f"{name}-{days_ago}", payload={"text": "x"}, received_at=at
    )
    store._now = store.inbox._now = lambda: at
    if not answered:
        await store.inbox.accept(message)
        return
    loaded = await store.load_versioned(name)
    turn = TurnWrite(message=message, parts=({"text": "said"},))
    event = {"event": "user", "text": "x", "timestamp": at}
    await store.append(loaded.conversation or Conversation(id=name), [event], turn=turn)


async def left(store: ConversationStore) -> tuple[list[str], int]:
    """The messages by their platform's ids, and how many parts."""

    def read(connection: Any) -> tuple[list[str], int]:
        names = connection.scalars(select(inbox.c.external_id).order_by(inbox.c.id))
        return list(names), len(connection.execute(select(outbox.c.id)).all())

    return await store.read(read)


async def test_what_was_done_with_long_ago_goes_and_what_was_said_stays(store: ConversationStore) -> None:
    for days in (40, 31, 29, 1):
        await take_in(store, "ann", days)

    await forget_finished(store, 30, now=lambda: NOW)

    assert await left(store) == (["ann-29", "ann-1"], 2)
    assert len(await store.events("ann")) == 4


async def test_what_waits_is_kept_however_old(store: ConversationStore) -> None:
    await take_in(store, "ann", 400, answered=False)
    await take_in(store, "ben", 399)
    await take_in(store, "cy", 398)
    await store.write(lambda connection: connection.execute(text("UPDATE outbox SET state = 'pending' WHERE id = 2")))

    await forget_finished(store, 30, now=lambda: NOW)

    assert await left(store) == (["ann-400", "cy-398"], 1)


async def test_it_is_done_in_small_pieces(store: ConversationStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        await take_in(store, f"c{number}", 100 - number)
    for name in ("_OLDEST_PARTS", "_OLDEST_MESSAGES"):
        monkeypatch.setattr(finished, name, getattr(finished, name).limit(2))
    writes = 0
    write = store._connector.write

    async def counted(work: Any) -> Any:
        nonlocal writes
        writes += 1
        return await write(work)

    monkeypatch.setattr(store._connector, "write", counted)

    await forget_finished(store, 30, now=lambda: NOW)

    assert await left(store) == ([], 0)
    assert writes >= 8


async def test_a_conversation_goes_on_after_all_its_messages_were_forgotten(store: ConversationStore) -> None:
    await take_in(store, "ann", 100)
    await forget_finished(store, 30, now=lambda: NOW)

    await take_in(store, "ann", 0)

    assert await left(store) == (["ann-0"], 1)
