"""A token that a platform gives for an app's secret, and takes for some hours: asked for once, and again in time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.delivery import NotSent, Uncertain

RENEW_BEFORE_S = 300.0
LEAST_S = 30.0  # however short a platform says that a token lives


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What a platform answered.

    Attributes:
        lasts_s: For how long it is taken.
    """

    token: str
    lasts_s: float


class AccessToken:
    """Keeps the token. Who needs it while it is asked for waits for the same answer.

    Args:
        ask: Asks the platform for one.
        now: Unix time.
    """

    def __init__(self, ask: Callable[[], Awaitable[Granted]], now: Callable[[], float] = time.time) -> None:
        self._ask, self._now = ask, now
        self._token, self._until = "", 0.0
        self._asking = asyncio.Lock()

    async def get(self) -> str:
        """The token.

        Raises:
            NotSent: The platform gives none at present; nothing was sent.
            Rejected: It refuses to.
        """
        async with self._asking:
            if not self._token or self._now() >= self._until:
                try:
                    granted = await self._ask()
                except Uncertain as error:
                    raise NotSent(f"no access token: {error}") from error
                self._token = granted.token
                self._until = self._now() + max(granted.lasts_s - RENEW_BEFORE_S, LEAST_S)
            return self._token

    def forget(self, token: str) -> None:
        """Says that the platform does not take `token` any more."""
        if token == self._token:
            self._token = ""
