"""Rasa's two-stage fallback: ask whether the likeliest intent is meant, else for other words, and then give up.

Source: the semantics of Rasa Open Source 3.6's `action_two_stage_fallback`, told in its documentation of fallbacks.
"""

import json
from collections.abc import Mapping

from bot.conversation import Conversation
from bot.events import LISTEN, Event, action_event, loop_event, plain_event
from bot.messages import BotMessage
from configs.domain import Button
from configs.rasa_names import NLU_FALLBACK, OUT_OF_SCOPE

TWO_STAGE_FALLBACK = "action_two_stage_fallback"
ASK_AFFIRMATION, ASK_REPHRASE = "action_default_ask_affirmation", "action_default_ask_rephrase"
DEFAULT_FALLBACK = "action_default_fallback"


def two_stage_fallback(
    conversation: Conversation, last_message: Event | None, now: float
) -> tuple[tuple[Event, ...], tuple[str, ...]]:
    """What happens in one run, and the actions that are run then. A rewind takes back all that was unclear."""
    begins = conversation.loop is None or conversation.loop.name != TWO_STAGE_FALLBACK
    intents = conversation.last_intents
    begun = (loop_event(TWO_STAGE_FALLBACK, now),) if begins else ()
    given_up = intents[:2] == (NLU_FALLBACK,) * 2 or intents[:3] == (OUT_OF_SCOPE, NLU_FALLBACK, OUT_OF_SCOPE)
    if given_up and not begins:
        return (loop_event(None, now),), (DEFAULT_FALLBACK,)
    if intents[:1] == (NLU_FALLBACK,):
        return begun, (ASK_AFFIRMATION,)
    if intents[:1] == (OUT_OF_SCOPE,) or begins or last_message is None:
        return begun, (ASK_REPHRASE,)
    cleared = (plain_event("rewind", now), action_event(LISTEN, now), _clear(last_message, now))
    return (loop_event(None, now), *cleared), ()


def ask_affirmation(conversation: Conversation, titles: Mapping[str, str]) -> BotMessage:
    """Whether the customer means the likeliest intent.

    Args:
        titles: What an intent is called among people.
    """
    message = conversation.now.message or {}
    names = [score.get("name") for score in message.get("intent_ranking") or () if score.get("name")]
    intent = next((name for name in names if name != NLU_FALLBACK), str(conversation.intent))
    values = {str(entity.get("entity")): entity.get("value") for entity in conversation.entities}
    payload = f"/{intent}{json.dumps(values, ensure_ascii=False) if values else ''}"
    return BotMessage(
        text=f"Did you mean '{titles.get(intent, intent)}'?",
        buttons=(Button(title="Yes", payload=payload), Button(title="No", payload=f"/{OUT_OF_SCOPE}")),
    )


def _clear(message: Event, now: float) -> Event:
    """The customer's message again, now that it is sure what it means."""
    parsed = message["parse_data"]
    return {
        **message,
        "timestamp": now,
        "parse_data": {**parsed, "intent": {**(parsed.get("intent") or {}), "confidence": 1.0}},
    }
