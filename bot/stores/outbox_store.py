"""The outbox as a sender sees it."""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from bot.new_id import new_id
from bot.stores import outbox
from bot.stores.connector import Connector, telling_retries
from bot.stores.outbox import Part, SendState
from configs.settings import UnknownParts

SENDING_S = 60.0


class Outbox:
    """Hands out parts of replies to be sent, and keeps what became of them.

    Attributes:
        resends: Channels whose platform takes a part only once, however often it is sent: theirs are sent again where
            nobody can tell whether they arrived. Set before the store is opened.
    """

    def __init__(self, connector: Connector, *, now: Callable[[], float], unknown: UnknownParts) -> None:
        self._connector, self._now, self._unknown = connector, now, unknown
        self.resends: frozenset[str] = frozenset()

    async def take(self, budgets: Mapping[str, int], *, sending_s: float = SENDING_S) -> list[Part]:
        """The parts to send next: of each conversation only the first, of each channel at most as many as it may send.

        A part without news for `sending_s` becomes `unknown`, so stop trying before that.
        """
        now, holder = self._now(), new_id()

        def work(connection: Connection, is_retry: bool) -> list[Part]:
            done = outbox.taken_before(connection, holder) if is_retry else []
            return done or outbox.take_parts(connection, holder, budgets, now, sending_s)

        return await self._connector.write(telling_retries(work))

    async def sent(self, part: Part) -> bool:
        """It arrived."""
        return await self._finish(part, SendState.SENT)

    async def again(self, part: Part, wait_s: float, reason: str) -> bool:
        """It certainly did not arrive, and is to be tried again in `wait_s`; what is behind it waits."""
        return await self._finish(part, SendState.PENDING, reason, wait_s)

    async def hurry(self, conversation_id: str, channel: str) -> bool:
        """Has what waits for another try sent now: the customer is there again. False where nothing waits."""
        return await self._connector.write(lambda connection: outbox.hurry(connection, conversation_id, channel))

    async def failed(self, part: Part, reason: str) -> bool:
        """It never will arrive; what is behind it goes on."""
        return await self._finish(part, SendState.FAILED, reason)

    async def unknown(self, part: Part, reason: str) -> bool:
        """It was sent, but nobody can tell whether it arrived."""
        if self._unknown is UnknownParts.RESEND or part.channel in self.resends:
            return await self._finish(part, SendState.PENDING, reason)
        return await self._finish(part, SendState.UNKNOWN, reason)

    async def not_delivered(self, channel: str, key: str, reason: str) -> bool:
        """The platform has taken it, and says now that it did not arrive; False where it is of no part."""
        now = self._now()
        return await self._connector.write(
            lambda connection: outbox.not_delivered(connection, channel, key, reason, now)
        )

    async def give_up_on_senders(self, *, everyone: bool = False) -> int:
        """Deals with parts whose sender has ended or gives no news; to be called now and then."""
        now = self._now()
        return await self._connector.write(
            lambda connection: outbox.give_up_on_senders(
                connection, now, self._unknown, everyone=everyone, resends=self.resends
            )
        )

    async def parts_of(self, conversation_id: str) -> list[Part]:
        """All parts of a conversation, in order."""
        return await self._connector.read(lambda connection: outbox.parts_of(connection, conversation_id))

    async def _finish(self, part: Part, state: SendState, reason: str | None = None, wait_s: float = 0.0) -> bool:
        now = self._now()
        return await self._connector.write(
            lambda connection: outbox.finish_part(connection, part, state, now, reason=reason, wait_s=wait_s)
        )
