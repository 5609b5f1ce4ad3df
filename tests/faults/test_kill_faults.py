"""The server is killed: under load, and at each step of a message's way; what it acknowledged it answers, once."""

import asyncio
import signal
import time

import pytest
from fault_world import World
from receiver import never
from stub_server import CRASHED

RESTART_S = 10.0  # on a machine that may be busy with others


async def kill_and_restart(world: World, rounds: int) -> None:
    await world.start()
    async with world.customers():
        for _ in range(rounds):
            await asyncio.sleep(world.moments.uniform(0.05, 1.0))
            assert await world.server.end(signal.SIGKILL) == -signal.SIGKILL
            started = time.monotonic()
            await world.start()
            assert time.monotonic() - started < RESTART_S
    await world.settled()


async def test_what_was_acknowledged_is_answered_once_and_in_order_however_often_it_is_killed(world: World) -> None:
    await kill_and_restart(world, rounds=3)

    assert len(world.account.acknowledged) > 20
    assert world.broken() == {}


async def test_it_holds_for_twenty_kills(world: World) -> None:
    await kill_and_restart(world, rounds=20)

    assert world.broken() == {}


async def test_killed_while_idle_it_knows_everything_again(world: World) -> None:
    await world.start()
    for number in range(3):
        await world.ask(f"c{number}")
    await world.settled()
    await world.server.end(signal.SIGKILL)
    await world.start()
    await world.ask("c0")
    await world.settled()

    assert len(world.receiver.texts("c0")) == 4
    assert world.broken() == {}


@pytest.mark.parametrize("point", ["after_accept_commit", "before_reply_commit", "after_reply_commit"])
async def test_a_crash_before_anything_was_sent_loses_and_doubles_nothing(world: World, point: str) -> None:
    await world.start("--crash-at", point)
    messages = [world.next_message("c0") for _ in range(3)]
    await world.post(world.server, messages[0])
    assert await world.server.ended() == CRASHED
    await world.start()
    for asked in messages:  # whether or not the first was acknowledged, it may come again
        assert await world.post(world.server, asked) == 200
    await world.settled()

    assert [text for text in world.receiver.texts("c0") if text.startswith("You")] == [
        f"You said {asked.words}." for asked in messages
    ]
    assert world.select("SELECT DISTINCT state FROM outbox") == [("sent",)]
    assert world.broken() == {}


@pytest.mark.parametrize(("point", "is_taken"), [("during_send", False), ("after_send_before_mark", True)])
async def test_a_part_that_was_being_sent_is_unknown_and_not_sent_again(
    world: World, point: str, is_taken: bool
) -> None:
    world.receiver.manners = None if is_taken else never
    await world.start("--crash-at", point)
    asked = world.next_message("c0")
    await world.post(world.server, asked)
    assert await world.server.ended() == CRASHED
    world.receiver.manners = None
    await world.start()
    await world.settled()

    assert world.select("SELECT part_no, state, attempts FROM outbox ORDER BY id") == [
        (0, "unknown", 1),
        (1, "sent", 1),
    ]
    echoes = [text for text in world.receiver.texts("c0") if text.startswith("You")]
    assert echoes == ([f"You said {asked.words}."] if is_taken else [])
    assert world.broken() == {}
