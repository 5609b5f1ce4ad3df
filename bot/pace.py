"""How fast a channel may be sent to: so many sends a second in all, so many seconds between two to one customer."""

import time
from collections.abc import Callable

from bot.abilities import Abilities

MAX_REMEMBERED = 10_000  # conversations; those whose time has come are forgotten


class Pace:
    """Says how long a send has to wait, and counts those that need not.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, abilities: Abilities, clock: Callable[[], float] = time.monotonic) -> None:
        self._gap_s = 1 / abilities.per_second if abilities.per_second else 0.0
        self._conversation_gap_s = abilities.per_conversation_s or 0.0
        self._ahead_s = (abilities.burst - 1) * self._conversation_gap_s  # what a customer may be sent before its time
        self._clock = clock
        self._next_at = 0.0
        self._next_of: dict[str, float] = {}

    @property
    def due_in_s(self) -> float | None:
        """Seconds until the next send may begin, whoever it is for; None where sends in all are not limited."""
        return max(0.0, self._next_at - self._clock()) if self._gap_s else None

    def wait_s(self, conversation_id: str) -> float:
        """Seconds until a send to this customer may begin; 0 where it may now, and then it counts as begun."""
        now = self._clock()
        wait_s = max(self._next_at, self._next_of.get(conversation_id, 0.0) - self._ahead_s) - now
        if wait_s > 0:
            return wait_s
        self._next_at = now + self._gap_s
        if self._conversation_gap_s:
            self._remember(conversation_id, now)
        return 0.0

    def _remember(self, conversation_id: str, now: float) -> None:
        if len(self._next_of) >= MAX_REMEMBERED:
            self._next_of = {name: at for name, at in self._next_of.items() if at > now}
        self._next_of[conversation_id] = max(self._next_of.get(conversation_id, now), now) + self._conversation_gap_s
