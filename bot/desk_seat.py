"""How a conversation and what is said in it are shown to persons."""

from dataclasses import dataclass
from typing import Any

from bot.conversation import Conversation
from bot.events import Event
from bot.handoff import Handoff, HandoffState, agent_of

SAID = frozenset({"user", "bot", "agent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One conversation at the desk.

    Attributes:
        seen_at: Unix time of its last event that was taken note of.
    """

    conversation_id: str
    channel: str | None
    handoff: Handoff
    seen_at: float | None = None

    @property
    def standing(self) -> tuple[HandoffState, str]:
        """Where it stands, and with whom."""
        return self.handoff.state, self.handoff.by

    def to_dict(self) -> dict[str, Any]:
        """As the HTTP API shows it."""
        handoff = self.handoff
        return {
            "conversation_id": self.conversation_id,
            "channel": self.channel,
            "state": handoff.state,
            "reason": handoff.reason,
            "by": handoff.by or None,
            "since": handoff.since,
            "last_at": handoff.last_at,
        }


def seat_of(conversation: Conversation) -> Seat:
    """Where `conversation` stands."""
    return Seat(
        conversation_id=conversation.id,
        channel=conversation.channel,
        handoff=conversation.handoff,
        seen_at=conversation.last_event_at,
    )


def message_frame(conversation_id: str, event: Event) -> dict[str, Any]:
    """What was said, as persons are told of it."""
    agent = agent_of(event)
    kinds = {"user": "customer", "agent": "person", "bot": "person" if agent else "bot"}
    media = (event.get("metadata") or {}).get("media")
    return {
        "type": "message",
        "conversation_id": conversation_id,
        "from": kinds[event["event"]],
        "by": agent or None,
        "text": event.get("text"),
        "timestamp": event.get("timestamp"),
        **({"media": media} if media else {}),
    }
