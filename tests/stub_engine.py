"""A release that is written in a moment, and an engine that understands by the first word; all else is the real thing.

Whatever a customer says, the bot says it back, and then who it is: three files of the release each add a word.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from bot.engine import Reading
from bot.flow_policy import FlowPolicy
from configs import Domain, PolicyConfig, Variation
from configs.bot_spec import BotSpec
from configs.entity_spec import EntitySpec
from configs.flows import ActionStep, Rule, UserStep
from configs.slots import MappingType, Slot, SlotMapping, SlotType
from nlu import IntentScore, Understanding
from retrieval.pair import Pair
from training.manifest import REQUIRED_FILES
from training.releases import ASSISTANT_FILE, SMOKE_FILE, Release, Releases

WORD_FILES = ("intents.json", "tokenizer.json")
POISON = "poison"
SLOW = "slow"
FACTS = {
    "assistant": "stub",
    "kefu_version": "0.1.0",
    "encoder": "none",
    "intent_count": 2,
    "pair_count": 0,
    "knowledge_seq": 0,
    "dimension": 4,
    "fingerprints": {},
    "figures": {},
}


def rule(intent: str, *actions: str) -> Rule:
    steps = (UserStep(intent=intent), *(ActionStep(action=action) for action in actions))
    return Rule(name=f"{intent} is answered", steps=steps)


def spec(word: str) -> BotSpec:
    """An assistant that says `word` of itself."""
    said = Slot(name="said", type=SlotType.TEXT, mappings=(SlotMapping(type=MappingType.FROM_TEXT),))
    responses = {
        "utter_echo": (Variation(text=f"You said {{said}}.\n\nI am {word}."),),
        "utter_default": (Variation(text="I did not understand."),),
    }
    domain = Domain(intents=("echo", SLOW), responses=responses, slots={"said": said}, actions=("action_slow",))
    return BotSpec(
        name="stub",
        language="en",
        domain=domain,
        rules=(rule("echo", "utter_echo"), rule(SLOW, "action_slow", "utter_echo")),
        policy=PolicyConfig(),
        titles={},
        trust_slash_intents=False,
        entities=EntitySpec(regexes={}, lookups={}, synonyms={}),
    )


def words_of(release_id: str) -> str:
    """What a bot of this release says of itself, if all its files are its own."""
    return f"I am {'/'.join([release_id] * (1 + len(WORD_FILES)))}."


def write_stub_release(data_dir: Path, release_id: str, *, promote: bool = True) -> Release:
    """Writes a release and promotes it."""
    releases = Releases(data_dir)
    with releases.writing(release_id) as part:
        for name in REQUIRED_FILES:
            (part / name).write_text(release_id, "utf-8")
        (part / ASSISTANT_FILE).write_bytes(spec(release_id).to_json())
        (part / SMOKE_FILE).write_text(json.dumps([{"text": "hello"}]), "utf-8")
        release = releases.seal(part, {**FACTS, "id": release_id})
    if promote:
        releases.promote(release)
    return release


def damage(release: Release, number: int) -> None:
    """Changes one of the files that say what the bot is, without changing how long it is."""
    name = (ASSISTANT_FILE, *WORD_FILES)[number % 3]
    path = release.folder / name
    path.write_text(path.read_text("utf-8").replace(release.id, "x" * len(release.id)), "utf-8")


class StubEngine:
    """Stands in for `bot.engine.Engine`."""

    def __init__(self, release: Release, **_: Any) -> None:
        self.release, self.id, self.promise = release, release.id, None
        self.promised = SimpleNamespace(finding=SimpleNamespace(sentence="nothing is promised"))
        own = spec_of(release)
        words = "/".join((release.folder / name).read_text("utf-8") for name in WORD_FILES)
        (echo,) = own.domain.responses["utter_echo"]
        told = replace(echo, text=str(echo.text).removesuffix(".") + f"/{words}.")
        responses = {**own.domain.responses, "utter_echo": (told,)}
        self.spec = replace(own, domain=replace(own.domain, responses=responses))
        self.flows = FlowPolicy.of(self.spec)

    def catch_up(self, _: float | None = None) -> bool:
        return True

    def pair(self, _: str) -> Pair | None:
        return None

    def read(self, texts: Sequence[str]) -> list[Reading]:
        if any(text.startswith(POISON) for text in texts):
            raise RuntimeError("this message cannot be read")
        return [self._reading(text) for text in texts]

    def _reading(self, text: str) -> Reading:
        ranking = (IntentScore(name=SLOW if text.startswith(SLOW) else "echo", probability=1.0),)
        understanding = Understanding(text=text, ranking=ranking, embedding=np.zeros(4, np.float32))
        engine: Any = self
        return Reading(understanding=understanding, hits=(), engine=engine)


def spec_of(release: Release) -> BotSpec:
    return BotSpec.from_json((release.folder / ASSISTANT_FILE).read_bytes())
