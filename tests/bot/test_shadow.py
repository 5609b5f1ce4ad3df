"""A candidate reads what customers wrote, after they were answered and only while nobody waits; nobody hears of it."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from scripted_bot import UNDERSTOOD, Clock, ScriptedInference, scripted_engine
from sqlalchemy import select

from bot.dialogue import DialogueManager
from bot.engine import Reading
from bot.experiments.shadow import MAX_WAIT_S, MAX_WAITING, ShadowReader
from bot.experiments.shadow_report import report_shadow
from bot.messages import UserMessage
from bot.stores.shadows import Beside, count_read, shadows_beside
from bot.stores.sqlite import SqliteStore
from bot.stores.tables import shadows


@dataclass
class TwoMinds(ScriptedInference):
    """Two releases, of which the candidate understands some texts otherwise.

    Attributes:
        otherwise: What the candidate makes of them.
        waiting: Customers' messages that wait.
        read_by: The release of each text, in order.
    """

    otherwise: dict[str, Any] = field(default_factory=dict)
    waiting: int = 0
    read_by: list[tuple[str, str]] = field(default_factory=list)

    async def read(self, text: str, engine: Any = None) -> Reading:
        by = (engine or self.host.engine).id
        self.read_by.append((by, text))
        self.understood = {**UNDERSTOOD, **self.otherwise} if by == "r2" else UNDERSTOOD
        return await super().read(text, engine)


@dataclass
class World:
    inference: Any
    store: SqliteStore
    dialogue: DialogueManager
    shadow: ShadowReader
    clock: Clock
    ticks: list[float]

    async def say(self, text: str, sender: str = "ann") -> Any:
        self.clock.now += 1
        return await self.dialogue.handle(UserMessage(conversation_id=sender, text=text, channel="rest"))

    async def noted(self) -> list[Beside]:
        await self.shadow.drain()
        return await self.store.read(lambda connection: shadows_beside(connection, "r2", 0.0))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    store = SqliteStore(None)
    await store.open()
    inference: Any = TwoMinds(SimpleNamespace(engine=scripted_engine()))
    clock, ticks = Clock(), [0.0]
    candidate = scripted_engine(release_id="r2")
    tried: Any = SimpleNamespace(
        shadow_for=lambda name: None if name == "not drawn" else candidate, shown=lambda: {"kind": "shadow"}
    )

    async def pause(seconds: float) -> None:
        ticks[0] += seconds
        await asyncio.sleep(0)

    dialogue = DialogueManager(inference, store, now=clock, choose=random.Random(1))
    shadow = ShadowReader(tried, inference, store, pause=pause, clock=lambda: ticks[0])
    dialogue.on_read = shadow.offer
    yield World(inference, store, dialogue, shadow, clock, ticks)
    await store.close()


async def test_what_it_would_have_done_is_kept_beside_what_was_done(world: World) -> None:
    world.inference.otherwise = {"where is it": ({"hours": 0.95}, {}), "hm": ({"hours": 0.97}, {})}
    for text in ("when are you open", "where is it", "hm"):
        await world.say(text)

    found = await world.noted()

    assert [(one.seq, one.was, one.outcome, one.answer, one.agrees) for one in found] == [
        (1, "answered", "answered", "intent:hours", True),
        (2, "answered", "answered", "intent:hours", False),
        (3, "asked_back", "answered", "intent:hours", False),
    ]
    assert found[1].confidence == pytest.approx(0.95)
    assert world.shadow.shown() == {"kind": "shadow", "read": 3, "dropped": 0}


async def test_the_reply_is_given_before_the_candidate_reads(world: World) -> None:
    turn = await world.say("where is it")

    assert [message.text for message in turn.messages] == ["On its way.", "Here is the link."]
    assert world.inference.read_by == [("r1", "where is it")]
    await world.shadow.drain()
    assert world.inference.read_by == [("r1", "where is it"), ("r2", "where is it")]
    assert turn.release_id == "r1"


async def test_it_reads_in_the_state_in_which_the_message_was_read(world: World) -> None:
    """An hour is asked back about twice in a row: the second time nothing may be asked back again."""
    for _ in range(2):
        await world.say("hm")

    found = await world.noted()

    assert [(one.was, one.outcome) for one in found] == [(one.was, one.was) for one in found]
    assert all(one.agrees for one in found)


async def test_buttons_silent_turns_and_conversations_that_are_not_drawn_are_left_out(world: World) -> None:
    await world.say("hello")
    await world.say("/hours")  # a button that was shown
    await world.say("when are you open", sender="not drawn")

    assert [one.seq for one in await world.noted()] == [1]


async def test_while_customers_wait_it_does_not_read_and_in_the_end_gives_up(world: World) -> None:
    await world.say("where is it")
    world.inference.waiting = 1

    assert await world.noted() == []
    assert world.shadow.dropped == 1
    assert world.ticks[0] >= MAX_WAIT_S
    assert world.inference.read_by == [("r1", "where is it")]


async def test_more_than_it_can_read_is_dropped_and_counted(world: World) -> None:
    for number in range(MAX_WAITING + 3):
        await world.say("where is it", sender=f"c{number}")

    assert world.shadow.dropped == 3
    assert len(await world.noted()) == MAX_WAITING


async def test_of_a_conversation_that_was_erased_meanwhile_nothing_is_kept(world: World) -> None:
    await world.say("where is it")
    await world.dialogue.erase("ann")

    assert await world.noted() == []
    assert await world.store.read(lambda connection: connection.execute(select(shadows)).all()) == []


async def test_a_candidate_that_breaks_is_passed_over(world: World) -> None:
    await world.say("where is it")
    world.inference.fails_with = RuntimeError("broken")
    assert await world.noted() == []
    world.inference.fails_with = None
    await world.say("when are you open")

    assert [one.seq for one in await world.noted()] == [2]


async def test_the_report_counts_what_would_be_otherwise(world: World) -> None:
    world.inference.otherwise = {
        "where is it": ({"hours": 0.95}, {}),  # otherwise
        "hm": ({"hours": 0.97}, {}),  # more
        "when are you open": ({"hours": 0.05}, {}),  # less
    }
    for text in ("where is it", "hm", "when are you open", "hello"):
        await world.say(text, sender=text)
    turns = await world.noted()

    found = report_shadow(turns)

    assert (found.read, found.agrees) == (4, 1)
    assert (found.answers_more, found.answers_less, found.answers_otherwise) == (1, 1, 1)
    assert found.was == {"answered": 3, "asked_back": 1}
    assert found.would_be == {"answered": 3, "fell_back": 1}
    by_id = {one.conversation_id: one for one in found.differences}
    assert set(by_id) == {"where is it", "hm", "when are you open"}
    assert by_id["where is it"].was == "answered intent:order"
    assert by_id["where is it"].would_be == "answered intent:hours"
    assert by_id["hm"].was == "asked_back intent:hours pair:p2"
    assert {one.text for one in found.differences} == {None}
    with_texts = report_shadow(turns, with_texts=True, most=1).differences
    assert [one.text for one in with_texts] == ["when are you open"], "the latest"
    assert await world.store.read(lambda connection: count_read(connection, "r1", 0.0, 2e9)) == 4


async def test_a_turn_is_taken_by_one_release_though_another_comes_in_its_middle(world: World) -> None:
    """A follow-up is read twice; the release changes between the two readings, and after the session was opened."""
    inference, new = world.inference, scripted_engine(release_id="r2")
    await world.say("when are you open")

    async def swap_then_read(text: str, engine: Any = None) -> Reading:
        inference.host.engine = new
        return await TwoMinds.read(inference, text, engine)

    inference.read = swap_then_read
    turn = await world.say("and where is it")

    assert turn.release_id == "r1"
    assert {by for by, _ in inference.read_by} == {"r1"}
    bot_events = [event for event in turn.events if event["event"] == "bot"]
    assert {event["metadata"]["release"] for event in bot_events} == {"r1"}
    assert (await world.say("hello")).release_id == "r2"
