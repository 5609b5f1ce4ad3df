"""The one crossing between the event loop and the models."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.batching import BatchWorker
from bot.engine import Engine, Reading
from bot.errors import Refused
from bot.model_host import ModelHost


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A message, and how much is wanted to know of it."""

    text: str
    parsed: bool = False
    explained: bool = False


class Inference:
    """Reads messages in micro-batches in one thread; releases are swapped between two batches.

    Args:
        timeout_s: A message not read by then is refused.
    """

    def __init__(self, host: ModelHost, *, max_batch: int, max_waiting: int, timeout_s: float) -> None:
        self.host = host
        self.timeout_s = timeout_s
        self._worker: BatchWorker[_Asked, Reading] = BatchWorker(
            "inference", self._read, max_batch=max_batch, max_waiting=max_waiting
        )

    @property
    def waiting(self) -> int:
        """Messages waiting or being read."""
        return self._worker.waiting

    async def read(self, text: str) -> Reading:
        """Understands one message and looks it up.

        Raises:
            Refused: Too many wait, or it took too long.
        """
        return await self._ask(_Asked(text=text))

    async def parse(self, text: str, *, explained: bool = False) -> Reading:
        """As `read`, and finds every intent of the message and, where it is wanted, the reasons.

        An explanation takes the thread for some sixty messages' time; messages meanwhile wait.

        Raises:
            Refused: Too many wait, or it took too long.
        """
        return await self._ask(_Asked(text=text, parsed=True, explained=explained))

    async def close(self) -> None:
        """Finishes what waits and ends the thread."""
        await self._worker.close()

    async def _ask(self, asked: _Asked) -> Reading:
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self._worker.submit(asked)
        except TimeoutError as error:
            raise Refused(503, "Timeout", f"No answer within {self.timeout_s:g} s.", retry_after_s=5) from error

    def _read(self, batch: Sequence[_Asked]) -> Sequence[Reading | Exception]:
        engine = self.host.engine
        readings = engine.read([asked.text for asked in batch])
        return [
            _parsed(engine, reading, asked) if asked.parsed else reading
            for reading, asked in zip(readings, batch, strict=True)
        ]


def _parsed(engine: Engine, reading: Reading, asked: _Asked) -> Reading | Exception:
    try:
        return engine.parse(reading, explained=asked.explained)
    except Exception as error:  # an edge of the worker's loop: the messages beside it have been read
        return error
