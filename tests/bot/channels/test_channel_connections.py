"""Channels that keep a connection of their own, over the whole server: what comes by it is answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp.test_utils import TestServer
from fakes.discord import FakeDiscord
from fakes.slack import FakeSlack
from fakes.vendor import Vendor
from stub_engine import StubEngine, write_stub_release

import bot.model_host
from bot.app import create_app
from configs import Settings
from training.releases import Releases

PATIENCE_S = 20.0


@asynccontextmanager
async def served(fake: Vendor, folder: Path, **settings: Any) -> AsyncIterator[None]:
    """A server whose only channel is that of `fake`."""
    write_stub_release(folder / "data", "rel0000")
    await fake.start()
    (folder / "credentials.yml").write_text(yaml.safe_dump({fake.channel: fake.credentials() | settings}), "utf-8")
    app = create_app(Settings(port=0, follow_interval_s=0.05), Releases(folder / "data"), folder)
    async with TestServer(app):
        yield
    await fake.close()


@pytest.fixture(autouse=True)
def _stub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot.model_host, "Engine", StubEngine)


async def told(fake: Vendor, text: str) -> None:
    """Waits until a customer has been told `text`."""
    async with asyncio.timeout(PATIENCE_S):
        while text not in [sent.text for sent in fake.sent]:  # noqa: ASYNC110 - the fake tells nobody
            await asyncio.sleep(0.01)


async def test_what_comes_by_slacks_socket_mode_is_answered(tmp_path: Path) -> None:
    fake = FakeSlack()
    async with served(fake, tmp_path, app_token=fake.app_token):
        await fake.bring("e1", fake.event(user="ann", text="hello there", id="1"))
        await told(fake, "You said hello there.")

    assert fake.acknowledged == ["e1"]
    assert {sent.user for sent in fake.sent} == {"ann"}


async def test_what_comes_by_discords_gateway_is_answered(tmp_path: Path) -> None:
    fake = FakeDiscord()
    async with served(fake, tmp_path, gateway=True):
        await fake.connected.wait()
        await fake.dispatch("MESSAGE_CREATE", fake.written(user="ann", text="hello there", id="1"))
        await told(fake, "You said hello there.")

    assert {sent.user for sent in fake.sent} == {"ann"}
    assert fake.sessions == {"begun": 1, "taken up": 0}
