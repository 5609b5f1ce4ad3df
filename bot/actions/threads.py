"""Threads for actions that are no coroutines, so that none holds up the event loop or the process's end."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any


class TooManyAbandoned(Exception):
    """So many calls have not come back that no further one is begun."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    value: Any = None
    error: BaseException | None = None


class ActionThreads:
    """Makes each call in a thread of its own. Nothing ends a thread, so a call whose caller leaves is abandoned in it.

    Args:
        max_running: Calls at a time; others wait.
        max_abandoned: As many abandoned calls as there may be; while there are, no further call is begun.
    """

    def __init__(self, *, max_running: int = 32, max_abandoned: int = 8) -> None:
        self.max_abandoned = max_abandoned
        self.abandoned = 0
        self._free = asyncio.Semaphore(max_running)

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """What `function` returns.

        Raises:
            TooManyAbandoned: Nothing was begun.
        """
        async with self._free:
            if self.abandoned >= self.max_abandoned:
                raise TooManyAbandoned(f"{self.abandoned} calls have not come back")
            future: asyncio.Future[_Outcome] = asyncio.get_running_loop().create_future()
            call = partial(contextvars.copy_context().run, function, *args)
            threading.Thread(target=self._work, args=(call, future), name="action", daemon=True).start()
            try:
                outcome = await future
            except asyncio.CancelledError:
                self.abandoned += future.cancelled()
                raise
        if outcome.error is not None:
            raise outcome.error
        return outcome.value

    def _work(self, call: Callable[[], Any], future: "asyncio.Future[_Outcome]") -> None:
        try:
            outcome = _Outcome(value=call())
        except BaseException as error:  # it is the caller's, whatever it is
            outcome = _Outcome(error=error)
        with suppress(RuntimeError):  # the loop has closed: nobody waits any more
            future.get_loop().call_soon_threadsafe(self._settle, future, outcome)

    def _settle(self, future: "asyncio.Future[_Outcome]", outcome: _Outcome) -> None:
        if future.cancelled():
            self.abandoned -= 1
        else:
            future.set_result(outcome)
