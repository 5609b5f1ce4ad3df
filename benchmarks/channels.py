"""What becomes of messages on every channel while its platform's API fails and the server is killed.

    python benchmarks/channels.py [--quick] [--only slack --only telegram]

For each channel an assistant that says back what it hears is trained and served in a process of its own, and the
channel's platform is played by the fake that the tests use: it signs what it brings, keeps what it is sent, and refuses
what the vendor refuses, its pace included. The fake brings one genuine and at least ten forged or stale requests; then
1,000 messages of 200 customers, of which one in twenty comes twice and one in twenty before the one it follows, while
two sends in a hundred meet a 429, two a 500, and one an answer that never comes. When half of the messages are in, the
server is killed with SIGKILL and started again.

Where there is no platform in between, the customers' own side is played: pages with the widget and pages on Socket.IO,
whose network breaks off as often; pages on the REST channel, on whose way back answers are lost; and a mailbox, that
breaks off before a mail is marked as read, with an SMTP server that refuses, or hangs up. Nothing can be forged on the
channels that know no signature and no token. `helpdesk` is not among them all: no customer comes by it.

`lost` are messages that were acknowledged, and of whose reply the store says neither that it arrived nor that nobody
can tell; those of which nobody can tell are counted apart: an API that has no idempotency leaves no other choice than
sending twice. `doubled` are replies that were shown twice, and messages that were understood twice. Times are those of
the answers that the platform takes for a receipt.
"""

import argparse
import asyncio
import itertools
import re
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rich.progress import Progress

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fakes.all_vendors import all_platforms
from fakes.platform import OWN_LIMIT_S, Platform

from benchmarks.channel_run import SEED, Delivery, Run, Server
from benchmarks.measuring import Must, console, finish, kefu, progress

MESSAGES, QUICK_MESSAGES = 1_000, 200
SETTLE_S = 300.0
_NONCE = re.compile(r"n\d+x\d+x[0-9a-f]{8}")
_DOMAIN = {
    "version": "3.1",
    "intents": ["greet", "hours"],
    "slots": {"said": {"type": "text", "influence_conversation": False, "mappings": [{"type": "from_text"}]}},
    "responses": {name: [{"text": "You said {said}."}] for name in ("utter_echo", "utter_default", "utter_clarify")},
}
_RULES = [
    {"rule": intent, "steps": [{"intent": intent}, {"action": "utter_echo"}]}
    for intent in ("greet", "hours", "nlu_fallback")
]
_EXAMPLES = {
    "greet": ("hello", "hi there", "good morning", "hey", "hello again", "good evening", "hi", "greetings"),
    "hours": ("when are you open", "opening hours", "what time do you close", "are you open on sunday", "open today"),
}


