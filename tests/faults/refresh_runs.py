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
    """Refreshes of an assistant, one process each."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._said: asyncio.Queue[list[str]] = asyncio.Queue()
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def open(cls, root: Path) -> "Nursery":
        """A process that has loaded everything."""
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(NURSERY), str(root), stdin=pipe, stdout=pipe, env=environment
        )
        nursery = cls(process)
        assert await nursery.line() == ["ready"]
        return nursery

    async def line(self) -> list[str]:
        """The next line that a refresh says, in words."""
        return await asyncio.wait_for(self._said.get(), 2 * PATIENCE_S)

    async def begin(self, data: Path, seconds: float = 0.0, *limit: int) -> list[str]:
        """Begins a refresh that takes so long, and gives what it says first: `begun PID`, or why it did not.

        Args:
            limit: Bytes that a file may have.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(f"refresh {data} {seconds} {' '.join(map(str, limit))}\n".encode())
        await self._process.stdin.drain()
        return await self.line()

    async def undisturbed(self, data: Path, *limit: int) -> list[str]:
        """A refresh from end to end: `ended 0 promoted ID steps`."""
        first = await self.begin(data, 0.0, *limit)
        return first if first[0] == "ended" else await self.line()

    async def killed(self, data: Path, seconds: float, after_s: float) -> bool:
        """A refresh that is killed after a while; False where it was through before."""
        said = await self.begin(data, seconds)
        assert said[0] == "begun", said
        try:
            await asyncio.wait_for(self._said.get(), after_s)
        except TimeoutError:
            os.kill(int(said[1]), signal.SIGKILL)
        else:
            return False
        while _runs(int(said[1])):  # noqa: ASYNC110 - its lock goes with it, and no event says so
            await asyncio.sleep(0.005)
        while not self._said.empty():
            self._said.get_nowait()
        return True

    async def close(self) -> None:
        """Ends the process that forks."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._listening

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            self._said.put_nowait(line.decode().split())


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


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
