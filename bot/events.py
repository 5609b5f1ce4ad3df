"""Rasa's events as they are made here. Each is a dict, as the store keeps it and as actions and the HTTP API see it."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeAlias

from bot.messages import BotMessage, UserMessage
from configs.domain import Button

Event: TypeAlias = dict[str, Any]

LISTEN = "action_listen"
REQUESTED_SLOT = "requested_slot"


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


def said_in(event: Event) -> BotMessage:
    """The message that a `bot` event records."""
    data = event.get("data") or {}
    return BotMessage(
        text=event.get("text"),
        buttons=tuple(
            Button(title=str(b.get("title", "")), payload=str(b.get("payload", ""))) for b in _items(data, "buttons")
        ),
        image=data.get("image"),
        attachment=data.get("attachment"),
        custom=data.get("custom"),
        elements=tuple(_items(data, "elements")),
    )


def _items(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    return [item for item in data.get(key) or () if isinstance(item, Mapping)]


def action_event(
    name: str, now: float, *, policy: str | None = None, confidence: float | None = None, is_hidden: bool = False
) -> Event:
    """The bot did something.

    Args:
        is_hidden: Whether a rule that no story tells of made it do so.
    """
    return {
        "event": "action",
        "timestamp": now,
        "name": name,
        "policy": policy,
        "confidence": confidence,
        "action_text": None,
        "hide_rule_turn": is_hidden,
    }


def rejected_event(name: str, now: float, *, policy: str | None = None, confidence: float | None = None) -> Event:
    """An action would not run, so that something else may."""
    return {
        "event": "action_execution_rejected",
        "timestamp": now,
        "name": name,
        "policy": policy,
        "confidence": confidence,
    }


def slot_event(name: str, value: Any, now: float) -> Event:
    """A slot was filled, or emptied where the value is None."""
    return {"event": "slot", "timestamp": now, "name": name, "value": value}


def slot_events(slots: Mapping[str, Any], now: float) -> list[Event]:
    """These values were put into their slots."""
    return [slot_event(name, value, now) for name, value in slots.items()]


def loop_event(name: str | None, now: float) -> Event:
    """A form began, or, where it is None, ended."""
    return {"event": "active_loop", "timestamp": now, "name": name}


def plain_event(kind: str, now: float) -> Event:
    """An event that says no more than its name, such as `restart`, `rewind` or `pause`."""
    return {"event": kind, "timestamp": now}
