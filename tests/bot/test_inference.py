"""The crossing between the event loop and the models: batches by one release, and a limit to patience."""

import asyncio
import threading
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from bot.errors import Refused
from bot.inference import Inference

PATIENCE_S = 5  # only ever waited for by a test that is about to fail


class SlowEngine:
    """An engine that notes what it reads and goes on only when it is let."""

    def __init__(self, release_id: str) -> None:
        self.id = release_id
        self.batches: list[list[str]] = []
        self.started = threading.Event()
        self.may_go = threading.Event()

    def read(self, texts: list[str]) -> list[Any]:
        self.batches.append(list(texts))
        self.started.set()
        assert self.may_go.wait(PATIENCE_S)
        return [SimpleNamespace(text=text, engine=self) for text in texts]

    async def wait_for_start(self) -> None:
        assert await asyncio.to_thread(self.started.wait, PATIENCE_S)


@pytest.fixture
def host() -> Any:
    return SimpleNamespace(engine=SlowEngine("r1"), is_loaded=True)


@pytest.fixture
async def inference(host: Any) -> AsyncIterator[Inference]:
    inference = Inference(host, max_batch=4, max_waiting=10, timeout_s=PATIENCE_S)
    yield inference
    host.engine.may_go.set()
    await inference.close()


async def hand_over(inference: Inference, *texts: str) -> list["asyncio.Task[Any]"]:
    tasks = [asyncio.create_task(inference.read(text)) for text in texts]
    await asyncio.sleep(0)
    return tasks


async def test_each_message_is_read_and_comes_back_to_who_asked(inference: Inference, host: Any) -> None:
    host.engine.may_go.set()

    readings = await asyncio.gather(*(inference.read(text) for text in "abcdefg"))

    assert [reading.text for reading in readings] == list("abcdefg")
    assert inference.waiting == 0


async def test_a_release_swapped_in_meanwhile_reads_the_next_batch_whole(inference: Inference, host: Any) -> None:
    old, new = host.engine, SlowEngine("r2")
    tasks = await hand_over(inference, "a")
    await old.wait_for_start()
    tasks += await hand_over(inference, "b", "c")
    host.engine = new
    for engine in (old, new):
        engine.may_go.set()

    readings = await asyncio.gather(*tasks)

    assert [reading.engine.id for reading in readings] == ["r1", "r2", "r2"]
    assert (old.batches, new.batches) == ([["a"]], [["b", "c"]])


async def test_a_turn_that_began_with_the_old_release_is_read_by_it_to_its_end(inference: Inference, host: Any) -> None:
    old, new = host.engine, SlowEngine("r2")
    tasks = await hand_over(inference, "a")
    await old.wait_for_start()
    tasks += [asyncio.create_task(inference.read(text, old)) for text in ("b", "c")]
    tasks += await hand_over(inference, "d")
    host.engine = new
    for engine in (old, new):
        engine.may_go.set()

    readings = await asyncio.gather(*tasks)

    assert [(reading.text, reading.engine.id) for reading in readings] == [
        *(("a", "r1"), ("b", "r1"), ("c", "r1"), ("d", "r2"))
    ]
    assert (old.batches, new.batches) == ([["a"], ["b", "c"]], [["d"]])


async def test_without_a_model_only_turns_that_began_with_one_are_read(inference: Inference, host: Any) -> None:
    old = host.engine
    old.may_go.set()
    host.is_loaded = False

    found = await asyncio.gather(inference.read("a", old), inference.read("b"), return_exceptions=True)

    assert getattr(found[0], "text", None) == "a"
    assert isinstance(found[1], Refused)
    assert found[1].status == 409


async def test_who_waits_too_long_is_refused_and_not_read_later(host: Any) -> None:
    inference = Inference(host, max_batch=4, max_waiting=10, timeout_s=0.05)
    (first,) = await hand_over(inference, "a")
    await host.engine.wait_for_start()
    (second,) = await hand_over(inference, "b")

    outcomes = await asyncio.gather(first, second, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [Refused, Refused]
    assert (outcomes[1].status, outcomes[1].reason, outcomes[1].retry_after_s) == (503, "Timeout", 5)
    assert "No answer within 0.05 s" in str(outcomes[1])
    assert inference.waiting == 0
    host.engine.may_go.set()
    await inference.close()
    assert host.engine.batches == [["a"]]


async def test_an_engine_that_breaks_breaks_only_what_it_was_reading(inference: Inference, host: Any) -> None:
    def broken(_: list[str]) -> list[Any]:
        raise MemoryError

    working, host.engine = host.engine, SimpleNamespace(read=broken)
    with pytest.raises(MemoryError):
        await inference.read("a")
    host.engine = working
    working.may_go.set()

    assert (await inference.read("b")).text == "b"


async def test_a_message_that_cannot_be_read_does_not_fail_those_beside_it(inference: Inference, host: Any) -> None:
    read = host.engine.read

    def choosy(texts: list[str]) -> list[Any]:
        readings: list[Any] = read(texts)
        if "bad" in texts:
            raise ValueError(texts)
        return readings

    host.engine.read = choosy
    first = await hand_over(inference, "first")
    await host.engine.wait_for_start()
    others = await hand_over(inference, "a", "bad", "b")
    host.engine.may_go.set()

    read_a, error, read_b = await asyncio.gather(*others, return_exceptions=True)

    assert (await first[0]).text == "first"
    assert isinstance(error, ValueError)
    assert [one.text for one in (read_a, read_b) if not isinstance(one, BaseException)] == ["a", "b"]
    assert host.engine.batches == [["first"], ["a", "bad", "b"], ["a"], ["bad"], ["b"]]
