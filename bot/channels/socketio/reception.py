"""What a page does: it connects, asks for its session, says something, and goes."""

import uuid
from collections.abc import Mapping
from typing import Any

import structlog
from socketio.exceptions import ConnectionRefusedError as TurnedAway

from bot.channels.channel import conversation_id
from bot.channels.intake import Intake
from bot.channels.socketio.config import NAME, Config
from bot.channels.socketio.lines import Emit, Line, Lines
from bot.channels.socketio.pulse import Pulse
from bot.channels.socketio.session import Gate, conversation_of, may_claim, new_session_id
from bot.channels.socketio.utterance import Utterance, message_id, parse_metadata, parse_utterance
from bot.errors import Refused, safe_reason
from bot.messages import UserMessage
from bot.new_id import new_id
from configs.errors import KefuError

CONFIRM_EVENT = "session_confirm"

_log = structlog.get_logger()


class Reception:
    """Lets pages in, and takes in what they bring.

    Args:
        lines: The pages that are connected.
        emit: Sends an event to one page.
    """

    def __init__(self, config: Config, intake: Intake, lines: Lines, emit: Emit) -> None:
        self._config, self._intake, self._lines, self._emit = config, intake, lines, emit
        self._gate = Gate(config)

    def connect(self, sid: str, auth: object, socket: Any) -> None:
        """A page connects.

        Args:
            socket: Engine.IO's side of its connection.

        Raises:
            TurnedAway: It has no valid token, or too many are connected.
        """
        owner = self._gate.owner(auth)
        if owner is None:
            raise TurnedAway("Unauthorized")
        if self._lines.is_full:
            raise TurnedAway("Overloaded")
        line = self._lines.connect(sid, owner, Pulse.of(socket))
        if not self._config.session_persistence:
            self._lines.join(line, conversation_id(NAME, sid))

    async def request_session(self, sid: str, data: object = None, *_: object) -> None:
        """A page asks for its session, an earlier one or a new one."""
        line = self._lines.get(sid)
        if line is None:
            return
        given = data.get("session_id") if isinstance(data, Mapping) else None
        asked = given if isinstance(given, str) and may_claim(given, line.owner) else None
        session_id = asked or new_session_id()
        await self._emit(CONFIRM_EVENT, session_id, sid)
        if self._config.session_persistence:
            await self._open(line, conversation_of(session_id, line.owner))

    async def utter(self, sid: str, data: object = None, *_: object) -> dict[str, Any]:
        """A page brings a message; what this returns goes to pages that ask for it."""
        try:
            return await self._accept(sid, data)
        except Refused as error:
            _log.warning("message_refused", channel=NAME, reason=error.reason, field=error.field)
            return _refused(error.reason, str(error))
        except KefuError as error:
            _log.error("message_not_taken", channel=NAME, reason=safe_reason(error))
            return _refused("Unavailable", "The server cannot answer at present.")
        except Exception:  # an edge, as that of a request
            error_id = uuid.uuid4().hex[:12]
            _log.exception("unexpected_error", error_id=error_id, channel=NAME)
            return _refused("UnexpectedError", f"Something went wrong; the log names it as {error_id}.")

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
            said = "session_id is missing; send `session_request` first."
            raise Refused(422, "InvalidField", said, field="session_id")
        return line.conversation

    async def _open(self, line: Line, conversation: str) -> None:
        """Opens the conversation on the line, and has sent what was said in it meanwhile."""
        if not self._lines.join(line, conversation):
            return
        try:
            await self._intake.hurry(conversation, NAME)
        except KefuError as error:  # it comes with its next try
            _log.error("outbox_not_hurried", reason=safe_reason(error))


def _refused(reason: str, message: str) -> dict[str, Any]:
    return {"status": "refused", "reason": reason, "message": message}
