"""Crosses from the event loop to one thread and back: a bounded queue, batches, and futures that always resolve.

Used by inference (a batch is one forward pass) and by the conversation store (a batch is one commit). There is no
waiting window: while a batch is in work the next one gathers, so a lone message is taken at once and a crowd is
taken together.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from bot.errors import Overloaded

Item = TypeVar("Item")
Result = TypeVar("Result")

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Job(Generic[Item, Result]):
    item: Item
    future: "asyncio.Future[Result]"
    loop: asyncio.AbstractEventLoop


class BatchWorker(Generic[Item, Result]):
    """One thread that works off a queue in batches.

    Args:
        process: Given 1 to `max_batch` items, returns a result or an exception for each, in their order.
        max_waiting: Items that may wait or be in work; one more is refused.
    """

    def __init__(
        self,
        name: str,
        process: Callable[[Sequence[Item]], Sequence[Result | Exception]],
        *,
        max_batch: int,
        max_waiting: int,
    ) -> None:
        self._name = name
        self._process = process
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._queue: queue.SimpleQueue[_Job[Item, Result] | None] = queue.SimpleQueue()
        self._waiting = 0
        self._closed = False
        self._ending = threading.Lock()  # nothing is put into the queue once the thread has emptied it for good
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Items waiting or in work."""
        return self._waiting

    async def submit(self, item: Item) -> Result:
        """Hands `item` to the thread and waits for its result.

        Raises:
            Overloaded: Too many are waiting, or the worker has ended.
        """
        if self._waiting >= self._max_waiting:
            raise Overloaded(f"{self._name} has {self._waiting} messages waiting")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        job = _Job(item, future, loop)
        with self._ending:
            if self._closed:
                raise Overloaded(f"{self._name} has stopped")
            self._queue.put(job)
        self._waiting += 1
        future.add_done_callback(self._one_done)
        return await future

    async def close(self) -> None:
        """Finishes what is waiting and ends the thread."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _one_done(self, _: "asyncio.Future[Result]") -> None:
        self._waiting -= 1

    def _run(self) -> None:
        batch: list[_Job[Item, Result]] = []
        ending = False
        try:
            while not ending:
                batch, ending = self._gather()
                if batch:
                    self._work(batch)
                batch = []
        finally:
            # The thread ends here in every case; whoever still waits must hear of it.
            with self._ending:
                self._closed = True
                abandoned = batch + self._remaining()
            self._resolve(abandoned, [Overloaded(f"{self._name} has stopped")] * len(abandoned))

    def _gather(self) -> tuple[list[_Job[Item, Result]], bool]:
        """Waits for one job, then takes what has gathered behind it; True at the end of the queue."""
        job = self._queue.get()
        batch = []
        while job is not None:
            if not job.future.cancelled():
                batch.append(job)
            if len(batch) == self._max_batch:
                return batch, False
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _work(self, batch: list[_Job[Item, Result]]) -> None:
        try:
            results: Sequence[Result | Exception] = self._process([job.item for job in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"{self._name} gave {len(results)} results for {len(batch)} items")
        except Exception as error:
            _log.exception("batch_failed", worker=self._name, size=len(batch))
            results = [error] * len(batch)
        self._resolve(batch, results)

    def _remaining(self) -> list[_Job[Item, Result]]:
        jobs = []
        while not self._queue.empty():
            job = self._queue.get_nowait()
            if job is not None:
                jobs.append(job)
        return jobs

    @staticmethod
    def _resolve(batch: Sequence[_Job[Item, Result]], results: Sequence[Result | Exception]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Result], Result | Exception]]] = {}
        for job, result in zip(batch, results, strict=True):
            by_loop.setdefault(job.loop, []).append((job.future, result))
        for loop, outcomes in by_loop.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, outcomes)


def _settle(outcomes: "Sequence[tuple[asyncio.Future[Result], Result | Exception]]") -> None:
    for future, result in outcomes:
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
