"""Releases are swapped while customers talk, some of them damaged; no reply is of two, or of a damaged one."""

import asyncio

from fault_world import World
from stub_engine import damage, write_stub_release

from training.releases import Releases

SWAPS = 24


async def promote_many(world: World, count: int, *, damaged_share: float = 0.3) -> list[str]:
    """Promotes one release after another; returns the ids of the damaged ones."""
    releases, damaged = Releases(world.data), []
    for number in range(1, count + 1):
        name = f"rel{number:04}"
        if world.moments.random() < damaged_share:
            release = write_stub_release(world.data, name, promote=False)
            damage(release, number)
            damaged.append(release.id)
            releases.promote(release)
        else:
            promote_sound(world, name)
        await asyncio.sleep(world.moments.uniform(0.02, 0.15))
    return damaged


def promote_sound(world: World, name: str) -> str:
    release = write_stub_release(world.data, name, promote=False)
    world.account.releases = [*world.account.releases, release.id]
    Releases(world.data).promote(release)
    return release.id


async def test_swaps_under_load_fail_no_request_and_show_no_damaged_release(world: World) -> None:
    await world.start()
    async with world.customers(pause_s=0.01):
        damaged = await promote_many(world, SWAPS)
        last = promote_sound(world, "rel-last")  # the others may be gone from CURRENT before anybody looks
        await world.until(lambda: f"I am {last}/{last}/{last}." in {one.text for one in world.receiver.taken})
    await world.settled()

    seen = {one.text for one in world.receiver.taken if one.text.startswith("I am")}
    assert damaged
    assert len(seen) > SWAPS // 4
    assert world.refusals == []
    assert world.broken() == {}
    async with world.session.get(world.server.address + "/status") as response:
        assert set((await response.json())["refused_releases"]) <= set(damaged)
