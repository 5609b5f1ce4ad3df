"""A store that turns are written into as the dialogue would, and a review desk over it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ngram_embed import ngram_embed
from scripted_bot import Clock, ScriptedInference, scripted_engine

from bot.engine import Reading
from bot.knowledge_service import KnowledgeService
from bot.review import Item, ReviewDesk
from bot.stores.evidence import Feedback, write_evidence
from bot.stores.labels import labels_of
from bot.stores.sqlite import SqliteStore
from bot.stores.turn import Evidence

Understood = Mapping[str, tuple[dict[str, float], dict[str, float]]]
INTENTS = ("greet", "hours", "order")


def ranking(**sure: float) -> dict[str, float]:
    rest = (1 - sum(sure.values())) / max(1, len(INTENTS) - len(sure))
    return dict(sorted({name: sure.get(name, rest) for name in INTENTS}.items(), key=lambda one: -one[1]))


UNDERSTOOD: Understood = {
    "where is my parcel": (ranking(order=0.5, hours=0.4), {}),
    "open on sundays?": (ranking(hours=0.9), {}),
    "do you deliver abroad?": (ranking(order=0.5), {"p1": 0.9}),
    "i want a refund for this": (ranking(order=0.4), {"p2": 0.2}),
    "a person please": (ranking(), {}),
}


class Table(dict[str, tuple[dict[str, float], dict[str, float]]]):
    """What is not in it could mean anything."""

    def get(self, text: str, _: Any = None) -> tuple[dict[str, float], dict[str, float]]:
        return self[text] if text in self else (ranking(), {})


class NgramInference(ScriptedInference):
    """Texts of like words lie near each other."""

    waiting = 0

    async def read(self, text: str, engine: Any = None) -> Reading:
        reading = await super().read(text, engine)
        embedding = ngram_embed([text])[0]
        return replace(reading, understanding=replace(reading.understanding, embedding=embedding))


class World:
    """A store that turns are written into, and a desk."""

    def __init__(self, store: SqliteStore, folder: Path) -> None:
        self.store, self.clock = store, Clock()
        self.inference: Any = NgramInference(SimpleNamespace(engine=scripted_engine()), Table(UNDERSTOOD))
        self.knowledge = KnowledgeService(folder / "knowledge.db")
        self.desk = self.new_desk()
        self.turns = 0

    def new_desk(self, **options: Any) -> ReviewDesk:
        releases: Any = None
        return ReviewDesk(
            self.store, self.inference, self.knowledge, releases, self.clock, **{"patient": True, **options}
        )

    async def said(
        self, message: str, outcome: str = "fell_back", confidence: float | None = 0.2, **more: Any
    ) -> tuple[str, int]:
        """Writes a turn as the dialogue would; each is a second later and a conversation of its own."""
        self.turns += 1
        self.clock.now += 1
        key = (more.pop("conversation", f"c{self.turns}"), more.pop("seq", 1))
        why = Evidence(
            at=more.pop("at", self.clock.now),
            release_id="r1",
            reason="unsure",
            confidence=confidence,
            evidence=more.pop("evidence", {}),
            message=message,
            outcome=outcome,
        )
        await self.store.write(lambda connection: write_evidence(connection, *key, why))
        return key

    async def thumbs_down(self, key: tuple[str, int]) -> None:
        given = Feedback(
            conversation_id=key[0], turn_seq=key[1], who="customer", verdict="wrong", comment=None, at=self.clock.now
        )
        assert await self.store.give_feedback(given)

    async def labels(self, key: tuple[str, int]) -> list[tuple[str, str, str]]:
        said = await self.store.read(lambda connection: labels_of(connection, *key))
        return [(label.kind.value, label.value, label.who) for label in said if label.undone_at is None]


def texts(items: list[Item]) -> list[str]:
    return [item.text for item in items]
