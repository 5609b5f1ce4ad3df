"""The sender of the outbox: order within a conversation, none of them waits for another, and what becomes of a part."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from bot import outbox_sender
from bot.abilities import Abilities
from bot.conversation import Conversation
from bot.delivery import NotSent, Rejected, Uncertain
from bot.outbox_sender import GIVE_UP_AFTER_S, LONGEST_ASKED_WAIT_S, OutboxSender
from bot.pace import Pace
from bot.stores.errors import StoreError
from bot.stores.outbox import Part
from bot.stores.sqlite import SqliteConnector
from bot.stores.store import ConversationStore
from bot.stores.turn import InboxMessage, TurnWrite

Answer = Callable[[Part], Awaitable[None]]


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Longest(random.Random):
    """Always the longest wait there may be."""

    def uniform(self, _: float, b: float) -> float:
        return b


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(clock: Clock) -> AsyncIterator[ConversationStore]:
    store = ConversationStore(SqliteConnector(None), now=clock)
    await store.open()
    yield store
    await store.close()


class Channel:
    """Keeps what it was given, and does with each text what it is told."""

    def __init__(self, **answers: Any) -> None:
        self.tried: list[str] = []
        self.arrived: list[str] = []
        self.answers = answers

    async def deliver(self, part: Part) -> None:
        text = part.payload["text"]
        self.tried.append(text)
        answer = self.answers.get(text)
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            await answer(part)
        self.arrived.append(text)


def sender(store: ConversationStore, channel: Channel, clock: Clock, **options: Any) -> OutboxSender:
    return OutboxSender(store.outbox, {"chat": channel.deliver}, now=clock, choose=Longest(), **options)


async def say(store: ConversationStore, who: str, *texts: str, channel: str = "chat") -> None:
    """Puts a reply into the outbox."""
    message = InboxMessage(
        conversation_id=who, channel=channel, external_id=f"{who}-{texts}", payload={}, received_at=1.0
    )
    await store.inbox.accept(message)
    claimed = await store.inbox.claim()
    assert claimed is not None
    turn = TurnWrite(
        lease=claimed.lease, inbox_id=claimed.inbox_id, parts=tuple({"text": t} for t in texts), deliver=True
    )
    await store.append(Conversation(id=who), [], turn=turn)


async def states(store: ConversationStore, who: str) -> list[tuple[str, str, str | None]]:
    return [(part.payload["text"], part.state.value, part.reason) for part in await store.outbox.parts_of(who)]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the sender knows nothing of who waits
            await asyncio.sleep(0.001)


async def test_a_customer_is_sent_to_no_faster_than_the_channel_may_be(store: ConversationStore, clock: Clock) -> None:
    await say(store, "ann", "1", "2")
    await say(store, "ben", "3")
    channel = Channel()
    pace = Pace(Abilities(per_conversation_s=5.0), clock)
    sending = sender(store, channel, clock, paces={"chat": pace})

    await sending.drain()
    assert sorted(channel.arrived) == ["1", "3"]
    assert (await states(store, "ann"))[1] == ("2", "pending", "paced")
    clock.now += 5
    await sending.drain()

    assert sorted(channel.arrived) == ["1", "2", "3"]


async def test_waiting_for_the_channels_time_counts_as_no_try(store: ConversationStore, clock: Clock) -> None:
    for who in "abcdef":
        await say(store, who, who)
    channel = Channel()
    sending = sender(store, channel, clock, paces={"chat": Pace(Abilities(per_second=200.0))})
    running = asyncio.create_task(sending.run())
    await until(lambda: len(channel.arrived) == 6)
    sending.stop()
    await running

    assert channel.arrived == list("abcdef")
    assert [(await store.outbox.parts_of(who))[0].attempts for who in "abcdef"] == [1] * 6


async def test_all_is_sent_where_a_channel_is_limited(store: ConversationStore, clock: Clock) -> None:
    for who in "abc":
        await say(store, who, who)
    channel = Channel()

    assert await sender(store, channel, clock, paces={"chat": Pace(Abilities(per_second=200.0))}).drain() == 3
    assert channel.arrived == list("abc")


async def test_all_is_sent_each_conversation_in_order(store: ConversationStore, clock: Clock) -> None:
    for number in range(3):
        for who in ("ann", "ben"):
            await say(store, who, f"{who}{number}a", f"{who}{number}b")
    channel = Channel()

    assert await sender(store, channel, clock).drain() == 12

    for who in ("ann", "ben"):
        assert [text for text in channel.arrived if text.startswith(who)] == [
            f"{who}{number}{part}" for number in range(3) for part in "ab"
        ]
    assert {state for _, state, _ in await states(store, "ann")} == {"sent"}


async def test_what_was_not_taken_waits_longer_each_time_and_holds_up_its_own_conversation(
    store: ConversationStore, clock: Clock
) -> None:
    await say(store, "ann", "a1", "a2")
    await say(store, "ben", "b1", "b2")
    channel = Channel(a1=NotSent("busy"))
    sending = sender(store, channel, clock)

    assert await sending.drain() == 3
    tries = []
    for wait_s in (1.0, 2.0, 4.0, 8.0):
        for seconds in (wait_s - 0.5, 0.5):
            clock.now += seconds
            tries.append(await sending.drain())

    assert tries == [0, 1] * 4
    assert channel.arrived == ["b1", "b2"]
    channel.answers.clear()
    clock.now += 16
    await sending.drain()
    assert channel.arrived == ["b1", "b2", "a1", "a2"]


@pytest.mark.parametrize(("asked_s", "waits_s"), [(50.0, 50.0), (0.0, 1.0), (1e12, LONGEST_ASKED_WAIT_S), (None, 1.0)])
async def test_the_other_side_may_ask_for_a_longer_wait_within_reason(
    store: ConversationStore, clock: Clock, asked_s: float | None, waits_s: float
) -> None:
    await say(store, "ann", "a1")
    channel = Channel(a1=NotSent("busy", asked_s))
    sending = sender(store, channel, clock)
    await sending.drain()

    clock.now += waits_s - 0.01
    assert await sending.drain() == 0
    clock.now += 0.02
    assert await sending.drain() == 1


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (Rejected("no such person"), "failed", "no such person"),
        (Uncertain("no answer"), "unknown", "no answer"),
        (ValueError("a customer's words"), "unknown", "ValueError"),
    ],
)
async def test_what_was_refused_or_may_have_arrived_does_not_hold_up_what_is_behind_it(
    store: ConversationStore, clock: Clock, error: Exception, state: str, reason: str
) -> None:
    await say(store, "ann", "a1", "a2")

    await sender(store, Channel(a1=error), clock).drain()

    assert await states(store, "ann") == [("a1", state, reason), ("a2", "sent", None)]


async def test_after_a_day_it_is_given_up(store: ConversationStore, clock: Clock) -> None:
    await say(store, "ann", "a1", "a2")
    channel = Channel(a1=NotSent("down"))
    clock.now += GIVE_UP_AFTER_S + 1

    await sender(store, channel, clock).drain()

    assert await states(store, "ann") == [("a1", "failed", "given up after 24 h: down"), ("a2", "sent", None)]


async def test_a_channel_that_never_ends_is_cut_off(
    store: ConversationStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_sender, "DEADLINE_S", 0.01)
    await say(store, "ann", "a1")

    await sender(store, Channel(a1=lambda _: asyncio.Event().wait()), clock).drain()

    assert await states(store, "ann") == [("a1", "unknown", "not done within 0.01 s")]


async def test_parts_of_channels_that_are_not_served_are_left_alone(store: ConversationStore, clock: Clock) -> None:
    await say(store, "ann", "a1", channel="other")

    assert await sender(store, Channel(), clock).drain() == 0

    assert await states(store, "ann") == [("a1", "pending", None)]


async def test_while_it_runs_others_go_on_beside_one_that_hangs_and_no_more_than_it_may_have(
    store: ConversationStore, clock: Clock
) -> None:
    free, most, now = asyncio.Event(), 0, 0

    async def wait(_: Part) -> None:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await free.wait()
        now -= 1

    channel = Channel(**dict.fromkeys(("a1", "b1", "c1"), wait))
    for who in "abc":
        await say(store, who, f"{who}1")
    for number in range(3):
        await say(store, "d", f"d{number}")
    sending = sender(store, channel, clock, at_once=3)
    running = asyncio.create_task(sending.run())

    await until(lambda: len(channel.tried) == 3)
    free.set()
    await until(lambda: len(channel.arrived) == 6)
    sending.stop()
    await running

    assert most == 3
    assert [text for text in channel.arrived if text.startswith("d")] == ["d0", "d1", "d2"]
    assert {state for who in "abcd" for _, state, _ in await states(store, who)} == {"sent"}


async def test_told_to_stop_it_finishes_what_is_under_way_and_begins_nothing(
    store: ConversationStore, clock: Clock
) -> None:
    free = asyncio.Event()
    channel = Channel(a1=lambda _: free.wait())
    await say(store, "ann", "a1", "a2")
    sending = sender(store, channel, clock)
    running = asyncio.create_task(sending.run())
    await until(lambda: bool(channel.tried))
    sending.stop()
    free.set()
    await running

    assert await states(store, "ann") == [("a1", "sent", None), ("a2", "pending", None)]


async def test_cut_off_it_says_that_nobody_knows(store: ConversationStore, clock: Clock) -> None:
    channel = Channel(a1=lambda _: asyncio.Event().wait())
    await say(store, "ann", "a1")
    running = asyncio.create_task(sender(store, channel, clock).run())
    await until(lambda: bool(channel.tried))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert await states(store, "ann") == [("a1", "unknown", "the server ended while it was sent")]


async def test_a_store_that_fails_for_a_while_does_not_end_it(
    store: ConversationStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await say(store, "ann", "a1")
    take, errors = store.outbox.take, [StoreError("locked"), RuntimeError("broken")]

    async def failing(*args: Any, **options: Any) -> list[Part]:
        if errors:
            raise errors.pop()
        return await take(*args, **options)

    monkeypatch.setattr(store.outbox, "take", failing)
    monkeypatch.setattr(outbox_sender, "IDLE_S", 0.001)
    channel = Channel()
    sending = sender(store, channel, clock)
    running = asyncio.create_task(sending.run())
    await until(lambda: bool(channel.arrived))
    sending.stop()
    await running

    assert channel.arrived == ["a1"]


async def test_a_channel_that_has_to_wait_long_keeps_nobody_else_waiting(
    store: ConversationStore, clock: Clock
) -> None:
    slow, quick = Channel(), Channel()
    channels = {"chat": slow.deliver, "mail": quick.deliver}
    paces = {"chat": Pace(Abilities(per_second=0.001))}
    await say(store, "ann", "1")
    sending = OutboxSender(store.outbox, channels, paces=paces, now=clock, choose=Longest())
    running = asyncio.create_task(sending.run())
    await until(lambda: slow.arrived == ["1"])

    await say(store, "ben", "2", channel="mail")  # by another process, which wakes nobody here

    await until(lambda: quick.arrived == ["2"])
    sending.stop()
    await running
