"""The widget where no WebSocket comes through: frames are posted, and fetched by requests that wait for news."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from bot.channels.widget.frames import MAX_SEQ
from bot.channels.widget.lines import Line, Lines
from bot.channels.widget.origins import Origins
from bot.channels.widget.reader import Reader
from bot.channels.widget.reception import Reception
from bot.channels.widget.session import Session
from bot.channels.widget.socket import MakeReader
from bot.errors import Refused
from bot.request_body import Body, read_body

PATH = "/webhooks/widget/frames"
MAX_FRAMES = 20  # in one request
MAX_WAIT_S = 25.0
MAX_PAGES = 4  # of events in one answer

Frame = dict[str, Any]


class FramesBody(Body):
    """Body of `POST /webhooks/widget/frames`."""

    frames: Annotated[list[dict[str, Any]], Field(max_length=MAX_FRAMES)]


class Polling:
    """Serves pages without a WebSocket.

    Args:
        session_of: The session of a request, by its bearer token.
        make_reader: Makes the reader of a session, with its line and its place.
        greet: Told of a session in which nothing was said yet.
    """

    def __init__(
        self,
        *,
        origins: Origins,
        session_of: Callable[[web.Request], Session],
        lines: Lines,
        reception: Reception,
        make_reader: MakeReader,
        greet: Callable[[Session], Awaitable[None]],
    ) -> None:
        self._origins, self._session_of, self._lines = origins, session_of, lines
        self._reception, self._make_reader, self._greet = reception, make_reader, greet

    def routes(self) -> list[web.RouteDef]:
        """The two routes."""
        return [web.post(PATH, self.take), web.get(PATH, self.fetch)]

    async def take(self, request: web.Request) -> web.Response:
        """Does what the frames of a body ask for, one after another."""
        self._origins.refuse_others(request, without=True)
        session = self._session_of(request)
        body = await read_body(request, FramesBody)
        replies = [reply for frame in body.frames for reply in await self._reception.take(session, frame)]
        return web.json_response({"frames": replies})

    async def fetch(self, request: web.Request) -> web.Response:
        """Answers with a welcome and what is new, at once where there is something, else when there is."""
        self._origins.refuse_others(request, without=True)
        session = self._session_of(request)
        after, wait_s = int(_number(request, "after", MAX_SEQ)), _number(request, "wait", MAX_WAIT_S)
        begun = _number(request, "begun", float(MAX_SEQ)) if "begun" in request.query else None
        line = self._lines.open(session.conversation_id)
        try:
            reader = self._make_reader(session, line, after, begun)
            welcome, has_begun = await reader.welcome()
            if not has_begun:
                await self._greet(session)
            frames = await self._news(line, reader, wait_s)
        finally:
            self._lines.drop(line)
        return web.json_response({"frames": [welcome, *frames]}, headers={"Cache-Control": "no-store"})

    async def _news(self, line: Line, reader: Reader, wait_s: float) -> list[Frame]:
        """What there is, or comes within `wait_s`."""
        frames = await _read(reader)
        try:
            async with asyncio.timeout(wait_s):
                while not frames and line.ends is None:
                    await line.stirred()
                    frames = list(line.notices())
                    frames += await _read(reader) if line.take_news() else []
        except TimeoutError:
            pass
        return frames if line.ends is None else [*frames, {"type": "bye", "reason": line.ends}]


async def _read(reader: Reader) -> list[Frame]:
    frames: list[Frame] = []
    for _ in range(MAX_PAGES):
        found, is_more = await reader.news()
        frames += found
        if not is_more:
            break
    return frames


def _number(request: web.Request, name: str, most: float) -> float:
    """A number of the query, 0 where it is not there.

    Raises:
        Refused: 400; it is no number, or out of range.
    """
    text = request.query.get(name, "0")
    try:
        value = float(text) if text.isascii() else -1.0
    except ValueError:
        value = -1.0
    if not 0 <= value <= most:
        raise Refused(400, "InvalidField", f"{name} is {text[:40]!r}; write a number up to {most:.0f}.", field=name)
    return value
