"""Runs refreshes in processes of their own, and kills them."""

import asyncio
import os
import signal
import sys
from functools import partial
from pathlib import Path

from fault_world import PATIENCE_S, ROOT

from bot.stores.evidence import write_evidence
from bot.stores.labels import Label, LabelKind, give_label
from bot.stores.sqlite import SqliteStore
from bot.stores.turn import Evidence

NURSERY = Path(__file__).with_name("refresh_nursery.py")
LABELS = [
    ("new_intent", "crypto", "pay with bitcoin"),
    ("new_intent", "crypto", "do you take crypto coins"),
    ("answer", "Yes, Tom.", "do you have a cat"),
    ("pair", "h02", "tell me what it costs"),
    ("intent", "greet", "a very good day to you all"),
]


class Nursery:
    """Refreshes of one data folder, one process each."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def open(cls, root: Path, data: Path) -> "Nursery":
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(NURSERY),
            str(root),
            str(data),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
        )
        nursery = cls(process)
        assert await nursery.line() == ["ready"]
        return nursery

    async def line(self) -> list[str]:
        """The next line that a refresh says, in words."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), 2 * PATIENCE_S)
        return line.decode().split()

    async def begin(self, seconds: float = 0.0) -> list[str]:
        """Begins a refresh that takes so long, and gives what it says first: `begun PID`, or why it did not."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"refresh {seconds}\n".encode())
        await self._process.stdin.drain()
        return await self.line()

    async def undisturbed(self) -> list[str]:
        """A refresh from end to end: `ended 0 promoted ID steps`."""
        first = await self.begin()
        return first if first[0] == "ended" else await self.line()

    async def killed(self, seconds: float, after_s: float) -> bool:
        """A refresh that is killed after a while; False where it was through before."""
        said = await self.begin(seconds)
        assert said[0] == "begun", said
        ending = asyncio.create_task(self.line())
        await asyncio.wait([ending], timeout=after_s)
        if ending.done():
            return False
        ending.cancel()
        os.kill(int(said[1]), signal.SIGKILL)
        return True

    async def close(self) -> None:
        """Ends the process that forks."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


async def write_labels(database: Path) -> None:
    """Turns, and what a reviewer has said of them; no server may have the file open."""
    store = SqliteStore(database)
    await store.open()
    for number, (kind, value, text) in enumerate(LABELS):
        turn = {"conversation_id": f"taught{number}", "seq": 1}
        why = Evidence(at=1.0, release_id="rel0000", reason="unsure", confidence=0.1, evidence={}, message=text)
        await store.write(partial(write_evidence, **turn, why=why))
        label = Label(
            conversation_id=turn["conversation_id"],
            turn_seq=1,
            text=text,
            kind=LabelKind(kind),
            value=value,
            who="anna",
            at=1.0,
        )
        await store.write(partial(give_label, given=label))
    await store.close()
