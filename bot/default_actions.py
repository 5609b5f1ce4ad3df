"""What Rasa's default actions do, and Kefu's own hand-over. Each is what is said, then what happens. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.conversation import Conversation
from bot.events import LISTEN, REQUESTED_SLOT, Event, loop_event, plain_event, slot_event, slot_events
from bot.handoff import HandoffReason, hand_over
from bot.messages import BotMessage
from bot.slot_filling import filled_slots
from bot.two_stage_fallback import (
    ASK_REPHRASE,
    DEFAULT_FALLBACK,
    ask_affirmation,
    two_stage_fallback,
)
from configs.bot_spec import BotSpec
from configs.domain import Domain

RESTART, BACK, SESSION_START = "action_restart", "action_back", "action_session_start"
DEFAULT_INTENTS = {"restart": RESTART, "back": BACK, "session_start": SESSION_START}
SAYINGS = {
    RESTART: "utter_restart",
    BACK: "utter_back",
    DEFAULT_FALLBACK: "utter_default",
    ASK_REPHRASE: "utter_ask_rephrase",
}
HAPPENINGS: Mapping[str, tuple[str, ...]] = {
    RESTART: ("restart",),
    BACK: ("rewind", "rewind"),
    DEFAULT_FALLBACK: ("rewind",),
    "action_revert_fallback_events": ("rewind", "rewind"),
    ASK_REPHRASE: (),
    "action_unlikely_intent": (),
    LISTEN: (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What an action comes to, in this order.

    Attributes:
        runs: Other actions, which it does by itself.
        says: A response's name, or a message.
    """

    before: tuple[Event, ...] = ()
    runs: tuple[str, ...] = ()
    says: str | BotMessage | None = None
    events: tuple[Event, ...] = ()


def default_action(
    name: str, conversation: Conversation, spec: BotSpec, last_message: Event | None, now: float
) -> Done:
    """What the default action `name` does.

    Args:
        last_message: The user event of this turn.
    """
    match name:
        case "action_session_start":
            done = Done(events=tuple(session_start(conversation, spec.domain, now)))
        case "action_deactivate_loop":
            done = Done(events=(loop_event(None, now), slot_event(REQUESTED_SLOT, None, now)))
        case "action_extract_slots":
            done = Done(events=tuple(filled_slots(conversation, spec.domain, now)))
        case "action_handoff" | "action_human_handoff":
            events, said = hand_over(spec.handoff, HandoffReason.RULE, now)
            done = Done(says=said, events=tuple(events))
        case "action_default_ask_affirmation":
            done = Done(says=ask_affirmation(conversation, spec.titles))
        case "action_two_stage_fallback":
            before, runs = two_stage_fallback(conversation, last_message, now)
            done = Done(before=before, runs=runs)
        case _:
            happens = tuple(plain_event(kind, now) for kind in HAPPENINGS.get(name, ()))
            done = Done(says=SAYINGS.get(name), events=happens)
    return done


def session_start(conversation: Conversation, domain: Domain, now: float) -> list[Event]:
    """What opens a session: the values that are carried over follow it."""
    carried = carried_over(conversation, domain) if domain.carry_over_slots else {}
    return [plain_event("session_started", now), *slot_events(carried, now)]


def carried_over(conversation: Conversation, domain: Domain) -> dict[str, Any]:
    """The values that a new session goes on with."""
    return {
        name: value
        for name, value in conversation.slots.items()
        if name not in domain.slots or value != domain.slots[name].initial_value
    }
