"""Takes the turns of what waits in the inbox: messages of channels that were told "received" at once, and reminders."""

import asyncio
from collections.abc import Callable

import structlog

from bot.dialogue import DialogueManager
from bot.errors import Refused, safe_reason
from bot.reminders import due_reminder
from bot.standing import KIND as STANDING
from bot.standing import standing_in
from bot.stores.errors import LeaseLost
from bot.stores.inbox import Claimed
from bot.stores.inbox_store import LEASE_S, MAX_ATTEMPTS
from bot.stores.reminders import KIND as REMINDER
from bot.stores.store import ConversationStore
from bot.turn_record import user_message
from configs.errors import KefuError

IDLE_S = 0.5  # between two looks where nothing waits and nobody has said that something does
RETRY_S = 2.0

_log = structlog.get_logger()


class InboxWorker:
    """Claims one message after another, in the order of their conversations, and has it answered.

    A message that fails stays at the head of its conversation and is tried again, until the inbox gives it up. That the
    server is overloaded, or has no model, is not the message's fault and does not count.

    Args:
        workers: Conversations whose turns are taken at the same time.
        on_answer: Told that a turn has been taken: its reply may wait in the outbox.
    """

    def __init__(
        self,
        store: ConversationStore,
        dialogue: DialogueManager,
        *,
        workers: int = 8,
        on_answer: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._dialogue, self._workers, self._on_answer = store, dialogue, workers, on_answer
        self._woken, self._stopping = asyncio.Event(), False

    def wake(self) -> None:
        """Says that something has been put into the inbox."""
        self._woken.set()

    def stop(self) -> None:
        """Has `run` end once the turns under way are taken; none is begun."""
        self._stopping = True
        self.wake()

    async def run(self) -> None:
        """Works until it is stopped or cancelled."""
        async with asyncio.TaskGroup() as tasks:
            reminding = tasks.create_task(self._remind())
            await asyncio.gather(*(tasks.create_task(self._work()) for _ in range(self._workers)))
            reminding.cancel()

    async def drain(self) -> int:
        """Takes the turns of all that is due now; returns how many."""
        await self._store.fire_reminders()
        count = 0
        while (claimed := await self._store.inbox.claim()) is not None:
            await self._take(claimed)
            count += 1
        return count

    async def _remind(self) -> None:
        while True:
            try:
                if await self._store.fire_reminders():
                    self.wake()
            except Exception as error:  # as above
                _log.error("reminders_not_fired", reason=safe_reason(error))
            await asyncio.sleep(IDLE_S)

    async def _work(self) -> None:
        while not self._stopping:
            self._woken.clear()
            try:
                claimed = await self._store.inbox.claim()
            except Exception as error:  # the edge of the worker's loop: it must not end while messages are taken in
                _log.error("inbox_not_read", reason=safe_reason(error))
                claimed = None
            if claimed is not None:
                await self._take(claimed)
            elif not self._stopping:
                await self._news()

    async def _news(self) -> None:
        """Waits until there may be something to do."""
        try:
            async with asyncio.timeout(IDLE_S):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _take(self, claimed: Claimed) -> None:
        holding = asyncio.create_task(self._hold_on(claimed))
        try:
            await self._answer(claimed)
        except Refused as error:
            await self._put_back(claimed, str(error), counts=False)
        except LeaseLost as error:
            _log.warning("turn_lost", inbox_id=claimed.inbox_id, reason=str(error))
            await self._put_back(claimed, str(error))
        except Exception as error:  # the edge of the worker's loop: one message must not end it
            _log.exception("turn_failed", inbox_id=claimed.inbox_id)
            await self._put_back(claimed, type(error).__name__)
        except asyncio.CancelledError:  # the server ends: whoever comes next is not to wait for the lease
            await asyncio.shield(self._put_back(claimed, "the server ended", counts=False, wait_s=0))
            raise
        else:
            self._on_answer()
        finally:
            holding.cancel()

    async def _answer(self, claimed: Claimed) -> None:
        message = claimed.message
        if message.kind == REMINDER:
            due = due_reminder(message.payload)
            await self._dialogue.remind(message.conversation_id, due, message.channel, claimed)
        elif message.kind == STANDING and (standing := standing_in(message.payload)) is not None:
            await self._dialogue.stand(message.conversation_id, standing, claimed)
        else:
            await self._dialogue.handle(user_message(message), claimed)

    async def _hold_on(self, claimed: Claimed) -> None:
        """Keeps the conversation from being handed out again, however long its turn takes."""
        while True:
            await asyncio.sleep(LEASE_S / 3)
            try:
                await self._store.extend(claimed.lease)
            except KefuError as error:
                _log.error("lease_not_extended", inbox_id=claimed.inbox_id, reason=str(error))

    async def _put_back(self, claimed: Claimed, reason: str, *, counts: bool = True, wait_s: float = RETRY_S) -> None:
        inbox = self._store.inbox
        try:
            if counts and claimed.attempts >= MAX_ATTEMPTS:
                await inbox.give_up(claimed, reason)
            else:
                await inbox.put_back(claimed, wait_s, counts=counts)
        except KefuError as error:  # its lease will run out
            _log.error("message_not_put_back", inbox_id=claimed.inbox_id, reason=f"{reason}; {error}")
