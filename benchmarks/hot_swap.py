"""Releases are swapped under load, some of them damaged, and one is trained beside: what customers notice of it.

    python benchmarks/hot_swap.py [--quick]

Real releases are made of one that is trained for it: the same encoder, but every response and every past answer names
its release, so that each word that a customer hears says where it comes from. Three in ten are damaged: a byte that
was changed, a file that is missing, one too many, and two whose hashes are right and which cannot work.

Then 200 promotions and rollbacks are made in a minute while customers talk over REST without a pause. `mixed` are
replies that name two releases, or another one than the store says they are by; `damaged served` are replies and turns
by a release that is damaged. Memory is that of the server's process. What one model takes is measured in this process,
by loading a second one.

At last the shop is served, and trained with `kefu train --force` at the lowest priority and on half of the cores, in
the same data folder, while customers write at fixed times; latency counts from the time at which a message was to be
sent. The p99 beside the training is compared with the mean of the p99 before and after it.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring import ROOT, Must, Server, console, finish, kefu, progress, served
from bot.model_host import ModelHost, return_freed_memory
from configs import MINIMAL, STARTER
from training.releases import How, Release, Releases

SEED = 7
SWAPS, QUICK_SWAPS = 200, 24
SECONDS, QUICK_SECONDS = 60.0, 10.0
MADE, QUICK_MADE = 40, 10
DAMAGED_SHARE = 0.3
CUSTOMERS = 4
RATE_PER_S = 10.0
CALM_S, QUICK_CALM_S = 40.0, 8.0
LONGEST_TRAINING_S, QUICK_TRAINING_S = 240.0, 40.0
SETTLE_S = 60.0
FOLLOW_S = "0.1"
QUESTIONS = (
    "hello",
    "when are you open",
    "do you deliver abroad?",
    "how do I return something",
    "thank you",
    "blah blubb",
)
_MARK = re.compile(r"\[(rel-\d+)\]")


def main() -> int:
    """Runs the benchmark; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SWAPS} swaps, and a small training")
    options = parser.parse_args()
    os.environ["KEFU_FOLLOW_INTERVAL_S"] = FOLLOW_S
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(MINIMAL, folder / "small")
        kefu("train", folder / "small", "--data", folder / "data", "--method", "head")
        swaps = storm(folder, quick=options.quick)
        beside = train_beside(folder, quick=options.quick)
    return report(swaps, beside, quick=options.quick)


