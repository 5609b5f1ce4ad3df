"""A scripted bot behind the Socket.IO channel, with a real inbox and outbox; it can be restarted."""

import asyncio
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from fakes.socketio_client import Page
from scripted_bot import DOMAIN, SPEC, Bot, Clock, make_bot

from bot.channels.intake import Intake
from bot.channels.socketio import Config, SocketIo
from bot.inbox_worker import InboxWorker
from bot.middlewares import CORS_ORIGINS, errors_as_json
from bot.outbox_sender import OutboxSender
from bot.stores.outbox import Part
from bot.stores.sqlite import SqliteConnector
from bot.stores.store import ConversationStore
from configs.bot_spec import BotSpec

CONFIRM_S = 0.3


class House:
    """The server.

    Attributes:
        clock: Stands still: nothing is tried again until something hurries it, or the clock is moved.
    """

    def __init__(self, path: Path, spec: BotSpec = SPEC, origins: tuple[str, ...] = (), **section: Any) -> None:
        self._path, self._spec, self._origins = path, spec, origins
        self.config = Config.model_validate(section)
        self.clock = Clock()
        self.pages: list[Page] = []
        self.port = 0

    async def start(self) -> None:
        """Serves, on the port it had before."""
        self.store = ConversationStore(SqliteConnector(self._path), now=self.clock)
        await self.store.open()
        intake = Intake(self.store, max_text_chars=100, on_accept=self._wake, now=self.clock)
        self.channel = SocketIo(self.config, intake, confirm_s=CONFIRM_S)
        self.bot: Bot = make_bot(
            self.store,  # type: ignore[arg-type]
            self._spec,
            sends_to={self.channel.name: self.channel.abilities},
        )
        self.bot.dialogue._now = self.clock
        sender = OutboxSender(self.store.outbox, {self.channel.name: self.channel.deliver}, now=self.clock)
        self._worker = InboxWorker(self.store, self.bot.dialogue, on_answer=sender.wake)
        self._sender = sender
        app = web.Application(middlewares=[errors_as_json])
        app[CORS_ORIGINS] = self._origins
        app.add_routes(self.channel.routes())
        self._server = TestServer(app, port=self.port)
        await self._server.start_server()
        self.port = self._server.port or 0
        self._tasks = [asyncio.create_task(self._worker.run()), asyncio.create_task(sender.run())]

    def _wake(self) -> None:
        self._worker.wake()

    async def stop(self) -> None:
        """Ends in order."""
        self.channel.stop()
        await self._server.close()
        self._worker.stop()
        self._sender.stop()
        await asyncio.gather(*self._tasks)
        await self.channel.close()
        await self.store.close()

    async def pause_replies(self) -> None:
        """Ends what sends; what the bot says waits."""
        self._sender.stop()
        await self._tasks[1]

    def resume_replies(self) -> None:
        """Sends again."""
        self._sender = OutboxSender(self.store.outbox, {self.channel.name: self.channel.deliver}, now=self.clock)
        self._tasks[1] = asyncio.create_task(self._sender.run())

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def visit(self, page: Page) -> Any:
        """Opens a page, which is closed with the test."""
        self.pages.append(page)
        await page.connect()
        return page

    async def close(self) -> None:
        """Closes the pages and the server."""
        for page in self.pages:
            await page.leave()
        await self.stop()

    async def parts(self) -> list[Part]:
        """All that was said to anybody."""
        return [part for name in await self.conversations() for part in await self.store.outbox.parts_of(name)]

    async def conversations(self) -> list[str]:
        """Everybody who has said something."""
        from sqlalchemy import text  # noqa: PLC0415 - only this looks behind the store

        def read(connection: Any) -> list[str]:
            return [str(name) for name in connection.scalars(text("SELECT DISTINCT conversation_id FROM inbox"))]

        return sorted(await self.store._connector.read(read))

    async def until_parts(self, count: int) -> None:
        """Waits until so much is in the outbox."""
        async with asyncio.timeout(20):
            while len(await self.parts()) < count:  # noqa: ASYNC110 - it writes by itself
                await asyncio.sleep(0.01)


__all__ = ["DOMAIN", "House"]
