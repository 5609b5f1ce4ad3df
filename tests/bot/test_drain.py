"""The end of the server: what is new is refused; what is under way has its time, which a second signal cuts short."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.drain import Drain
from bot.middlewares import errors_as_json


class Served:
    """A server whose `/slow` answers when it is told to."""

    def __init__(self, client: TestClient, drain: Drain, begun: asyncio.Event, free: asyncio.Event) -> None:
        self.client, self.drain, self.begun, self.free = client, drain, begun, free

    async def slow(self) -> "asyncio.Task[int]":
        task = asyncio.create_task(self.status("/slow"))
        await self.begun.wait()
        return task

    async def status(self, path: str) -> int:
        async with self.client.get(path) as response:
            return response.status


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    drain, begun, free = Drain(limit_s=60), asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        begun.set()
        await free.wait()
        return web.Response()

    async def quick(_: web.Request) -> web.Response:
        return web.Response()

    app = web.Application(middlewares=[errors_as_json, drain.refuse_or_count])
    app.add_routes([web.get("/slow", slow), web.get("/ready", quick), web.get("/health", quick)])
    async with TestClient(TestServer(app)) as client:
        yield Served(client, drain, begun, free)
        free.set()


async def test_what_is_new_is_refused_and_what_is_under_way_is_waited_for(served: Served) -> None:
    under_way = await served.slow()
    served.drain.begin()

    async with served.client.get("/ready") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
        assert (await response.json())["reason"] == "ShuttingDown"
    assert await served.status("/health") == 200
    waiting = asyncio.create_task(served.drain.requests_done())
    await asyncio.sleep(0)
    assert not waiting.done()
    served.free.set()
    await waiting

    assert await under_way == 200


async def test_with_nothing_under_way_nobody_waits(served: Served) -> None:
    served.drain.begin()

    await served.drain.requests_done()


async def test_a_second_signal_ends_the_waiting(served: Served) -> None:
    await served.slow()
    served.drain.begin()
    waiting = asyncio.create_task(served.drain.requests_done())
    await asyncio.sleep(0)
    served.drain.hurry()

    await waiting


async def test_after_its_time_what_is_not_done_is_cancelled() -> None:
    drain, stopped = Drain(limit_s=0), []
    drain.stops.append(lambda: stopped.append(1))
    never = asyncio.create_task(asyncio.Event().wait())

    drain.begin()
    drain.begin()
    await drain.done(never)

    assert never.cancelled()
    assert stopped == [1]
