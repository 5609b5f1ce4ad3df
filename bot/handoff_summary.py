"""What a person is told of a conversation that is handed over: what was asked and tried, what is known, and the mood.

Personal data stays as it is: whoever reads this works for the owner and is about to talk with the customer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

from bot.conversation import Conversation
from bot.events import LISTEN, Event
from bot.handoff import ACTION_HANDOFF, RASA_ACTION_HANDOFF, agent_of

MAX_TURNS = 10
UNTRIED = frozenset({None, LISTEN, ACTION_HANDOFF, RASA_ACTION_HANDOFF})
HIDDEN_SLOTS = frozenset({"requested_slot", "session_started_metadata"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedTurn:
    """One message, and what came of it.

    Attributes:
        intent: What was understood; None where nothing was.
        actions: What the bot did, in order.
        reason: Why, as the decision names it; empty where no decision was taken.
        answer: What was said, by the bot or by a person; lines of one turn are joined by line breaks.
    """

    asked: str
    intent: str | None = None
    actions: tuple[str, ...] = ()
    reason: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffSummary:
    """A conversation, for the person who takes over.

    Attributes:
        reason: Why a person is wanted, a value of `HandoffReason`.
        since: Unix time since when.
        turns: The last turns of the session, the newest last.
        turns_left_out: Turns of the session before these.
        slots: What is remembered.
        entities: By name, what the customer has named last, such as an order number.
        sentiment: Of the last message that has one; None where moods are not read.
        felt: Emotions that were felt in any message of the session.
    """

    reason: str
    since: float | None
    channel: str | None
    turns: tuple[TriedTurn, ...]
    turns_left_out: int = 0
    slots: Mapping[str, Any] = field(default_factory=dict)
    entities: Mapping[str, Any] = field(default_factory=dict)
    sentiment: str | None = None
    felt: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As the HTTP API shows it."""
        return asdict(self)


def summary(conversation: Conversation, events: Sequence[Event]) -> HandoffSummary:
    """What a person needs to know; of `events`, those of the last session count."""
    session = _last_session(events)
    messages = [event for event in session if event["event"] == "user"]
    moods = [mood for message in messages if (mood := _mood(message))]
    turns = _turns(session)
    return HandoffSummary(
        reason=conversation.handoff.reason,
        since=conversation.handoff.since,
        channel=conversation.channel,
        turns=tuple(turns[-MAX_TURNS:]),
        turns_left_out=max(0, len(turns) - MAX_TURNS),
        slots={
            name: value for name, value in conversation.slots.items() if value is not None and name not in HIDDEN_SLOTS
        },
        entities={
            entity["entity"]: entity.get("value")
            for message in messages
            for entity in (message.get("parse_data") or {}).get("entities") or ()
            if isinstance(entity, Mapping) and "entity" in entity
        },
        sentiment=moods[-1].get("sentiment") if moods else None,
        felt=tuple(dict.fromkeys(emotion for mood in moods for emotion in mood.get("felt") or ())),
    )


def _last_session(events: Sequence[Event]) -> Sequence[Event]:
    begins = [place for place, event in enumerate(events) if event["event"] in ("session_started", "restart")]
    return events[begins[-1] :] if begins else events


def _turns(session: Sequence[Event]) -> list[TriedTurn]:
    starts = [place for place, event in enumerate(session) if event["event"] == "user"]
    return [_turn(session[start:end]) for start, end in pairwise([*starts, len(session)])]


def _turn(events: Sequence[Event]) -> TriedTurn:
    message, *rest = events
    said = [event for event in rest if event["event"] in ("bot", "agent")]
    reasons = [str((event.get("metadata") or {}).get("reason") or "") for event in said if not agent_of(event)]
    return TriedTurn(
        asked=str(message.get("text") or ""),
        intent=((message.get("parse_data") or {}).get("intent") or {}).get("name"),
        actions=tuple(
            str(event.get("name")) for event in rest if event["event"] == "action" and event.get("name") not in UNTRIED
        ),
        reason=next(filter(None, reasons), ""),
        answer="\n".join(str(event["text"]) for event in said if event.get("text")),
    )


def _mood(message: Event) -> Mapping[str, Any] | None:
    known = (message.get("parse_data") or {}).get("kefu") or {}
    mood = known.get("mood") if isinstance(known, Mapping) else None
    return mood if isinstance(mood, Mapping) else None
