"""Takes a conversation's turn: load, understand, decide, act, save. In order, and all or nothing."""

import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from bot.conversation import (
    Conversation,
    Event,
    action_event,
    bot_event,
    session_events,
    slot_events,
    user_event,
)
from bot.engine import Engine, Reading
from bot.inference import Inference
from bot.messages import BotMessage, UserMessage
from bot.parse_data import parse_data
from bot.payload import PAST_ANSWER, Payload, parse_payload, past_answer_payload
from bot.policy import (
    Answer,
    AskBack,
    Decision,
    FallBack,
    PastAnswer,
    Reason,
    Template,
    decide,
)
from bot.responses import Responses
from bot.timing import add_stage, stage
from bot.turn_lock import TurnLock
from configs.domain import Button
from retrieval.pair import Pair

MAX_TITLE_CHARS = 80
NLU_FALLBACK = "nlu_fallback"  # Rasa's name for a message that no intent fits


class Store(Protocol):
    """Where conversations are kept."""

    async def load(self, conversation_id: str) -> Conversation:
        """The conversation's state; a fresh one where nothing is stored."""
        ...

    async def append(self, conversation: Conversation, events: list[Event]) -> None:
        """Writes events and the state they lead to, both or neither."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What came of one message.

    Attributes:
        reading: How the message was understood; None where a button said what was meant.
    """

    messages: tuple[BotMessage, ...]
    decision: Decision
    reading: Reading | None
    release_id: str


class DialogueManager:
    """Answers messages.

    Args:
        now: Unix time.
        choose: Picks response variations.
    """

    def __init__(
        self,
        inference: Inference,
        store: Store,
        *,
        now: Callable[[], float] = time.time,
        choose: random.Random | None = None,
    ) -> None:
        self._inference = inference
        self._store = store
        self._now = now
        self._choose = choose or random.Random()  # noqa: S311 - which wording is no secret
        self._lock = TurnLock()

    async def handle(self, message: UserMessage) -> Turn:
        """Takes one turn; when this returns, the turn is on disk.

        Raises:
            Refused: The server is overloaded or too slow; nothing was written.
        """
        async with self._lock.turn(message.conversation_id):
            with stage("store"):
                before = await self._store.load(message.conversation_id)
            engine = self._inference.host.engine  # taken once: another may be swapped in at any moment
            reading = button_pair = None
            payload = _trusted_payload(engine, message.text, before)
            if payload is None:
                reading = await self._inference.read(message.text)
                add_stage("encode", reading.encode_ms)
                add_stage("search", reading.search_ms)
                engine = reading.engine
            elif payload.name == PAST_ANSWER:
                button_pair = await self._inference.pair(str(payload.entities.get("pair")))
            with stage("decide"):
                decision = _decide(engine, reading, payload, button_pair)
                turn, events = self._act(engine, message, before, decision, reading)
            with stage("store"):
                await self._store.append(before.after(events), events)
            return turn

    def _act(
        self,
        engine: Engine,
        message: UserMessage,
        before: Conversation,
        decision: Decision,
        reading: Reading | None,
    ) -> tuple[Turn, list[Event]]:
        now = self._now()
        events = self._session(engine, message, before, now)
        intent = decision.intent if isinstance(decision, Template) else None
        parsed = parse_data(message.text, reading, intent)
        events.append(user_event(message, parsed, uuid.uuid4().hex, now))
        slots = before.after(events).slots
        responses = Responses(engine.spec.domain, self._choose)
        messages: list[BotMessage] = []
        metadata = {"reason": decision.reason.value, "release": engine.id}
        for action, said in _perform(engine, decision, responses, slots, message.channel):
            events.append(action_event(action, now, policy="kefu", confidence=decision.confidence))
            if action == "action_restart":
                events += [{"event": "restart", "timestamp": now}, *slot_events(_initial_slots(engine), now)]
            if said is not None:
                messages.append(said)
                events.append(bot_event(said, {**metadata, "utter_action": action}, now))
        events.append(action_event("action_listen", now))
        turn = Turn(messages=tuple(messages), decision=decision, reading=reading, release_id=engine.id)
        return turn, events

    def _session(self, engine: Engine, message: UserMessage, before: Conversation, now: float) -> list[Event]:
        """The events that open a session, where this message begins one."""
        domain = engine.spec.domain
        if before.last_event_at is not None:
            silent_minutes = (now - before.last_event_at) / 60
            if not domain.session_minutes or silent_minutes < domain.session_minutes:
                return []
        slots = _initial_slots(engine)
        if domain.carry_over_slots:
            slots |= before.slots
        if message.metadata:
            slots["session_started_metadata"] = dict(message.metadata)
        return session_events(slots, now)


