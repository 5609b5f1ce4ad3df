"""What tests of one channel share: the channel over a real inbox, and parts to deliver."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from fakes.vendor import Request, Vendor
from multidict import CIMultiDict

from bot.channels.channel import Channel
from bot.channels.intake import Intake
from bot.messages import BotMessage, UserMessage
from bot.middlewares import errors_as_json
from bot.request_body import MAX_BODY_BYTES
from bot.stores.inbox import Accepted
from bot.stores.outbox import Part, SendState
from bot.stores.sqlite import SqliteConnector
from bot.stores.store import ConversationStore

PATIENCE_S = 10.0


@dataclass
class Taken:
    """What came to the intake; `is_new` is False for what it had already."""

    message: UserMessage
    address: Mapping[str, Any] | None
    is_new: bool


class WatchedIntake(Intake):
    """The real one, which says what it was given."""

    taken: list[Taken]
    news: asyncio.Event

    async def accept(self, message: UserMessage, address: Mapping[str, Any] | None = None) -> Accepted | None:
        accepted = await super().accept(message, address)
        if accepted is not None:
            self.taken.append(Taken(message, address, accepted.is_new))
            self.news.set()
        return accepted


@dataclass
class Bench:
    """A channel with its fake vendor."""

    fake: Any
    channel: Any
    intake: WatchedIntake
    store: ConversationStore
    client: TestClient[web.Request, web.Application]
    clock: "Clock"

    async def post(self, request: Request, *more: tuple[str, str]) -> tuple[int, bytes]:
        """Brings a request; `more` are further headers, which may repeat one."""
        headers = CIMultiDict(request.headers)
        headers.extend(more)
        async with self.client.request(request.method, request.path, data=request.body, headers=headers) as response:
            return response.status, await response.read()

    async def heard(self, count: int) -> list[str]:
        """The texts of what was taken in, once there are so many."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.new) < count:
                self.intake.news.clear()
                await self.intake.news.wait()
        return [taken.message.text for taken in self.new]

    @property
    def new(self) -> list[Taken]:
        """What was taken in, each message once."""
        return [taken for taken in self.intake.taken if taken.is_new]


@dataclass
class Clock:
    """Unix time that stands still until it is moved."""

    now: float = 1_750_000_000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def bench(fake: Vendor, make: Callable[[dict[str, Any], Intake], Channel]) -> AsyncIterator[Bench]:
    """Serves the channel that `make` makes of the fake's credentials."""
    clock = Clock()
    store = ConversationStore(SqliteConnector(None), now=clock)
    await store.open()
    await fake.start()
    intake = WatchedIntake(store, max_text_chars=1_000, on_accept=lambda: None, now=clock)
    intake.taken, intake.news = [], asyncio.Event()
    channel = make(fake.credentials(), intake)
    app = web.Application(middlewares=[errors_as_json])
    app[MAX_BODY_BYTES] = 1_048_576
    app.add_routes(channel.routes())
    async with TestClient(TestServer(app)) as client:
        yield Bench(fake=fake, channel=channel, intake=intake, store=store, client=client, clock=clock)
    await channel.close()
    await fake.close()
    await store.close()


def part(message: BotMessage, address: Mapping[str, Any], **changed: Any) -> Part:
    """One part of a reply, taken to be sent."""
    values: dict[str, Any] = {
        "id": 1,
        "key": "00000000-0000-4000-8000-000000000001",
        "inbox_id": 1,
        "conversation_id": "c",
        "part_no": 0,
        "channel": "c",
        "account": "",
        "payload": asdict(message),
        "state": SendState.SENDING,
        "attempts": 1,
        "created_at": 0.0,
        "expires_at": None,
        "reason": None,
        "address": address,
    }
    return Part(**{**values, **changed})
