"""An event loop that stands still is noticed from outside it."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.loop_watch import NOT_READY_S, LoopWatch

PATIENCE_S = 20


def hold_up_the_loop(until: Callable[[], bool]) -> None:
    nothing, waited_s = threading.Event(), 0.0
    while not until():
        assert waited_s < PATIENCE_S
        nothing.wait(0.01)
        waited_s += 0.01


@pytest.fixture
async def watch() -> Any:
    watching = LoopWatch(blocked_s=0.2, beat_s=0.01)
    task = asyncio.create_task(watching.run())
    await asyncio.sleep(0.05)
    yield watching
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_log_says_what_holds_the_loop_up_while_it_does(watch: LoopWatch) -> None:
    with capture_logs() as lines:
        hold_up_the_loop(lambda: any(line["event"] == "event_loop_blocked" for line in lines))
        async with asyncio.timeout(PATIENCE_S):
            while len(lines) < 2:  # noqa: ASYNC110 - it is the loop that is watched
                await asyncio.sleep(0.01)

    blocked, free = lines
    assert any("hold_up_the_loop" in place for place in blocked["where"])
    assert (free["event"], free["blocked_s"] >= 0.2) == ("event_loop_free", True)


async def test_a_loop_that_comes_round_is_left_alone(watch: LoopWatch) -> None:
    with capture_logs() as lines:
        for _ in range(20):
            await asyncio.sleep(0.01)

    assert lines == []
    assert not watch.was_held_up


async def test_the_server_is_ready_again_some_time_after_the_loop_moved() -> None:
    moments = [0.0]
    watching = LoopWatch(now=lambda: moments[0])
    watching._held_up_at = 5.0

    seen = []
    for moments[0] in (5.0, 5.0 + NOT_READY_S - 0.1, 5.0 + NOT_READY_S):
        seen.append(watching.was_held_up)

    assert seen == [True, True, False]
