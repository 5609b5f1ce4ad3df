"""Rasa's Socket.IO channel, over the inbox and the outbox: a page may go and come back, and so may the server."""

import asyncio
from dataclasses import replace
from typing import Any

from aiohttp import web

from bot.abilities import EVERYTHING
from bot.channels.channel import health
from bot.channels.intake import Intake
from bot.channels.socketio.config import NAME, Config
from bot.channels.socketio.lines import Lines
from bot.channels.socketio.pulse import hang_up
from bot.channels.socketio.reception import Reception
from bot.channels.socketio.rendering import render
from bot.channels.socketio.server import MAX_FRAME_BYTES, make_server
from bot.delivery import NotSent
from bot.errors import Refused
from bot.request_body import in_time, too_large
from bot.stores.outbox import Part
from bot.turn_record import stored_reply

CONFIRM_S = 3.0  # for a page's pong; until then nobody knows whether a part arrived
WAIT_S = 1.0  # before a part is tried again; a page that comes back shortens it
COMES_BACK_S, GONE_S = 24 * 3_600.0, 60.0  # how long a reply waits for a page


class SocketIo:
    """Takes messages in from pages that are connected, and emits what the bot says to them."""

    name = NAME

    def __init__(self, config: Config, intake: Intake, *, confirm_s: float = CONFIRM_S) -> None:
        self._config, self._confirm_s = config, confirm_s
        self._namespace = config.namespace or "/"
        self.abilities = replace(EVERYTHING, reply_within_s=COMES_BACK_S if config.session_persistence else GONE_S)
        self._lines, self._server = Lines(), make_server()
        self._reception = Reception(config, intake, self._lines, self._emit)
        handlers = {
            "connect": self._connected,
            "disconnect": self._disconnected,
            "session_request": self._reception.request_session,
            config.user_message_evt: self._reception.utter,
        }
        for event, handler in handlers.items():
            self._server.on(event, handler, namespace=self._namespace)

    def routes(self) -> list[web.RouteDef]:
        """The health route, and Socket.IO's own."""
        path, handle = self._config.path, self._server.handle_request
        return [
            web.get(f"/webhooks/{NAME}/", health),
            *(web.route(method, path, handle) for method in ("GET", "OPTIONS")),
            web.post(path, self._take_frames),
        ]

    async def run(self) -> None:
        """Nothing."""

    async def deliver(self, part: Part) -> None:
        """Emits a part to the pages that have its conversation open, and waits until one of them has it.

        Raises:
            NotSent: None is connected here, or none answers; it is emitted to each of them only once all the same.
        """
        said = self._config.bot_message_evt
        events = [event for message in stored_reply([part.payload]) for event in render(message, said)]
        try:
            async with asyncio.timeout(self._confirm_s):
                while lines := self._lines.of(part.conversation_id):
                    for line in lines:
                        await line.give(part.key, events, self._emit)
                    if any(line.has(part.key) for line in lines):
                        return
                    await self._lines.stirred(part.conversation_id)
        except TimeoutError:
            raise NotSent("the page has not confirmed it yet", WAIT_S) from None
        raise NotSent("no page with this conversation is connected", WAIT_S)

    def stop(self) -> None:
        """Ends the connections, so that the server need not wait for them; pages connect anew by themselves."""
        for socket in list(self._server.eio.sockets.values()):
            hang_up(socket)

    async def close(self) -> None:
        """Ends what watches the connections."""
        await self._server.shutdown()

    async def _take_frames(self, request: web.Request) -> web.StreamResponse:
        """Takes what a page without a WebSocket posts."""
        if (request.content_length or 0) > MAX_FRAME_BYTES:
            raise too_large(MAX_FRAME_BYTES)
        try:
            async with in_time(request, MAX_FRAME_BYTES):
                answer: web.StreamResponse = await self._server.handle_request(request)
        except KeyError as error:  # it has just ended
            raise Refused(400, "InvalidField", "There is no such connection any more.", field="sid") from error
        return answer

    async def _emit(self, event: str, data: Any, sid: str) -> None:
        await self._server.emit(event, data, to=sid, namespace=self._namespace)

    async def _connected(self, sid: str, _: object = None, auth: object = None) -> None:
        if self._lines.get(sid) is None:  # else a page says "connect" as if it were a message
            eio_sid = self._server.manager.eio_sid_from_sid(sid, self._namespace)
            self._reception.connect(sid, auth, self._server.eio.sockets[eio_sid])

    async def _disconnected(self, sid: str, *_: object) -> None:
        self._lines.disconnect(sid)


make = SocketIo
