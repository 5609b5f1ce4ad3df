"""What the bot says as events of Rasa's Socket.IO channel.

Botfront's widget tells a text and a text with buttons by the number of keys, so there is not one more than in Rasa.
"""

from collections.abc import Mapping
from typing import Any

from bot.channels.socketio.config import RESERVED
from bot.channels.socketio.lines import Event
from bot.messages import BotMessage
from configs.domain import Button

MAX_EVENT_CHARS = 100
EMITS = frozenset({"data", "event", "to", "room", "skip_sid", "namespace", "callback", "ignore_queue"})


def render(message: BotMessage, event: str) -> list[Event]:
    """The events, in order, of a message that holds one thing.

    Args:
        event: Which event they are, unless a custom payload names another.
    """
    if message.elements:
        return [(event, _template(message.elements[0]))]
    if message.buttons:
        return [(event, data) for data in _quick_replies(message.text or "", message.buttons)]
    if message.text:
        return [(event, {"text": message.text})]
    if message.custom:
        return [custom_event(message.custom, event)]
    if message.image:
        return [(event, {"attachment": {"type": "image", "payload": {"src": message.image}}})]
    return [(event, {"attachment": message.attachment})] if message.attachment else []


def custom_event(custom: Any, event: str) -> Event:
    """A custom payload: what Rasa gives to `emit`, or, where it holds anything else, the payload itself.

    Only `data` and `event` of emit's arguments count: to whom it goes is not the payload's to say.
    """
    if not isinstance(custom, Mapping) or "data" not in custom or not custom.keys() <= EMITS:
        return event, custom
    named = custom.get("event")
    if isinstance(named, str) and 0 < len(named) <= MAX_EVENT_CHARS and named not in RESERVED:
        event = named
    return event, custom["data"]


def _quick_replies(text: str, buttons: tuple[Button, ...]) -> list[dict[str, Any]]:
    """One for each paragraph; the buttons are those of the last."""
    parts: list[dict[str, Any]] = [{"text": part, "quick_replies": []} for part in text.strip().split("\n\n")]
    parts[-1]["quick_replies"] = [
        {"content_type": "text", "title": button.title, "payload": button.payload} for button in buttons
    ]
    return parts


def _template(card: Mapping[str, Any]) -> dict[str, Any]:
    payload = {"template_type": "generic", "elements": dict(card)}
    return {"attachment": {"type": "template", "payload": payload}}
