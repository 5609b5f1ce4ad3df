"""How long the figures of a busy month take, and what turns that go on meanwhile wait for them.

    python benchmarks/figures.py [--quick]

A SQLite store is filled with 1,500,000 turns in 30 days, 50,000 a day: five to a conversation, 77 intents, five
channels, evidence of the usual size. Then the dashboard's figures of the 30 days are counted in the store's own thread,
as a server does, while a turn is committed every 50 ms. Beside it the same turns while nothing else is done. `--quick`
has a tenth.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring import Must, finish, peak_memory, progress
from bot.conversation import Conversation
from bot.measures import Period, measure
from bot.stores.sqlite import SqliteStore
from bot.stores.tables import turns
from bot.stores.turn import Evidence, TurnWrite

TURNS, QUICK_TURNS, PAGE = 1_500_000, 150_000, 10_000
DAYS, DAY_S = 30, 86_400.0
SINCE = 1_790_000_000.0
EVERY_S = 0.05
ALONE_S = 10.0
NUMBERS = tuple(f"number_{n}" for n in range(16))
OUTCOMES = {"answered": 60, "asked_back": 10, "fell_back": 10, "handed_over": 4, "person": 10, "form": 6}


def rows(count: int) -> Iterator[dict[str, Any]]:
    """Turns in the order of time."""
    rng = random.Random(1)
    intents, weights = [f"intent_{n}" for n in range(77)], [1 / (n + 1) for n in range(77)]
    said: dict[int, int] = {}
    for number in range(count):
        name = number // 5 + rng.randrange(200)
        said[name] = said.get(name, 0) + 1
        is_past = rng.random() < 0.5
        decision = {"kind": "past_answer", "pair": f"p{rng.randrange(300)}"} if is_past else {"kind": "template"}
        evidence = {"actions": ["utter_x"], "decision": decision, "evidence": dict.fromkeys(NUMBERS, 0.123456789)}
        yield {
            "conversation_id": f"conversation-{name:024d}",
            "seq": said[name],
            "at": SINCE + DAYS * DAY_S * number / count,
            "release_id": "r",
            "reason": "near_question" if is_past else "sure_intent",
            "confidence": 0.9,
            "evidence": json.dumps(evidence),
            "message": "Where is my parcel, it should have come yesterday?",
            "channel": ("widget", "telegram", "slack", "whatsapp", "rest")[name % 5],
            "intent": rng.choices(intents, weights)[0],
            "outcome": rng.choices([*OUTCOMES], [*OUTCOMES.values()])[0],
            "sentiment": rng.choice(["negative", "neutral", "positive"]),
            "took_ms": rng.lognormvariate(3.4, 0.6),
        }


async def fill(store: SqliteStore, count: int) -> None:
    """Writes the turns."""
    every, page = rows(count), list[dict[str, Any]]()
    with progress() as bar:
        task = bar.add_task("turns", total=count)
        for row in every:
            page.append(row)
            if len(page) == PAGE:
                await store.write(partial(_insert, page=page))
                bar.advance(task, PAGE)
                page = []


def _insert(connection: Any, page: list[dict[str, Any]]) -> None:
    connection.execute(turns.insert(), page)


async def turns_beside(store: SqliteStore, until: asyncio.Event, name: str) -> list[float]:
    """Commits a turn every now and then; how many milliseconds each took."""
    took: list[float] = []
    while not until.is_set():
        began = time.perf_counter()
        why = Evidence(at=SINCE - 1, release_id="r", reason="x")
        event = {"event": "user", "timestamp": 1.0, "text": "hi", "parse_data": {}}
        await store.append(Conversation(id=f"{name}-{len(took)}"), [event], turn=TurnWrite(evidence=why))
        took.append(1e3 * (time.perf_counter() - began))
        await asyncio.sleep(max(0.0, EVERY_S - (time.perf_counter() - began)))
    return took


async def run(folder: Path, count: int) -> dict[str, Any]:
    """Fills a store and measures."""
    store = SqliteStore(folder / "conversations.db")
    await store.open()
    await fill(store, count)
    done = asyncio.Event()
    alone = asyncio.create_task(turns_beside(store, done, "alone"))
    await asyncio.sleep(ALONE_S)
    done.set()
    waits_alone = await alone
    done = asyncio.Event()
    beside = asyncio.create_task(turns_beside(store, done, "beside"))
    pieces: list[float] = []

    async def read(work: Any) -> Any:
        began = time.perf_counter()
        found = await store.read(work)
        pieces.append(1e3 * (time.perf_counter() - began))
        return found

    period = Period(since=SINCE, until=SINCE + DAYS * DAY_S, zone=ZoneInfo("Europe/London"))
    with peak_memory() as peak_mb:
        before_mb, began = peak_mb(), time.perf_counter()
        measures = await measure(read, period)
        seconds, grown_mb = time.perf_counter() - began, peak_mb() - before_mb
    done.set()
    waits = await beside
    await store.close()
    return {
        "turns": measures.outcomes.messages,
        "conversations": measures.conversations.count,
        "seconds": seconds,
        "seconds_a_million": seconds / count * 1e6,
        "memory_grown_mb": grown_mb,
        "pieces": len(pieces),
        "piece_ms_p50": float(np.percentile(pieces, 50)),
        "piece_ms_max": max(pieces),
        "turn_ms_p50_alone": float(np.percentile(waits_alone, 50)),
        "turn_ms_p99_alone": float(np.percentile(waits_alone, 99)),
        "turn_ms_p50_beside": float(np.percentile(waits, 50)),
        "turn_ms_p99_beside": float(np.percentile(waits, 99)),
    }


def main() -> int:
    """Runs the benchmark; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_TURNS:,} turns")
    count = QUICK_TURNS if parser.parse_args().quick else TURNS
    with tempfile.TemporaryDirectory() as name:
        found = asyncio.run(run(Path(name), count))
    musts = [
        Must(name="turns that are counted", value=found["turns"], limit=count),
        Must(name="seconds a million turns", value=found["seconds_a_million"], limit=10.0, at_most=True),
        Must(name="memory that it takes, MB", value=found["memory_grown_mb"], limit=200.0, at_most=True),
        Must(name="p99 of a turn's commit meanwhile, ms", value=found["turn_ms_p99_beside"], limit=250.0, at_most=True),
    ]
    table = [("figure", "value"), *((key.replace("_", " "), f"{value:,.1f}") for key, value in found.items())]
    return finish("figures", table, found, musts)


if __name__ == "__main__":
    sys.exit(main())