def _trusted_payload(engine: Engine, text: str, conversation: Conversation) -> Payload | None:
    """The command in `text`, if it is one and comes from a button that the bot has shown here."""
    payload = parse_payload(text)
    if payload is None:
        return None
    known = payload.name in engine.spec.actions or payload.name == PAST_ANSWER
    trusted = engine.spec.trust_slash_intents or text.strip() in conversation.offered
    return payload if known and trusted else None


def _decide(engine: Engine, reading: Reading | None, payload: Payload | None, button_pair: Pair | None) -> Decision:
    spec = engine.spec
    if reading is not None:
        return decide(reading.understanding, reading.hits, spec.actions, spec.policy)
    assert payload is not None  # noqa: S101 - a turn has words or a command
    if payload.name == PAST_ANSWER:
        if button_pair is None:  # it has gone since its button was shown
            return FallBack(confidence=0.0)
        return PastAnswer(pair=button_pair, confidence=1.0, reason=Reason.BUTTON)
    return Template(intent=payload.name, actions=spec.actions[payload.name], confidence=1.0, reason=Reason.BUTTON)


def _perform(
    engine: Engine, decision: Decision, responses: Responses, slots: Any, channel: str
) -> list[tuple[str, BotMessage | None]]:
    """Each action that the decision calls for, with what the bot says by it."""

    def say(name: str) -> BotMessage | None:
        return responses.say(name, slots, channel)

    def do(actions: tuple[str, ...]) -> list[tuple[str, BotMessage | None]]:
        known = engine.spec.domain.responses
        return [(action, say(action if action in known else _utterance(action))) for action in actions]

    match decision:
        case Template(actions=actions):
            return do(actions)
        case PastAnswer(pair=pair):
            return [("action_past_answer", message) for message in past_answer(pair)]
        case AskBack(options=options):
            question = say("utter_clarify") or BotMessage()
            return [
                (
                    "action_ask_back",
                    replace(question, buttons=tuple(option_button(engine, o) for o in options)),
                )
            ]
        case FallBack():  # a Rasa project answers it by a rule of its own, or by utter_default
            return do(engine.spec.actions.get(NLU_FALLBACK, ("action_default_fallback",)))


def _initial_slots(engine: Engine) -> dict[str, Any]:
    return {name: value for name, value in engine.spec.domain.slots.items() if value is not None}


def _utterance(action: str) -> str:
    """The response by which an action without one of its own speaks."""
    return "utter_restart" if action == "action_restart" else "utter_default"


def past_answer(pair: Pair) -> tuple[BotMessage, ...]:
    """What is said by a stored answer: its text with its buttons, behind it one message for each further picture."""
    first, *others = pair.images or (None,)
    buttons = tuple(Button(title=button.title, payload=button.payload) for button in pair.buttons)
    return (
        BotMessage(text=pair.answer, buttons=buttons, image=first),
        *(BotMessage(image=image) for image in others),
    )


def option_button(engine: Engine, option: Answer) -> Button:
    """The button that offers `option`, in the customer's words."""
    match option:
        case Template(intent=intent):
            plain = intent.replace("_", " ").replace("/", ": ").capitalize()
            return Button(title=engine.spec.titles.get(intent, plain), payload=f"/{intent}")
        case PastAnswer(pair=pair):
            question = pair.question
            short = question if len(question) <= MAX_TITLE_CHARS else f"{question[: MAX_TITLE_CHARS - 1].rstrip()}…"
            return Button(title=short, payload=past_answer_payload(pair.id))