def main() -> int:
    """Runs the benchmark; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_MESSAGES} messages a channel")
    parser.add_argument("--only", action="append", help="a channel; give it again for more")
    options = parser.parse_args()
    shipped = [one for one in all_platforms() if one.key is None]  # the others are examples
    chosen = [one for one in shipped if not options.only or one.channel in options.only]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_assistant(folder / "assistant")
        kefu("train", folder / "assistant", "--data", folder / "trained")
        messages = QUICK_MESSAGES if options.quick else MESSAGES
        with progress() as bar:
            figures = {one.channel: asyncio.run(run(one(), folder, messages, bar)) for one in chosen}
    return report(figures, quick=options.quick)


def write_assistant(folder: Path) -> None:
    """An assistant that says back what it hears."""
    (folder / "data").mkdir(parents=True)
    examples = [
        {"intent": name, "examples": "".join(f"- {text}\n" for text in texts)} for name, texts in _EXAMPLES.items()
    ]
    files = {
        "config.yml": {"recipe": "default.v1", "language": "en"},
        "domain.yml": _DOMAIN,
        "data/nlu.yml": {"version": "3.1", "nlu": examples},
        "data/rules.yml": {"version": "3.1", "rules": _RULES},
    }
    for name, content in files.items():
        (folder / name).write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")


async def run(platform: Platform, folder: Path, messages: int, bar: Progress) -> dict[str, Any]:
    """What one channel does."""
    started, own = time.monotonic(), folder / platform.channel
    await asyncio.to_thread(shutil.copytree, folder / "trained", own / "data")
    await asyncio.to_thread(shutil.copytree, folder / "assistant", own / "assistant")
    await platform.start()
    section = {platform.channel: platform.credentials()}
    (own / "assistant" / "credentials.yml").write_text(yaml.safe_dump(section), "utf-8")
    server = Server(own / "assistant", own / "data", own / "server.log", platform.environment)
    database = own / "data" / "conversations.db"
    try:
        await server.start()
        work = Run(platform, server, messages, bar)
        believed = await work.verified()
        await work.deliver()
        await settled(database)
        await platform.catch_up(server)
    finally:
        await platform.close()
        await server.end()
    return {
        **account(platform, work.delivery, database),
        "forged": len(believed) if platform.authenticated else None,
        "forged_believed": [what for what, was_believed in believed.items() if was_believed],
        "took_s": round(time.monotonic() - started, 1),
    }


async def settled(database: Path) -> None:
    """Waits until nothing waits any more."""
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        waiting = rows(database, "SELECT count(*) FROM inbox WHERE state = 'waiting'")[0][0]
        unsent = rows(database, "SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending')")[0][0]
        if not waiting and not unsent:
            return
        await asyncio.sleep(0.2)
    console.print(f"[red]{waiting} messages and {unsent} parts still wait after {SETTLE_S:g} s[/red]")


def nonces_by(database: Path, query: str) -> list[tuple[str, str]]:
    """The nonce in the first column of what a query finds, and the second column."""
    found = ((_NONCE.search(text), other) for text, other in rows(database, query))
    return [(nonce[0], other) for nonce, other in found if nonce]


def rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    """What a query finds, read as another program would."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def account(platform: Platform, delivery: Delivery, database: Path) -> dict[str, Any]:
    """What was lost, doubled and misordered."""
    shown: dict[str, list[str]] = defaultdict(list)
    for one in platform.sent:
        shown[one.user] += _NONCE.findall(one.text)
    states = dict(nonces_by(database, "SELECT payload, state FROM outbox"))
    understood = nonces_by(database, "SELECT data, type_name FROM events WHERE type_name = 'user'")
    accepted = [nonce for order in delivery.order.values() for nonce in order]
    times = Counter(nonce for nonces in shown.values() for nonce in nonces)
    missing = [nonce for nonce in accepted if not times[nonce]]
    p50, p99 = np.percentile(delivery.accept_ms, [50, 99])
    limit_s = platform.accept_limit_s
    return {
        "messages": len(accepted),
        "brought_again": delivery.again,
        "brought_twice": delivery.doubled,
        "reordered": delivery.reordered,
        "lost": sum(states.get(nonce) != "unknown" for nonce in missing),
        "unknown": sum(states.get(nonce) == "unknown" for nonce in accepted),
        "doubled": len(repeated(times.elements()) | repeated(nonce for nonce, _ in understood)),
        "misordered": sum(misordered(shown[user], order) for user, order in delivery.order.items()),
        "broke_a_rule": sorted(set(platform.refused)),
        "accept_p50_ms": round(float(p50), 1),
        "accept_p99_ms": round(float(p99), 1),
        "accept_limit_ms": None if limit_s is None else 1e3 * limit_s,
    }


def repeated(nonces: Iterable[str]) -> set[str]:
    """Those that are there more than once."""
    return {nonce for nonce, count in Counter(nonces).items() if count > 1}


def misordered(shown: list[str], order: list[str]) -> int:
    """How many replies came before one that belongs before them."""
    places = [order.index(nonce) for nonce in dict.fromkeys(shown) if nonce in order]
    return sum(late < early for early, late in itertools.pairwise(places))


def report(figures: dict[str, Any], *, quick: bool) -> int:
    """Prints and writes it all."""
    counts = ("believed", "lost", "doubled", "out of\norder", "unknown")
    table = [("channel", *counts, "p99 ms", "limit"), *table_rows(figures)]
    sums = {name: sum(one[name] for one in figures.values()) for name in ("lost", "doubled", "misordered")}
    musts = [Must(name=name, value=value, limit=0, at_most=True) for name, value in sums.items()]
    believed = sum(len(one["forged_believed"]) for one in figures.values())
    ruled = sum(len(one["broke_a_rule"]) for one in figures.values())
    musts += [
        Must(name="forged or stale requests that were believed", value=believed, limit=0, at_most=True),
        Must(name="rules of a platform's API that were broken", value=ruled, limit=0, at_most=True),
    ]
    if forged := [one["forged"] for one in figures.values() if one["forged"] is not None]:
        musts.append(Must(name="least forged requests on a channel that can tell", value=min(forged), limit=10))
    limited = [one for one in figures.values() if one["accept_limit_ms"] is not None]
    if shares := [one["accept_p99_ms"] / one["accept_limit_ms"] for one in limited]:
        name = "slowest accept p99 as a share of its platform's limit"
        musts.append(Must(name=name, value=max(shares), limit=1, at_most=True))
    messages = max((one["messages"] for one in figures.values()), default=0)
    console.print(
        f"{messages:,} messages a channel. Where no platform has a limit, {1e3 * OWN_LIMIT_S:,.0f} ms is our own."
    )
    return finish("channels", table, {"seed": SEED, "quick": quick, "channels": figures}, musts)


def table_rows(figures: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """A line for each channel; `-` where there is nothing to forge, or nobody waits."""
    for name, one in figures.items():
        forged, limit_ms = one["forged"], one["accept_limit_ms"]
        believed = "-" if forged is None else f"{len(one['forged_believed'])} of {forged}"
        times = ("-", "-") if limit_ms is None else (f"{one['accept_p99_ms']:.0f}", f"{limit_ms:.0f}")
        yield (name, believed, *(str(one[count]) for count in ("lost", "doubled", "misordered", "unknown")), *times)


if __name__ == "__main__":
    sys.exit(main())
