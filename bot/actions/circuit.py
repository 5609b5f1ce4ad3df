"""A circuit breaker: whether it is worth asking a server that has failed. Pure; the clock comes from outside."""

from dataclasses import dataclass, replace
from enum import StrEnum


class CircuitState(StrEnum):
    """Closed: ask. Open: do not. Half open: one may try."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """Opens after `max_failures` in a row; after `pause_s` one caller at a time may try, and a success closes it.

    Attributes:
        failures: How many there were in a row.
        opened_at: When it opened last, or None while it is closed.
        is_trying: Whether one is trying now.
    """

    max_failures: int = 5
    pause_s: float = 10.0
    failures: int = 0
    opened_at: float | None = None
    is_trying: bool = False

    def state(self, now: float) -> CircuitState:
        """What a caller may do at `now`, by the clock that `opened_at` is of."""
        if self.opened_at is None:
            return CircuitState.CLOSED
        if self.is_trying or now - self.opened_at < self.pause_s:
            return CircuitState.OPEN
        return CircuitState.HALF_OPEN

    def asked(self, now: float) -> "Circuit":
        """A caller goes ahead; where the circuit is half open, no other may until it is known how that ended."""
        return replace(self, is_trying=self.state(now) is CircuitState.HALF_OPEN)

    def given_up(self) -> "Circuit":
        """The caller went away and learned nothing."""
        return replace(self, is_trying=False)

    def succeeded(self) -> "Circuit":
        """The server answered."""
        return replace(self, failures=0, opened_at=None, is_trying=False)

    def failed(self, now: float) -> "Circuit":
        """The server did not answer, or nothing that can be used."""
        failures = self.failures + 1
        opens = self.is_trying or failures >= self.max_failures
        return replace(self, failures=failures, opened_at=now if opens else self.opened_at, is_trying=False)
