"""The one crossing between the event loop and the models."""

import asyncio
from collections.abc import Sequence

from bot.batching import BatchWorker
from bot.engine import Reading
from bot.errors import Refused
from bot.model_host import ModelHost


class Inference:
    """Reads messages in micro-batches in one thread; releases are swapped between two batches.

    Args:
        timeout_s: A message not read by then is refused.
    """

    def __init__(self, host: ModelHost, *, max_batch: int, max_waiting: int, timeout_s: float) -> None:
        self.host = host
        self.timeout_s = timeout_s
        self._worker: BatchWorker[str, Reading] = BatchWorker(
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
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self._worker.submit(text)
        except TimeoutError as error:
            raise Refused(503, "Timeout", f"No answer within {self.timeout_s:g} s.", retry_after_s=5) from error

    async def close(self) -> None:
        """Finishes what waits and ends the thread."""
        await self._worker.close()

    def _read(self, texts: Sequence[str]) -> Sequence[Reading]:
        return self.host.engine.read(texts)
