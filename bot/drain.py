"""How the server comes to its end: nothing new is begun, and what is under way has some seconds to finish."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.errors import Refused
from bot.middlewares import Handler

DRAIN_S = 10.0
RETRY_AFTER_S = 5
ANSWERED_TO_THE_END = frozenset({"/health"})


class Drain:
    """Refuses requests once the server ends, and waits for those under way.

    Args:
        limit_s: How long what is under way may take.

    Attributes:
        is_ending: Whether nothing new is begun.
        stops: Called at the beginning of the end.
    """

    def __init__(self, limit_s: float = DRAIN_S) -> None:
        self._limit_s, self._ends_at = limit_s, 0.0
        self._count, self._idle, self._haste = 0, asyncio.Event(), asyncio.Event()
        self.is_ending = False
        self.stops: list[Callable[[], None]] = []

    @web.middleware
    async def refuse_or_count(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Counts a request while it is under way; a WebSocket, which ends when it is told to, is not counted."""
        if self.is_ending and request.path not in ANSWERED_TO_THE_END:
            raise Refused(503, "ShuttingDown", "The server is ending.", retry_after_s=RETRY_AFTER_S)
        if "Upgrade" in request.headers:
            return await handler(request)
        self._count += 1
        try:
            return await handler(request)
        finally:
            self._count -= 1
            if self.is_ending and not self._count:
                self._idle.set()

    def begin(self) -> None:
        """From now on nothing new is begun."""
        if self.is_ending:
            return
        self.is_ending, self._ends_at = True, time.monotonic() + self._limit_s
        for stop in self.stops:
            stop()
        if not self._count:
            self._idle.set()

    def hurry(self) -> None:
        """What is not done by now is cut off."""
        self._haste.set()

    async def requests_done(self) -> None:
        """Waits for the requests under way, as long as there is time."""
        await self.done(self._idle.wait())

    async def done(self, *works: Awaitable[object]) -> None:
        """Waits for `works`, as long as there is time; what has not ended by then is cancelled."""
        haste: asyncio.Future[Any] = asyncio.ensure_future(self._haste.wait())
        every: asyncio.Future[Any] = asyncio.gather(*works, return_exceptions=True)
        left_s = max(0.0, self._ends_at - time.monotonic())
        await asyncio.wait({haste, every}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        haste.cancel()
        every.cancel()
        await asyncio.gather(haste, every, return_exceptions=True)
