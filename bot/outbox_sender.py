"""Sends what waits in the outbox: a conversation's parts in order, conversations beside one another."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping

import structlog

from bot.delivery import Deliver, NotSent, Rejected, Uncertain
from bot.errors import safe_reason
from bot.pace import Pace
from bot.stores.outbox import Part
from bot.stores.outbox_store import Outbox

IDLE_S = 0.5  # between two looks where nothing is due and nobody has said that something is
LOOK_FOR_LEFT_S = 10.0  # between two looks for parts whose sender gives no news
DEADLINE_S = 30.0  # for one try; well before the outbox takes the sender for dead
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 300.0
LONGEST_ASKED_WAIT_S = 3_600.0  # the longest wait that the other side may ask for
GIVE_UP_AFTER_S = 24 * 3_600.0
MAX_BROKEN_TRIES = 3  # of a part on which the channel itself breaks

_log = structlog.get_logger()


class OutboxSender:
    """Takes one part after another and has its channel deliver it.

    What certainly was not taken is tried again, later each time; what is behind it in the conversation waits. What was
    refused for good, or may have arrived, does not hold up what is behind it.

    Args:
        channels: How each channel delivers.
        paces: How fast each may be sent to, where that is limited.
        at_once: Parts that one channel may have under way.
        now: Unix time.
        choose: Spreads the tries, so that they do not all come in the same moment.
    """

    def __init__(
        self,
        outbox: Outbox,
        channels: Mapping[str, Deliver],
        *,
        paces: Mapping[str, Pace] | None = None,
        at_once: int = 8,
        now: Callable[[], float] = time.time,
        choose: random.Random | None = None,
    ) -> None:
        self._outbox, self._channels, self._at_once, self._now = outbox, channels, at_once, now
        self._paces = paces or {}
        self._choose = choose or random.Random()  # noqa: S311 - only spreads the tries
        self._under_way: dict[asyncio.Task[None], str] = {}
        self._woken, self._stopping = asyncio.Event(), False

    def wake(self) -> None:
        """Says that something has been put into the outbox."""
        self._woken.set()

    def stop(self) -> None:
        """Has `run` end once what is under way has ended; nothing more is begun."""
        self._stopping = True
        self.wake()

    async def run(self) -> None:
        """Sends until it is stopped or cancelled; a part that is cut off by that counts as uncertain."""
        looking = asyncio.create_task(self._look_for_left())
        try:
            while not self._stopping:
                await self._begin_or_wait()
            await asyncio.gather(*self._under_way)
        finally:
            for task in (looking, *self._under_way):
                task.cancel()
            await asyncio.gather(looking, *self._under_way, return_exceptions=True)

    async def drain(self) -> int:
        """Sends all that is due now; returns how many tries there were."""
        count = 0
        while True:
            idle_s, budgets = self._idle_s(), self._budgets()
            parts = await self._outbox.take(budgets) if budgets else []
            await asyncio.gather(*(self._send(part) for part in parts))
            count += len(parts)
            if not parts and len(budgets) == len(self._channels):
                return count
            if not parts:
                await asyncio.sleep(idle_s)

    async def _begin_or_wait(self) -> None:
        self._woken.clear()
        try:
            parts = await self._outbox.take(budgets) if (budgets := self._budgets()) else []
        except Exception as error:  # the edge of the sender's loop: it must not end while replies are written
            _log.error("outbox_not_read", reason=safe_reason(error))
            parts = []
        for part in parts:
            task = asyncio.create_task(self._send(part))
            self._under_way[task] = part.channel
            task.add_done_callback(self._ended)
        await asyncio.sleep(0)  # what was begun counts for its channel's pace
        if not parts:
            try:
                async with asyncio.timeout(self._idle_s()):
                    await self._woken.wait()
            except TimeoutError:
                pass

    def _budgets(self) -> dict[str, int]:
        """How many parts of each channel may be begun: where sends in all are limited, one when it is time for it.

        One that is taken earlier counts as tried, and as one that may have been sent if the server is killed meanwhile.
        """
        busy = Counter(self._under_way.values())
        free = {name: self._at_once - busy[name] for name in self._channels}
        dues = {name: pace.due_in_s for name, pace in self._paces.items()}
        most = {name: self._at_once if (due := dues.get(name)) is None else int(due == 0) for name in self._channels}
        return {name: min(free[name], most[name]) for name in self._channels if min(free[name], most[name]) > 0}

    def _idle_s(self) -> float:
        """How long to wait where nothing can be begun: no longer than until the next channel's time."""
        dues = [pace.due_in_s for name, pace in self._paces.items() if name in self._channels]
        return min((IDLE_S, *(due for due in dues if due)))

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        self.wake()  # the conversation's next part may follow

    async def _send(self, part: Part) -> None:
        try:
            await self._try(part)
        except Exception as error:  # found by `_look_for_left` later
            _log.error("part_not_marked", part=part.id, reason=safe_reason(error))

    async def _try(self, part: Part) -> None:
        pace = self._paces.get(part.channel)
        if pace is not None and (wait_s := pace.wait_s(part.conversation_id)) > 0:
            await self._outbox.again(part, wait_s, "paced")
            return
        try:
            async with asyncio.timeout(DEADLINE_S):
                await self._channels[part.channel](part)
        except NotSent as error:
            await self._again(part, error)
        except Rejected as error:
            await self._failed(part, str(error))
        except Uncertain as error:
            await self._unknown(part, str(error))
        except TimeoutError:
            await self._unknown(part, f"not done within {DEADLINE_S:g} s")
        except asyncio.CancelledError:
            await asyncio.shield(self._unknown(part, "the server ended while it was sent"))
            raise
        except Exception as error:  # the edge to a channel: one part must not end the sender
            _log.exception("channel_broken", channel=part.channel, part=part.id)
            keep = self._unknown if part.attempts < MAX_BROKEN_TRIES else self._failed
            await keep(part, type(error).__name__)
        else:
            await self._outbox.sent(part)

    async def _again(self, part: Part, error: NotSent) -> None:
        if self._now() - part.created_at > GIVE_UP_AFTER_S:
            await self._failed(part, f"given up after {GIVE_UP_AFTER_S / 3600:g} h: {error}")
            return
        await self._outbox.again(part, self._wait_s(part.attempts, error.retry_after_s), str(error))

    async def _failed(self, part: Part, reason: str) -> None:
        _log.error("part_failed", channel=part.channel, part=part.id, reason=reason)
        await self._outbox.failed(part, reason)

    async def _unknown(self, part: Part, reason: str) -> None:
        _log.error("part_unknown", channel=part.channel, part=part.id, reason=reason)
        await self._outbox.unknown(part, reason)

    def _wait_s(self, attempts: int, asked_s: float | None) -> float:
        """Twice as long with each try, spread by half; not less than was asked for, within reason."""
        longest_s = min(FIRST_WAIT_S * 2.0 ** min(attempts - 1, 30), LONGEST_WAIT_S)
        wait_s = self._choose.uniform(longest_s / 2, longest_s)
        return wait_s if asked_s is None else max(wait_s, min(asked_s, LONGEST_ASKED_WAIT_S))

    async def _look_for_left(self) -> None:
        while True:
            await asyncio.sleep(LOOK_FOR_LEFT_S)
            try:
                if left := await self._outbox.give_up_on_senders():
                    _log.error("parts_left", count=left)
            except Exception as error:  # as above
                _log.error("outbox_not_read", reason=safe_reason(error))
