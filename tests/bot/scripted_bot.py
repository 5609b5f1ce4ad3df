"""A bot whose understanding is written down in a table; its dialogue, its words and its store are the real ones."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from bot.abilities import Abilities
from bot.dialogue import DialogueManager
from bot.engine import Reading
from bot.flow_policy import FlowPolicy
from bot.messages import UserMessage
from bot.stores.sqlite import SqliteStore
from bot.turn import Turn
from configs import Button, Domain, PolicyConfig, Variation
from configs.bot_spec import BotSpec
from configs.entity_spec import EntitySpec
from configs.flows import ActionStep, Rule, UserStep
from configs.slots import Slot, SlotType
from nlu import IntentScore, Understanding
from retrieval import Hit, Pair

DOMAIN = Domain(
    intents=("greet", "hours", "order", "restart"),
    responses={
        "utter_greet": (
            Variation(
                text="Hello {name}!",
                buttons=(Button(title="Hours", payload="/hours"), Button(title="Order", payload="/order")),
            ),
        ),
        "utter_hours": (Variation(text="We open at nine.\n\nWe close at five."),),
        "utter_order": (Variation(text="On its way."),),
        "utter_link": (Variation(text="Here is the link."),),
        "utter_default": (Variation(text="I did not understand."),),
        "utter_clarify": (Variation(text="Which is it?"),),
        "utter_restart": (Variation(text="From the start, then."),),
    },
    slots={
        "name": Slot(name="name", type=SlotType.TEXT, initial_value="friend"),
        "city": Slot(name="city", type=SlotType.TEXT),
    },
)


def rule(intent: str, *actions: str) -> Rule:
    """When the customer means `intent`, do `actions`."""
    steps = (UserStep(intent=intent), *(ActionStep(action=action) for action in actions))
    return Rule(name=f"{intent} is answered", steps=steps)


RULES = (
    rule("greet", "utter_greet"),
    rule("hours", "utter_hours"),
    rule("order", "utter_order", "utter_link"),
)
PAIRS = (
    Pair(id="p1", question="Do you deliver abroad?", answer="Yes, everywhere."),
    Pair(id="p2", question="Do you " + "really " * 20 + "deliver?", answer="Really."),
)
SPEC = BotSpec(
    name="scripted",
    language="en",
    domain=DOMAIN,
    rules=RULES,
    stories=(),
    max_history=5,
    policy=PolicyConfig(),
    titles={"hours": "Opening hours"},
    trust_slash_intents=False,
    entities=EntitySpec(regexes={}, lookups={}, synonyms={}),
)
UNDERSTOOD: Mapping[str, tuple[dict[str, float], dict[str, float]]] = {
    "hello": ({"greet": 0.9, "hours": 0.1}, {"p1": 0.1}),
    "when are you open": ({"hours": 0.95}, {}),
    "where is it": ({"order": 0.8}, {}),
    "start again": ({"restart": 0.9}, {}),
    "do you deliver abroad?": ({"order": 0.9}, {"p1": 0.99}),
    "abroad?": ({"order": 0.2}, {"p1": 0.7}),
    "hm": ({"hours": 0.5, "order": 0.2}, {"p2": 0.4, "p1": 0.3}),
}


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def scripted_engine(spec: BotSpec = SPEC, release_id: str = "r1") -> Any:
    return SimpleNamespace(
        spec=spec, id=release_id, flows=FlowPolicy.of(spec), promise=None, pairs={pair.id: pair for pair in PAIRS}
    )


@dataclass
class ScriptedInference:
    """Looks a text up instead of encoding it.

    Attributes:
        asked: Texts it was given, in order.
        fails_with: Raised instead of an answer.
    """

    host: Any
    understood: Mapping[str, tuple[dict[str, float], dict[str, float]]] = field(default_factory=lambda: UNDERSTOOD)
    asked: list[str] = field(default_factory=list)
    fails_with: Exception | None = None

    async def pair(self, pair_id: str, engine: Any = None) -> Pair | None:
        found: Pair | None = (engine or self.host.engine).pairs.get(pair_id)
        return found

    async def read(self, text: str, engine: Any = None) -> Reading:
        engine = engine or self.host.engine
        self.asked.append(text)
        for _ in range(len(self.asked) % 4):  # some take longer than others
            await asyncio.sleep(0)
        if self.fails_with is not None:
            raise self.fails_with
        ranking, hits = self.understood.get(text, ({"hours": 0.05}, {}))
        understanding = Understanding(
            text=text,
            ranking=tuple(IntentScore(name=name, probability=value) for name, value in ranking.items()),
            embedding=np.zeros(4, np.float32),
        )
        found = tuple(
            Hit(pair=engine.pairs[pair_id], cosine=cosine, score=cosine, probability=cosine, rank=rank)
            for rank, (pair_id, cosine) in enumerate(hits.items(), start=1)
        )
        return Reading(understanding=understanding, hits=found, engine=engine, encode_ms=2.0, search_ms=1.0)


@dataclass
class Bot:
    """Everything a test may want to look at."""

    inference: Any
    store: SqliteStore
    clock: Clock
    dialogue: DialogueManager

    async def say(self, text: str, sender: str = "ann", **metadata: Any) -> Turn:
        message = UserMessage(conversation_id=sender, text=text, channel="rest", metadata=metadata)
        return await self.dialogue.handle(message)

    async def events(self, sender: str = "ann") -> list[dict[str, Any]]:
        return await self.store.events(sender)


MakeBot = Callable[..., Bot]


def make_bot(store: SqliteStore, spec: BotSpec = SPEC, *, sends_to: Mapping[str, Abilities] | None = None) -> Bot:
    inference: Any = ScriptedInference(SimpleNamespace(engine=scripted_engine(spec)))
    clock = Clock()
    dialogue = DialogueManager(inference, store, sends_to=sends_to, now=clock, choose=random.Random(1))
    return Bot(inference=inference, store=store, clock=clock, dialogue=dialogue)
