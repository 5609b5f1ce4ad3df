"""How a channel sends one part of a reply, and how it says that it could not."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from bot.stores.outbox import Part
from configs.errors import KefuError

Deliver: TypeAlias = Callable[[Part], Awaitable[None]]  # returns once it has arrived


class NotSent(KefuError):
    """It certainly was not taken, and is worth another try.

    Args:
        retry_after_s: When the other side wants it again; None where it has not said.
    """

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class Rejected(KefuError):
    """It was refused, and would be however often it is sent."""


class Uncertain(KefuError):
    """It has left, and nobody can tell whether it arrived."""