# Releases that say who they are


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The releases of a run, whole and damaged, by id."""

    whole: tuple[str, ...]
    damaged: dict[str, str]


def make_releases(releases: Releases, count: int) -> Made:
    """As many releases as wanted, of the one that was trained."""
    trained = releases.open(releases.current_id() or "")
    bad = set(random.Random(SEED).sample(range(1, count), round(DAMAGED_SHARE * count)))
    whole, damaged, kinds = [], {}, itertools.cycle(DAMAGES)
    for number in range(count):
        name = f"rel-{number:03}"
        if number not in bad:
            make_release(releases, trained, name)
            whole.append(name)
            continue
        kind = next(kinds)
        release = make_release(releases, trained, name, SEALED_DAMAGES.get(kind, {}))
        LATER_DAMAGES.get(kind, lambda _: None)(release.folder)
        damaged[name] = kind
    return Made(whole=tuple(whole), damaged=damaged)


def make_release(releases: Releases, trained: Release, name: str, changed: dict[str, bytes] | None = None) -> Release:
    """A release whose every word names it; other files are the same files on disk."""
    contents = {
        "assistant.json": marked_spec(trained, name),
        "knowledge.jsonl": marked_pairs(trained, name),
        **(changed or {}),
    }
    with releases.writing(name) as part:
        for each in trained.manifest.files:
            if each in contents:
                (part / each).write_bytes(contents[each])
            else:
                os.link(trained.folder / each, part / each)
        facts = trained.manifest.model_dump(exclude={"files", "format_version", "created_at"})
        return releases.seal(part, {**facts, "id": name})


def marked_spec(trained: Release, name: str) -> bytes:
    """The words and rules, each response with the release behind it."""
    spec = trained.read_json("assistant.json")
    for variations in spec["domain"]["responses"].values():
        for variation in variations:
            if variation.get("text"):
                variation["text"] += f" [{name}]"
    return json.dumps(spec).encode()


def marked_pairs(trained: Release, name: str) -> bytes:
    """The past answers, each with the release behind it."""
    pairs = map(json.loads, (trained.folder / "knowledge.jsonl").read_text("utf-8").splitlines())
    return "".join(f"{json.dumps({**pair, 'answer': pair['answer'] + f' [{name}]'})}\n" for pair in pairs).encode()


def change_a_byte(folder: Path) -> None:
    """Damages the words, without a change of their length."""
    path = folder / "assistant.json"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


SEALED_DAMAGES: dict[str, dict[str, bytes]] = {
    "an encoder that is none": {"encoder.onnx": b"not a graph"},
    "a smoke question that comes out wrong": {"smoke.json": b'[{"text": "hello", "intent": "goodbye"}]'},
}
LATER_DAMAGES: dict[str, Callable[[Path], object]] = {
    "a byte that was changed": change_a_byte,
    "a file that is missing": lambda folder: (folder / "index.faiss").unlink(),
    "a file too many": lambda folder: (folder / "extra.txt").touch(),
}
DAMAGES = (*LATER_DAMAGES, *SEALED_DAMAGES)


# Customers


@dataclass
class Talk:
    """What customers sent and got.

    Attributes:
        failed: Whatever went wrong, by what it was.
        mixed: Replies that name two releases.
        heard: Releases that replies name, with how many.
    """

    latencies_ms: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    mixed: int = 0
    heard: dict[str, int] = field(default_factory=dict)

    async def ask(self, session: aiohttp.ClientSession, address: str, sender: str, due: float | None = None) -> None:
        """Sends one message and looks at its reply."""
        started = time.perf_counter() if due is None else due
        body = {"sender": sender, "message": random.choice(QUESTIONS)}
        try:
            async with session.post(f"{address}/webhooks/rest/webhook", json=body) as response:
                items = await response.json()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            self.failed.append(type(error).__name__)
            return
        self.latencies_ms.append(1e3 * (time.perf_counter() - started))
        if response.status != 200 or not items:
            self.failed.append(str(response.status))
            return
        marks = set(_MARK.findall(json.dumps(items)))
        self.mixed += len(marks) > 1
        for mark in marks:
            self.heard[mark] = self.heard.get(mark, 0) + 1

    def percentile(self, percent: float) -> float:
        """Of the latencies, in milliseconds."""
        return round(float(np.percentile(self.latencies_ms, percent)), 1)


@contextmanager
def talking(address: str) -> Iterator[tuple[Talk, list["asyncio.Task[None]"], asyncio.Event]]:
    """Customers who write without a pause."""
    talk, leaving = Talk(), asyncio.Event()

    async def customer(number: int) -> None:
        async with aiohttp.ClientSession() as session:
            for turn in itertools.count():
                if leaving.is_set():
                    return
                await talk.ask(session, address, f"c{number}-{turn // 20}")

    tasks = [asyncio.create_task(customer(number)) for number in range(CUSTOMERS)]
    yield talk, tasks, leaving


async def paced(address: str, ends: Callable[[float], bool], name: str) -> Talk:
    """Messages at fixed times, until `ends` of the seconds that have passed says so."""
    talk, began, sent = Talk(), time.perf_counter(), list[asyncio.Task[None]]()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        for number in itertools.count():
            due = began + number / RATE_PER_S
            if ends(due - began):
                break
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sent.append(asyncio.create_task(talk.ask(session, address, f"{name}-{number % 50}", due)))
        await asyncio.gather(*sent)
    return talk


# The storm of swaps


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """What came of the swaps, as far as the customers and the server tell."""

    talk: Talk
    base_mb: float
    peak_mb: float
    after_mb: float
    refused: list[str]


def storm(folder: Path, *, quick: bool) -> dict[str, Any]:
    """Promotes and goes back while customers talk; what came of it."""
    data, swaps = folder / "data", QUICK_SWAPS if quick else SWAPS
    releases = Releases(data)
    made = make_releases(releases, QUICK_MADE if quick else MADE)
    model_mb = one_model_mb(releases, made)
    releases.promote(releases.open(made.whole[0]))
    with served(folder / "small", data, folder / "storm.log") as server, progress() as bar:
        seen = asyncio.run(swap_under_load(releases, made, server, bar, quick=quick))
    talk = seen.talk
    log = [json.loads(line) for line in (folder / "storm.log").read_text().splitlines() if line.startswith("{")]
    by = turns_by_release(data)
    return {
        "promotions_and_rollbacks": swaps,
        "seconds": QUICK_SECONDS if quick else SECONDS,
        "releases": len(made.whole),
        "damaged": made.damaged,
        "swapped": sum(line["event"] == "release_swapped" for line in log),
        "refused": sorted({line["release"] for line in log if line["event"] == "release_refused"}),
        "refused_but_whole": sorted(set(seen.refused) - set(made.damaged)),
        "messages": len(talk.latencies_ms),
        "failed": talk.failed,
        "releases_heard": len(talk.heard),
        "mixed": talk.mixed + by["mixed"],
        "damaged_served": sorted((set(talk.heard) | set(by["releases"])) & set(made.damaged)),
        "p50_ms": talk.percentile(50),
        "p99_ms": talk.percentile(99),
        "base_mb": round(seen.base_mb, 1),
        "peak_mb": round(seen.peak_mb, 1),
        "after_mb": round(seen.after_mb, 1),
        "one_model_mb": round(model_mb, 1),
    }


async def swap_under_load(releases: Releases, made: Made, server: Server, bar: Any, *, quick: bool) -> Storm:
    """The swaps, and the customers who talk meanwhile."""
    swaps, seconds = (QUICK_SWAPS, QUICK_SECONDS) if quick else (SWAPS, SECONDS)
    with talking(server.address) as (talk, tasks, leaving):
        await asyncio.sleep(QUICK_CALM_S if quick else CALM_S / 2)
        base_mb = server.resident_mb()
        peak_mb = await promote_many(releases, made, (swaps, seconds), server, bar)
        last = made.whole[-1]
        releases.promote(releases.open(last))
        heard_by_now = talk.heard.get(last, 0)
        await until(lambda: talk.heard.get(last, 0) > heard_by_now + CUSTOMERS)
        leaving.set()
        await asyncio.gather(*tasks)
    await asyncio.sleep(2)
    refused = await refused_by(server)
    return Storm(talk=talk, base_mb=base_mb, peak_mb=peak_mb, after_mb=server.resident_mb(), refused=refused)


async def promote_many(
    releases: Releases, made: Made, swaps_in_s: tuple[int, float], server: Server, bar: Any
) -> float:
    """Two promotions, then a rollback, and so on, whole and damaged as they come; returns the server's peak memory."""
    swaps, seconds = swaps_in_s
    moments, task, peak, began = random.Random(SEED), bar.add_task("swaps", total=swaps), 0.0, time.perf_counter()
    opened = {name: Release(folder=releases.folder / name, manifest=releases.manifest(name)) for name in releases.ids()}
    for number in range(swaps):
        await asyncio.sleep(max(0.0, began + seconds * number / swaps - time.perf_counter()))
        earlier = releases.earlier()
        if number % 3 == 2 and earlier:
            await asyncio.to_thread(releases.promote, opened[earlier[0]], How.ROLLED_BACK)
        else:
            names = list(made.damaged) if moments.random() < DAMAGED_SHARE else list(made.whole)
            await asyncio.to_thread(releases.promote, opened[moments.choice(names)])
        peak = max(peak, server.resident_mb())
        bar.advance(task)
    return peak


