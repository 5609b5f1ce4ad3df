"""Telegram's long polling: messages are fetched, and a bot needs no address of its own.

Source: https://core.telegram.org/bots/api#getupdates
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from aiogram.methods import GetUpdates

from bot.channels.telegram.bot_api import FIRST_WAIT_S, LONGEST_WAIT_S, BotApi, Conflict
from bot.channels.telegram.updates import ALLOWED
from bot.delivery import Rejected, Uncertain
from configs.errors import KefuError

POLL_S = 25  # how long Telegram lets a question wait for something to answer
CONFLICT_WAIT_S = 30.0
CONFLICT = (
    "Two ways lead out of Telegram, and only one may be used. If a webhook is set, write webhook_url and not "
    "`mode: polling`, or have it deleted: call deleteWebhook of the Bot API. Else stop the other process that polls "
    "with this access_token."
)

_log = structlog.get_logger()


class Polling:
    """Fetches updates one batch after another. One counts as received when the next batch is asked for.

    Args:
        api: Waits longer for an answer than `POLL_S`.
        take: Takes one update in; it is durable when that returns.
        wait: Lets so many seconds pass.
    """

    def __init__(
        self,
        api: BotApi,
        take: Callable[[Any], Awaitable[None]],
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._api, self._take, self._wait = api, take, wait
        self._next: int | None = None

    async def run(self) -> None:
        """Fetches until it is cancelled. What could not be stored is fetched again."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                await self.step()
            except Conflict as error:
                _log.error("telegram_conflict", reason=str(error), fix=CONFLICT)
                await self._wait(CONFLICT_WAIT_S)
            except KefuError as error:
                log = _log.error if isinstance(error, Rejected) else _log.warning
                log("telegram_not_polled", reason=str(error))
                asked_s = getattr(error, "retry_after_s", None) or 0.0
                await self._wait(max(wait_s, min(asked_s, LONGEST_WAIT_S)))
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            else:
                wait_s = FIRST_WAIT_S

    async def step(self) -> None:
        """Fetches one batch, and takes it in.

        Raises:
            KefuError: It could not be fetched, or not all of it be stored.
        """
        asked = GetUpdates(timeout=POLL_S, allowed_updates=list(ALLOWED))
        if self._next is not None:
            asked = GetUpdates(offset=self._next, timeout=POLL_S, allowed_updates=list(ALLOWED))
        updates = await self._api.call(asked)
        if not isinstance(updates, list) or not all(map(_is_numbered, updates)):
            raise Uncertain("Telegram's answer holds no updates")
        for update in updates:
            await self._take(update)
            self._next = update["update_id"] + 1


def _is_numbered(update: Any) -> bool:
    return isinstance(update, Mapping) and type(update.get("update_id")) is int
