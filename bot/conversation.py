"""A conversation: Rasa's events, and the state that follows from them."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeAlias

from pydantic import TypeAdapter

from bot.messages import BotMessage, UserMessage

Event: TypeAlias = dict[str, Any]

MAX_OFFERED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What must be known of a conversation to go on with it; all of it follows from its events.

    Attributes:
        offered: Payloads of buttons that the bot has shown, the newest last; only these are taken as commands.
        last_event_at: Unix time of the last event, or None before the first.
    """

    id: str
    slots: Mapping[str, Any] = field(default_factory=dict)
    offered: tuple[str, ...] = ()
    last_event_at: float | None = None

    def after(self, events: Iterable[Event]) -> "Conversation":
        """The state once `events` have happened."""
        state = self
        for event in events:
            state = _apply(state, event)
        return state

    def to_json(self) -> str:
        """As the store keeps it."""
        return _ADAPTER.dump_json(self).decode("utf-8")

    @classmethod
    def from_json(cls, text: str) -> "Conversation":
        """What `to_json` wrote."""
        return _ADAPTER.validate_json(text)


_ADAPTER: TypeAdapter[Conversation] = TypeAdapter(Conversation)


def _apply(state: Conversation, event: Event) -> Conversation:
    match event["event"]:
        case "slot":
            state = replace(state, slots={**state.slots, event["name"]: event["value"]})
        case "session_started":
            state = replace(state, slots={})  # what is carried over, follows as events
        case "bot":
            payloads = _payloads(event["data"])
            kept = [payload for payload in state.offered if payload not in payloads]
            state = replace(state, offered=tuple([*kept, *payloads][-MAX_OFFERED:]))
        case "restart":
            state = replace(state, slots={}, offered=())
    return replace(state, last_event_at=event["timestamp"])


def _payloads(data: Mapping[str, Any]) -> list[str]:
    """What the buttons of a message and of its cards send back."""
    cards = (data, *(data.get("elements") or ()))
    buttons = (button for card in cards for button in card.get("buttons") or ())
    return [button["payload"] for button in buttons if isinstance(button.get("payload"), str)]


def session_events(slots: Mapping[str, Any], now: float) -> list[Event]:
    """What opens a session; `slots` are the values it starts with."""
    return [
        action_event("action_session_start", now),
        {"event": "session_started", "timestamp": now},
        *slot_events(slots, now),
        action_event("action_listen", now),
    ]


def slot_events(slots: Mapping[str, Any], now: float) -> list[Event]:
    """These values were put into their slots."""
    return [{"event": "slot", "timestamp": now, "name": name, "value": value} for name, value in slots.items()]


def user_event(message: UserMessage, parse_data: Mapping[str, Any], message_id: str, now: float) -> Event:
    """The customer said something."""
    return {
        "event": "user",
        "timestamp": now,
        "text": message.text,
        "parse_data": dict(parse_data),
        "input_channel": message.channel,
        "message_id": message_id,
        "metadata": dict(message.metadata),
    }


def bot_event(message: BotMessage, metadata: Mapping[str, Any], now: float) -> Event:
    """The bot said something."""
    data = asdict(message)
    text = data.pop("text")
    return {
        "event": "bot",
        "timestamp": now,
        "text": text,
        "data": {key: value or None for key, value in data.items()},
        "metadata": dict(metadata),
    }


def action_event(name: str, now: float, *, policy: str | None = None, confidence: float | None = None) -> Event:
    """The bot did something."""
    return {"event": "action", "timestamp": now, "name": name, "policy": policy, "confidence": confidence}
