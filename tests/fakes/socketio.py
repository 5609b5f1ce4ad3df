"""Pages that talk over Socket.IO by the rules of RasaHQ's widget, each with a token of the shop's.

A page cannot know a part that comes again, and what nobody has confirmed is sent again on the next connection. So a
connection breaks here while nothing is on its way to the page.
"""

import asyncio
import time
import uuid
from contextlib import suppress
from typing import Any

import jwt
import socketio
from fakes.platform import OWN_LIMIT_S, Bot, Fault, Platform, Sent
from fakes.socketio_client import RasaChatWidget

KEY = "a key that the shop and the bot have, longer than sixty-four characters, as every hash wants it"
HOUR_S = 3_600
AGAIN_S, PATIENCE_S, SILENCE_S = 0.05, 5.0, 1.0
BREAKS_BEFORE = frozenset({Fault.TOO_MANY, Fault.HANG_UP})
_LOST = (socketio.exceptions.SocketIOError, OSError, TimeoutError)


class FakeSocketIo(Platform):
    """A page for each customer. Its network fails: before a message leaves, or before its receipt comes."""

    channel = "socketio"
    accept_limit_s = OWN_LIMIT_S

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[str, ShopPage] = {}

    def credentials(self) -> dict[str, Any]:
        return {"session_persistence": True, "jwt_key": KEY}

    async def close(self) -> None:
        for page in self.pages.values():
            await page.close()

    async def carry(self, bot: Bot, *, user: str, text: str, id: str) -> bool:  # noqa: A002
        if user not in self.pages:
            self.pages[user] = ShopPage(self, bot, user)
        page, fault = self.pages[user], self.failed()
        if fault is not None:
            await page.quiet()
        if fault in BREAKS_BEFORE:
            page.break_off()
        return await page.ask(id, text, breaks=fault is not None)

    async def believed(self, bot: Bot) -> dict[str, bool]:
        assert bot.address is not None
        good = {"token": token()}
        assert await _goes_in(bot.address, good), "a genuine token is refused"
        found = {what: await _goes_in(bot.address, auth) for what, auth in bad_auths().items()}
        return {**found, "a foreign page": await _goes_in(bot.address, good, Origin="https://evil.example")}


class ShopPage(RasaChatWidget):
    """One customer's page, which connects by itself whenever it is not connected."""

    def __init__(self, shop: FakeSocketIo, bot: Bot, user: str) -> None:
        super().__init__("", sender_id=str(uuid.uuid4()), token=token(user), transports=["websocket"])
        self._shop, self._bot, self._user = shop, bot, user
        self._asked: set[str] = set()
        self._is_there = False
        self._staying = asyncio.create_task(self._stay())

    async def ask(self, id: str, text: str, *, breaks: bool) -> bool:  # noqa: A002
        """Sends a message; whether the receipt has come.

        Args:
            breaks: The connection breaks in the moment when it has been sent.
        """
        if self._staying.done():
            await self._staying  # what broke the page
        if not self._is_there:
            return False
        self._asked.add(id)
        try:
            async with asyncio.timeout(PATIENCE_S):
                if breaks:
                    await self.say(text, message_id=id)
                    self.break_off()
                    return False
                return await self.say_surely(text, message_id=id) == {"status": "accepted"}
        except _LOST:
            return False

    async def quiet(self) -> None:
        """Waits until what was asked is answered, or nothing comes any more."""
        seen = -1
        while len(self.shown) < len(self._asked) and seen != len(self.shown):
            seen = len(self.shown)
            await asyncio.sleep(SILENCE_S)

    def break_off(self) -> None:
        """The connection breaks, without a word of farewell."""
        self._is_there = False
        socket = self.client.eio.ws
        if socket is not None and (connection := socket._response.connection) is not None:
            connection.transport.abort()

    async def close(self) -> None:
        """Closes the page."""
        self._staying.cancel()
        await asyncio.gather(self._staying, return_exceptions=True)
        await self.leave()

    async def _stay(self) -> None:
        while True:
            if not self.client.connected and (address := self._bot.address) is not None:
                self._is_there, self._url = False, address
                with suppress(*_LOST):
                    async with asyncio.timeout(PATIENCE_S):
                        await self.come_back()
                    self._is_there = True
            await asyncio.sleep(AGAIN_S)

    def _heard(self, *said: Any) -> None:
        super()._heard(*said)
        self._shop.sent.append(Sent(user=self._user, text=said[0].get("text", ""), raw=said[0]))


def token(user: str = "ann", **changed: Any) -> str:
    """What the shop gives to a customer who is logged in."""
    claims = {"sub": user, "exp": int(time.time()) + HOUR_S} | changed
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, KEY, algorithm="HS256")


def bad_auths() -> dict[str, Any]:
    """What is wrong with each, and what a page brings as its `auth`."""
    now, good = int(time.time()), token()
    claims = {"sub": "ann", "exp": now + HOUR_S}
    tokens: dict[str, Any] = {
        "no algorithm": jwt.encode(claims, None, algorithm="none"),
        "no signature": good.rpartition(".")[0] + ".",
        "another algorithm": jwt.encode(claims, KEY, algorithm="HS512"),
        "another key": jwt.encode(claims, KEY[::-1], algorithm="HS256"),
        "expired": token(exp=now - 1),
        "an end that is no time": token(exp="never"),
        "not valid yet": token(nbf=now + HOUR_S),
        "cut short": good[:-1],
        "the signature of another customer": f"{token('ben').rpartition('.')[0]}.{good.rpartition('.')[2]}",
        "empty": "",
        "a list of tokens": [good],
        "far too long": good + "x" * 5_000,
    }
    return {**{what: {"token": one} for what, one in tokens.items()}, "nothing": None, "a token by itself": good}


async def _goes_in(address: str, auth: Any, **headers: str) -> bool:
    """Whether a page is let in."""
    client = socketio.AsyncClient(reconnection=False)
    try:
        await client.connect(address, auth=auth, headers=headers, transports=["websocket"], wait_timeout=PATIENCE_S)
    except socketio.exceptions.ConnectionError:
        return False
    else:
        return True
    finally:
        await client.disconnect()
        if client.eio.http is not None:
            await client.eio.http.close()
