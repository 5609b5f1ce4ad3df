"""Two servers on one PostgreSQL database take turns of the same conversations."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fault_world import World
from postgres_server import PostgresServer


@pytest.fixture
async def shared(tmp_path: Path, seed: int, postgres: PostgresServer) -> AsyncIterator[World]:
    """A world whose servers share a database."""
    url = postgres.new_database()

    def select(statement: str) -> list[tuple[Any, ...]]:
        return [tuple(line.split("|")) for line in postgres.sql(statement, str(url.database))]

    world = World(tmp_path, seed, (url.render_as_string(hide_password=False), select))
    await world.open()
    yield world
    await world.close()


async def test_two_servers_answer_each_message_once_and_in_order(shared: World) -> None:
    for _ in range(2):
        await shared.start()
    async with shared.customers(count=3, times=2):
        await asyncio.sleep(3)
    await shared.settled()

    assert len(shared.account.acknowledged) > 5
    assert shared.broken() == {}


async def test_one_that_is_stopped_loses_its_turns_to_the_other_and_answers_nothing_twice(shared: World) -> None:
    stopped = await shared.start("--lease", "1")
    await shared.start("--lease", "1")
    async with shared.customers(count=3, pause_s=0.05):
        for _ in range(2):
            await asyncio.sleep(shared.moments.uniform(0.3, 0.8))
            stopped.strike(signal.SIGSTOP)
            await asyncio.sleep(1.5)
            stopped.strike(signal.SIGCONT)
    await shared.settled()

    assert shared.broken() == {}


async def test_one_that_is_killed_leaves_its_turns_to_the_other(shared: World) -> None:
    killed = await shared.start("--lease", "1")
    await shared.start("--lease", "1")
    async with shared.customers(count=3, pause_s=0.05):
        await asyncio.sleep(shared.moments.uniform(0.3, 0.8))
        await killed.end(signal.SIGKILL)
        await asyncio.sleep(1.5)
    waiting = "SELECT count(*) FROM inbox WHERE state = 'waiting'"
    await shared.until(lambda: shared.select(waiting) == [("0",)])

    left = int(shared.select("SELECT count(*) FROM outbox WHERE state = 'sending'")[0][0])
    assert left <= 8, "what it was sending is of unknown fate, and found so by the other later"
    found = shared.broken()
    assert [case for case in found.pop("P1", []) if "is sending" not in case and "is pending" not in case] == []
    assert found == {}
