"""What channels are told is written with the turn, in every database, in its order, and goes out as replies do."""

from contract_clock import Clock

from bot.conversation import Conversation
from bot.events import plain_event
from bot.stores.outbox import Part, SendState
from bot.stores.store import ConversationStore
from bot.stores.turn import Notice, TurnWrite
from configs import Domain


def notice(channel: str, word: str, *, first: bool = False, at: float = 1.0) -> Notice:
    return Notice(channel=channel, at=at, payload={"notice": word}, goes_first=first)


async def write(store: ConversationStore, *notices: Notice, parts: tuple[str, ...] = (), name: str = "ann") -> None:
    """A turn that says `parts` on the channel `chat`."""
    event = plain_event("pause", 1.0)
    state = Conversation(id=name).after([event], Domain())
    said = tuple({"text": part} for part in parts)
    written = TurnWrite(parts=said, deliver=True, channel="chat", notices=notices)
    await store.append(state, [event], turn=written)


def words(parts: list[Part]) -> list[str]:
    return [part.payload.get("notice") or part.payload["text"] for part in parts]


async def test_notices_stand_before_and_behind_what_is_said(store: ConversationStore) -> None:
    await write(
        store, notice("chat", "open"), notice("desk", "asked"), notice("chat", "close", first=True), parts=("hi",)
    )
    await write(store, notice("desk", "again"))

    assert words(await store.outbox.parts_of("ann")) == ["close", "hi", "open", "asked", "again"]


async def test_each_channel_has_its_own_order(store: ConversationStore) -> None:
    await write(store, notice("desk", "one"), notice("desk", "two"), parts=("hi",))

    taken = await store.outbox.take({"desk": 5, "chat": 5})
    assert sorted(words(taken)) == ["hi", "one"]
    (first,) = [part for part in taken if part.channel == "desk"]
    await store.outbox.again(first, 0.0, "busy")
    (again,) = await store.outbox.take({"desk": 5})
    assert (again.id, again.key, again.attempts) == (first.id, first.key, 2)
    await store.outbox.sent(again)
    assert words(await store.outbox.take({"desk": 5})) == ["two"]


async def test_every_notice_has_a_key_of_its_own(store: ConversationStore) -> None:
    for name in ("ann", "bob"):
        for at in (1.0, 2.0):
            await write(
                store, notice("desk", "x", at=at), notice("desk", "x", at=at), notice("chat", "x", at=at), name=name
            )
    parts = [part for name in ("ann", "bob") for part in await store.outbox.parts_of(name)]

    assert len({part.key for part in parts}) == len(parts) == 12


async def test_a_notice_never_comes_too_late(store: ConversationStore, clock: Clock) -> None:
    await write(store, notice("desk", "x"))
    clock.seconds += 10_000_000.0

    (part,) = await store.outbox.take({"desk": 1})
    assert part.state is SendState.SENDING


async def test_it_goes_with_the_conversation(store: ConversationStore) -> None:
    await write(store, notice("desk", "x"))
    await store.erase("ann")

    assert await store.outbox.take({"desk": 1}) == []
