"""A conversation's state: all of it follows from its events, and none of it grows with their number."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter

from bot.events import LISTEN, REQUESTED_SLOT, Event
from bot.handoff import Handoff, after_handoff_event
from bot.situation import MAX_SITUATIONS, Situation, entity_labels, features
from bot.topic import Topic, after_topic_event
from configs.domain import Domain

MAX_OFFERED = 50
MAX_REWINDS = 4  # messages that can be taken back one after another
ASK_BACK, PAST_ANSWER = "action_ask_back", "action_past_answer"  # Kefu's own actions


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveLoop:
    """A form that is under way.

    Attributes:
        rejected: It would not take the last message, so that something else may answer it.
        interrupted: Something else has answered; what it finds filled next time is not to be checked again.
        trigger: The parse data of the message that began it.
    """

    name: str
    rejected: bool = False
    interrupted: bool = False
    trigger: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What the bot goes by; a rewind puts an earlier one in its place.

    Attributes:
        message: Rasa's parse data of the last message, with its `message_id` and `metadata`; None before the first.
        action: What the bot did last.
        before_listening: What it did before it last listened.
        history: What each of the last actions was taken in, the oldest first, the next action's not among them.
        from_start: Whether `history` reaches back to the session's start.
        followup: What an action wants done next.
    """

    slots: Mapping[str, Any] = field(default_factory=dict)
    loop: ActiveLoop | None = None
    message: Mapping[str, Any] | None = None
    action: str | None = None
    before_listening: str | None = None
    history: tuple[Situation, ...] = ()
    from_start: bool = True
    followup: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What must be known of a conversation to go on with it.

    Attributes:
        before_messages: The moments before the last messages, the newest last.
        before_action: The moment before the last action.
        offered: Payloads of buttons that the bot has shown, the newest last; only these are taken as commands.
        paused: Whether the bot was told to keep silent.
        asked_back: Whether it asked back the last time.
        last_intents: What the last messages were taken to mean, the newest first.
        message_at: Unix time of the customer's last message, or None before the first.
        last_event_at: Unix time of the last event, or None before the first.
    """

    id: str
    now: Moment = field(default_factory=Moment)
    before_messages: tuple[Moment, ...] = ()
    before_action: Moment | None = None
    offered: tuple[str, ...] = ()
    paused: bool = False
    asked_back: bool = False
    last_intents: tuple[str | None, ...] = ()
    handoff: Handoff = field(default_factory=Handoff)
    topic: Topic = field(default_factory=Topic)
    channel: str | None = None
    message_at: float | None = None
    last_event_at: float | None = None

    @property
    def slots(self) -> Mapping[str, Any]:
        """Values by slot; one that is not there holds nothing."""
        return self.now.slots

    @property
    def loop(self) -> ActiveLoop | None:
        """The form that is under way."""
        return self.now.loop

    @property
    def is_silent(self) -> bool:
        """Whether the bot says nothing: it was told to, or a person is wanted or there."""
        return self.paused or self.handoff.silences_bot

    @property
    def requested_slot(self) -> str | None:
        """The slot that the form asks for."""
        return self.slots.get(REQUESTED_SLOT)

    @property
    def entities(self) -> list[Mapping[str, Any]]:
        """What was found in the last message."""
        return list((self.now.message or {}).get("entities") or ())

    @property
    def intent(self) -> str | None:
        """What the last message means, in full for one of a retrieval intent: `faq/ask_hours`."""
        intent = (self.now.message or {}).get("intent") or {}
        return intent.get("full_retrieval_intent_name") or intent.get("name")

    def after(self, events: Iterable[Event], domain: Domain) -> "Conversation":
        """The state once `events` have happened; rules and stories see of a value what its slot lets them see."""
        state, handoff, topic, last_at = self, self.handoff, self.topic, self.last_event_at
        for event in events:
            state = _apply(state, event, domain)
            handoff, topic = after_handoff_event(handoff, event), after_topic_event(topic, event)
            last_at = event.get("timestamp") or last_at
        return replace(state, handoff=handoff, topic=topic, last_event_at=last_at)

    def situation(self, domain: Domain) -> Situation:
        """What the next action is taken in."""
        return Situation(
            action=self.now.action,
            intent=self.intent,
            entities=entity_labels(self.entities, domain.used_entities.get((self.intent or "").partition("/")[0])),
            slots=features(self.slots, domain.slots),
            loop=self.loop.name if self.loop else None,
        )

    def to_json(self) -> str:
        """As the store keeps it."""
        return _ADAPTER.dump_json(self, exclude_defaults=True).decode("utf-8")

    @classmethod
    def from_json(cls, text: str) -> "Conversation":
        """What `to_json` wrote."""
        return _ADAPTER.validate_json(text)


_ADAPTER: TypeAdapter[Conversation] = TypeAdapter(Conversation)


def _apply(state: Conversation, event: Event, domain: Domain) -> Conversation:
    match event["event"]:
        case "user":
            state = _after_message(state, event)
        case "bot":
            state = replace(state, offered=_offered(state.offered, event.get("data") or {}))
        case "action":
            situation = replace(state.situation(domain), is_hidden=bool(event.get("hide_rule_turn")))
            state = _after_action(state, event.get("name"), situation)
        case "session_started":
            begun = Moment(slots=initial_values(domain), message=state.now.message)
            state = replace(state, now=begun, before_messages=(), before_action=None)
        case "restart":
            begun = Moment(slots=initial_values(domain), followup="action_session_start")
            state = Conversation(id=state.id, now=begun, channel=state.channel, handoff=state.handoff)
        case "rewind":
            state = _rewound(state)
        case "undo":
            state = replace(state, now=state.before_action or state.now, before_action=None)
        case "pause" | "resume" as kind:
            state = replace(state, paused=kind == "pause")
        case "reset_slots":
            state = replace(state, now=replace(state.now, slots=initial_values(domain)))
        case _:
            state = replace(state, now=_moment_after(state.now, event))
    return state


def initial_values(domain: Domain) -> dict[str, Any]:
    """What the slots hold before anything was said."""
    return {name: slot.initial_value for name, slot in domain.slots.items() if slot.initial_value is not None}


def _moment_after(now: Moment, event: Event) -> Moment:
    name = event.get("name")
    match event["event"]:
        case "slot":
            now = replace(now, slots={**now.slots, event["name"]: event.get("value")})
        case "active_loop" | "form":
            now = replace(now, loop=ActiveLoop(name=name, trigger=now.message or {}) if name else None)
        case "action_execution_rejected" if now.loop and name == now.loop.name:
            now = replace(now, loop=replace(now.loop, rejected=True))
        case "loop_interrupted" if now.loop:
            now = replace(now, loop=replace(now.loop, interrupted=bool(event.get("is_interrupted"))))
        case "followup":
            now = replace(now, followup=name)
        case "entities" if now.message is not None:
            found = [*(now.message.get("entities") or ()), *(event.get("entities") or ())]
            now = replace(now, message={**now.message, "entities": found})
    return now


def _after_message(state: Conversation, event: Event) -> Conversation:
    message = {**(event.get("parse_data") or {}), "text": event.get("text")}
    message |= {"message_id": event.get("message_id"), "metadata": event.get("metadata") or {}}
    for large in ("text_tokens", "response_selector"):
        message.pop(large, None)
    return replace(
        state,
        now=replace(state.now, message=message, followup=None),
        before_messages=(*state.before_messages, state.now)[-MAX_REWINDS:],
        last_intents=((message.get("intent") or {}).get("name"), *state.last_intents)[:3],
        channel=event.get("input_channel") or state.channel,
        message_at=state.message_at if (event.get("metadata") or {}).get("is_external") else event.get("timestamp"),
    )


def _after_action(state: Conversation, name: str | None, situation: Situation) -> Conversation:
    now, listens_on = state.now, name == LISTEN and state.now.action in (LISTEN, None)
    history = now.history if listens_on else (*now.history, situation)
    loop = now.loop
    if loop is not None:
        loop = replace(loop, interrupted=False, rejected=loop.rejected and name != loop.name)
    after = replace(
        now,
        action=name,
        before_listening=now.action if name == LISTEN else now.before_listening,
        history=history[-MAX_SITUATIONS:],
        from_start=now.from_start and len(history) <= MAX_SITUATIONS,
        loop=loop,
        followup=None,
    )
    # As in Rasa, a message that a form under way takes becomes part of the one that began the form.
    taken = loop is not None and name == loop.name and now.action == LISTEN and not (now.loop and now.loop.rejected)
    return replace(
        state,
        now=after,
        before_messages=state.before_messages[:-1] if taken else state.before_messages,
        before_action=now,
        asked_back=name == ASK_BACK or (state.asked_back and name == LISTEN),
    )


def _rewound(state: Conversation) -> Conversation:
    """Before the last message, and before the bot listened for it."""
    if not state.before_messages:
        return state
    *earlier, before = state.before_messages
    if before.action == LISTEN:
        before = replace(before, action=before.before_listening, history=before.history[:-1])
    return replace(state, now=before, before_messages=tuple(earlier), before_action=None)


def _offered(offered: tuple[str, ...], data: Mapping[str, Any]) -> tuple[str, ...]:
    """The payloads that count as offered, after a message with `data`: its buttons' and its cards' come last."""
    cards = (data, *(data.get("elements") or ()))
    buttons = (b for card in cards for key in ("buttons", "quick_replies") for b in card.get(key) or ())
    payloads = [button["payload"] for button in buttons if isinstance(button.get("payload"), str)]
    newest_first = dict.fromkeys(reversed([*offered, *payloads]))
    return tuple(reversed(list(newest_first)[:MAX_OFFERED]))
