"""Pages with the chat widget, as far as the bot can tell: each keeps its session and its place, and asks again.

What has no receipt is sent again under the same id; after a lost connection a page goes on behind the last event that
it has, and wants to be told each event once.
"""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

import aiohttp
from fakes.platform import OWN_LIMIT_S, Bot, Fault, Platform, Request, Sent
from fakes.widget_tokens import SECRET, bad_tokens, good_token

PROTOCOL = "kefu.widget.v1"
SESSION, FRAMES, SOCKET = (f"/webhooks/widget/{name}" for name in ("session", "frames", "socket"))
JSON = {"Content-Type": "application/json"}
AGAIN_S, PATIENCE_S = 0.05, 20.0
FOREIGN = {"a foreign page": "https://evil.example", "a page without an origin": "null"}
BREAKS_BEFORE = frozenset({Fault.TOO_MANY, Fault.HANG_UP})


class FakeWidget(Platform):
    """A page for each customer. Its network fails: before a message leaves, or before its receipt comes."""

    channel = "widget"
    accept_limit_s = OWN_LIMIT_S
    environment: ClassVar[Mapping[str, str]] = {"KEFU_WIDGET_SECRET": SECRET}

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[str, Page] = {}

    def credentials(self) -> dict[str, Any]:
        return {"origins": ["https://shop.example"]}

    async def start(self) -> None:
        self.web = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def close(self) -> None:
        for page in self.pages.values():
            await page.leave()
        await self.web.close()

    async def carry(self, bot: Bot, *, user: str, text: str, id: str) -> bool:  # noqa: A002
        if user not in self.pages:
            self.pages[user] = Page(self, bot, user)
        page, fault = self.pages[user], self.failed()
        if fault in BREAKS_BEFORE:
            page.break_off()
        return await page.say(id, text, breaks=fault is not None)

    async def catch_up(self, bot: Bot) -> None:
        """Each page loses its connection, and reads all that it does not have without one."""
        await asyncio.gather(*(page.read_out() for page in self.pages.values()))

    async def believed(self, bot: Bot) -> dict[str, bool]:
        assert bot.address is not None
        good = good_token()
        assert await self._goes_in(bot, good, bot.address), "a genuine token is refused"
        found = {what: await self._goes_in(bot, token, bot.address) for what, token in bad_tokens().items()}
        found |= {what: await self._goes_in(bot, good, origin) for what, origin in FOREIGN.items()}
        origins = {f"a session for {what}": {"Origin": origin} for what, origin in FOREIGN.items()}
        for what, headers in {**origins, "a session without origin and token": {}}.items():
            status, _ = await bot.ask(Request(path=SESSION, headers={**JSON, **headers}, body=b"{}"))
            found[what] = status != 403
        return found

    async def _goes_in(self, bot: Bot, token: str, origin: str) -> bool:
        """Whether a page is let in by either way."""
        headers = {**JSON, "Authorization": f"Bearer {token}", "Origin": origin}
        status, _ = await bot.ask(Request(path=FRAMES, headers=headers, body=b'{"frames": [{"type": "ping"}]}'))
        return status == 200 or await self._is_welcome(f"{bot.address}{SOCKET}", token, origin)

    async def _is_welcome(self, address: str, token: str, origin: str) -> bool:
        try:
            async with self.web.ws_connect(address, protocols=(PROTOCOL,), headers={"Origin": origin}) as socket:
                await socket.send_json({"type": "hello", "token": token})
                first = await socket.receive()
                return first.type is aiohttp.WSMsgType.TEXT and first.json()["type"] == "welcome"
        except aiohttp.WSServerHandshakeError:
            return False


