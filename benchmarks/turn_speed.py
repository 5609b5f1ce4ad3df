"""How fast whole turns are over REST, and whether long conversations and many turns make them slower or larger.

    python benchmarks/turn_speed.py [--quick] [--postgres]

Serves the starter in a process of its own, with SQLite at synchronous=FULL: every reply is on disk before it is sent.
One customer writes alone; then 200 customers write at once for 30 seconds, each waiting for a reply before writing
again; then one conversation is written to 10,000 times, and messages go on until 100,000 turns have been taken. With
`--postgres` (always, unless `--quick`) the first two are measured again on a PostgreSQL server that this script starts.

The figures of Rasa 3.6.21 beside which these stand (16.5 ms alone with its memory store; 64 messages a second at 50 at
once, p99 1.6 s) were measured once, on two cores of the same kind, and are not measured again here.
"""

import argparse
import asyncio
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from postgres_server import PostgresServer, server_binaries

from benchmarks.measuring import ROOT, Must, Server, console, customers, finish, kefu, send_all, served
from benchmarks.serving import mean_stages
from configs import STARTER

CUSTOMERS = 200
HELD_S = 30.0
ALONE = 400
LONG_TURNS = 10_000
ALL_TURNS = 100_000
WINDOW = 500  # messages at each end of the long conversation that are compared
ALONE_MUST_MS = 6.0
RATE_MUST = 320.0
SLOWER_MUST = 1.25  # the long conversation's end over its beginning
GROWTH_MUST_MB = 60.0  # from 20,000 turns to 100,000


def main() -> int:
    """Runs the benchmark; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="Data folder with a trained starter; trained afresh if left out")
    parser.add_argument("--quick", action="store_true", help="ten seconds held, a tenth of the turns")
    parser.add_argument("--postgres", action="store_true", help="PostgreSQL with --quick too")
    options = parser.parse_args()
    questions = (ROOT / "tests/data/shop_questions.jsonl").read_text("utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in questions]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = options.data or folder / "data"
        if options.data is None:
            kefu("train", STARTER, "--data", data)
        figures: dict[str, Any] = {"sqlite": at_load(folder, data, texts, quick=options.quick)}
        if options.postgres or not options.quick:
            with postgres() as url:
                os.environ["KEFU_DATABASE_URL"] = url
                figures["postgresql"] = at_load(folder, data, texts, quick=options.quick)
                del os.environ["KEFU_DATABASE_URL"]
        figures["long"] = over_time(folder, data, texts, share=0.1 if options.quick else 1.0)
    return report(figures, quick=options.quick)


def at_load(folder: Path, data: Path, texts: list[str], *, quick: bool) -> dict[str, Any]:
    """One customer alone, then many at once."""
    log = folder / "alone.log"
    with served(STARTER, data, log) as server:
        alone = send_all(server.address, list(itertools.islice(itertools.cycle(texts), ALONE)), 1, "alone")
        stages = mean_stages(log)
    with served(STARTER, data, folder / "held.log") as server:
        held = asyncio.run(hold(server, texts, HELD_S / 3 if quick else HELD_S))
        resident_mb = server.resident_mb()
    whole_ms = stages.pop("server")
    shares = {stage: round(spent / whole_ms, 4) for stage, spent in stages.items()}
    return {"alone": alone.percentiles(), "stage_share": shares, "held": held, "resident_mb": round(resident_mb, 1)}


async def hold(server: Server, texts: list[str], seconds: float) -> dict[str, float]:
    """`CUSTOMERS` customers write for `seconds`, each as soon as it has its reply."""
    spent: list[float] = []
    waiting = itertools.cycle(texts)
    async with customers(server.address) as ask:
        started = time.perf_counter()

        async def customer(number: int) -> None:
            while time.perf_counter() - started < seconds:
                spent.append((await ask(f"held-{number}", next(waiting)))[1])

        await asyncio.gather(*(customer(number) for number in range(CUSTOMERS)))
        took_s = time.perf_counter() - started
    p50, p95, p99 = np.percentile(spent, [50, 95, 99])
    return {
        "customers": CUSTOMERS,
        "messages_per_s": round(len(spent) / took_s, 1),
        "p50_ms": round(float(p50), 1),
        "p95_ms": round(float(p95), 1),
        "p99_ms": round(float(p99), 1),
    }


def over_time(folder: Path, data: Path, texts: list[str], *, share: float) -> dict[str, float]:
    """One long conversation, then many more turns."""
    long_turns, all_turns = int(LONG_TURNS * share), int(ALL_TURNS * share)
    window = min(WINDOW, long_turns // 4)
    with served(STARTER, data, folder / "long.log") as server:
        long = list(itertools.islice(itertools.cycle(texts), long_turns))
        first = send_all(server.address, long[:window], 1, "long")
        send_all(server.address, long[window:-window], 1, "long")
        last = send_all(server.address, long[-window:], 1, "long")
        more = itertools.cycle(texts)
        settled = all_turns // 5
        send_all(server.address, list(itertools.islice(more, settled - long_turns)), 32, "many")
        settled_mb = server.resident_mb()
        send_all(server.address, list(itertools.islice(more, all_turns - settled)), 32, "more")
        resident_mb = server.resident_mb()
    first_ms, last_ms = first.percentiles()["p50_ms"], last.percentiles()["p50_ms"]
    return {
        "long_turns": long_turns,
        "first_p50_ms": first_ms,
        "last_p50_ms": last_ms,
        "last_over_first": round(last_ms / first_ms, 3),
        "turns": all_turns,
        f"resident_mb_after_{settled}": round(settled_mb, 1),
        "resident_mb": round(resident_mb, 1),
        "growth_mb": round(resident_mb - settled_mb, 1),
    }


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a database on a PostgreSQL server of this script's own."""
    binaries = server_binaries()
    if binaries is None:
        raise SystemExit("There is no PostgreSQL server on this machine; install one, or leave it out with --quick.")
    server = PostgresServer(binaries, durable=True)
    with ExitStack() as stack:
        stack.callback(server.remove)
        yield server.new_database().render_as_string(hide_password=False)


