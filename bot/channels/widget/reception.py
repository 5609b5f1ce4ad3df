"""Does what a page asks for, frame by frame; what cannot be done is answered with an error, never with silence."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from bot.channels.intake import Intake, readable
from bot.channels.widget.ending import LOOKED_AT_EVENTS, ended, surveyed, was_done
from bot.channels.widget.frames import (
    MAX_COMMENT_CHARS,
    MAX_TITLE_CHARS,
    End,
    Frame,
    Hello,
    Message,
    Ping,
    Problem,
    Rating,
    Seen,
    Survey,
    Typing,
    error_frame,
    id_of,
    parse_frame,
)
from bot.channels.widget.lines import Line, Lines
from bot.channels.widget.pace import Paces
from bot.channels.widget.reader import CUSTOMER
from bot.channels.widget.session import NAME, Session
from bot.channels.widget.transcript import MEDIA, VERDICTS
from bot.channels.widget.uploads import Uploads
from bot.channels.widget.watch import Watch
from bot.desk import Desk
from bot.dialogue import DialogueManager
from bot.errors import Refused
from bot.messages import UserMessage
from bot.stores.evidence import Feedback
from bot.stores.store import ConversationStore
from configs.errors import KefuError

Reply = dict[str, Any]

_log = structlog.get_logger()


class Reception:
    """Takes frames.

    Args:
        on_feedback: Told that a customer has rated an answer.
    """

    def __init__(  # noqa: PLR0913 - it does everything a page may ask for
        self,
        *,
        intake: Intake,
        dialogue: DialogueManager,
        store: ConversationStore,
        desk: Desk,
        lines: Lines,
        watch: Watch,
        uploads: Uploads,
        paces: Paces,
        on_feedback: Callable[[], Awaitable[None]],
        max_text_chars: int,
    ) -> None:
        self._intake, self._dialogue, self._store, self._desk = intake, dialogue, store, desk
        self._lines, self._watch, self._uploads, self._paces = lines, watch, uploads, paces
        self._on_feedback, self._max_text_chars = on_feedback, max_text_chars

    async def take(self, session: Session, data: dict[str, Any], line: Line | None = None) -> list[Reply]:
        """Does what a frame asks for; returns what its page is told.

        Args:
            line: The page's own, where it has one.
        """
        try:
            if wait_s := self._paces.wait_s(session.id):
                raise Problem("TooFast", "That is too much at once; wait a little.", round(wait_s, 2))
            return await self._do(session, parse_frame(data), line)
        except (Problem, Refused) as error:
            return [error_frame(error, id_of(data))]
        except KefuError as error:
            _log.error("frame_failed", error=str(error))
            return [error_frame(Problem("Unavailable", "The server cannot answer at present.", 5), id_of(data))]
        except Exception:  # the edge of a page's connection: one frame must not end it
            error_id = uuid.uuid4().hex[:12]
            _log.exception("unexpected_error", error_id=error_id, path="/webhooks/widget")
            return [error_frame(Problem("UnexpectedError", f"The log names it as {error_id}.", 5), id_of(data))]

    async def _do(self, session: Session, frame: Frame, line: Line | None) -> list[Reply]:
        match frame:
            case Message():
                return await self._message(session, frame)
            case Rating():
                await self._rate(session, frame)
            case Survey() | End():
                if not await self._was_done(session, frame):
                    await self._finish(session, frame)
            case Typing():
                self._desk.customer_types(session.conversation_id, on=frame.on)
                return []
            case Seen():
                self._lines.tell(session.conversation_id, {"type": "seen", "seq": frame.seq}, besides=line)
                return []
            case Ping():
                return [{"type": "pong"}]
            case Hello():
                raise Problem("InvalidField", "type: hello was said already.")
        return [{"type": "ack", "id": frame.id}] if frame.id else []

    async def _message(self, session: Session, frame: Message) -> list[Reply]:
        if len(frame.text) > self._max_text_chars:
            said = f"text has {len(frame.text):,} characters; send at most {self._max_text_chars:,}."
            raise Problem("TooLong", said)
        message = UserMessage(
            conversation_id=session.conversation_id,
            text=frame.text,
            channel=NAME,
            account=session.id,  # an id is its page's own: no other session can have sent it before
            external_id=frame.id,
            metadata=await self._metadata(session, frame),
        )
        accepted = await self._intake.accept(message)
        if accepted is None:
            raise Problem("Empty", "There is nothing to read in it.")
        if not accepted.is_new:
            return [{"type": "ack", "id": frame.id, "duplicate": True}]
        if not any(
            line.conversation and line.conversation.is_silent for line in self._lines.of(session.conversation_id)
        ):
            self._watch.thinks(session.conversation_id)
        return [{"type": "ack", "id": frame.id}]

    async def _metadata(self, session: Session, frame: Message) -> dict[str, Any]:
        metadata: dict[str, Any] = {"locale": session.locale, "page": session.page}
        metadata["title"] = readable(frame.title, MAX_TITLE_CHARS) if frame.text else ""
        if frame.file is not None:
            file = await self._uploads.of(session, frame.file)
            if file is None:
                raise Problem("UnknownFile", "There is no such file; send it again.")
            metadata[MEDIA] = [file.as_media(self._uploads.address(file.id))]
        return {name: value for name, value in metadata.items() if value}

    async def _rate(self, session: Session, frame: Rating) -> None:
        given = Feedback(
            conversation_id=session.conversation_id,
            turn_seq=frame.turn,
            who=CUSTOMER,
            verdict=VERDICTS[frame.verdict],
            comment=readable(frame.comment, MAX_COMMENT_CHARS) or None,
            at=self._intake.now(),
        )
        if not await self._store.give_feedback(given):
            raise Problem("UnknownTurn", f"There is no turn {frame.turn}.")
        self._lines.tell(session.conversation_id, {"type": "verdict", "turn": frame.turn, "verdict": frame.verdict})
        await self._on_feedback()

    async def _was_done(self, session: Session, frame: Survey | End) -> bool:
        recent = await self._store.recent_events(session.conversation_id, LOOKED_AT_EVENTS) if frame.id else ()
        return was_done(frame.id, recent)

    async def _finish(self, session: Session, frame: Survey | End) -> None:
        now = self._intake.now()
        if isinstance(frame, End):
            await self._dialogue.change(session.conversation_id, lambda it: ended(it, frame.id, now))
            return
        comment = readable(frame.comment, MAX_COMMENT_CHARS)
        after = await self._dialogue.change(
            session.conversation_id, lambda it: surveyed(it, frame.score, comment, frame.id, now)
        )
        if after.last_event_at is None:
            raise Problem("NothingSaid", "There is no conversation to rate.")
