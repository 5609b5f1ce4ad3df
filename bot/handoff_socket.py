"""The desk over a WebSocket: JSON in text frames, first `hello` with name and token, then what a person does.

A frame that is no JSON object, or comes before `hello`, closes the connection; one that asks for what cannot be done is
answered with an `error`. A closed connection gives nothing back: claims stay until they are given back or overdue.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import structlog
from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import ValidationError

from bot.desk import Desk
from bot.desk_feed import Feed
from bot.desk_seat import Seat
from bot.errors import Refused
from bot.middlewares import Handler
from bot.request_body import MAX_ID_CHARS, Body, checked_text, parse_json
from configs.errors import KefuError

MAX_FRAME_BYTES = 65_536
MAX_SOCKETS = 500
HELLO_TIMEOUT_S = 10.0
SEND_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 2.0
HEARTBEAT_S = 30.0
_WELCOME = 204

Guard: TypeAlias = Callable[[Handler], Handler]

_log = structlog.get_logger()


class Frame(Body):
    """What a person sends; which fields count depends on `type`."""

    type: str
    ref: str | int | None = None
    agent: str = ""
    token: str = ""
    conversation_id: str = ""
    text: str = ""
    take_over: bool = False
    on: bool = True


class _Closed(Exception):
    """The connection has to be closed: with which code, and why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class HandoffSockets:
    """All open connections of persons."""

    def __init__(self, desk: Desk, guard: Guard, is_token: Callable[[str], bool], *, max_text_chars: int) -> None:
        self._desk, self._is_token, self._max_text_chars = desk, is_token, max_text_chars
        self._let_in = guard(_welcome)
        self._open = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serves one person's connection until it ends.

        Raises:
            Refused: 403 for a page of another site, 503 where too many are connected.
        """
        _refuse_other_sites(request)
        if self._open >= MAX_SOCKETS:
            raise Refused(503, "Overloaded", f"{MAX_SOCKETS} are connected; try again shortly.", retry_after_s=1)
        socket = web.WebSocketResponse(
            heartbeat=HEARTBEAT_S, max_msg_size=MAX_FRAME_BYTES, timeout=CLOSE_TIMEOUT_S, compress=False
        )
        self._open += 1
        try:
            is_known = await self._is_known(request)
            await socket.prepare(request)
            await self._serve(socket, await _greeted(socket, (lambda _: True) if is_known else self._is_token))
        except _Closed as closed:
            await _close(request, socket, closed)
        except ConnectionError:
            pass  # the other side has gone while it was written to
        finally:
            self._open -= 1
        return socket

    async def _is_known(self, request: web.Request) -> bool:
        """Whether the request itself has the token, so that `hello` need not bring it."""
        try:
            return (await self._let_in(request)).status == _WELCOME
        except Refused:
            return False

    async def _serve(self, socket: web.WebSocketResponse, agent: str) -> None:
        """Reads and writes until one of the two ends; the other is ended with it."""
        feed = self._desk.listen()
        person = _Person(self._desk, feed, agent, self._max_text_chars)
        person.greet()
        tasks = {asyncio.create_task(_read_all(socket, person)), asyncio.create_task(_write_all(socket, feed))}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._desk.feeds.drop(feed)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _welcome(_: web.Request) -> web.StreamResponse:
    return web.Response(status=_WELCOME)


async def _greeted(socket: web.WebSocketResponse, is_token: Callable[[str], bool]) -> str:
    """The name in the first frame, whose sender has the token."""
    try:
        raw = await _received(socket, HELLO_TIMEOUT_S)
    except TimeoutError as error:
        raise _Closed(WSCloseCode.POLICY_VIOLATION, "no hello came") from error
    try:
        frame = Frame.model_validate(parse_json(raw.encode("utf-8", "surrogatepass")))
        if frame.type != "hello":
            raise _Closed(WSCloseCode.POLICY_VIOLATION, "say hello first")
        if not is_token(frame.token):
            raise _Closed(WSCloseCode.POLICY_VIOLATION, "the token is missing or wrong")
        return checked_text(frame.agent, "agent", MAX_ID_CHARS)
    except (Refused, ValidationError) as error:
        raise _Closed(WSCloseCode.POLICY_VIOLATION, "hello needs an agent, and text fields") from error


async def _read_all(socket: web.WebSocketResponse, person: "_Person") -> None:
    while not socket.closed:
        await person.take(await _received(socket))


async def _write_all(socket: web.WebSocketResponse, feed: Feed) -> None:
    while (frame := await feed.get()) is not None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await socket.send_str(frame)
        except TimeoutError as error:
            raise _Closed(WSCloseCode.TRY_AGAIN_LATER, "read too slowly") from error
    if feed.lost:
        raise _Closed(WSCloseCode.TRY_AGAIN_LATER, "read too slowly")
    raise _Closed(WSCloseCode.GOING_AWAY, "the server stops")


async def _received(socket: web.WebSocketResponse, timeout_s: float | None = None) -> str:
    """The next text frame; aiohttp itself closes on bytes that are no frame, no UTF-8 or too many."""
    message = await socket.receive(timeout_s)
    if message.type is WSMsgType.TEXT:
        return str(message.data)
    if message.type is WSMsgType.BINARY:
        raise _Closed(WSCloseCode.UNSUPPORTED_DATA, "send text frames")
    raise _Closed(socket.close_code or WSCloseCode.OK, "the connection has ended")


async def _close(request: web.Request, socket: web.WebSocketResponse, closed: _Closed) -> None:
    """Says why and hangs up, also on one who does not read."""
    with suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await socket.close(code=closed.code, message=closed.reason.encode("utf-8"), drain=False)
    if closed.code == WSCloseCode.TRY_AGAIN_LATER and request.transport is not None:
        request.transport.abort()


class _Person:
    """What one who has said hello may do."""

    def __init__(self, desk: Desk, feed: Feed, agent: str, max_text_chars: int) -> None:
        self._desk, self._feed, self._agent, self._max_text_chars = desk, feed, agent, max_text_chars
        self._does: dict[str, Callable[[Frame], Awaitable[dict[str, Any]]]] = {
            "show": self._show,
            "ask": self._ask,
            "claim": self._claim,
            "reply": self._reply,
            "return": self._return,
            "typing": self._typing,
        }

    def greet(self) -> None:
        """Tells how things stand."""
        seats = [seat.to_dict() for seat in self._desk.seats()]
        self._feed.tell({"type": "hello", "agent": self._agent, "conversations": seats})

    async def take(self, raw: str) -> None:
        """Does what a frame asks for, and tells what came of it."""
        try:
            data = parse_json(raw.encode("utf-8", "surrogatepass"))
        except Refused as error:
            raise _Closed(WSCloseCode.INVALID_TEXT, "send JSON") from error
        if not isinstance(data, dict):
            raise _Closed(WSCloseCode.INVALID_TEXT, "send a JSON object")
        self._feed.tell(await self._answer(data))

    async def _answer(self, data: dict[str, Any]) -> dict[str, Any]:
        ref = data.get("ref") if isinstance(data.get("ref"), str | int) else None
        try:
            frame = Frame.model_validate(data)
            do = self._does.get(frame.type)
            if do is None:
                raise Refused(422, "InvalidField", f"type is {frame.type[:40]!r}; send {', '.join(self._does)}.")
            return {"type": "ok", "ref": ref, **await do(frame)}
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            said = f"{'.'.join(map(str, first['loc']))}: {first['msg']}."
            return {"type": "error", "ref": ref, "code": 422, "reason": "InvalidField", "message": said}
        except Refused as error:
            return {"type": "error", "ref": ref, "code": error.status, "reason": error.reason, "message": str(error)}
        except KefuError as error:
            _log.error("request_failed", error=str(error))
            said = "The server cannot answer at present."
            return {"type": "error", "ref": ref, "code": 503, "reason": "Unavailable", "message": said}
        except Exception as error:  # an edge, as that of a request: the connection ends, the others go on
            error_id = uuid.uuid4().hex[:12]
            _log.exception("unexpected_error", error_id=error_id, path="/handoff/ws")
            raise _Closed(WSCloseCode.INTERNAL_ERROR, f"the log names it as {error_id}") from error

    async def _show(self, frame: Frame) -> dict[str, Any]:
        return await self._desk.shown(await self._desk.seat(_id(frame)))

    async def _ask(self, frame: Frame) -> dict[str, Any]:
        return (await self._desk.ask(_id(frame))).to_dict()

    async def _claim(self, frame: Frame) -> dict[str, Any]:
        seat: Seat = await self._desk.claim(_id(frame), self._agent, take_over=frame.take_over)
        return await self._desk.shown(seat)

    async def _reply(self, frame: Frame) -> dict[str, Any]:
        text = checked_text(frame.text, "text", self._max_text_chars)
        return (await self._desk.reply(_id(frame), self._agent, text)).to_dict()

    async def _return(self, frame: Frame) -> dict[str, Any]:
        return (await self._desk.give_back(_id(frame), self._agent)).to_dict()

    async def _typing(self, frame: Frame) -> dict[str, Any]:
        self._desk.person_types(_id(frame), self._agent, on=frame.on)
        return {}


def _id(frame: Frame) -> str:
    return checked_text(frame.conversation_id, "conversation_id", MAX_ID_CHARS)


def _refuse_other_sites(request: web.Request) -> None:
    """A browser sends its page's origin; only pages of this server may connect."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc.lower() != request.host.lower():
        raise Refused(403, "Forbidden", "A page of another site may not open this.", field="Origin")
