"""The server is killed while customers are handed over: a help desk hears of all that is stored, once and in order."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from fakes.helpdesk import FakeHelpDesk
from fakes.vendor import Fault
from fault_world import World

TYPES = {"waiting": "handoff.requested", "human": "handoff.claimed", "returned": "handoff.returned"}
NAMES = ("c0", "c1", "c2")


@pytest.fixture
async def desk(world: World) -> AsyncIterator[FakeHelpDesk]:
    desk = FakeHelpDesk()
    await desk.start()
    with (world.assistant / "credentials.yml").open("a") as file:
        file.write(f"helpdesk: {json.dumps(desk.credentials())}\n")
    yield desk
    await desk.close()
    assert desk.refused == []


def happened(world: World, name: str) -> list[str]:
    """What a help desk should have heard, by the events that are stored."""
    rows = world.select(f"SELECT data FROM events WHERE sender_id = '{name}' ORDER BY id")  # noqa: S608 - our names
    found, is_silent, called_at = list[str](), False, None
    for event in (json.loads(row[0]) for row in rows):
        if event["event"] == "handoff" and event["state"] in TYPES:
            found.append(TYPES[event["state"]])
            called_at = event["timestamp"] if event["state"] == "waiting" else called_at
            is_silent = event["state"] != "returned"
        elif event["event"] in ("user", "bot") and is_silent and event["timestamp"] != called_at:
            found.append("message.created")
    return found


async def act(world: World, name: str, action: str, **body: str) -> None:
    """A person does something, again and again until it is done, or has been before."""
    while True:
        address = f"{world.server.address}/conversations/{name}/handoff{action}"
        try:
            async with world.session.post(address, json=body) as response:
                if response.status in (200, 201, 409):
                    return
        except (aiohttp.ClientError, OSError):
            pass
        await asyncio.sleep(0.02)


async def serve(world: World, name: str, times: int) -> None:
    for number in range(times):
        await world.ask(name)
        await act(world, name, "")
        await world.ask(name)
        await act(world, name, "/claim", agent="Ann")
        await act(world, name, "/reply", agent="Ann", text=f"Here I am, {number}.")
        await act(world, name, "/return", agent="Ann")


async def test_a_help_desk_hears_of_everything_once_and_in_order_however_often_the_server_is_killed(
    world: World, desk: FakeHelpDesk
) -> None:
    faults: list[Any] = [None] * 12 + [503, Fault.HANG_UP, Fault.LOST_ANSWER]
    desk.faults.extend(world.moments.choice(faults) for _ in range(40))
    environment = {"KEFU_ENABLE_API": "true"}
    await world.start(**environment)
    serving = [asyncio.create_task(serve(world, name, times=3)) for name in NAMES]
    for _ in range(3):
        await asyncio.sleep(world.moments.uniform(0.1, 0.8))
        await world.server.end(signal.SIGKILL)
        await world.start(**environment)
    await asyncio.gather(*serving)
    await world.settled()

    for name in NAMES:
        assert desk.types(name) == happened(world, name)
        assert desk.types(name).count("handoff.requested") == 3
    assert len({one.id for one in desk.taken}) == len(desk.taken)
    assert world.select("SELECT DISTINCT state FROM outbox WHERE channel = 'helpdesk'") == [("sent",)]
