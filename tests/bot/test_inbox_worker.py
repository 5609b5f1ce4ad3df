"""The worker of the inbox: what it does with messages that fail, are refused or take long, and how it ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from scripted_bot import Clock, make_bot

from bot import inbox_worker
from bot.abilities import EVERYTHING
from bot.errors import Overloaded
from bot.inbox_worker import RETRY_S, InboxWorker
from bot.messages import UserMessage
from bot.stores.errors import LeaseLost, StoreError
from bot.stores.inbox_store import LEASE_S, MAX_ATTEMPTS
from bot.stores.sqlite import SqliteConnector
from bot.stores.store import ConversationStore
from bot.turn_record import inbox_message


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(clock: Clock) -> AsyncIterator[ConversationStore]:
    store = ConversationStore(SqliteConnector(None), now=clock)
    await store.open()
    yield store
    await store.close()


class Dialogue:
    """Does with each text what it is told."""

    def __init__(self, store: ConversationStore, answer: Callable[[str], Awaitable[Any]]) -> None:
        self._dialogue = make_bot(store, sends_to={"chat": EVERYTHING}).dialogue  # type: ignore[arg-type]
        self._answer = answer
        self.taken: list[str] = []

    async def handle(self, message: UserMessage, claimed: Any) -> Any:
        self.taken.append(message.text)
        await self._answer(message.text)
        return await self._dialogue.handle(message, claimed)


async def at_once(_: str) -> None:
    """Nothing happens."""


def failing(error: Exception) -> Callable[[str], Awaitable[Any]]:
    async def fail(text: str) -> None:
        if text == "bad":
            raise error

    return fail


def worker(store: ConversationStore, dialogue: Any, **options: Any) -> InboxWorker:
    return InboxWorker(store, dialogue, **options)


async def accept(store: ConversationStore, who: str, *texts: str) -> None:
    for text in texts:
        message = UserMessage(conversation_id=who, text=text, channel="chat", external_id=f"{who}-{text}")
        await store.inbox.accept(inbox_message(message, 1.0))


async def heard(store: ConversationStore, who: str) -> list[str]:
    return [event["text"] for event in await store.events(who) if event["event"] == "user"]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the worker knows nothing of who waits
            await asyncio.sleep(0.001)


async def test_each_reply_is_split_into_parts_that_hold_one_thing(store: ConversationStore) -> None:
    dialogue = Dialogue(store, at_once)
    await accept(store, "ann", "when are you open")

    assert await worker(store, dialogue).drain() == 1

    parts = await store.outbox.parts_of("ann")
    assert [(part.part_no, part.payload["text"]) for part in parts] == [
        (0, "We open at nine."),
        (1, "We close at five."),
    ]
    assert {part.state.value for part in parts} == {"pending"}


async def test_a_turn_that_fails_is_tried_again_and_given_up_in_the_end(store: ConversationStore, clock: Clock) -> None:
    dialogue = Dialogue(store, failing(ValueError("a customer's words")))
    working = worker(store, dialogue)
    await accept(store, "ann", "bad", "good")
    await accept(store, "ben", "hello")

    for _ in range(MAX_ATTEMPTS):
        await working.drain()
        clock.now += RETRY_S

    assert dialogue.taken == ["bad", "hello", "bad", "bad", "good"]
    assert await heard(store, "ann") == ["good"]
    assert await store.inbox.count_waiting() == 0


async def test_that_the_server_is_busy_is_not_the_messages_fault(store: ConversationStore, clock: Clock) -> None:
    error: list[Exception] = [Overloaded("inference")] * 20

    async def busy(_: str) -> None:
        if error:
            raise error.pop()

    dialogue = Dialogue(store, busy)
    working = worker(store, dialogue)
    await accept(store, "ann", "hello")

    for _ in range(21):
        await working.drain()
        clock.now += RETRY_S

    assert await heard(store, "ann") == ["hello"]


async def test_a_turn_may_take_longer_than_a_lease(
    store: ConversationStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = asyncio.Event()
    dialogue = Dialogue(store, lambda _: free.wait())
    extended: list[Any] = []
    extend = store.extend

    async def noted(lease: Any) -> bool:
        extended.append(lease)
        return await extend(lease)

    monkeypatch.setattr(store, "extend", noted)
    monkeypatch.setattr(inbox_worker, "LEASE_S", 0.003)
    working = worker(store, dialogue)
    running = asyncio.create_task(working.run())
    await accept(store, "ann", "hello")
    working.wake()
    await until(lambda: bool(dialogue.taken))
    for _ in range(3):
        clock.now += LEASE_S - 1
        count = len(extended)
        await until(lambda count=count: len(extended) > count + 1)
    free.set()
    working.stop()
    await running

    assert dialogue.taken == ["hello"]
    assert await heard(store, "ann") == ["hello"]


async def test_told_to_stop_it_finishes_turns_and_begins_none(store: ConversationStore) -> None:
    free = asyncio.Event()
    dialogue = Dialogue(store, lambda _: free.wait())
    working = worker(store, dialogue, workers=1)
    await accept(store, "ann", "hello", "where is it")
    running = asyncio.create_task(working.run())
    await until(lambda: bool(dialogue.taken))
    working.stop()
    free.set()
    await running

    assert await heard(store, "ann") == ["hello"]
    assert await store.inbox.count_waiting() == 1


async def test_cut_off_it_leaves_the_message_as_if_it_had_not_begun(store: ConversationStore) -> None:
    dialogue = Dialogue(store, lambda _: asyncio.Event().wait())
    await accept(store, "ann", "hello")
    running = asyncio.create_task(worker(store, dialogue).run())
    await until(lambda: bool(dialogue.taken))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    claimed = await store.inbox.claim()
    assert claimed is not None
    assert (claimed.message.payload["text"], claimed.attempts) == ("hello", 1)


async def test_who_sends_replies_is_told_that_there_is_one(store: ConversationStore) -> None:
    told: list[int] = []
    working = worker(store, Dialogue(store, at_once), on_answer=lambda: told.append(1))
    await accept(store, "ann", "hello")

    await working.drain()

    assert told == [1]


async def test_a_store_that_fails_for_a_while_does_not_end_it(
    store: ConversationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, errors = store.inbox.claim, [StoreError("locked"), RuntimeError("broken")]

    async def failing_claim() -> Any:
        if errors:
            raise errors.pop()
        return await claim()

    monkeypatch.setattr(store.inbox, "claim", failing_claim)
    monkeypatch.setattr(inbox_worker, "IDLE_S", 0.001)
    dialogue = Dialogue(store, at_once)
    working = worker(store, dialogue, workers=1)
    await accept(store, "ann", "hello")
    running = asyncio.create_task(working.run())
    await until(lambda: bool(dialogue.taken))
    working.stop()
    await running

    assert await heard(store, "ann") == ["hello"]


async def test_a_turn_that_was_overtaken_is_taken_again_after_a_moment(store: ConversationStore, clock: Clock) -> None:
    class Overtaken(Dialogue):
        async def handle(self, message: UserMessage, claimed: Any) -> Any:
            self.taken.append(message.text)
            if len(self.taken) == 1:
                raise LeaseLost("it was changed meanwhile")
            return await self._dialogue.handle(message, claimed)

    dialogue = Overtaken(store, at_once)
    working = worker(store, dialogue)
    await accept(store, "ann", "hello")

    assert await working.drain() == 1
    clock.now += RETRY_S
    assert await working.drain() == 1

    assert await heard(store, "ann") == ["hello"]