class Page:
    """One customer's page, which connects by itself whenever it is not connected."""

    def __init__(self, shop: FakeWidget, bot: Bot, user: str) -> None:
        self._shop, self._bot, self._user = shop, bot, user
        self._token: str | None = None
        self._after, self._begun = 0, None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._is_welcome = False
        self._receipts: dict[str, asyncio.Future[bool]] = {}
        self._staying = asyncio.create_task(self._stay())

    async def say(self, id: str, text: str, *, breaks: bool) -> bool:  # noqa: A002
        """Sends a message; whether the receipt has come.

        Args:
            breaks: The connection breaks in the moment when it has been sent.
        """
        if self._staying.done():
            await self._staying  # what broke the page
        if self._socket is None or not self._is_welcome:
            return False
        receipt = self._receipts.setdefault(id, asyncio.get_running_loop().create_future())
        with suppress(ConnectionError):
            await self._socket.send_json({"type": "message", "id": id, "text": text})
        if breaks:
            self.break_off()
        await asyncio.wait([receipt], timeout=PATIENCE_S)
        return receipt.done() and receipt.result()

    def break_off(self) -> None:
        """The connection breaks, without a word of farewell."""
        if self._socket is not None and (connection := self._socket._response.connection) is not None:
            connection.transport.abort()
            self._is_welcome = False

    async def read_out(self) -> None:
        """Fetches what there is by the other way, without a WebSocket."""
        await self.leave()
        while await self._fetch():
            pass

    async def _fetch(self) -> bool:
        """Takes what there is behind its place; whether there was an event."""
        before, headers = self._after, {"Authorization": f"Bearer {self._token}"}
        path = f"{FRAMES}?after={before}" + ("" if self._begun is None else f"&begun={self._begun}")
        status, body = await self._bot.ask(Request(method="GET", path=path, headers=headers))
        assert status == 200, f"the frames were answered with {status}"
        for frame in json.loads(body)["frames"]:
            self._take(frame)
        return self._after > before

    async def leave(self) -> None:
        self._staying.cancel()
        await asyncio.gather(self._staying, return_exceptions=True)

    async def _stay(self) -> None:
        while True:
            if (address := self._bot.address) is not None:
                with suppress(aiohttp.ClientError, OSError):
                    await self._connect(address)
            self._socket, self._is_welcome = None, False
            for name in list(self._receipts):
                self._receipt(name, has_come=False)
            await asyncio.sleep(AGAIN_S)

    async def _connect(self, address: str) -> None:
        origin = {"Origin": address}
        if self._token is None:
            status, body = await self._bot.ask(Request(path=SESSION, headers={**JSON, **origin}, body=b"{}"))
            if status != 200:
                return
            self._token = json.loads(body)["token"]
        async with self._shop.web.ws_connect(address + SOCKET, protocols=(PROTOCOL,), headers=origin) as socket:
            hello = {"type": "hello", "token": self._token, "after": self._after}
            await socket.send_json(hello if self._begun is None else {**hello, "begun": self._begun})
            self._socket = socket
            async for message in socket:
                self._take(message.json())

    def _take(self, frame: dict[str, Any]) -> None:
        match frame:
            case {"type": "welcome", "begun": begun}:
                self._is_welcome, self._begun = True, begun
            case {"type": "event"}:
                self._show(frame)
            case {"type": "ack", "id": name}:
                self._receipt(name, has_come=True)
            case {"type": "error", "code": code}:
                self._shop.refused.append(f"an error: {code}")
                self._receipt(frame.get("id", ""), has_come=False)
        if frame.get("reset") or frame["type"] == "reset":
            self._shop.refused.append("a page had to begin again")

    def _show(self, event: dict[str, Any]) -> None:
        if event["seq"] <= self._after:
            self._shop.refused.append("an event came again")
        self._after = event["seq"]
        if event["from"] == "bot":
            self._shop.sent.append(Sent(user=self._user, text=event.get("text", ""), key=str(event["seq"]), raw=event))

    def _receipt(self, id: str, *, has_come: bool) -> None:  # noqa: A002
        receipt = self._receipts.pop(id, None)
        if receipt is not None and not receipt.done():
            receipt.set_result(has_come)
