"""Lets the inbox and the outbox forget what was done with long ago, some rows at a time beside the messages."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

import structlog

from bot.errors import Refused
from bot.stores.errors import StoreError
from bot.stores.finished import remove_finished_messages, remove_finished_parts
from bot.stores.store import ConversationStore

EVERY_S = 3_600.0
BETWEEN_S = 0.05  # between two small transactions, so that messages come before
DAY_S = 86_400.0

_log = structlog.get_logger()


async def forget_finished(store: ConversationStore, keep_days: float, now: Callable[[], float] = time.time) -> None:
    """Removes what was done with more than `keep_days` ago, once."""
    before = now() - keep_days * DAY_S
    for remove in (remove_finished_parts, remove_finished_messages):  # parts first: they refer to messages
        after: int | None = 0
        while after is not None:
            after = await store.write(partial(remove, before=before, after=after))
            await asyncio.sleep(BETWEEN_S if after is not None else 0)


async def keep_forgetting(store: ConversationStore, keep_days: float) -> None:
    """Does so every hour."""
    while True:
        try:
            await forget_finished(store, keep_days)
        except (StoreError, Refused) as error:
            _log.warning("retention_failed", reason=str(error))
        await asyncio.sleep(EVERY_S)
