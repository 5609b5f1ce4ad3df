"""What the benchmarks share: the machine's name, a served assistant, many customers at once, and the result file."""

import asyncio
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

import training.progress

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).resolve().parent / "results"
SHARED_DATA = ROOT.parent / "shared" / "data"
PACKAGES = ("kefu", "torch", "onnxruntime", "faiss-cpu", "aiohttp", "sqlalchemy")

console = Console(stderr=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Must:
    """A figure that has to be reached; `at_most` turns the comparison round."""

    name: str
    value: float
    limit: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        return self.value <= self.limit if self.at_most else self.value >= self.limit


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    return {
        "cpu": cpu[1] if cpu else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(int(memory[1]) / 2**20, 1) if memory else None,
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "commit": subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude=*"],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        ).stdout.strip(),
    }


@contextmanager
def peak_memory() -> Iterator[Callable[[], float]]:
    """Gives a function that says the most memory, in MB, that this process has held since."""
    Path("/proc/self/clear_refs").write_text("5")  # starts the peak anew

    def peak_mb() -> float:
        found = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())
        return int(found[1]) / 1024 if found else float("nan")

    yield peak_mb


class TrainingBar:
    """Draws a training's progress on one bar; `training.progress.Report` in form."""

    def __init__(self, bar: Progress, name: str) -> None:
        self._bar, self._name = bar, name
        self._task = bar.add_task(name, total=None)

    def __call__(self, progress: training.progress.Progress) -> None:
        """Draws where the training stands."""
        done = f"{self._name}: {progress.stage}"
        if progress.epochs:
            done += f", epoch {progress.epoch} of {progress.epochs}, loss {progress.loss or 0:.3f}"
        self._bar.update(self._task, description=done, completed=progress.done, total=progress.total)

    def say(self, stage: str) -> None:
        """Names what is done besides training."""
        self._bar.update(self._task, description=f"{self._name}: {stage}", completed=0, total=None)


@contextmanager
def progress_of(name: str) -> Iterator[TrainingBar]:
    """A bar for the time of one training."""
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console) as bar:
        yield TrainingBar(bar, name)


def finish(name: str, rows: Sequence[tuple[str, ...]], figures: dict[str, Any], musts: Sequence[Must]) -> int:
    """Prints the table, writes `results/<name>.json`, and returns the exit code: 1 where a must is missed."""
    table = Table(title=name)
    for column in rows[0]:
        table.add_column(column, justify="left" if column == rows[0][0] else "right")
    for row in rows[1:]:
        table.add_row(*row)
    out = Console()
    out.print(table)
    for must in musts:
        sign = "at most" if must.at_most else "at least"
        out.print(f"{'reached' if must.met else 'MISSED '}  {must.name}: {must.value:.4g}, {sign} {must.limit:g}")
    RESULTS.mkdir(exist_ok=True)
    checks = [{"name": m.name, "value": m.value, "limit": m.limit, "at_most": m.at_most, "met": m.met} for m in musts]
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": machine(), "figures": figures, "musts": checks}, indent=1) + "\n")
    out.print(f"Written to {path.relative_to(ROOT)}")
    return 0 if all(must.met for must in musts) else 1


def kefu(*arguments: str | Path) -> None:
    """Runs the `kefu` command and shows what it prints."""
    subprocess.run([sys.executable, "-m", "bot.cli", *map(str, arguments)], check=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running `kefu run`.

    Attributes:
        start_s: From starting the process to its first answer over HTTP.
    """

    process: subprocess.Popen[str]
    address: str
    start_s: float

    def resident_mb(self) -> float:
        """Resident memory of the process now, in MB of 10^6 bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def served(assistant: Path, data: Path, log: Path) -> Iterator[Server]:
    """Serves an assistant in a process of its own on a free port; its JSON log goes to `log`."""
    command = [sys.executable, "-m", "bot.cli", "run", str(assistant), "--data", str(data), "--port", "0"]
    started = time.perf_counter()
    with log.open("w") as errors:
        process = subprocess.Popen(
            [*command, "--log-format", "json"], stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.search(r"http://\S+?(?=,)", line)
        if found is None:
            raise RuntimeError(f"The server did not start; see {log}:\n{log.read_text()[-2000:]}")
        address = found[0]
        asyncio.run(_ask_once(address))
        yield Server(process=process, address=address, start_s=time.perf_counter() - started)
    finally:
        process.terminate()
        process.wait(20)


async def _ask_once(address: str) -> None:
    async with customers(address) as ask:
        await ask("benchmark-first", "hello")


@asynccontextmanager
async def customers(address: str) -> AsyncIterator[Any]:
    """Gives a function that sends one message and returns the reply items and the milliseconds it took."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(sender: str, text: str) -> tuple[list[dict[str, Any]], float]:
            started = time.perf_counter()
            body = {"sender": sender, "message": text}
            async with session.post(f"{address}/webhooks/rest/webhook", json=body) as response:
                response.raise_for_status()
                items = await response.json()
            return items, 1e3 * (time.perf_counter() - started)

        yield ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What came of many messages: the replies in order, and how fast they came."""

    replies: list[list[dict[str, Any]] | None]
    latencies_ms: list[float]
    seconds: float

    @property
    def rate(self) -> float:
        """Messages answered a second."""
        return len(self.latencies_ms) / self.seconds

    def percentiles(self) -> dict[str, float]:
        """Latency in milliseconds."""
        p50, p95, p99 = np.percentile(self.latencies_ms, [50, 95, 99])
        return {"p50_ms": round(float(p50), 2), "p95_ms": round(float(p95), 2), "p99_ms": round(float(p99), 2)}


def send_all(address: str, texts: Sequence[str], conversations: int, title: str) -> Load:
    """Sends every text once, from `conversations` customers who each wait for their reply before writing again."""

    async def work() -> Load:
        replies: list[list[dict[str, Any]] | None] = [None] * len(texts)
        latencies: list[float] = []
        waiting = iter(range(len(texts)))
        async with customers(address) as ask:
            with progress() as bar:
                task = bar.add_task(title, total=len(texts))

                async def customer(number: int) -> None:
                    for index in waiting:
                        try:
                            replies[index], spent_ms = await ask(f"{title}-{number}", texts[index])
                            latencies.append(spent_ms)
                        except aiohttp.ClientError as error:
                            console.print(f"[red]message {index}: {error}[/red]")
                        bar.advance(task)

                started = time.perf_counter()
                await asyncio.gather(*(customer(number) for number in range(conversations)))
                seconds = time.perf_counter() - started
        return Load(replies=replies, latencies_ms=latencies, seconds=seconds)

    return asyncio.run(work())


def progress() -> Progress:
    """A bar with how many are done and the time left."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    )
