"""One connection, frame by frame: what comes in is an object or ends it, what goes out is read in time or ends it."""

import asyncio
import time
from contextlib import suppress
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from bot.channels.widget.pace import Paces
from bot.errors import Refused
from bot.request_body import parse_json

SEND_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 2.0
PINGS_PER_S, MAX_PINGS = 5.0, 50.0  # a browser sends none by itself


class Closed(Exception):
    """The connection has to be closed: with which code, why, and what `bye` says of it before."""

    def __init__(self, code: int, reason: str, bye: str = "") -> None:
        super().__init__(reason)
        self.code, self.reason, self.bye = code, reason, bye


async def send(socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
    """Sends a frame.

    Raises:
        Closed: It is not read.
    """
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await socket.send_json(frame)
    except TimeoutError as error:
        raise Closed(WSCloseCode.TRY_AGAIN_LATER, "read too slowly", "lost") from error


class Incoming:
    """What comes in on a connection; aiohttp itself closes on bytes that are no frame, no UTF-8 or too many."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self._pings = Paces(time.monotonic, per_second=PINGS_PER_S, burst=MAX_PINGS)

    async def next(self, timeout_s: float | None = None) -> dict[str, Any]:
        """The next frame.

        Raises:
            Closed: The connection has ended, or has to.
            TimeoutError: None came within `timeout_s`.
        """
        async with asyncio.timeout(timeout_s):
            while True:
                message = await self._socket.receive()
                if message.type is WSMsgType.TEXT:
                    return _object(str(message.data))
                if message.type is WSMsgType.PING:
                    await self._answer_ping(message.data)
                elif message.type is WSMsgType.BINARY:
                    raise Closed(WSCloseCode.UNSUPPORTED_DATA, "send text frames")
                elif message.type is not WSMsgType.PONG:
                    raise Closed(self._socket.close_code or WSCloseCode.OK, "the connection has ended")

    async def _answer_ping(self, data: bytes) -> None:
        if self._pings.wait_s(""):
            raise Closed(WSCloseCode.POLICY_VIOLATION, "too many pings")
        await self._socket.pong(data)


def _object(text: str) -> dict[str, Any]:
    try:
        data = parse_json(text.encode("utf-8", "surrogatepass"))
    except Refused as error:
        raise Closed(WSCloseCode.INVALID_TEXT, "send JSON") from error
    if not isinstance(data, dict):
        raise Closed(WSCloseCode.INVALID_TEXT, "send a JSON object")
    return data


async def close(request: web.Request, socket: web.WebSocketResponse, closed: Closed) -> None:
    """Says why and hangs up, also on one who does not read."""
    with suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            if closed.bye and not socket.closed:
                await socket.send_json({"type": "bye", "reason": closed.bye})
            await socket.close(code=closed.code, message=closed.reason.encode("utf-8"), drain=False)
    transport = request.transport
    if closed.bye == "lost" and transport is not None and transport.get_write_buffer_size():
        transport.abort()
