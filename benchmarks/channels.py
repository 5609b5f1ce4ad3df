"""What becomes of messages on every channel while its platform's API fails and the server is killed.

    python benchmarks/channels.py [--quick] [--only slack --only telegram]

For each channel an assistant that says back what it hears is trained and served in a process of its own, and the
channel's platform is played by the fake that the tests use: it signs what it brings, keeps what it is sent, and refuses
what the vendor refuses, its pace included. The fake brings one genuine and at least ten forged or stale requests; then
1,000 messages of 200 customers, of which one in twenty comes twice and one in twenty before the one it follows, while
two sends in a hundred meet a 429, two a 500, and one an answer that never comes. When half of the messages are in, the
server is killed with SIGKILL and started again.

`lost` are messages that were acknowledged, and of whose reply the store says neither that it arrived nor that nobody
can tell; those of which nobody can tell are counted apart: an API that has no idempotency leaves no other choice than
sending twice. Times are those of the answers that the platform takes for a receipt.
"""

import argparse
import asyncio
import itertools
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import yaml
from rich.progress import Progress

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fakes.all_vendors import all_vendors
from fakes.vendor import Fault, Request, Vendor

from benchmarks.measuring import ROOT, Must, console, finish, kefu, progress

SEED = 5
MESSAGES, QUICK_MESSAGES = 1_000, 200
EACH = 5  # messages of one customer
AT_ONCE = 24  # customers that write at the same time
DOUBLE, REORDER = 0.05, 0.05
FAULTS = ((Fault.TOO_MANY, 0.02), (Fault.SERVER_ERROR, 0.02), (Fault.HANG_UP, 0.005), (Fault.LOST_ANSWER, 0.005))
SETTLE_S = 300.0
REFUSED = frozenset({400, 401, 403, 404})
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


@dataclass
class Delivery:
    """What the platform has brought, and how it went.

    Attributes:
        order: Nonces by customer, in the order in which they were acknowledged.
    """

    order: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    accept_ms: list[float] = field(default_factory=list)
    again: int = 0
    doubled: int = 0
    reordered: int = 0


