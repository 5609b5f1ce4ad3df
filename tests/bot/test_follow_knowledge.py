"""Edits are taken over while no message comes: at once while some are left, and whatever goes wrong."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot import app
from bot.errors import Overloaded


class Edits:
    """In an inference's place: each call takes an outcome of the list; the last one holds the caller up."""

    def __init__(self, *outcomes: bool | Exception) -> None:
        self.outcomes = list(outcomes)
        self.used_up = asyncio.Event()

    async def catch_up(self) -> bool:
        if not self.outcomes:
            self.used_up.set()
            await asyncio.Event().wait()
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it wanted to sleep each time; it does not."""
    wanted: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        wanted.append(seconds)
        await sleep(0)

    monkeypatch.setattr(app.asyncio, "sleep", note)
    return wanted


async def follow(edits: Any) -> None:
    task = asyncio.create_task(app.follow_knowledge(edits, 7.0))
    used_up = asyncio.create_task(edits.used_up.wait())
    await asyncio.wait({task, used_up}, return_when=asyncio.FIRST_COMPLETED)
    ended = task.done()
    for one in (task, used_up):
        one.cancel()
    await asyncio.gather(task, used_up, return_exceptions=True)
    assert not ended, "it gave up"


async def test_while_edits_are_left_it_does_not_sleep(slept: list[float]) -> None:
    await follow(Edits(False, False, True, True))

    assert slept == [0, 0, 7.0, 7.0]


@pytest.mark.parametrize("error", [Overloaded("1 messages wait"), RuntimeError("no encoder")])
async def test_what_goes_wrong_once_does_not_end_it(slept: list[float], error: Exception) -> None:
    with capture_logs() as logs:
        await follow(Edits(error, True))

    assert slept == [7.0, 7.0]
    assert [line["event"] for line in logs] == (["follow_failed"] if isinstance(error, RuntimeError) else [])
