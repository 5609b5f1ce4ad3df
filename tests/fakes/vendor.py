"""What the fakes of messaging platforms share: a server that keeps what it is sent, and fails when it is told to.

A fake speaks its vendor's API in the documented shape, refuses what the vendor refuses, and signs what it brings.
"""

import asyncio

from aiohttp import web
from aiohttp.test_utils import TestServer
from fakes.platform import Bot, Fault, Platform, Request, Sent

__all__ = ["Fault", "Request", "Sent", "Vendor", "hang_up"]

REFUSED = frozenset({400, 401, 403, 404})


class Vendor(Platform):
    """A platform that brings each message in one HTTP request; a fake of one has this as its base."""

    accept_limit_s: float

    def __init__(self) -> None:
        super().__init__()
        self._server: TestServer | None = None

    def app(self) -> web.Application:
        """The vendor's API."""
        raise NotImplementedError

    def message(self, *, user: str, text: str, id: str) -> Request:  # noqa: A002 - the platform's word for it
        """A genuine request that brings a customer's message, signed now."""
        raise NotImplementedError

    def forgeries(self) -> dict[str, Request]:
        """At least ten requests that must not be believed, by what is wrong with them; see `authenticated`."""
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

    async def carry(self, bot: Bot, *, user: str, text: str, id: str) -> bool:  # noqa: A002
        """Brings it, signed now."""
        status, body = await bot.ask(self.message(user=user, text=text, id=id))
        return status != 0 and self.is_acknowledged(status, body)

    async def believed(self, bot: Bot) -> dict[str, bool]:
        """Brings the forgeries."""
        return {what: (await bot.ask(request))[0] not in REFUSED for what, request in self.forgeries().items()}

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


async def hang_up(request: web.Request) -> web.Response:
    """Ends the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    await asyncio.sleep(0)
    raise ConnectionResetError
