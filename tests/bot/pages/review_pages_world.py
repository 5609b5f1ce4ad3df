"""A review with real pages, a real desk and a real store; only the understanding is written down in a table."""

import zlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from aiohttp import web
from scripted_bot import PAIRS, Clock, ScriptedInference, scripted_engine

from bot.engine import Reading
from bot.knowledge_service import KnowledgeService
from bot.middlewares import errors_as_json
from bot.pages import pages, review
from bot.review import Key, ReviewDesk
from bot.stores.events import event_row, write_events
from bot.stores.evidence import write_evidence
from bot.stores.labels import Label, LabelKind, labels_of
from bot.stores.sqlite import SqliteStore
from bot.stores.turn import Evidence
from configs import Settings
from nlu import IntentScore
from retrieval.knowledge_store import Put

UNDERSTOOD = {
    "where is my parcel": ({"order": 0.5, "hours": 0.4, "greet": 0.1}, {"p1": 0.3}),
    "open on sundays?": ({"hours": 0.7, "order": 0.2, "greet": 0.1}, {}),
    "abroad?": ({"order": 0.3, "hours": 0.3, "greet": 0.4}, {"p1": 0.7}),
}


class LikeByBeginning(ScriptedInference):
    """Takes messages that begin with the same three words for alike; what it does not know it takes for everything."""

    async def read(self, text: str, engine: Any = None) -> Reading:
        reading = await super().read(text, engine)
        words = " ".join(text.split()[:3])
        direction = np.random.default_rng(zlib.crc32(words.encode("utf-8", "replace"))).normal(size=32)
        ranking = reading.understanding.ranking
        if len(ranking) < 3:
            ranking = tuple(IntentScore(name=name, probability=1 / 3) for name in ("greet", "hours", "order"))
        embedding = (direction / np.linalg.norm(direction)).astype(np.float32)
        return replace(reading, understanding=replace(reading.understanding, ranking=ranking, embedding=embedding))


class ReviewWorld:
    """The pages over a store into which a test writes turns."""

    def __init__(self, store: SqliteStore, folder: Path, settings: Settings) -> None:
        self.store, self.clock = store, Clock()
        self.inference: Any = LikeByBeginning(SimpleNamespace(engine=scripted_engine()), UNDERSTOOD)
        self.inference.waiting = 0
        self.knowledge = KnowledgeService(folder / "knowledge.db")
        releases: Any = None
        self.desk = ReviewDesk(store, self.inference, self.knowledge, releases, self.clock, patient=True)
        self.app = web.Application(middlewares=[errors_as_json])
        key = pages.join(self.app, settings, folder)
        self.app.add_routes(review.routes(self.desk, store, self.inference, self.knowledge, key))
        self.turns = 0

    async def open(self) -> None:
        for pair in PAIRS:
            await self.knowledge.edit(Put(pair, "files"))

    async def said(self, message: str, answer: str = "I did not understand.", **more: Any) -> Key:
        """A customer's message as the dialogue would write it, each in a conversation of its own."""
        self.turns += 1
        self.clock.now += 1
        at, key = self.clock.now, (f"whatsapp:+49170000{self.turns}", 1)
        told = {"outcome": "fell_back", "reason": "unsure", "confidence": 0.2, "evidence": {}, **more}
        why = Evidence(at=at, release_id="r1", message=message, channel="whatsapp", **told)
        events = [
            {"event": "bot", "timestamp": at - 9, "text": "Mail me at ann.miller@gmail.com."},
            {"event": "user", "timestamp": at, "text": message, "parse_data": {}},
            {
                "event": "bot",
                "timestamp": at,
                "text": answer,
                "data": {"buttons": [{"title": "Hours", "payload": "/h"}]},
            },
        ]
        rows = [event_row(key[0], event) for event in events]
        await self.store.write(lambda connection: write_events(connection, rows))
        await self.store.write(lambda connection: write_evidence(connection, *key, why))
        return key

    async def labels(self, key: Key) -> list[tuple[str, str, str]]:
        """What stands of a turn."""
        return [(one.kind.value, one.value, one.who) for one in await self.all_labels(key) if one.undone_at is None]

    async def all_labels(self, key: Key) -> list[Label]:
        return await self.store.read(lambda connection: labels_of(connection, *key))

    async def label(self, key: Key, kind: str, value: str, who: str) -> int:
        return await self.desk.label(key, LabelKind(kind), value, who)
