"""A page with the widget, as far as the server can tell: it has a session, and speaks the protocol."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientWebSocketResponse, WSMsgType
from aiohttp.test_utils import TestClient

PROTOCOL = "kefu.widget.v1"
SOCKET = "/webhooks/widget/socket"
SESSION = "/webhooks/widget/session"
PATIENCE_S = 20.0


@dataclass
class Page:
    """One connection of a page.

    Attributes:
        frames: Everything it was told, in order.
    """

    socket: ClientWebSocketResponse
    token: str
    welcome: dict[str, Any] = field(default_factory=dict)
    frames: list[dict[str, Any]] = field(default_factory=list)
    _unread: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, **frame: Any) -> None:
        await self.socket.send_json(frame)

    async def say(self, frame_id: str, text: str, **others: Any) -> None:
        await self.send(type="message", id=frame_id, text=text, **others)

    async def next(self, *types: str) -> dict[str, Any]:
        """The next frame of one of these types; those of others are left for later."""
        async with asyncio.timeout(PATIENCE_S):
            while not (found := [frame for frame in self._unread if frame["type"] in types]):
                frame = await self.socket.receive_json()
                self.frames.append(frame)
                self._unread.append(frame)
        self._unread.remove(found[0])
        return found[0]

    async def events_until(self, seen: Any) -> list[dict[str, Any]]:
        """The events up to the one that `seen` holds of."""
        found = []
        while not found or not seen(found[-1]):
            found.append(await self.next("event"))
        return found

    async def close_code(self) -> int | None:
        """With which code the server closes; what comes before it is kept."""
        async with asyncio.timeout(PATIENCE_S):
            while (message := await self.socket.receive()).type is WSMsgType.TEXT:
                self.frames.append(message.json())
        return self.socket.close_code


async def until(holds: Callable[[], bool]) -> None:
    """Waits until `holds` does: the other side is a server, and nobody says when it is so far."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def origin_of(client: TestClient) -> str:
    """The origin of the server's own pages."""
    return str(client.make_url("/").origin())


async def session_of(client: TestClient, **body: Any) -> dict[str, Any]:
    """A session, as a page of the server itself gets it."""
    response = await client.post(SESSION, json=body, headers={"Origin": origin_of(client)})
    assert response.status == 200
    begun: dict[str, Any] = await response.json()
    return begun


@asynccontextmanager
async def page_of(
    client: TestClient, token: str | None = None, *, origin: str | None = None, **hello: Any
) -> AsyncIterator[Page]:
    """A page that has said hello, of a new session where no token is given."""
    token = token or (await session_of(client))["token"]
    headers = {"Origin": origin or origin_of(client)}
    async with client.ws_connect(SOCKET, protocols=(PROTOCOL,), headers=headers) as socket:
        page = Page(socket=socket, token=token)
        await page.send(type="hello", token=token, **hello)
        page.welcome = await page.next("welcome")
        yield page
