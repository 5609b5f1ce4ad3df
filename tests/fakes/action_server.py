"""A fake of Rasa's action server that misbehaves in the way it is told, on a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

GOOD = {"events": [{"event": "slot", "timestamp": None, "name": "city", "value": "Leeds"}], "responses": []}

Manners = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class FakeActionServer:
    """Answers `/webhook` as `manners` does; `calls` are the bodies it was sent."""

    manners: Manners
    url: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)

    async def webhook(self, request: web.Request) -> web.StreamResponse:
        self.calls.append(await request.json())
        return await self.manners(request)


@asynccontextmanager
async def action_server(manners: Manners) -> AsyncIterator[FakeActionServer]:
    """Serves until the end of the block."""
    fake = FakeActionServer(manners)
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_post("/webhook", fake.webhook)
    async with TestServer(app) as server:
        fake.url = str(server.make_url("/webhook"))
        yield fake


def unreachable_url() -> str:
    """Where nothing listens."""
    return f"http://127.0.0.1:{unused_port()}/webhook"


async def good(_: web.Request) -> web.StreamResponse:
    """Sets the slot `city`."""
    return web.json_response(GOOD)


def status(code: int, body: object = None, **headers: str) -> Manners:
    """Answers with this status."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=code, headers=headers)

    return answer


def text(body: bytes, **headers: str) -> Manners:
    """Answers 200 with these bytes."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, headers={"Content-Type": "application/json", **headers})

    return answer


def in_turn(*manners: Manners) -> Manners:
    """The first call is answered by the first of `manners`, the next by the next, and all after by the last."""
    left = list(manners)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await (left.pop(0) if len(left) > 1 else left[0])(request)

    return answer


async def hangs(request: web.Request) -> web.StreamResponse:
    """Takes the call and says nothing."""
    await _until_the_client_leaves(request)
    raise asyncio.CancelledError


async def drips(request: web.Request) -> web.StreamResponse:
    """Begins to answer, and then says nothing."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"events": [')
    await _until_the_client_leaves(request)
    return response


async def floods(request: web.Request) -> web.StreamResponse:
    """Answers 100 MB; how much of it the client let through stands in the app's `sent_bytes`."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    sent_bytes = 0
    try:
        for _ in range(100):
            await response.write(b" " * 1_000_000)
            sent_bytes += 1_000_000
    except ConnectionError:
        SENT_BYTES.append(sent_bytes)
        raise
    SENT_BYTES.append(sent_bytes)
    return response


SENT_BYTES: list[int] = []


def raw(head: str, body: bytes) -> Manners:
    """Writes these bytes past aiohttp and closes the connection."""

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        request.transport.close()
        await _until_the_client_leaves(request)
        raise asyncio.CancelledError

    return answer


def says_too_much_length() -> Manners:
    """Promises more bytes than come."""
    return raw(f"HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: {10_000}", json.dumps(GOOD).encode())


def says_too_little_length() -> Manners:
    """Sends more bytes than it promised."""
    return raw("HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 12", json.dumps(GOOD).encode())


async def _until_the_client_leaves(request: web.Request) -> None:
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110 - nothing else tells
        await asyncio.sleep(0.01)
