"""The ledger is worth its name: with each of these defects in the server it is red, without them it is not."""

import asyncio
import signal

import pytest
from fault_world import World
from stub_engine import damage, write_stub_release

from training.releases import Releases


async def everything_happens(world: World, *options: str) -> dict[str, list[str]]:
    """A little of all: messages that come twice, a damaged release, a kill under load and another start."""
    await world.start(*options)
    await world.ask("c0", times=2)
    await world.settled()
    release = write_stub_release(world.data, "rel0001", promote=False)
    damage(release, 1)
    Releases(world.data).promote(release)
    await asyncio.sleep(0.5)
    await world.ask("c0")
    await world.settled()
    async with world.customers(count=4):
        await asyncio.sleep(0.6)
        await world.server.end(signal.SIGKILL)
        Releases(world.data).promote(Releases(world.data).open("rel0000"))
        await world.start()
    await world.settled()
    return world.broken()


async def test_without_a_defect_every_promise_is_kept(world: World) -> None:
    assert await everything_happens(world) == {}


@pytest.mark.parametrize(
    ("defect", "promise"),
    [
        ("acknowledge_before_commit", "P1"),
        ("no_unique_key", "P3"),
        ("reply_twice", "P3"),
        ("swap_without_hash", "P4"),
    ],
)
async def test_each_defect_is_found(world: World, defect: str, promise: str) -> None:
    assert promise in await everything_happens(world, "--plant", defect)
