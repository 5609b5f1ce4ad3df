"""From the event loop to one thread and back: everything handed over comes back, whatever happens to the thread."""

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

import bot.batching
from bot.batching import BatchWorker
from bot.errors import Overloaded, Refused

# Python says nothing of a thread that ends by SystemExit, but pytest does.
dies = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
PATIENCE_S = 5  # only ever waited for by a test that is about to fail


class Gate:
    """A process that notes its batches and goes on only when it is let."""

    def __init__(self, answer: Callable[[Sequence[int]], Any] | None = None) -> None:
        self.batches: list[list[int]] = []
        self.started = threading.Semaphore(0)
        self.may_go = threading.Semaphore(0)
        self.answer = answer or (lambda items: [10 * item for item in items])

    def __call__(self, items: Sequence[int]) -> Any:
        self.batches.append(list(items))
        self.started.release()
        assert self.may_go.acquire(timeout=PATIENCE_S)
        return self.answer(items)

    async def wait_for_start(self) -> None:
        assert await asyncio.to_thread(self.started.acquire, timeout=PATIENCE_S)

    def open(self, times: int = 1000) -> None:
        self.may_go.release(times)


@pytest.fixture
async def workers() -> AsyncIterator[list[BatchWorker[int, int]]]:
    """Workers to close at the end, with the gates that might hold them up."""
    made: list[BatchWorker[int, int]] = []
    yield made
    for worker in made:
        await worker.close()


@pytest.fixture
def start(workers: list[BatchWorker[int, int]]) -> Callable[..., BatchWorker[int, int]]:
    def make(process: Any, *, max_batch: int = 8, max_waiting: int = 100) -> BatchWorker[int, int]:
        worker: BatchWorker[int, int] = BatchWorker("test", process, max_batch=max_batch, max_waiting=max_waiting)
        workers.append(worker)
        return worker

    return make


Start = Callable[..., BatchWorker[int, int]]


async def hand_over(worker: BatchWorker[int, int], *items: int) -> list["asyncio.Task[int]"]:
    """Tasks that have put their item into the queue."""
    tasks = [asyncio.create_task(worker.submit(item)) for item in items]
    await asyncio.sleep(0)
    return tasks


async def results(tasks: Sequence["asyncio.Task[int]"]) -> list[Any]:
    async with asyncio.timeout(PATIENCE_S):
        return await asyncio.gather(*tasks, return_exceptions=True)


async def check_stopped(worker: BatchWorker[int, int]) -> None:
    with pytest.raises(Overloaded, match="test has stopped"):
        async with asyncio.timeout(PATIENCE_S):
            await worker.submit(9)


async def test_items_gather_into_a_batch_while_another_is_in_work(start: Start) -> None:
    gate = Gate()
    worker = start(gate, max_batch=3)
    tasks = await hand_over(worker, 0)
    await gate.wait_for_start()
    tasks += await hand_over(worker, 1, 2, 3, 4)
    gate.open()

    assert await results(tasks) == [0, 10, 20, 30, 40]
    assert gate.batches == [[0], [1, 2, 3], [4]]


async def test_each_caller_gets_its_own_result(start: Start) -> None:
    worker = start(lambda items: [item + 1000 for item in items], max_batch=7, max_waiting=500)

    tasks = await hand_over(worker, *range(400))

    assert await results(tasks) == [item + 1000 for item in range(400)]


async def test_an_exception_among_the_results_reaches_only_its_caller(start: Start) -> None:
    gate = Gate(lambda items: [ValueError(item) if item == 2 else item for item in items])
    worker = start(gate)
    tasks = await hand_over(worker, 0)
    await gate.wait_for_start()
    tasks += await hand_over(worker, 1, 2, 3)
    gate.open()

    zero, one, two, three = await results(tasks)

    assert (zero, one, three) == (0, 1, 3)
    assert isinstance(two, ValueError)
    assert gate.batches == [[0], [1, 2, 3]]


async def test_a_failing_batch_fails_for_all_its_callers_and_the_worker_lives(start: Start) -> None:
    def answer(items: Sequence[int]) -> list[int]:
        if 2 in items:
            raise RuntimeError("broken")
        return list(items)

    gate = Gate(answer)
    worker = start(gate)
    tasks = await hand_over(worker, 0)
    await gate.wait_for_start()
    tasks += await hand_over(worker, 1, 2, 3)
    gate.open()

    zero, *failed = await results(tasks)

    assert zero == 0
    assert [str(error) for error in failed] == ["broken"] * 3
    assert await worker.submit(7) == 7
    assert worker.waiting == 0