async def until(holds: Callable[[], bool]) -> None:
    """Waits, but not for ever."""
    deadline = time.monotonic() + SETTLE_S
    while not holds() and time.monotonic() < deadline:  # noqa: ASYNC110 - it is counted elsewhere
        await asyncio.sleep(0.05)


async def refused_by(server: Server) -> list[str]:
    """What the server says that it refuses."""
    async with aiohttp.ClientSession() as session, session.get(f"{server.address}/status") as response:
        return list((await response.json())["refused_releases"])


def one_model_mb(releases: Releases, made: Made) -> float:
    """What a second model adds to a process that has one."""
    host = ModelHost(releases)
    host.engine.read(["hello"])
    return_freed_memory()
    before = resident_mb()
    second = host.engine_of(made.whole[-1])
    second.read(["hello"])
    return_freed_memory()
    return resident_mb() - before


def resident_mb() -> float:
    """Of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def turns_by_release(data: Path) -> dict[str, Any]:
    """The releases that the store names, and replies whose words are another's."""
    connection = sqlite3.connect(f"file:{data / 'conversations.db'}?mode=ro", uri=True, timeout=30)
    try:
        events = connection.execute("SELECT data FROM events WHERE type_name = 'bot'").fetchall()
        found = {release for (release,) in connection.execute("SELECT DISTINCT release_id FROM turns")}
    finally:
        connection.close()
    said = [
        (event["metadata"]["release"], set(_MARK.findall(event.get("text") or ""))) for event in map(_event, events)
    ]
    return {"releases": found, "mixed": sum(bool(marks - {release}) for release, marks in said)}


def _event(row: tuple[str]) -> Any:
    return json.loads(row[0])


# A training beside