class Server:
    """A `kefu run` that can be killed and started again."""

    def __init__(self, assistant: Path, data: Path, log: Path) -> None:
        self._command = [sys.executable, "-m", "bot.cli", "run", str(assistant), "--data", str(data), "--port", "0"]
        self._log = log
        self.address: str | None = None
        self._process: subprocess.Popen[str] | None = None

    async def start(self) -> None:
        """Starts it, on another port each time."""
        await asyncio.to_thread(self._start)

    def _start(self) -> None:
        with self._log.open("a") as errors:
            self._process = subprocess.Popen(
                [*self._command, "--log-format", "json"], stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(r"http://\S+?(?=,)", line)
        if found is None:
            raise RuntimeError(f"The server did not start:\n{self._log.read_text()[-2000:]}")
        self.address = found[0]

    async def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self.address = None
        self._process.kill()
        await asyncio.to_thread(self._process.wait)

    async def end(self) -> None:
        """SIGTERM."""
        assert self._process is not None
        self._process.terminate()
        await asyncio.to_thread(self._process.wait)


class Run:
    """One channel's run."""

    def __init__(self, vendor: Vendor, server: Server, messages: int, bar: Progress) -> None:
        self._vendor, self._server, self._messages, self._bar = vendor, server, messages, bar
        self._random = random.Random(SEED)
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._done = 0
        self._task = bar.add_task(vendor.channel, total=messages)
        self.delivery = Delivery()

    async def verified(self) -> dict[str, int]:
        """The status of each forgery, after a genuine request was taken."""
        await self._brought("probe", "n0x0x00000000 hello", "probe")
        forgeries = self._vendor.forgeries()
        return {what: (await self._post(forgery))[0] for what, forgery in forgeries.items()}

    async def deliver(self) -> None:
        """Brings all messages, with a kill in the middle."""
        self._vendor.failed = self._fault  # type: ignore[method-assign]
        gate = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(
            *(self._customer(number, gate) for number in range(self._messages // EACH)), self._kill_in_the_middle()
        )

    async def close(self) -> None:
        """Closes the connections to the server."""
        await self._session.close()

    async def _kill_in_the_middle(self) -> None:
        while self._done < self._messages // 2:  # noqa: ASYNC110 - looks at a counter
            await asyncio.sleep(0.005)
        await self._server.kill()
        await self._server.start()

    async def _customer(self, number: int, gate: asyncio.Semaphore) -> None:
        user = f"user{number}"
        texts = [f"n{number}x{k}x{self._random.getrandbits(32):08x}" for k in range(EACH)]
        for k in range(EACH - 1):
            if self._random.random() < REORDER:
                texts[k], texts[k + 1] = texts[k + 1], texts[k]
                self.delivery.reordered += 1
        for nonce in texts:
            twice = self._random.random() < DOUBLE
            async with gate:
                brought = [self._brought(user, f"{nonce} when are you open", nonce) for _ in range(1 + twice)]
                await asyncio.gather(*brought)
            self.delivery.doubled += twice
            self.delivery.order[user].append(nonce)
            self._done += 1
            self._bar.advance(self._task)

    async def _brought(self, user: str, text: str, message_id: str) -> None:
        """Brings a message until the platform has a receipt."""
        while True:
            started = time.perf_counter()
            _, taken = await self._post(self._vendor.message(user=user, text=text, id=message_id))
            if taken:
                self.delivery.accept_ms.append(1e3 * (time.perf_counter() - started))
                return
            self.delivery.again += 1
            await asyncio.sleep(0.1)

    async def _post(self, request: Request) -> tuple[int, bool]:
        if self._server.address is None:
            return 0, False
        try:
            async with self._session.request(
                request.method, self._server.address + request.path, headers=request.headers, data=request.body
            ) as response:
                return response.status, self._vendor.is_acknowledged(response.status, await response.read())
        except (aiohttp.ClientError, OSError):
            return 0, False

    def _fault(self) -> Fault | None:
        drawn = self._random.random()
        for fault, share in FAULTS:
            if drawn < share:
                return fault
            drawn -= share
        return None


def main() -> int:
    """Runs the benchmark; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_MESSAGES} messages a channel")
    parser.add_argument("--only", action="append", help="a channel; give it again for more")
    options = parser.parse_args()
    shipped = [one for one in all_vendors() if one.key is None]  # the others are examples
    vendors = [one for one in shipped if not options.only or one.channel in options.only]
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_assistant(folder / "assistant")
        kefu("train", folder / "assistant", "--data", folder / "trained")
        with progress() as bar:
            for vendor in vendors:
                messages = QUICK_MESSAGES if options.quick else MESSAGES
                figures[vendor.channel] = asyncio.run(run(vendor(), folder, messages, bar))
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


async def run(vendor: Vendor, folder: Path, messages: int, bar: Progress) -> dict[str, Any]:
    """What one channel does."""
    data, assistant = folder / f"data-{vendor.channel}", folder / "assistant"
    await asyncio.to_thread(shutil.copytree, folder / "trained", data)
    await vendor.start()
    section = {vendor.channel: vendor.credentials()}
    (assistant / "credentials.yml").write_text(yaml.safe_dump(section), "utf-8")
    server = Server(assistant, data, folder / f"{vendor.channel}.log")
    await server.start()
    work = Run(vendor, server, messages, bar)
    try:
        forged = await work.verified()
        await work.deliver()
        await settled(data / "conversations.db")
    finally:
        await work.close()
        await server.end()
        await vendor.close()
    return {**account(vendor, work.delivery, states_of(data / "conversations.db")), **refusals(forged)}


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


def states_of(database: Path) -> dict[str, str]:
    """What became of the reply to each message."""
    found = rows(database, "SELECT payload, state FROM outbox")
    return {nonce[0]: state for payload, state in found if (nonce := _NONCE.search(payload))}


def rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    """What a query finds, read as another program would."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def account(vendor: Vendor, delivery: Delivery, states: dict[str, str]) -> dict[str, Any]:
    """What was lost, doubled and misordered."""
    shown: dict[str, list[str]] = defaultdict(list)
    for one in vendor.sent:
        shown[one.user] += _NONCE.findall(one.text)
    accepted = [nonce for order in delivery.order.values() for nonce in order]
    times = Counter(nonce for nonces in shown.values() for nonce in nonces)
    missing = [nonce for nonce in accepted if not times[nonce]]
    p50, p99 = np.percentile(delivery.accept_ms, [50, 99])
    return {
        "messages": len(accepted),
        "brought_again": delivery.again,
        "brought_twice": delivery.doubled,
        "reordered": delivery.reordered,
        "lost": sum(states.get(nonce) != "unknown" for nonce in missing),
        "unknown": sum(states.get(nonce) == "unknown" for nonce in accepted),
        "doubled": sum(count > 1 for count in times.values()),
        "misordered": sum(misordered(shown[user], order) for user, order in delivery.order.items()),
        "broke_a_rule": sorted(set(vendor.refused)),
        "accept_p50_ms": round(float(p50), 1),
        "accept_p99_ms": round(float(p99), 1),
        "accept_limit_ms": 1e3 * vendor.accept_limit_s,
    }


def misordered(shown: list[str], order: list[str]) -> int:
    """How many replies came before one that belongs before them."""
    places = [order.index(nonce) for nonce in dict.fromkeys(shown) if nonce in order]
    return sum(late < early for early, late in itertools.pairwise(places))


def refusals(forged: dict[str, int]) -> dict[str, Any]:
    """Which forgeries were believed."""
    believed = [what for what, status in forged.items() if status not in REFUSED]
    return {"forged": len(forged), "forged_believed": believed}


def report(figures: dict[str, Any], *, quick: bool) -> int:
    """Prints and writes it all."""
    header = (
        "channel",
        "forged",
        "believed",
        "messages",
        "lost",
        "doubled",
        "misordered",
        "unknown",
        "p99 ms",
        "limit",
    )
    table = [header, *table_rows(figures)]
    sums = {name: sum(one[name] for one in figures.values()) for name in ("lost", "doubled", "misordered")}
    musts = [Must(name=name, value=value, limit=0, at_most=True) for name, value in sums.items()]
    believed = sum(len(one["forged_believed"]) for one in figures.values())
    ruled = sum(len(one["broke_a_rule"]) for one in figures.values())
    slowest = max(one["accept_p99_ms"] / one["accept_limit_ms"] for one in figures.values())
    musts += [
        Must(name="forged or stale requests that were believed", value=believed, limit=0, at_most=True),
        Must(name="rules of a platform's API that were broken", value=ruled, limit=0, at_most=True),
        Must(name="least forged requests on a channel", value=min(o["forged"] for o in figures.values()), limit=10),
        Must(name="slowest accept p99 as a share of its platform's limit", value=slowest, limit=1, at_most=True),
    ]
    return finish("channels", table, {"seed": SEED, "quick": quick, "channels": figures}, musts)


def table_rows(figures: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """A line for each channel."""
    for name, one in figures.items():
        counts = (one["forged"], len(one["forged_believed"]), one["messages"], one["lost"], one["doubled"])
        times = (f"{one['accept_p99_ms']:.0f}", f"{one['accept_limit_ms']:.0f}")
        yield (name, *map(str, (*counts, one["misordered"], one["unknown"])), *times)


if __name__ == "__main__":
    sys.exit(main())
