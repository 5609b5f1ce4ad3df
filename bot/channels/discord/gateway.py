"""Discord's gateway: a connection by which the bot hears messages, and takes up again where it broke off.

An event counts as heard once it is kept: after a break, Discord brings again what came since. What is written while no
bot is connected at all, Discord does not bring.

Source: https://docs.discord.com/developers/events/gateway
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import IntEnum
from typing import Any

import aiohttp
import structlog
from yarl import URL

from bot.channels.discord.rest_api import RestApi
from bot.errors import safe_reason
from bot.request_body import parse_json
from configs.errors import KefuError

INTENTS = 1 << 9 | 1 << 12  # messages on servers, and direct ones; those that name the bot come with their words
MAX_FRAME_BYTES = 4 * 1_048_576
HELLO_S = 20.0
LONGEST_WAIT_S = 60.0
SESSION_LIVES = 4_000  # a code to close with after which Discord keeps the session
NEW_SESSION = frozenset({4_007, 4_009})
FINAL = frozenset({4_004, 4_010, 4_011, 4_012, 4_013, 4_014})  # the token or the intents are wrong

_log = structlog.get_logger()


class Op(IntEnum):
    """What a frame is."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    RESUME = 6
    RECONNECT = 7
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_HEARD = 11


class Gateway:
    """The connection.

    Args:
        token: The bot's token.
        take: Takes in an event: its name, what it holds, and the bot's own id. It is durable when that returns.
        hosts: Where a connection may go, besides Discord's own.
        wait: Waits so many seconds.
    """

    def __init__(
        self,
        token: str,
        api: RestApi,
        take: Callable[[str, Any, str], Awaitable[None]],
        *,
        hosts: frozenset[str | None] = frozenset(),
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._token, self._api, self._take, self._hosts, self._wait = token, api, take, hosts, wait
        self._session_id, self._resume_url, self._bot = "", "", ""
        self._sequence: int | None = None
        self._is_heard, self._failures = True, 0

    async def run(self) -> None:
        """Hears messages until it is cancelled, or Discord wants no other try."""
        code: int | None = None
        while code not in FINAL:
            try:
                code = await self._connection()
                _log.info("discord_gateway_closed", code=code)
            except Exception as error:  # the edge of the loop: whatever came, the bot must hear again
                code = None
                _log.warning("discord_gateway_broken", reason=safe_reason(error))
            if code in NEW_SESSION:
                self._forget()
            self._failures += 1
            await self._wait(random.uniform(0.5, 1.0) * min(2.0**self._failures, LONGEST_WAIT_S))  # noqa: S311
        _log.error("discord_gateway_refused", code=code, hint="compare bot_token of credentials.yml with the portal")

    async def _connection(self) -> int | None:
        """One connection; returns the code with which it was closed."""
        url = self._checked(self._resume_url or await self._api.gateway_url())
        async with (
            aiohttp.ClientSession(trust_env=False) as session,
            session.ws_connect(url.with_query(v="10", encoding="json"), max_msg_size=MAX_FRAME_BYTES) as socket,
        ):
            hello = parse_json((await socket.receive_str(timeout=HELLO_S)).encode("utf-8"))
            await socket.send_json(self._greeting())
            listening = asyncio.create_task(self._listen(socket))
            beating = asyncio.create_task(self._beat(socket, hello["d"]["heartbeat_interval"] / 1_000))
            try:
                await asyncio.wait((listening, beating), return_when=asyncio.FIRST_COMPLETED)
            finally:
                listening.cancel()
                beating.cancel()
                broken, _ = await asyncio.gather(listening, beating, return_exceptions=True)
                await socket.close(code=SESSION_LIVES)  # nothing, where it is closed
            if isinstance(broken, Exception):
                raise broken
            return socket.close_code

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in socket:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                continue
            told = parse_json(frame.data.encode("utf-8"))
            match told["op"]:
                case Op.DISPATCH:
                    await self._hear(told)
                case Op.HEARTBEAT:
                    await socket.send_json({"op": Op.HEARTBEAT, "d": self._sequence})
                case Op.HEARTBEAT_HEARD:
                    self._is_heard = True
                case Op.RECONNECT:
                    return
                case Op.INVALID_SESSION:
                    if told.get("d") is not True:
                        self._forget()
                    return

    async def _hear(self, told: dict[str, Any]) -> None:
        """Takes in an event; one that cannot be kept breaks the connection, and comes again with the next."""
        name, data = told["t"], told["d"]
        if name == "READY":
            self._session_id, self._resume_url = data["session_id"], data["resume_gateway_url"]
            self._bot, self._failures = data["user"]["id"], 0
        elif name == "RESUMED":
            self._failures = 0
        else:
            await self._take(name, data, self._bot)
        self._sequence = told["s"]

    async def _beat(self, socket: aiohttp.ClientWebSocketResponse, interval_s: float) -> None:
        """Tells at intervals that the bot is there; returns where nobody answers."""
        self._is_heard = True
        with suppress(ConnectionError, aiohttp.ClientError):
            await asyncio.sleep(interval_s * random.random())  # noqa: S311 - so does Discord want it
            while self._is_heard:
                self._is_heard = False
                await socket.send_json({"op": Op.HEARTBEAT, "d": self._sequence})
                await asyncio.sleep(interval_s)

    def _greeting(self) -> dict[str, Any]:
        if self._session_id:
            known = {"token": self._token, "session_id": self._session_id, "seq": self._sequence}
            return {"op": Op.RESUME, "d": known}
        properties = {"os": "linux", "browser": "kefu", "device": "kefu"}
        return {"op": Op.IDENTIFY, "d": {"token": self._token, "intents": INTENTS, "properties": properties}}

    def _forget(self) -> None:
        self._session_id, self._resume_url, self._sequence = "", "", None

    def _checked(self, told: str) -> URL:
        """The address of a gateway.

        Raises:
            KefuError: It is not one of Discord's.
        """
        url = URL(told)
        is_discords = url.scheme == "wss" and (url.host or "").endswith(".discord.gg")
        if not is_discords and url.host not in self._hosts:
            raise KefuError("the gateway is said to be on a server that is not Discord's")
        return url
