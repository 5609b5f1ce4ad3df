"""One turn at a time in each conversation, and no trace of those that are over."""

import asyncio

import pytest

from bot.turn_lock import TurnLock


async def settle() -> None:
    """Lets every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_turns_of_one_conversation_come_one_by_one_in_order() -> None:
    lock, log = TurnLock(), []
    running = 0

    async def turn(number: int) -> None:
        nonlocal running
        async with lock.turn("c"):
            running += 1
            assert running == 1
            for _ in range(number % 3):
                await asyncio.sleep(0)
            log.append(number)
            running -= 1

    async with asyncio.TaskGroup() as tasks:
        for number in range(20):
            tasks.create_task(turn(number))

    assert log == list(range(20))
    assert len(lock) == 0


async def test_a_late_comer_does_not_overtake_who_waits() -> None:
    lock, log = TurnLock(), []
    release = asyncio.Event()

    async def turn(name: str) -> None:
        async with lock.turn("c"):
            log.append(name)
            await release.wait()

    first = asyncio.create_task(turn("first"))
    await settle()
    second = asyncio.create_task(turn("second"))
    await settle()
    release.set()
    await first  # the lock is free now, but it was promised to the second
    third = asyncio.create_task(turn("third"))
    await asyncio.gather(second, third)

    assert log == ["first", "second", "third"]


async def test_other_conversations_do_not_wait() -> None:
    lock, entered = TurnLock(), asyncio.Event()

    async def hold() -> None:
        async with lock.turn("a"):
            entered.set()
            await asyncio.Event().wait()

    holder = asyncio.create_task(hold())
    await entered.wait()

    async with asyncio.timeout(5), lock.turn("b"):
        assert len(lock) == 2

    holder.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holder
    assert len(lock) == 0


async def test_a_turn_that_fails_lets_the_next_one_in_and_leaves_nothing_behind() -> None:
    lock = TurnLock()

    async def fail() -> None:
        async with lock.turn("c"):
            await asyncio.sleep(0)
            raise ValueError("broken")

    async def succeed() -> str:
        async with lock.turn("c"):
            return "done"

    outcomes = await asyncio.gather(fail(), succeed(), fail(), succeed(), return_exceptions=True)

    assert [str(outcome) for outcome in outcomes] == ["broken", "done", "broken", "done"]
    assert len(lock) == 0


async def test_giving_up_while_waiting_keeps_the_order_of_the_others() -> None:
    lock, log = TurnLock(), []
    release = asyncio.Event()

    async def turn(name: str) -> None:
        async with lock.turn("c"):
            await release.wait()
            log.append(name)

    tasks = [asyncio.create_task(turn(name)) for name in ("a", "b", "c", "d")]
    await settle()
    tasks[1].cancel()  # waits
    await settle()
    assert len(lock) == 1
    tasks[0].cancel()  # has the turn
    await settle()
    release.set()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert log == ["c", "d"]
    assert len(lock) == 0
