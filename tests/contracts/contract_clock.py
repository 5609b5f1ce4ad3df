"""What the contract's tests are given."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.stores.store import ConversationStore


@dataclass
class Clock:
    """Time that only tests move."""

    seconds: float = 1_000.0

    def __call__(self) -> float:
        return self.seconds


OpenStore = Callable[..., Awaitable[ConversationStore]]
