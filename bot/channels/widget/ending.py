"""What happens when a customer ends a conversation, and when he says what he thinks of it. Pure."""

from bot.conversation import Conversation
from bot.events import Event, plain_event, slot_event
from bot.handoff import ReturnReason, returned_events

SURVEY_SLOT = "kefu_survey"
SESSION_ENDED = "session_ended"


def ended(conversation: Conversation, now: float) -> list[Event]:
    """The events of an end: a person who was wanted or there is not needed any more. None where nothing was said."""
    if conversation.last_event_at is None:
        return []
    returned = returned_events(ReturnReason.ENDED, now) if conversation.handoff.silences_bot else []
    return [plain_event(SESSION_ENDED, now), *returned]


def surveyed(conversation: Conversation, score: int, comment: str, now: float) -> list[Event]:
    """The event that keeps a customer's score, from 1 to 5; none where nothing was said."""
    if conversation.last_event_at is None:
        return []
    return [slot_event(SURVEY_SLOT, {"score": score, "comment": comment or None}, now)]
