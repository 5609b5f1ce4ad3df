"""Plays recorded conversations to Kefu: its real dialogue, actions and store; what is understood is written down."""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from recorded_conversations import RecordedConversation, RecordedTurn, event_lines

from bot.actions import custom_actions
from bot.dialogue import DialogueManager
from bot.engine import Reading
from bot.flow_policy import FlowPolicy
from bot.inbox_worker import InboxWorker
from bot.messages import BotMessage, UserMessage
from bot.stores.sqlite import SqliteConnector
from bot.stores.store import ConversationStore
from configs import read_assistant
from configs.bot_spec import BotSpec
from nlu import IntentScore, Understanding
from nlu.entities import Entity

CUSTOMER = "ann"
SURE = 0.95
ACTION_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where Kefu does something else than what was recorded.

    Attributes:
        turn: From 1; 0 for the end.
        about: `bot`, `events`, `slots`, `loop` or `error`.
    """

    turn: int
    about: str
    recorded: Any
    found: Any

    def __str__(self) -> str:
        place = f"turn {self.turn}" if self.turn else "at the end"
        return f"{place}, {self.about}:\n  recorded {_shown(self.recorded)}\n  found    {_shown(self.found)}"


@dataclass
class WrittenUnderstanding:
    """Stands in for inference: understands the text of the turn as the turn says."""

    host: Any
    turn: RecordedTurn | None = None

    async def pair(self, pair_id: str, _: Any = None) -> None:
        """There are no past answers."""

    async def read(self, text: str, _: Any = None) -> Reading:
        """What the turn says of its text."""
        assert self.turn is not None
        return Reading(
            understanding=_understanding(text, self.turn.understood),
            hits=(),
            engine=self.host.engine,
            encode_ms=0.0,
            search_ms=0.0,
        )


@dataclass
class Clock:
    """Moves when it is moved."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Player:
    """One conversation under way."""

    inference: WrittenUnderstanding
    dialogue: DialogueManager
    store: ConversationStore
    clock: Clock
    channel: str
    seen: int = 0
    differences: list[Difference] = field(default_factory=list)

    async def take(self, number: int, turn: RecordedTurn) -> None:
        """Takes a turn, and compares what came of it with what was recorded."""
        self.inference.turn = turn
        self.clock.now += 60 * turn.after_minutes + 1
        await InboxWorker(self.store, self.dialogue).drain()  # reminders that are due by now
        reminded = [event for event in (await self.store.events(CUSTOMER))[self.seen :] if event["event"] == "bot"]
        said: tuple[BotMessage, ...] = ()
        if turn.text is not None:
            message = UserMessage(
                conversation_id=CUSTOMER, text=turn.text, channel=self.channel, metadata=dict(turn.metadata)
            )
            said = (await self.dialogue.handle(message)).messages
        elif turn.trigger is not None:
            entities = {str(entity["entity"]): entity["value"] for entity in turn.entities}
            said = (await self.dialogue.trigger_intent(CUSTOMER, turn.trigger, entities, self.channel)).messages
        events = list(await self.store.events(CUSTOMER))
        new, self.seen = events[self.seen :], len(events)
        heard = [*map(_recorded, reminded), *map(_said, said)]
        self._compare(number, "bot", [_expected(item) for item in turn.bot], heard, turn.one_of)
        self._compare(number, "events", list(turn.events), event_lines(new))

    async def end(self, conversation: RecordedConversation) -> None:
        """Compares what is left when all is said."""
        state = await self.store.load(CUSTOMER)
        slots = {name: value for name, value in state.slots.items() if value is not None}
        self._compare(0, "slots", dict(conversation.slots), slots)
        self._compare(0, "loop", conversation.loop, state.loop.name if state.loop else None)

    def _compare(self, turn: int, about: str, recorded: Any, found: Any, one_of: tuple[str, ...] = ()) -> None:
        if one_of and len(found) == len(recorded) == 1 and found[0].get("text") in one_of:
            return
        if recorded != found:
            self.differences.append(Difference(turn=turn, about=about, recorded=recorded, found=found))


async def play(conversation: RecordedConversation) -> list[Difference]:
    """Where Kefu does something else than what was recorded."""
    async with _player(conversation) as player:
        for number, turn in enumerate(conversation.turns, start=1):
            try:
                await player.take(number, turn)
            except Exception as error:  # one broken conversation must not hide the others
                player.differences.append(
                    Difference(turn=number, about="error", recorded=None, found=f"{type(error).__name__}: {error}")
                )
                return player.differences
        await player.end(conversation)
        return player.differences


@asynccontextmanager
async def _player(conversation: RecordedConversation) -> AsyncIterator[Player]:
    spec = BotSpec.of(read_assistant(conversation.project))
    engine = SimpleNamespace(spec=spec, id="recorded", flows=FlowPolicy.of(spec), promise=None, pairs={})
    inference: Any = WrittenUnderstanding(SimpleNamespace(engine=engine))
    clock = Clock()
    store = ConversationStore(SqliteConnector(None), now=clock)
    actions = custom_actions(conversation.project, None, timeout_s=ACTION_TIMEOUT_S, now=clock)
    await store.open()
    try:
        dialogue = DialogueManager(inference, store, actions=actions, now=clock, choose=random.Random(1))
        yield Player(inference=inference, dialogue=dialogue, store=store, clock=clock, channel=conversation.channel)
    finally:
        if actions is not None:
            await actions.close()
        await store.close()


def _understanding(text: str, understood: Mapping[str, Any]) -> Understanding:
    intent, confidence = understood.get("intent", "nothing"), understood.get("confidence", SURE)
    ranking = {understood.get("response_key", intent): confidence, **understood.get("ranking", {})}
    ranking.pop("nlu_fallback", None)  # what Rasa says where nothing is likely; Kefu says it itself
    return Understanding(
        text=text,
        ranking=tuple(IntentScore(name=name, probability=value) for name, value in ranking.items()),
        embedding=np.zeros(4, np.float32),
        entities=tuple(
            Entity(**{"start": 0, "end": len(text), "extractor": "scripted", **entity})
            for entity in understood.get("entities", ())
        ),
    )


def _said(message: BotMessage) -> dict[str, Any]:
    parts = {**asdict(message), "buttons": [asdict(button) for button in message.buttons]}
    return {key: _plain(value) for key, value in parts.items() if value}


def _recorded(event: Mapping[str, Any]) -> dict[str, Any]:
    """What a bot event holds."""
    parts = {"text": event["text"], **event["data"]}
    return {key: _plain(value) for key, value in parts.items() if value}


def _expected(message: Mapping[str, Any]) -> dict[str, Any]:
    """As recorded, but that a quick reply is a button, which is what Kefu makes of it."""
    buttons = [*message.get("buttons", ()), *message.get("quick_replies", ())]
    parts = {key: value for key, value in message.items() if key not in ("quick_replies", "buttons")}
    shown = [{"title": button["title"], "payload": button["payload"]} for button in buttons]
    return {**parts, **({"buttons": shown} if shown else {})}


def _plain(value: Any) -> Any:
    """Tuples as lists, as deep as they go."""
    match value:
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    return value


def _shown(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return " | ".join(value)
    return repr(value)