def train_beside(folder: Path, *, quick: bool) -> dict[str, Any]:
    """Latency before, beside and after a training."""
    assistant, data = folder / "small" if quick else STARTER, folder / "shop-data"
    kefu("train", assistant, "--data", data, "--method", "head")
    calm_s, longest_s = (QUICK_CALM_S, QUICK_TRAINING_S) if quick else (CALM_S, LONGEST_TRAINING_S)
    first = Releases(data).current_id()

    def calm(address: str, name: str, seconds: float = calm_s) -> Talk:
        console.print(f"{RATE_PER_S:g} messages a second, {seconds:g} s: {name}")
        return asyncio.run(paced(address, lambda passed: passed > seconds, name))

    with served(assistant, data, folder / "beside.log") as server:
        calm(server.address, "warm", calm_s / 4)
        before = calm(server.address, "before")
        console.print(f"{RATE_PER_S:g} messages a second, {longest_s:g} s at most: beside kefu train --force")
        training = start_training(assistant, data, folder / "training.log", quick=quick)
        began = time.perf_counter()
        try:
            beside = asyncio.run(
                paced(server.address, lambda passed: training.poll() is not None or passed > longest_s, "beside")
            )
            took_s, ended = time.perf_counter() - began, training.poll()
        finally:
            if training.poll() is None:
                training.kill()
            training.wait()
        if ended not in (0, None):
            raise RuntimeError(f"The training failed:\n{(folder / 'training.log').read_text()[-2000:]}")
        after = calm(server.address, "after")
    return {
        "messages_per_s": RATE_PER_S,
        "before": figures_of(before),
        "beside": figures_of(beside),
        "after": figures_of(after),
        "training_s": round(took_s, 1),
        "training_ended": ended == 0,
        "release_swapped": Releases(data).current_id() != first,
        "p99_ratio": round(beside.percentile(99) / ((before.percentile(99) + after.percentile(99)) / 2), 2),
        "failed": [*before.failed, *beside.failed, *after.failed],
    }


def start_training(assistant: Path, data: Path, log: Path, *, quick: bool) -> subprocess.Popen[bytes]:
    """A training that gives way, as those that the server begins."""
    method = ["--method", "head"] if quick else []
    command = [sys.executable, "-m", "bot.cli", "train", str(assistant), "--data", str(data), "--force", *method]
    threads = str(max(1, (os.cpu_count() or 2) // 2))
    environment = {**os.environ, "OMP_NUM_THREADS": threads}
    with log.open("wb") as output:
        return subprocess.Popen(["nice", "-n", "19", *command], stdout=output, stderr=output, cwd=ROOT, env=environment)


def figures_of(talk: Talk) -> dict[str, Any]:
    """How fast it was."""
    return {"messages": len(talk.latencies_ms), "p50_ms": talk.percentile(50), "p99_ms": talk.percentile(99)}


def report(swaps: dict[str, Any], beside: dict[str, Any], *, quick: bool) -> int:
    """Prints and writes it all."""
    failed = len(swaps["failed"]) + len(beside["failed"])
    musts = [
        Must(name="failed requests", value=failed, limit=0, at_most=True),
        Must(name="mixed replies", value=swaps["mixed"], limit=0, at_most=True),
        Must(name="damaged releases served", value=len(swaps["damaged_served"]), limit=0, at_most=True),
        Must(name="whole releases refused", value=len(swaps["refused_but_whole"]), limit=0, at_most=True),
        Must(
            name="MB after the swaps, base plus one model",
            value=swaps["after_mb"],
            limit=round(swaps["base_mb"] + swaps["one_model_mb"], 1),
            at_most=True,
        ),
        Must(name="p99 beside a training over p99 without", value=beside["p99_ratio"], limit=2, at_most=True),
    ]
    rows = [
        ("", "figure"),
        ("promotions and rollbacks", f"{swaps['promotions_and_rollbacks']} in {swaps['seconds']:g} s"),
        ("swaps made, releases refused", f"{swaps['swapped']}, {len(swaps['refused'])} of {len(swaps['damaged'])}"),
        ("messages meanwhile, p50 / p99", f"{swaps['messages']:,}, {swaps['p50_ms']} / {swaps['p99_ms']} ms"),
        ("releases heard", str(swaps["releases_heard"])),
        ("memory before / at most / after", f"{swaps['base_mb']} / {swaps['peak_mb']} / {swaps['after_mb']} MB"),
        ("one model", f"{swaps['one_model_mb']} MB"),
        *((f"{name} the training, p50 / p99", _times(beside[name])) for name in ("before", "beside", "after")),
        ("the training", f"{beside['training_s']} s{'' if beside['training_ended'] else ', cut off'}"),
    ]
    figures = {"seed": SEED, "quick": quick, "swaps": swaps, "training": beside}
    return finish("hot_swap-quick" if quick else "hot_swap", rows, figures, musts)


def _times(figures: dict[str, Any]) -> str:
    return f"{figures['p50_ms']} / {figures['p99_ms']} ms"


if __name__ == "__main__":
    sys.exit(main())
