"""Notices when the event loop stands still: the log says what holds it up, and the server is not ready for a while.

A custom action that sleeps or computes without a thread of its own holds up every conversation. Nothing in the loop
can say so meanwhile, so a thread beside it does.
"""

import asyncio
import sys
import threading
from collections.abc import Callable
from time import monotonic
from traceback import extract_stack
from types import FrameType

import structlog

BEAT_S = 0.1
BLOCKED_S = 1.0
NOT_READY_S = 10.0  # after it moved again: what has piled up is to be worked off first
SHOWN_FRAMES = 4

_log = structlog.get_logger()


class LoopWatch:
    """Watches the event loop in which `run` runs.

    Args:
        blocked_s: A loop that has not come round for so long stands still.
        now: Seconds that never go back.
    """

    def __init__(
        self, *, blocked_s: float = BLOCKED_S, beat_s: float = BEAT_S, now: Callable[[], float] = monotonic
    ) -> None:
        self._blocked_s, self._beat_s, self._now = blocked_s, beat_s, now
        self._came_round = now()
        self._held_up_at: float | None = None
        self._ended = threading.Event()

    @property
    def was_held_up(self) -> bool:
        """Whether the loop stands still, or did so not long ago."""
        return self._held_up_at is not None and self._now() - self._held_up_at < NOT_READY_S

    async def run(self) -> None:
        """Watches until it is cancelled."""
        self._came_round, loop_thread = self._now(), threading.get_ident()
        threading.Thread(target=self._look, args=(loop_thread,), name="loop watch", daemon=True).start()
        try:
            while True:
                await asyncio.sleep(self._beat_s)
                if (stood_s := self._now() - self._came_round) >= self._blocked_s:
                    self._held_up_at = self._now()
                    _log.warning("event_loop_free", blocked_s=round(stood_s, 1))
                self._came_round = self._now()
        finally:
            self._ended.set()

    def _look(self, loop_thread: int) -> None:
        said_of = 0.0
        while not self._ended.wait(self._beat_s):
            came_round = self._came_round
            if self._now() - came_round < self._blocked_s or came_round == said_of:
                continue
            said_of, self._held_up_at = came_round, self._now()
            _log.error("event_loop_blocked", where=_place(sys._current_frames().get(loop_thread)))


def _place(frame: FrameType | None) -> list[str]:
    """Where a thread is, the innermost call first: names and lines, no values."""
    if frame is None:
        return []
    found = reversed(extract_stack(frame))
    return [f"{one.filename}:{one.lineno} {one.name}" for one, _ in zip(found, range(SHOWN_FRAMES), strict=False)]
