"""The inbox as channels and the dialogue's workers see it."""

from collections import Counter
from collections.abc import Callable

from sqlalchemy import Connection

from bot.errors import Overloaded
from bot.new_id import new_id
from bot.stores import inbox
from bot.stores.connector import Connector, telling_retries
from bot.stores.inbox import Accepted, Claimed
from bot.stores.turn import InboxMessage

LEASE_S = 60.0
MAX_ATTEMPTS = 3
COUNT_EVERY = 64  # accepts between two countings of what waits


class Inbox:
    """Takes messages in and hands them out in order.

    Attributes:
        counts: Messages by what became of them: `new`, `duplicate`, `changed`, `refused`.
    """

    def __init__(self, connector: Connector, *, now: Callable[[], float], cap: int) -> None:
        self._connector, self._now, self._cap = connector, now, cap
        self._waiting = self._since_counted = 0
        self.counts: Counter[str] = Counter()

    async def accept(self, message: InboxMessage) -> Accepted:
        """Takes a message in; it is durable when this returns. One that was taken in before is a success too.

        Raises:
            Overloaded: Too many wait.
            StoreError: The database cannot be written.
        """
        await self._refuse_too_many()
        accepted = await self._connector.write(lambda connection: inbox.accept(connection, message))
        self.counts["new" if accepted.is_new else "changed" if accepted.is_changed else "duplicate"] += 1
        return accepted

    async def claim(self, *, lease_s: float = LEASE_S, max_attempts: int = MAX_ATTEMPTS) -> Claimed | None:
        """The message that has waited longest among those whose turn it is; None where there is none.

        A message whose turn was begun `max_attempts` times and never ended is given up as `failed`.
        """
        now, holder = self._now(), new_id()

        def work(connection: Connection, is_retry: bool) -> Claimed | None:
            done = inbox.claimed_before(connection, holder) if is_retry else None
            return done or inbox.claim(connection, holder, now, lease_s, max_attempts)

        return await self._connector.write(telling_retries(work))

    async def put_back(self, claimed: Claimed, wait_s: float, *, counts: bool = True) -> bool:
        """Leaves a message for another try in `wait_s`; its conversation waits with it.

        Args:
            counts: This try counts among those after which it is given up.
        """
        until = self._now() + wait_s
        return await self._connector.write(lambda connection: inbox.put_back(connection, claimed, until, counts=counts))

    async def give_up(self, claimed: Claimed, reason: str, *, state: str = "failed") -> bool:
        """Ends a message without an answer, so that its conversation goes on; False where the lease was lost.

        Args:
            state: `failed`, or `expired` where it is too late for an answer.
        """
        now = self._now()
        return await self._connector.write(
            lambda connection: inbox.give_up(connection, claimed, state, reason, now),
        )

    async def count_waiting(self, most: int = 100_000) -> int:
        """How many messages wait, counted up to `most`."""
        return await self._connector.read(lambda connection: inbox.count_waiting(connection, most))

    async def _refuse_too_many(self) -> None:
        if self._since_counted % COUNT_EVERY == 0:
            self._waiting, self._since_counted = await self.count_waiting(self._cap), 0
        self._since_counted += 1
        if self._waiting + self._since_counted > self._cap:
            self._since_counted = 0  # counted anew by the next: by then there may be room
            self.counts["refused"] += 1
            raise Overloaded(f"The inbox holds {self._cap:,} messages")
