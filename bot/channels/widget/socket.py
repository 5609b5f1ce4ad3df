"""The widget over a WebSocket: JSON in text frames, first `hello`, then what the customer does.

What is no JSON object, or comes before `hello`, closes the connection; what cannot be done is answered with an `error`.
"""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import WSCloseCode, web

from bot.channels.widget.frames import MAX_FRAME_BYTES, Hello, Problem, error_frame, parse_frame
from bot.channels.widget.lines import Line, Lines
from bot.channels.widget.origins import Origins
from bot.channels.widget.reader import Reader
from bot.channels.widget.reception import Reception
from bot.channels.widget.session import Session, Sessions
from bot.channels.widget.socket_frames import CLOSE_TIMEOUT_S, Closed, Incoming, close, send
from bot.errors import Refused
from configs.errors import KefuError

PROTOCOL = "kefu.widget.v1"
HELLO_TIMEOUT_S = 10.0
HEARTBEAT_S = 30.0
CODES = {"restart": WSCloseCode.SERVICE_RESTART, "lost": WSCloseCode.TRY_AGAIN_LATER}

MakeReader = Callable[[Session, Line, int, float | None], Reader]


class Sockets:
    """Serves the connections of pages.

    Args:
        make_reader: Makes the reader of a session, with its line and its place.
        greet: Told of a session in which nothing was said yet.
        now: Unix time.
    """

    def __init__(
        self,
        *,
        origins: Origins,
        sessions: Sessions,
        lines: Lines,
        reception: Reception,
        make_reader: MakeReader,
        greet: Callable[[Session], Awaitable[None]],
        now: Callable[[], float],
    ) -> None:
        self._origins, self._sessions, self._lines = origins, sessions, lines
        self._reception, self._make_reader, self._greet, self._now = reception, make_reader, greet, now

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serves one page's connection until it ends.

        Raises:
            Refused: 403 for a page of another site, 400 where it does not speak the protocol.
        """
        self._origins.refuse_others(request, without=True)
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        if PROTOCOL not in [name.strip() for name in offered.split(",")]:
            said = f"Connect with a WebSocket of the protocol {PROTOCOL}."
            raise Refused(400, "InvalidField", said, field="Sec-WebSocket-Protocol")
        socket = web.WebSocketResponse(
            protocols=(PROTOCOL,),
            heartbeat=HEARTBEAT_S,
            max_msg_size=MAX_FRAME_BYTES + 1,  # the first size that is too large
            timeout=CLOSE_TIMEOUT_S,
            compress=False,
            autoping=False,
        )
        try:
            await socket.prepare(request)
            await self._serve(socket, *await self._greeted(socket))
        except Closed as closed:
            await close(request, socket, closed)
        except ConnectionError:
            pass  # the other side has gone while it was written to
        return socket

    async def _greeted(self, socket: web.WebSocketResponse) -> tuple[Session, Hello]:
        """The session of the first frame, which must be `hello`."""
        try:
            data = await Incoming(socket).next(HELLO_TIMEOUT_S)
            hello = parse_frame(data)
        except TimeoutError as error:
            raise Closed(WSCloseCode.POLICY_VIOLATION, "no hello came") from error
        except Problem as error:
            raise Closed(WSCloseCode.POLICY_VIOLATION, "say hello first") from error
        if not isinstance(hello, Hello):
            raise Closed(WSCloseCode.POLICY_VIOLATION, "say hello first")
        session = self._sessions.read(hello.token)
        if session is None:
            raise Closed(WSCloseCode.POLICY_VIOLATION, "the token is wrong or has expired", "expired")
        return session, hello

    async def _serve(self, socket: web.WebSocketResponse, session: Session, hello: Hello) -> None:
        """Reads and writes until one of the two ends; the other is ended with it."""
        try:
            line = self._lines.open(session.conversation_id)
        except Refused as error:
            await send(socket, error_frame(error))
            raise Closed(WSCloseCode.TRY_AGAIN_LATER, "too many are connected") from error
        reader = self._make_reader(session, line, hello.after, hello.begun)
        tasks = {
            asyncio.create_task(self._read_all(socket, session, line)),
            asyncio.create_task(self._write_all(socket, session, line, reader)),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._lines.drop(line)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read_all(self, socket: web.WebSocketResponse, session: Session, line: Line) -> None:
        frames = Incoming(socket)
        while True:
            data = await frames.next()
            if session.expires_at <= self._now():
                raise Closed(WSCloseCode.POLICY_VIOLATION, "the session has expired", "expired")
            for reply in await self._reception.take(session, data, line):
                line.tell(reply)

    async def _write_all(self, socket: web.WebSocketResponse, session: Session, line: Line, reader: Reader) -> None:
        await self._welcome(socket, session, reader)
        line.wake()
        while True:
            await line.stirred()
            for frame in line.notices():
                await send(socket, frame)
            if line.ends is not None:
                code = CODES.get(line.ends, WSCloseCode.POLICY_VIOLATION)
                raise Closed(code, "the connection has to end", line.ends)
            if line.take_news():
                await _send_news(socket, line, reader)

    async def _welcome(self, socket: web.WebSocketResponse, session: Session, reader: Reader) -> None:
        try:
            frame, has_begun = await reader.welcome()
            if not has_begun:
                await self._greet(session)
        except KefuError as error:
            problem = Problem("Unavailable", "The server cannot answer at present.", 5)
            await send(socket, error_frame(problem))
            raise Closed(WSCloseCode.TRY_AGAIN_LATER, "the server cannot answer at present") from error
        await send(socket, frame)


async def _send_news(socket: web.WebSocketResponse, line: Line, reader: Reader) -> None:
    try:
        frames, is_more = await reader.news()
    except KefuError:  # the database is away: it is asked again with whatever stirs next, a second later at most
        line.is_behind = True
        return
    for frame in frames:
        await send(socket, frame)
    if is_more:
        line.wake()
