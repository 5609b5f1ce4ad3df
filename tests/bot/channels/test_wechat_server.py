"""WeChat over the whole server: replies that come late, accounts that may not send, customers who write again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp.test_utils import TestClient, TestServer
from fakes.vendor import Request
from fakes.wechat import FakeWeChat
from stub_engine import StubEngine, words_of, write_stub_release

import bot.app
import bot.channels.wechat
import bot.model_host
from bot.app import create_app
from bot.channels.wechat import WeChat
from bot.inbox_worker import InboxWorker
from configs import Settings
from training.releases import Releases

RELEASE = "rel0000"
PATIENCE_S = 20.0
Start = Callable[..., Awaitable["World"]]


class World:
    """A server with the channel, and WeChat."""

    def __init__(self, fake: FakeWeChat, client: TestClient) -> None:
        self.fake, self.client = fake, client

    async def post(self, request: Request) -> tuple[int, bytes]:
        async with self.client.request(
            request.method, request.path, headers=request.headers, data=request.body
        ) as response:
            return response.status, await response.read()

    async def say(self, text: str, id: str) -> bool:  # noqa: A002
        """Ann writes, and WeChat brings it as it does; whether it got an answer."""
        return await self.fake.bring(self.post, self.fake.message(user="ann", text=text, id=id), "ann")

    async def heard(self, count: int) -> list[str]:
        """What Ann was shown, once there is so much of it."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.fake.sent) < count:  # noqa: ASYNC110 - the other side is a server
                await asyncio.sleep(0.01)
        return [one.text for one in self.fake.sent]


@asynccontextmanager
async def served(fake: FakeWeChat, folder: Path) -> AsyncIterator[World]:
    (folder / "assistant").mkdir()
    write_stub_release(folder / "data", RELEASE)
    await fake.start()
    (folder / "assistant" / "credentials.yml").write_text(yaml.safe_dump({"wechat": fake.credentials()}), "utf-8")
    app = create_app(Settings(port=0), Releases(folder / "data"), folder / "assistant")
    server = TestServer(app)
    async with TestClient(server) as client:
        server.runner.server.handler_cancellation = False  # as `kefu run` has it, and test servers have not
        yield World(fake, client)
    await fake.close()


@pytest.fixture(autouse=True)
def _stubs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot.model_host, "Engine", StubEngine)


def waiting(monkeypatch: pytest.MonkeyPatch, wait_s: float) -> None:
    """Has requests wait so long for a reply."""

    def make(config: Any, intake: Any) -> WeChat:
        return WeChat(config, intake, wait_s=wait_s)

    monkeypatch.setattr(bot.channels.wechat, "make", make)


@asynccontextmanager
async def busy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Event]:
    """Lets no turn begin before the event."""
    go, take = asyncio.Event(), InboxWorker._take

    async def later(worker: InboxWorker, claimed: Any) -> None:
        await go.wait()
        await take(worker, claimed)

    monkeypatch.setattr(InboxWorker, "_take", later)
    yield go


async def test_a_reply_that_is_late_is_a_customer_service_message(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    waiting(monkeypatch, 0.05)
    async with busy(monkeypatch) as go, served(FakeWeChat(), tmp_path) as world:
        assert await world.say("hello", "1")
        assert world.fake.sent == []
        go.set()

        assert await world.heard(2) == ["You said hello.", words_of(RELEASE)]
        assert [one.raw["msgtype"] for one in world.fake.sent] == ["text", "text"]
        assert await world.post(world.fake.message(user="ann", text="hello", id="1")) == (200, b"success")


async def test_an_account_that_may_not_send_answers_one_of_the_next_tries(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    waiting(monkeypatch, 0.2)
    fake = FakeWeChat()
    fake.has_right, fake.accept_limit_s = False, 0.22
    async with busy(monkeypatch) as go, served(fake, tmp_path) as world:
        asyncio.get_running_loop().call_later(0.3, go.set)

        assert await world.say("hello", "1")
        assert await world.heard(1) == [f"You said hello.\n{words_of(RELEASE)}"]
        assert (fake.notices, fake.refused) == ([], [])


async def test_in_the_open_an_account_that_may_not_send_answers_at_once(tmp_path: Path) -> None:
    fake = FakeWeChat()
    fake.has_right = fake.is_safe = False
    async with served(fake, tmp_path) as world:
        for number in range(3):
            assert await world.say(f"message {number}", str(number))

        said = [f"You said message {number}.\n{words_of(RELEASE)}" for number in range(3)]
        assert await world.heard(3) == said


async def test_what_was_too_much_comes_when_the_customer_writes_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    waiting(monkeypatch, 0.0)
    async with served(FakeWeChat(), tmp_path) as world:
        world.fake.quota = 1
        await world.say("first", "1")
        assert await world.heard(1) == ["You said first."]
        async with asyncio.timeout(PATIENCE_S):
            while world.fake.exceeded == 0:  # noqa: ASYNC110 - the other side is a server
                await asyncio.sleep(0.01)
        world.fake.quota = 5
        await world.say("second", "2")

        assert await world.heard(4) == ["You said first.", words_of(RELEASE), "You said second.", words_of(RELEASE)]


async def test_an_answer_that_nobody_waits_for_any_more_is_given_to_the_next_try(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    waiting(monkeypatch, 5.0)
    async with busy(monkeypatch) as go, served(FakeWeChat(), tmp_path) as world:
        request = world.fake.message(user="ann", text="hello", id="1")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await world.post(request)
        go.set()
        decided = asyncio.create_task(exchange_of(world).decided.wait())
        await asyncio.wait_for(decided, PATIENCE_S)
        await asyncio.sleep(0.05)  # the first answer is written, to nobody
        assert not exchange_of(world).written.is_set()

        assert world.fake.is_acknowledged(*await world.post(request))
        assert await world.heard(1) == [f"You said hello.\n{words_of(RELEASE)}"]
        assert exchange_of(world).written.is_set()


def exchange_of(world: World) -> Any:
    """What the channel knows of the one message."""
    (resource,) = {
        route.handler.__self__
        for route in world.client.app.router.routes()
        if isinstance(getattr(route.handler, "__self__", None), WeChat)
    }
    (exchange,) = resource._passive._exchanges.values()
    return exchange
