"""Rasa's tracker JSON: what custom actions and the HTTP API are told of a conversation."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.conversation import Conversation
from bot.events import Event
from configs.domain import Domain


def tracker_json(conversation: Conversation, events: Sequence[Event] | None, domain: Domain) -> dict[str, Any]:
    """The conversation as Rasa's tracker.

    Args:
        events: Those to show, in order; None for none.
    """
    now = conversation.now
    return {
        "sender_id": conversation.id,
        "slots": {**dict.fromkeys(domain.slots), **now.slots},
        "latest_message": _latest_message(now.message),
        "latest_event_time": conversation.last_event_at,
        "followup_action": now.followup,
        "paused": conversation.paused,
        "events": None if events is None else list(events),
        "latest_input_channel": conversation.channel,
        "active_loop": _active_loop(conversation),
        "latest_action": {"action_name": now.action} if now.action else {},
        "latest_action_name": now.action,
    }


def _latest_message(message: Mapping[str, Any] | None) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "text": None,
        "intent": {},
        "entities": [],
        "intent_ranking": [],
        "message_id": None,
        "metadata": {},
    }
    return empty if message is None else {**empty, **message}


def _active_loop(conversation: Conversation) -> dict[str, Any]:
    loop = conversation.loop
    if loop is None:
        return {}
    return {
        "name": loop.name,
        "is_interrupted": loop.interrupted,
        "rejected": loop.rejected,
        "trigger_message": dict(loop.trigger),
    }
