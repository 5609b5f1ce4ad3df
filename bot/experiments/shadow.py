"""Has a candidate read what customers write, after they were answered, and notes what it would have done.

No customer waits for it: a message is read only while no other waits for the encoder, and given up where that takes too
long. What is given up is counted.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from bot.context import follow_up
from bot.engine import Engine, Reading
from bot.errors import Overloaded, Refused
from bot.experiments.candidate import CandidateHost
from bot.experiments.decided import answer_of, what_came
from bot.experiments.experiment import Kind
from bot.inference import Inference
from bot.meaning import decision_on
from bot.outcome import Outcome, outcome_of
from bot.policy import Reason
from bot.read_in_context import read_in_context
from bot.stores.shadows import Shadow, write_shadow
from bot.stores.store import ConversationStore
from bot.turn import TurnUnderWay

MAX_WAITING = 64
MAX_WAIT_S = 5.0
PAUSE_S = 0.01  # between two looks whether no message waits

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """A turn that was taken, and who is to read its message."""

    turn: TurnUnderWay
    candidate: Engine


class ShadowReader:
    """Reads silently, one message after another.

    Args:
        pause: Waits for so many seconds.
        clock: Seconds that only rise.

    Attributes:
        read: Messages that were read.
        dropped: Messages that were not, because the server was busy.
    """

    def __init__(
        self,
        candidates: CandidateHost,
        inference: Inference,
        store: ConversationStore,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._candidates, self._inference, self._store = candidates, inference, store
        self._pause, self._clock = pause, clock
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue(MAX_WAITING)
        self._one_at_a_time = asyncio.Lock()
        self.read = self.dropped = 0

    def shown(self) -> dict[str, Any] | None:
        """What `/status` says of the experiment; None where there is none."""
        shown = self._candidates.shown()
        if shown is None or shown["kind"] != Kind.SHADOW:
            return shown
        return {**shown, "read": self.read, "dropped": self.dropped}

    def offer(self, turn: TurnUnderWay) -> None:
        """Takes note of a turn whose message was read; returns at once."""
        candidate = self._candidates.shadow_for(turn.conversation.id)
        is_read = turn.heard_in is not None and turn.reason != Reason.PERSON
        if candidate is None or turn.engine is candidate or not is_read:
            return
        try:
            self._jobs.put_nowait(_Job(turn=turn, candidate=candidate))
        except asyncio.QueueFull:
            self.dropped += 1

    async def run(self) -> None:
        """Reads until it is cancelled."""
        while True:
            await self._take(await self._jobs.get())

    async def drain(self) -> None:
        """Reads what waits now."""
        while not self._jobs.empty():
            await self._take(self._jobs.get_nowait())

    async def _take(self, job: _Job) -> None:
        try:
            shadow = await self._shadow(job)
            if await self._store.write(partial(write_shadow, shadow=shadow)):
                self.read += 1
        except Refused:
            self.dropped += 1
        except Exception as error:  # the edge of the loop: a candidate that breaks must not end it
            _log.error("shadow_failed", release=job.candidate.id, turn=job.turn.message_id, error=type(error).__name__)

    async def _shadow(self, job: _Job) -> Shadow:
        turn, heard_in = job.turn, job.turn.heard_in
        assert turn.reading is not None and heard_in is not None  # noqa: S101, PT018 - `offer` has seen to it
        text = turn.reading.understanding.text
        own = TurnUnderWay(
            engine=job.candidate, loaded=turn.loaded, conversation=heard_in, channel=turn.channel, now=turn.now
        )
        context, in_form = job.candidate.spec.context, heard_in.loop is not None
        follow = follow_up(text, heard_in.topic, context, turn.now, in_form=in_form)
        found = await read_in_context(
            lambda said: self._read_when_idle(said, job.candidate),
            lambda reading: decision_on(own, reading),
            text,
            heard_in.topic,
            follow,
        )
        outcome, answer = what_came(own, found.reading, found.decision, text), answer_of(found.decision)
        instead = outcome_of(turn.reason, turn.decision, turn.events)
        same = outcome is Outcome.FORM or (turn.decision is not None and answer == answer_of(turn.decision))
        return Shadow(
            conversation_id=turn.conversation.id,
            seq=turn.loaded.version + 1,
            release_id=job.candidate.id,
            at=turn.now,
            outcome=outcome,
            answer=answer,
            confidence=found.decision.confidence,
            agrees=outcome == instead and same,
        )

    async def _read_when_idle(self, text: str, candidate: Engine) -> Reading:
        """Reads one text while no customer's message waits.

        Raises:
            Overloaded: One always has.
        """
        deadline = self._clock() + MAX_WAIT_S
        async with self._one_at_a_time:
            while self._inference.waiting:
                if self._clock() >= deadline:
                    raise Overloaded("Customers' messages are waiting")
                await self._pause(PAUSE_S)
            return await self._inference.read(text, candidate)
