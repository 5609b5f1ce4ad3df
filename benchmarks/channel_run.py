"""One channel's run: a server that can be killed, and a platform that brings messages to it."""

import asyncio
import os
import random
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from fakes.platform import Fault, Platform, Request
from rich.progress import Progress

from benchmarks.measuring import ROOT

SEED = 5
EACH = 5  # messages of one customer
AT_ONCE = 24  # customers that write at the same time
DOUBLE, REORDER = 0.05, 0.05
AGAIN_S = 0.1
FAULTS = ((Fault.TOO_MANY, 0.02), (Fault.SERVER_ERROR, 0.02), (Fault.HANG_UP, 0.005), (Fault.LOST_ANSWER, 0.005))


class Server:
    """A `kefu run` that can be killed and started again, on another port each time.

    Attributes:
        address: Where it listens; None while it does not.
    """

    def __init__(self, assistant: Path, data: Path, log: Path, environment: Mapping[str, str]) -> None:
        self._command = [sys.executable, "-m", "bot.cli", "run", str(assistant), "--data", str(data), "--port", "0"]
        self._log, self._environment = log, {**os.environ, **environment}
        self.address: str | None = None
        self._process: subprocess.Popen[str] | None = None
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def start(self) -> None:
        """Starts it."""
        await asyncio.to_thread(self._start)

    def _start(self) -> None:
        with self._log.open("a") as errors:
            self._process = subprocess.Popen(
                [*self._command, "--log-format", "json"],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=ROOT,
                env=self._environment,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(r"http://\S+?(?=,)", line)
        if found is None:
            raise RuntimeError(f"The server did not start:\n{self._log.read_text()[-2000:]}")
        self.address = found[0]

    async def ask(self, request: Request) -> tuple[int, bytes]:
        """The status and the body of its answer; 0 where there is none."""
        if self.address is None:
            return 0, b""
        try:
            async with self._session.request(
                request.method, self.address + request.path, headers=request.headers, data=request.body
            ) as response:
                return response.status, await response.read()
        except (aiohttp.ClientError, OSError):
            return 0, b""

    async def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self.address = None
        self._process.kill()
        await asyncio.to_thread(self._process.wait)

    async def end(self) -> None:
        """SIGTERM."""
        await self._session.close()
        if self._process is not None:
            self._process.terminate()
            await asyncio.to_thread(self._process.wait)


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


class Run:
    """Brings a channel's messages."""

    def __init__(self, platform: Platform, server: Server, messages: int, bar: Progress) -> None:
        self._platform, self._server, self._messages, self._bar = platform, server, messages, bar
        self._random = random.Random(SEED)
        self._done = 0
        self._task = bar.add_task(platform.channel, total=messages)
        self.delivery = Delivery()

    async def verified(self) -> dict[str, bool]:
        """Which forgeries are believed, after something genuine was taken."""
        await self._brought("probe", "n0x0x00000000 hello", "probe")
        return await self._platform.believed(self._server)

    async def deliver(self) -> None:
        """Brings all messages, with a kill in the middle."""
        self._platform.failed = self._fault  # type: ignore[method-assign]
        gate = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(
            *(self._customer(number, gate) for number in range(self._messages // EACH)), self._kill_in_the_middle()
        )

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
            if await self._platform.carry(self._server, user=user, text=text, id=message_id):
                self.delivery.accept_ms.append(1e3 * (time.perf_counter() - started))
                return
            self.delivery.again += 1
            await asyncio.sleep(AGAIN_S)

    def _fault(self) -> Fault | None:
        drawn = self._random.random()
        for fault, share in FAULTS:
            if drawn < share:
                return fault
            drawn -= share
        return None