def report(figures: dict[str, Any], *, quick: bool) -> int:
    """Prints, writes and judges."""
    sqlite, long = figures["sqlite"], figures["long"]
    rows = [("", *(name for name in figures if name != "long"))]
    stores = [figures[name] for name in figures if name != "long"]
    for title, make in (
        ("one conversation, p50 / p99", lambda f: f"{f['alone']['p50_ms']:.1f} / {f['alone']['p99_ms']:.1f} ms"),
        (f"{CUSTOMERS} at once, messages a second", lambda f: f"{f['held']['messages_per_s']:.0f}"),
        (f"{CUSTOMERS} at once, p50 / p99", lambda f: f"{f['held']['p50_ms']:.0f} / {f['held']['p99_ms']:.0f} ms"),
        ("resident memory after it", lambda f: f"{f['resident_mb']:.0f} MB"),
        *((f"  {stage}", lambda f, s=stage: f"{f['stage_share'][s]:.0%}") for stage in sqlite["stage_share"]),
    ):
        rows.append((title, *(make(store) for store in stores)))
    blank = [""] * (len(stores) - 1)
    rows += [
        (f"turn {long['long_turns']:,} over turn 1 of one conversation", f"{long['last_over_first']:.2f}", *blank),
        (f"resident memory after {long['turns']:,} turns", f"{long['resident_mb']:.0f} MB", *blank),
        ("  grown over the last four fifths of them", f"{long['growth_mb']:.1f} MB", *blank),
    ]
    musts = [
        Must(name="one conversation, p50 ms", value=sqlite["alone"]["p50_ms"], limit=ALONE_MUST_MS, at_most=True),
        Must(name="messages a second", value=sqlite["held"]["messages_per_s"], limit=RATE_MUST),
        Must(name="long conversation, end over start", value=long["last_over_first"], limit=SLOWER_MUST, at_most=True),
        Must(name="memory growth, MB", value=long["growth_mb"], limit=GROWTH_MUST_MB, at_most=True),
    ]
    console.print("Measured on one machine: the customers' process takes its share of the same cores.")
    return finish("turn_speed-quick" if quick else "turn_speed", rows, figures, musts)


if __name__ == "__main__":
    sys.exit(main())
