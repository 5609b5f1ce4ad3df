"""Takes the turns of what waits in the inbox: messages of channels that were told "received" at once, and reminders."""

import asyncio

import structlog

from bot.dialogue import DialogueManager
from bot.errors import Refused
from bot.reminders import due_reminder
from bot.stores.inbox import Claimed
from bot.stores.reminders import KIND as REMINDER
from bot.stores.store import ConversationStore
from bot.turn_record import user_message
from configs.errors import KefuError

IDLE_S = 0.5  # between two looks where nothing waits and nobody has said that something does
RETRY_S = 2.0

_log = structlog.get_logger()


class InboxWorker:
    """Claims one message after another, in the order of their conversations, and has it answered.

    A message that fails stays at the head of its conversation and is tried again, until the inbox gives it up.

    Args:
        workers: Conversations whose turns are taken at the same time.
    """

    def __init__(self, store: ConversationStore, dialogue: DialogueManager, *, workers: int = 8) -> None:
        self._store, self._dialogue, self._workers = store, dialogue, workers
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Says that something has been put into the inbox."""
        self._woken.set()

    async def run(self) -> None:
        """Works until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._workers):
                tasks.create_task(self._work())
            tasks.create_task(self._remind())

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
            except KefuError as error:
                _log.error("reminders_not_fired", reason=str(error))
            await asyncio.sleep(IDLE_S)

    async def _work(self) -> None:
        while True:
            try:
                claimed = await self._store.inbox.claim()
            except KefuError as error:
                _log.error("inbox_not_read", reason=str(error))
                claimed = None
            if claimed is not None:
                await self._take(claimed)
                continue
            self._woken.clear()
            try:
                async with asyncio.timeout(IDLE_S):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def _take(self, claimed: Claimed) -> None:
        message = claimed.message
        try:
            if message.kind == REMINDER:
                due = due_reminder(message.payload)
                await self._dialogue.remind(message.conversation_id, due, message.channel, claimed)
            else:
                await self._dialogue.handle(user_message(message), claimed)
        except Refused as error:
            await self._put_back(claimed, str(error))
        except Exception as error:  # the edge of the worker's loop: one message must not end it
            _log.exception("turn_failed", conversation=message.conversation_id, inbox_id=claimed.inbox_id)
            await self._put_back(claimed, type(error).__name__)

    async def _put_back(self, claimed: Claimed, reason: str) -> None:
        try:
            await self._store.inbox.put_back(claimed, RETRY_S)
        except KefuError as error:  # its lease will run out
            _log.error("message_not_put_back", inbox_id=claimed.inbox_id, reason=f"{reason}; {error}")
