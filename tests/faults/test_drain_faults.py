"""The server is told to end: it finishes what is under way, refuses what is new, and leaves nothing half done."""

import asyncio
import signal
import time

import aiohttp
from fault_world import World, write_actions

from bot.drain import DRAIN_S
from bot.server import CUT_OFF_S

REST = "/webhooks/rest/webhook"
MARGIN_S = 2.0


async def talk(world: World, words: str, sender: str = "rest") -> tuple[int, list[str]]:
    """A turn over the REST channel."""
    body = {"sender": sender, "message": words}
    async with world.session.post(world.server.address + REST, json=body) as response:
        items = await response.json()
    return response.status, [item["text"] for item in items] if response.status == 200 else []


async def status(world: World, path: str) -> tuple[int, str | None]:
    async with world.session.get(world.server.address + path) as response:
        return response.status, response.headers.get("Retry-After")


async def under_way(world: World, words: str) -> "asyncio.Task[tuple[int, list[str]]]":
    """A turn that is being taken; its action says so in a file."""
    task = asyncio.create_task(talk(world, words))
    await world.until((world.folder / "begun").exists)
    return task


async def test_sigterm_finishes_what_is_under_way_and_refuses_what_is_new(world: World) -> None:
    write_actions(world.assistant, f"open({str(world.folder / 'begun')!r}, 'w').close(); time.sleep(1.5)")
    await world.start()
    assert (await status(world, "/ready"))[0] == 200
    waiting = [await world.ask(f"c{number}", "slow") for number in range(3)]
    turn = await under_way(world, "slow please")

    world.server.strike(signal.SIGTERM)
    started = time.monotonic()
    await world.until(lambda: '"ending"' in world.server.log)

    assert await status(world, "/ready") == (503, "5")
    assert await status(world, "/health") == (200, None)
    assert await talk(world, "hello", "somebody else") == (503, [])
    assert await world.post(world.server, world.next_message("c9")) == 503
    assert await turn == (200, ["You said slow please.", "I am rel0000/rel0000/rel0000."])
    assert await world.server.ended() == 0
    assert time.monotonic() - started < DRAIN_S + MARGIN_S
    done = world.select("SELECT external_id FROM inbox WHERE state = 'done' ORDER BY id")
    assert done == [(asked.external_id,) for asked in waiting], "turns of the inbox are finished too"
    await world.start()
    await world.settled()
    assert world.broken() == {}


async def test_sigterm_under_load_loses_and_doubles_nothing(world: World) -> None:
    await world.start()
    async with world.customers():
        await asyncio.sleep(world.moments.uniform(0.5, 1.0))
        started = time.monotonic()
        assert await world.server.end(signal.SIGTERM) == 0
        assert time.monotonic() - started < DRAIN_S + MARGIN_S
        await world.start()
    await world.settled()

    assert set(world.refusals) <= {503}
    assert world.select("SELECT max(attempts) FROM inbox") == [(1,)], "no turn was cut off"
    assert {state for (state,) in world.select("SELECT state FROM outbox")} == {"sent"}
    assert world.broken() == {}


async def test_killed_in_the_middle_of_its_drain_it_loses_and_doubles_nothing(world: World) -> None:
    await world.start()
    async with world.customers():
        await asyncio.sleep(0.5)
        world.server.strike(signal.SIGTERM)
        await asyncio.sleep(world.moments.uniform(0.0, 0.1))
        world.server.strike(signal.SIGKILL)
        await world.server.ended()
        await world.start()
    await world.settled()

    assert world.broken() == {}


async def test_a_second_signal_cuts_the_drain_short_and_what_was_cut_off_is_taken_again(world: World) -> None:
    write_actions(world.assistant, f"open({str(world.folder / 'begun')!r}, 'w').close(); time.sleep(8)")
    await world.start()
    asked = await world.ask("c0", "slow")
    await world.until((world.folder / "begun").exists)
    turn = asyncio.create_task(talk(world, "slow please"))
    await asyncio.sleep(0.2)

    world.server.strike(signal.SIGTERM)
    await asyncio.sleep(0.2)
    started = time.monotonic()
    world.server.strike(signal.SIGINT)
    code = await world.server.ended()

    assert code == 0
    assert time.monotonic() - started < CUT_OFF_S + MARGIN_S
    (cut_off,) = await asyncio.gather(turn, return_exceptions=True)
    assert isinstance(cut_off, aiohttp.ClientError) or cut_off[0] == 503
    assert world.select("SELECT state, attempts FROM inbox") == [("waiting", 0)]
    write_quick_action(world)
    await world.start()
    await world.settled()
    assert world.receiver.texts("c0")[0] == f"You said {asked.words}."
    assert world.broken() == {}


async def test_sighup_changes_nothing(world: World) -> None:
    await world.start()
    world.server.strike(signal.SIGHUP)
    await world.until(lambda: "sighup_ignored" in world.server.log)

    await world.ask("c0")
    await world.settled()

    assert len(world.receiver.texts("c0")) == 2
    assert await world.server.end(signal.SIGINT) == 0
    assert world.broken() == {}


async def test_stopped_for_a_while_it_goes_on_as_if_nothing_had_been(world: World) -> None:
    await world.start()
    async with world.customers(pause_s=0.02):
        for _ in range(3):
            await asyncio.sleep(world.moments.uniform(0.1, 0.3))
            world.server.strike(signal.SIGSTOP)
            await asyncio.sleep(0.7)
            world.server.strike(signal.SIGCONT)
    await world.settled()

    assert world.refusals == []
    assert world.broken() == {}


def write_quick_action(world: World) -> None:
    (world.assistant / "actions" / "actions.py").unlink()
    (world.assistant / "actions").rmdir()
    write_actions(world.assistant, "pass")
