"""How a part of a reply goes out at LINE: the first by the token that came with the message, all others pushed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from bot.channels.line.messaging_api import MessagingApi, TokenUsed
from bot.channels.line.rendering import Message
from bot.delivery import NotSent, Rejected, Uncertain
from bot.stores.outbox import Part

TOKEN_LIFE_S = 50.0  # LINE promises a minute from when the message came
TRIES = 3
WAIT_S = 0.3  # between two tries
MAX_REMEMBERED = 10_000  # used tokens; by then the oldest have long been of no use


class Replies:
    """Sends parts so that none is shown twice.

    A push has a key, so it may be repeated. A reply token has one use: where nobody knows whether it was taken, the
    same token is tried again, and if LINE then says that it was used, it was.

    Args:
        uses_tokens: False pushes everything.
        now: Unix time.
        wait: Lets so many seconds pass.
    """

    def __init__(
        self,
        api: MessagingApi,
        *,
        uses_tokens: bool,
        now: Callable[[], float],
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._api, self._uses_tokens, self._now, self._wait = api, uses_tokens, now, wait
        self._used: dict[str, None] = {}

    async def send(self, part: Part, message: Message) -> None:
        """Sends one part.

        Raises:
            NotSent: LINE has not taken it, or would take it only once.
            Rejected: LINE refuses it.
            Uncertain: Nobody can tell.
        """
        token = self._token(part)
        if token is None or not await self._reply(token, message):
            await self._push(part, message)

    def _token(self, part: Part) -> str | None:
        """The token to reply by, for a reply's first part at its first try: later nobody knows who has used it."""
        token, at = part.address.get("reply_token"), part.address.get("at")
        is_first = part.part_no == 0 and part.attempts == 1
        if not (self._uses_tokens and is_first and isinstance(token, str) and isinstance(at, int | float)):
            return None
        return None if token in self._used or self._now() - at > TOKEN_LIFE_S else token

    async def _reply(self, token: str, message: Message) -> bool:
        """Whether it was sent; False where the token was of no use before."""
        self._remember(token)
        last: Exception = NotSent("LINE was not asked")
        for attempt in range(TRIES):
            try:
                await self._api.reply(token, message)
            except TokenUsed:
                return attempt > 0
            except (NotSent, Uncertain) as error:
                last = last if isinstance(last, Uncertain) else error
                await self._wait(WAIT_S)
            else:
                return True
        raise last

    async def _push(self, part: Part, message: Message) -> None:
        to: Any = part.address.get("to")
        if not isinstance(to, str):
            raise Rejected("nobody has written in this conversation yet; whom to write to is not known")
        try:
            await self._api.push(to, message, part.key)
        except Uncertain as error:
            raise NotSent(f"{error}; with its key it may be sent again") from error

    def _remember(self, token: str) -> None:
        self._used[token] = None
        if len(self._used) > MAX_REMEMBERED:
            del self._used[next(iter(self._used))]
