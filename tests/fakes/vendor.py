"""What the fakes of messaging platforms share: a server that keeps what it is sent, and fails when it is told to.

A fake speaks its vendor's API in the documented shape, refuses what the vendor refuses, and signs what it brings.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that brings something to the bot.

    Attributes:
        path: With its query.
    """

    method: str = "POST"
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """Something that the bot has sent, and the platform shown to a customer.

    Attributes:
        user: Whom it was for, by the name that `Vendor.message` takes.
        key: By which the platform knows a repeated send, where it does.
        raw: The body as it came.
    """

    user: str
    text: str
    key: str | None = None
    raw: Any = None


class Fault(Enum):
    """How the platform's API fails the next send."""

    TOO_MANY = "too many"  # in the vendor's way, with its way to say when to come again; nothing is shown
    SERVER_ERROR = "server error"  # 500; nothing is shown
    HANG_UP = "hang up"  # the connection ends without an answer; nothing is shown
    LOST_ANSWER = "lost answer"  # it is shown, and then the connection ends without an answer


class Vendor:
    """A platform; a fake of one has this as its base.

    Attributes:
        channel: The channel's name.
        key: Its key in `credentials.yml`, where that is another: an owner's own module.
        accept_limit_s: How long the platform waits for the answer to what it brings.
        sent: What it has shown to customers, in order.
        faults: How the next sends fail, the first one first; see `failed`.
        refused: What it refused because the bot broke a rule of its API.
        paced: Whether it refuses sends that come faster than its documented pace.
        retry_after_s: After how long a send that met `TOO_MANY` may come again.
    """

    channel: str
    key: str | None = None
    accept_limit_s: float

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.faults: deque[Fault] = deque()
        self.refused: list[str] = []
        self.paced, self.retry_after_s = True, 1
        self._server: TestServer | None = None

    def app(self) -> web.Application:
        """The vendor's API."""
        raise NotImplementedError

    def credentials(self) -> dict[str, Any]:
        """The channel's section of `credentials.yml`, pointing at this server."""
        raise NotImplementedError

    def message(self, *, user: str, text: str, id: str) -> Request:  # noqa: A002 - the platform's word for it
        """A genuine request that brings a customer's message, signed now."""
        raise NotImplementedError

    def forgeries(self) -> dict[str, Request]:
        """At least ten requests that must not be believed, by what is wrong with them."""
        raise NotImplementedError

    def conversation_of(self, user: str) -> str:
        """The id of a customer's conversation in Kefu."""
        raise NotImplementedError

    def button(self, *, user: str, payload: str, id: str) -> Request | None:  # noqa: A002
        """A genuine request that says that a button was pressed; None where the platform has none."""
        return None

    def plain(self, *, user: str, text: str, id: str) -> bytes:  # noqa: A002
        """The body of a message before it is encrypted."""
        return self.message(user=user, text=text, id=id).body

    def bringing(self, body: bytes) -> Request | None:
        """A genuine request that brings `body`, encrypted and signed now; None where the fake cannot make one."""
        return None

    def is_acknowledged(self, status: int, body: bytes) -> bool:
        """Whether the platform takes this answer for a receipt, and does not bring the message again.

        A platform that shows the answer itself to the customer keeps it in `sent` here.
        """
        return 200 <= status < 300

    async def start(self) -> None:
        """Listens on loopback."""
        self._server = TestServer(self.app())
        await self._server.start_server()

    async def close(self) -> None:
        """Stops listening."""
        if self._server is not None:
            await self._server.close()

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        assert self._server is not None, "start it first"
        return str(self._server.make_url("")).rstrip("/")

    def failed(self) -> Fault | None:
        """The fault that the present send is to meet, if one is due."""
        return self.faults.popleft() if self.faults else None


async def hang_up(request: web.Request) -> web.Response:
    """Ends the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    await asyncio.sleep(0)
    raise ConnectionResetError
