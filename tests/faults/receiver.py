"""A server that takes the callback channel's posts, on a real socket, and keeps all it took."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

Manners = Callable[["Sent"], Awaitable[web.StreamResponse | None]]  # None: take it


@dataclass(frozen=True, slots=True)
class Sent:
    """One thing that was posted."""

    conversation: str
    text: str
    key: str


@dataclass
class Receiver:
    """Keeps posts in the order of their arrival.

    Attributes:
        taken: Those that were answered with 200, or would have been.
        refused: The others.
        manners: Asked before a post is taken.
    """

    manners: Manners | None = None
    taken: list[Sent] = field(default_factory=list)
    refused: list[Sent] = field(default_factory=list)
    url: str = ""
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/take", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/take"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def texts(self, conversation: str) -> list[str]:
        return [sent.text for sent in self.taken if sent.conversation == conversation]

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        sent = Sent(body["recipient_id"], body["text"], request.headers["Idempotency-Key"])
        answer = None if self.manners is None else await self.manners(sent)
        if answer is not None:
            self.refused.append(sent)
            return answer
        self.taken.append(sent)
        return web.Response(text="taken")


async def never(_: Sent) -> web.StreamResponse | None:
    """Does not answer."""
    await asyncio.sleep(3_600)
    return None
