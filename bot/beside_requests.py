"""What a server does besides answering requests, from the opening of its store to the end of its last part."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Protocol

from aiohttp import web

from bot.drain import Drain
from bot.stores.store import ConversationStore

Run = Callable[[], Coroutine[Any, Any, None]]


class Closing(Protocol):
    """A part that has to be closed."""

    async def close(self) -> None:
        """Closes it."""


class BesideRequests:
    """Opens the store, keeps everything running, and ends it in order.

    Args:
        follows: What looks out for news, and is cancelled at the end.
        works: What finishes what is under way before it ends; the drain waits for it.
        closes: Closed at the very end, in this order.
    """

    def __init__(
        self,
        store: ConversationStore,
        drain: Drain,
        *,
        follows: Sequence[Run],
        works: Sequence[Run],
        closes: Sequence[Closing],
    ) -> None:
        self._store, self._drain = store, drain
        self._follows, self._works, self._closes = follows, works, closes

    async def __call__(self, _: web.Application) -> AsyncIterator[None]:
        """Runs as long as the application does."""
        await self._store.open()
        following = [asyncio.create_task(run()) for run in self._follows]
        working = [asyncio.create_task(run()) for run in self._works]
        yield
        self._drain.begin()
        for task in following:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._drain.done(*working)
        for part in self._closes:
            await part.close()