@pytest.mark.parametrize("given", [[], [1, 2, 3]])
async def test_a_wrong_number_of_results_is_an_error_for_every_caller(start: Start, given: list[int]) -> None:
    gate = Gate(lambda items: given if len(items) == 2 else list(items))
    worker = start(gate)
    tasks = await hand_over(worker, 0)
    await gate.wait_for_start()
    tasks += await hand_over(worker, 1, 2)
    gate.open()

    zero, one, two = await results(tasks)

    assert zero == 0
    assert f"test gave {len(given)} results for 2 items" in str(one)
    assert isinstance(one, RuntimeError)
    assert isinstance(two, RuntimeError)
    assert await worker.submit(5) == 5


@dies
async def test_when_the_thread_dies_everyone_who_waits_hears_of_it(start: Start) -> None:
    def die(_: Sequence[int]) -> list[int]:
        raise SystemExit

    gate = Gate(die)
    worker = start(gate, max_batch=2)
    tasks = await hand_over(worker, 0)
    await gate.wait_for_start()
    tasks += await hand_over(worker, 1, 2, 3, 4)
    gate.open()

    outcomes = await results(tasks)

    assert [type(outcome) for outcome in outcomes] == [Overloaded] * 5
    assert gate.batches == [[0]]
    assert worker.waiting == 0
    await check_stopped(worker)


@dies
@pytest.mark.parametrize("moment", ["before it is put into the queue", "as it is put into the queue"])
async def test_an_item_handed_over_while_the_thread_dies_is_refused(
    start: Start, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def die(_: Sequence[int]) -> list[int]:
        raise SystemExit

    gate = Gate(die)
    worker = start(gate)
    tasks = await hand_over(worker, 0)
    await gate.wait_for_start()
    thread = next(thread for thread in threading.enumerate() if thread.name == "test")

    def let_it_die() -> None:
        gate.open()
        thread.join(0.3)  # it may have to wait for the queue itself

    if moment == "before it is put into the queue":
        make_job = bot.batching._Job
        monkeypatch.setattr(bot.batching, "_Job", lambda *values: (let_it_die(), make_job(*values))[1])
    else:

        class LateQueue(queue.SimpleQueue[Any]):
            def put(self, *values: Any) -> None:
                let_it_die()
                super().put(*values)

        monkeypatch.setattr(worker, "_queue", LateQueue())
    tasks += await hand_over(worker, 1)

    assert [type(outcome) for outcome in await results(tasks)] == [Overloaded] * 2


async def test_one_more_than_may_wait_is_refused_and_told_when_to_come_back(start: Start) -> None:
    gate = Gate()
    worker = start(gate, max_batch=1, max_waiting=2)
    tasks = await hand_over(worker, 1)
    await gate.wait_for_start()
    tasks += await hand_over(worker, 2)
    assert worker.waiting == 2

    with pytest.raises(Overloaded) as refused:
        async with asyncio.timeout(PATIENCE_S):
            await worker.submit(3)
    gate.open()

    assert isinstance(refused.value, Refused)
    assert (refused.value.status, refused.value.reason, refused.value.retry_after_s) == (503, "Overloaded", 1)
    assert "test has 2 messages waiting" in str(refused.value)
    assert await results(tasks) == [10, 20]
    assert worker.waiting == 0
    assert await worker.submit(4) == 40


async def test_callers_who_give_up_leave_the_others_unharmed(start: Start) -> None:
    gate = Gate()
    worker = start(gate, max_waiting=4)
    tasks = await hand_over(worker, 0)
    await gate.wait_for_start()
    tasks += await hand_over(worker, 1, 2, 3)
    for task in (tasks[0], tasks[2]):  # one in work, one that waits
        task.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert worker.waiting == 2, "who has given up takes nobody's place"
    tasks += await hand_over(worker, 4)
    gate.open()

    outcomes = await results(tasks)

    assert [outcomes[index] for index in (1, 3, 4)] == [10, 30, 40]
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert isinstance(outcomes[2], asyncio.CancelledError)
    assert gate.batches == [[0], [1, 3, 4]], "no work is done for who has given up"


async def test_closing_finishes_what_waits_and_refuses_the_rest(start: Start) -> None:
    gate = Gate()
    worker = start(gate, max_batch=2)
    tasks = await hand_over(worker, 0)
    await gate.wait_for_start()
    tasks += await hand_over(worker, 1, 2, 3)
    closing = asyncio.create_task(worker.close())
    await asyncio.sleep(0)
    await check_stopped(worker)
    assert not closing.done()
    gate.open()

    assert await results(tasks) == [0, 10, 20, 30]
    async with asyncio.timeout(PATIENCE_S):
        await closing
        await worker.close()  # once more does no harm
    assert "test" not in {thread.name for thread in threading.enumerate()}


@dies
async def test_closing_a_worker_that_has_died_returns_at_once(start: Start) -> None:
    def die(_: Sequence[int]) -> list[int]:
        raise SystemExit

    worker = start(die)
    assert [type(outcome) for outcome in await results(await hand_over(worker, 1))] == [Overloaded]

    async with asyncio.timeout(PATIENCE_S):
        await worker.close()
