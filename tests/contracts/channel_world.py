"""A whole server with one channel, over a release that is made in a moment, and the fake of the channel's platform."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp.test_utils import TestClient, TestServer
from fakes.vendor import Request, Vendor
from stub_engine import StubEngine, write_stub_release

import bot.app
import bot.model_host
import bot.outbox_sender
from bot.abilities import Abilities
from bot.app import create_app
from bot.pace import Pace
from bot.stores.outbox import SendState
from bot.stores.sqlite import SqliteConnector
from bot.stores.store import ConversationStore
from configs import Settings
from training.releases import Releases

RELEASE = "rel0000"
PATIENCE_S = 20.0
LARGE_BYTES = 1024 * 1024
OPEN_STATES = {SendState.PENDING, SendState.SENDING}


class World:
    """A server with one channel, and the channel's platform.

    Attributes:
        settings: Settings of the server, from its next start on.
    """

    def __init__(self, vendor: Vendor, folder: Path) -> None:
        self.vendor, self.assistant, self.data = vendor, folder / "assistant", folder / "data"
        self.client: TestClient | None = None
        self.settings: dict[str, Any] = {}

    async def open(self) -> None:
        self.assistant.mkdir()
        write_stub_release(self.data, RELEASE)
        await self.vendor.start()
        credentials = yaml.safe_dump({self.vendor.key or self.vendor.channel: self.vendor.credentials()})
        (self.assistant / "credentials.yml").write_text(credentials, "utf-8")
        await self.start()

    async def start(self) -> None:
        app = create_app(Settings(port=0, follow_interval_s=0.05, **self.settings), Releases(self.data), self.assistant)
        self.client = TestClient(TestServer(app))
        await self.client.start_server()

    async def stop(self) -> None:
        assert self.client is not None
        await self.client.close()
        self.client = None

    async def close(self) -> None:
        if self.client is not None:
            await self.stop()
        await self.vendor.close()

    async def bring(self, request: Request) -> tuple[int, bool]:
        """The platform brings something; the status, and whether the platform takes it for a receipt."""
        assert self.client is not None
        async with self.client.request(
            request.method, request.path, headers=request.headers, data=_data(request.body), allow_redirects=False
        ) as response:
            body = await response.read()
            return response.status, self.vendor.is_acknowledged(response.status, body)

    async def say(self, user: str, text: str, id: str) -> None:  # noqa: A002 - as the platform calls it
        """A customer writes, and the platform brings it until it has a receipt."""
        status, taken = await self.bring(self.vendor.message(user=user, text=text, id=id))
        assert taken, f"{self.vendor.channel} answered {status}"

    def heard(self, user: str) -> list[str]:
        return [one.text for one in self.vendor.sent if one.user == user]

    async def settled(self, user: str, parts: int) -> list[SendState]:
        """What became of a conversation's parts, once there are so many and none is under way."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                states = await self._states(user)
                if len(states) >= parts and not OPEN_STATES.intersection(states):
                    return states
                await asyncio.sleep(0.02)

    async def _states(self, user: str) -> list[SendState]:
        assert self.client is not None
        store: ConversationStore = self.client.app[bot.app.DIALOGUE]._store
        return [part.state for part in await store.outbox.parts_of(self.vendor.conversation_of(user))]

    async def inbox_count(self) -> int:
        store = ConversationStore(SqliteConnector(self.data / "conversations.db"))
        await store.open()
        try:
            return await store._connector.read(
                lambda connection: int(connection.exec_driver_sql("SELECT count(*) FROM inbox").scalar_one())
            )
        finally:
            await store.close()


def _data(body: bytes) -> bytes | BytesIO:
    """A body as aiohttp's client wants it: a large one as a file."""
    return body if len(body) <= LARGE_BYTES else BytesIO(body)


@asynccontextmanager
async def channel_world(vendor: Vendor, folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """The world of one channel, which is not paced and tries again soon; the platform must have refused nothing."""
    monkeypatch.setattr(bot.model_host, "Engine", StubEngine)
    monkeypatch.setattr(bot.outbox_sender, "FIRST_WAIT_S", 0.02)
    monkeypatch.setattr(bot.app, "Pace", lambda _: Pace(Abilities()))
    vendor.paced, vendor.retry_after_s = False, 0
    world = World(vendor, folder)
    await world.open()
    yield world
    await world.close()
    assert vendor.refused == [], "the platform refused what the bot sent"
