"""A server whose customers can be handed over to persons, for channels that are told of it."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp.test_utils import TestClient, TestServer
from fakes.vendor import Request
from stub_engine import StubEngine, write_stub_release

import bot.app
import bot.model_host
import bot.outbox_sender
from bot.abilities import Abilities
from bot.app import create_app
from bot.pace import Pace
from bot.stores.outbox import Part, SendState
from bot.stores.store import ConversationStore
from configs import Settings
from training.releases import Releases

RELEASE = "rel0000"
PATIENCE_S = 20.0
OPEN_STATES = {SendState.PENDING, SendState.SENDING}


class DeskWorld:
    """An assistant in a folder of its own, and the server that serves it.

    Args:
        credentials: `credentials.yml`, as a mapping.
        port: Where it listens; None takes any.
    """

    def __init__(self, folder: Path, credentials: Mapping[str, Any], port: int | None = None) -> None:
        self._port = port
        self.assistant, self.data = folder / "assistant", folder / "data"
        self.assistant.mkdir()
        (self.assistant / "credentials.yml").write_text(yaml.safe_dump(dict(credentials)), "utf-8")
        write_stub_release(self.data, RELEASE)
        self.client: TestClient | None = None

    async def start(self) -> None:
        settings = Settings(port=0, follow_interval_s=0.05, enable_api=True)
        app = create_app(settings, Releases(self.data), self.assistant)
        self.client = TestClient(TestServer(app, port=self._port))
        await self.client.start_server()

    async def stop(self) -> None:
        if self.client is not None:
            await self.client.close()
            self.client = None

    @property
    def store(self) -> ConversationStore:
        assert self.client is not None
        return self.client.app[bot.app.DIALOGUE]._store

    async def bring(self, request: Request) -> int:
        """Something comes to a webhook; the status that it gets."""
        assert self.client is not None
        async with self.client.request(
            request.method, request.path, headers=request.headers, data=request.body
        ) as response:
            await response.read()
            return response.status

    async def post(self, path: str, **body: Any) -> Any:
        """What a route of ours answers."""
        assert self.client is not None
        async with self.client.post(path, json=body) as response:
            return await response.json()

    async def say(self, sender: str, text: str) -> Any:
        """A customer of the REST channel writes."""
        return await self.post("/webhooks/rest/webhook", sender=sender, message=text)

    async def standing(self, conversation_id: str) -> tuple[str, str]:
        """Who answers, and who it is by name."""
        handoff = (await self.store.load(conversation_id)).handoff
        return handoff.state.value, handoff.by

    async def parts(self, conversation_id: str) -> list[Part]:
        return await self.store.outbox.parts_of(conversation_id)

    async def settled(self, conversation_id: str) -> None:
        """Waits until nothing waits to be answered or sent."""

        async def is_settled() -> bool:
            if await self.store.inbox.count_waiting():
                return False
            return not OPEN_STATES.intersection(part.state for part in await self.parts(conversation_id))

        async with asyncio.timeout(PATIENCE_S):
            while not await is_settled():  # noqa: ASYNC110 - the other side is a server
                await asyncio.sleep(0.01)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():  # noqa: ASYNC110 - the other side is a server
                await asyncio.sleep(0.01)


def hasten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Understands by the first word, and waits for nothing but what the other side asks for."""
    monkeypatch.setattr(bot.model_host, "Engine", StubEngine)
    monkeypatch.setattr(bot.outbox_sender, "FIRST_WAIT_S", 0.02)
    monkeypatch.setattr(bot.outbox_sender, "IDLE_S", 0.02)
    monkeypatch.setattr(bot.app, "Pace", lambda _: Pace(Abilities()))
