"""What happens when a customer ends a conversation, and when he says what he thinks of it. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any

from bot.conversation import Conversation
from bot.events import Event, plain_event, slot_event
from bot.handoff import ReturnReason, returned_events

SURVEY_SLOT = "kefu_survey"
SESSION_ENDED = "session_ended"
LOOKED_AT_EVENTS = 100  # among which a frame that is sent again is found
_FRAME = "frame_id"


def ended(conversation: Conversation, frame_id: str | None, now: float) -> Sequence[Event]:
    """The events of an end: a person who was wanted or there is not needed any more. None where nothing was said."""
    if conversation.last_event_at is None:
        return []
    returned = returned_events(ReturnReason.ENDED, now) if conversation.handoff.silences_bot else []
    return [_of_frame(plain_event(SESSION_ENDED, now), frame_id), *returned]


def surveyed(conversation: Conversation, score: int, comment: str, frame_id: str | None, now: float) -> Sequence[Event]:
    """The event that keeps a customer's score, from 1 to 5; none where nothing was said."""
    if conversation.last_event_at is None:
        return []
    value: dict[str, Any] = {"score": score, "comment": comment or None}
    return [_of_frame(slot_event(SURVEY_SLOT, value, now), frame_id)]


def was_done(frame_id: str | None, events: Iterable[Event]) -> bool:
    """Whether this frame has come before: a page sends it again until it is acknowledged."""
    return frame_id is not None and any((event.get("metadata") or {}).get(_FRAME) == frame_id for event in events)


def _of_frame(event: Event, frame_id: str | None) -> Event:
    return event if frame_id is None else {**event, "metadata": {_FRAME: frame_id}}
