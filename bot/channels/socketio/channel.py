"""Rasa's Socket.IO channel, over the inbox and the outbox: a page may go and come back, and so may the server."""

import asyncio
import logging
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import socketio
import structlog
from aiohttp import web

from bot.abilities import EVERYTHING
from bot.channels.channel import conversation_id, health
from bot.channels.intake import Intake
from bot.channels.socketio.config import NAME, Config
from bot.channels.socketio.lines import Line, Lines
from bot.channels.socketio.pulse import Pulse, hang_up
from bot.channels.socketio.rendering import render
from bot.channels.socketio.session import Gate, conversation_of, may_claim, new_session_id
from bot.channels.socketio.utterance import Utterance, message_id, parse_metadata, parse_utterance
from bot.channels.widget.origins import Origins
from bot.delivery import NotSent
from bot.errors import Refused, safe_reason
from bot.messages import UserMessage
from bot.middlewares import CORS_ORIGINS
from bot.new_id import new_id
from bot.stores.outbox import Part
from bot.turn_record import stored_reply
from configs.errors import KefuError

MAX_FRAME_BYTES = 65_536
CONFIRM_S = 3.0  # for a page's pong; until then nobody knows whether a part arrived
WAIT_S = 1.0  # before a part is tried again; a page that comes back shortens it
COMES_BACK_S, GONE_S = 24 * 3_600.0, 60.0  # how long a reply waits for a page

_log = structlog.get_logger()
_quiet = logging.getLogger("kefu.socketio")  # the library's own lines hold what customers write
_quiet.setLevel(logging.CRITICAL + 1)


class SocketIo:
    """Takes messages in from pages that are connected, and emits what the bot says to them."""

    name = NAME

    def __init__(self, config: Config, intake: Intake, *, confirm_s: float = CONFIRM_S) -> None:
        self._config, self._intake, self._confirm_s = config, intake, confirm_s
        self._namespace = config.namespace or "/"
        self._gate, self._lines = Gate(config), Lines()
        waits_s = COMES_BACK_S if config.session_persistence else GONE_S
        self.abilities = replace(EVERYTHING, reply_within_s=waits_s)
        self._server = _server()
        handlers = {
            "connect": self._connected,
            "disconnect": self._disconnected,
            "session_request": self._session_requested,
            config.user_message_evt: self._uttered,
        }
        for event, handler in handlers.items():
            self._server.on(event, handler, namespace=self._namespace)

    def routes(self) -> list[web.RouteDef]:
        """The health route, and Socket.IO's own."""
        return [
            web.get(f"/webhooks/{NAME}/", health),
            *(
                web.route(method, self._config.path, self._server.handle_request)
                for method in ("GET", "POST", "OPTIONS")
            ),
        ]

    async def run(self) -> None:
        """Nothing."""

    async def deliver(self, part: Part) -> None:
        """Emits a part to the pages that have its conversation open, and waits until one of them has it.

        Raises:
            NotSent: None is connected here, or none answers; it is emitted to each of them only once all the same.
        """
        events = [
            event for message in stored_reply([part.payload]) for event in render(message, self._config.bot_message_evt)
        ]
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

    async def _emit(self, event: str, data: Any, sid: str) -> None:
        await self._server.emit(event, data, to=sid, namespace=self._namespace)

    async def _connected(self, sid: str, _: object = None, auth: object = None) -> None:
        if self._lines.get(sid) is not None:  # a page says "connect" as if it were a message
            return
        owner = self._gate.owner(auth)
        if owner is None:
            raise socketio.exceptions.ConnectionRefusedError("Unauthorized")
        if self._lines.is_full:
            raise socketio.exceptions.ConnectionRefusedError("Overloaded")
        socket = self._server.eio.sockets[self._server.manager.eio_sid_from_sid(sid, self._namespace)]
        line = self._lines.connect(sid, owner, Pulse.of(socket))
        if not self._config.session_persistence:
            self._lines.join(line, conversation_id(NAME, sid))

    async def _disconnected(self, sid: str, *_: object) -> None:
        self._lines.disconnect(sid)

    async def _session_requested(self, sid: str, data: object = None, *_: object) -> None:
        line = self._lines.get(sid)
        if line is None:
            return
        given = data.get("session_id") if isinstance(data, Mapping) else None
        asked = given if isinstance(given, str) and may_claim(given, line.owner) else None
        session_id = asked or new_session_id()
        await self._emit("session_confirm", session_id, sid)
        if self._config.session_persistence:
            await self._open(line, conversation_of(session_id, line.owner))

    async def _open(self, line: Line, conversation: str) -> None:
        """Opens the conversation on the line, and has sent what was said to it meanwhile."""
        if not self._lines.join(line, conversation):
            return
        try:
            await self._intake.hurry(conversation, NAME)
        except KefuError as error:  # it comes with its next try
            _log.error("outbox_not_hurried", reason=safe_reason(error))

    async def _uttered(self, sid: str, data: object = None, *_: object) -> dict[str, Any]:
        """Takes a message in; what this returns goes to pages that ask for it."""
        try:
            return await self._accept(sid, data)
        except Refused as error:
            _log.warning("message_refused", channel=NAME, reason=error.reason, field=error.field)
            return {"status": "refused", "reason": error.reason, "message": str(error)}
        except KefuError as error:
            _log.error("message_not_taken", channel=NAME, reason=safe_reason(error))
            return {"status": "refused", "reason": "Unavailable", "message": "The server cannot answer at present."}
        except Exception:  # an edge, as that of a request
            error_id = uuid.uuid4().hex[:12]
            _log.exception("unexpected_error", error_id=error_id, channel=NAME)
            return {"status": "refused", "reason": "UnexpectedError", "message": f"The log names it as {error_id}."}

    async def _accept(self, sid: str, data: object) -> dict[str, Any]:
        line = self._lines.get(sid)
        if line is None:
            raise Refused(401, "NotAuthenticated", "Connect first.")
        utterance = parse_utterance(data)
        metadata = parse_metadata(data, self._config.metadata_key)
        conversation = await self._conversation(line, utterance)
        message = UserMessage(
            conversation_id=conversation,
            text=utterance.message,
            channel=NAME,
            account=conversation,  # an id is its page's own: nobody gets the reply that another was given
            external_id=message_id(utterance, metadata) or new_id(),
            metadata=metadata,
        )
        accepted = await self._intake.accept(message)
        return {"status": "accepted" if accepted else "empty"}

    async def _conversation(self, line: Line, utterance: Utterance) -> str:
        """The conversation that a message belongs to: of the session it names, else the one that is open."""
        named = utterance.session_id
        if self._config.session_persistence and named and may_claim(named, line.owner):
            await self._open(line, conversation_of(named, line.owner))
        if line.conversation is None:
            raise Refused(
                422, "InvalidField", "session_id is missing; send `session_request` first.", field="session_id"
            )
        return line.conversation


def _server() -> socketio.AsyncServer:
    return socketio.AsyncServer(
        async_mode="aiohttp",
        async_handlers=False,  # the messages of a page are taken in one after another
        cors_allowed_origins=_is_allowed,
        cors_credentials=False,
        max_http_buffer_size=MAX_FRAME_BYTES,
        logger=_quiet,
        engineio_logger=_quiet,
    )


def _is_allowed(_: str, environ: Mapping[str, Any]) -> bool:
    """Whether a page of this origin may connect: one of the server's own, or of `KEFU_CORS_ORIGINS`."""
    request: web.Request = environ["aiohttp.request"]
    return Origins(request.app.get(CORS_ORIGINS, ())).allows(request)


make = SocketIo
