"""Replies that go back in the answer to the request that brought the message, and how they meet it.

WeChat waits 5 seconds, then hangs up and brings the message again, three times in all. The outbox delivers a reply part
by part. What decides is whoever comes first: a part that finds a request waiting takes the whole beginning of the reply
with it, and every further try gets the same; a part that finds none goes another way, and so does all that follows.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from bot.abilities import TextUnit
from bot.channels.wechat.api import MAX_BYTES
from bot.messages import BotMessage
from bot.stores.inbox import Accepted
from bot.stores.outbox import Part

WAIT_S = 4.5  # of the 5 seconds
LATE_S = 1.5  # after that, until WeChat has surely hung up and comes again
GRACE_S = 1.0  # for parts that are still to be sent of a reply that was made before a restart
RETRY_WITHIN_S = 6.0  # after an answer that could not be written
ALL_TRIES_S = 16.0
TRIES = 3
REMEMBERED_S = 120.0

Reply = Sequence[BotMessage]
ReadReply = Callable[[], Awaitable[Reply | None]]


@dataclass(slots=True, kw_only=True, eq=False)
class Exchange:
    """A message, the requests that brought it and wait, and what they are answered.

    Attributes:
        text: What they are answered; None while that is not decided, or where the reply goes another way.
        parts: How many parts of the reply `text` holds.
        waiting: Requests that wait.
        tries: Requests that have come.
        reply_of: Reads the reply from the store; None while no request has come.
    """

    begun_at: float
    text: str | None = None
    parts: int = 0
    waiting: int = 0
    tries: int = 0
    reply_of: ReadReply | None = None
    decided: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    written: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self, reply: Reply) -> None:
        """Decides on the beginning of `reply`, or that it goes elsewhere where it does not begin with text."""
        text, self.parts = beginning(reply)
        if self.parts:
            self.text = text
            self.decided.set()
        else:
            self.leave()

    def leave(self) -> None:
        """Decides that the reply goes another way."""
        self.text, self.parts = None, 0
        self.decided.set()


class PassiveReplies:
    """Brings requests that wait and parts of replies together.

    Args:
        may_send: Whether there is another way to the customer; without it a part waits for WeChat's next try.
        wait_s: How long a request may wait.
    """

    def __init__(self, *, may_send: bool, wait_s: float = WAIT_S) -> None:
        self._may_send, self._wait_s = may_send, wait_s
        self._exchanges: OrderedDict[int, Exchange] = OrderedDict()

    async def answer(self, accepted: Accepted, reply_of: ReadReply) -> Exchange:
        """What is known of the reply to a message once it is time to answer the request that brought it.

        Args:
            reply_of: Reads the reply from the store, where the message has been answered.
        """
        is_known = accepted.inbox_id in self._exchanges
        exchange = self._exchange(accepted.inbox_id)
        exchange.tries += 1
        exchange.reply_of = reply_of
        made_before = None if accepted.is_new or is_known else await reply_of()
        await self._wait(exchange, self._wait_s if made_before is None else min(GRACE_S, self._wait_s))
        if not self._may_send:
            made_before = await reply_of()  # by another process, which cannot answer this request
        if made_before and not exchange.decided.is_set():
            exchange.answer(made_before)
        if not exchange.decided.is_set() and not self._may_send and exchange.tries < TRIES:
            await asyncio.sleep(LATE_S * self._wait_s / WAIT_S)  # WeChat hangs up, and comes again
        return exchange

    async def takes(self, part: Part) -> bool:
        """Whether a part has gone to the customer in an answer; True once that is written."""
        if part.inbox_id is None:
            return False
        is_known = part.inbox_id in self._exchanges
        exchange = self._exchange(part.inbox_id)
        if not is_known and self._may_send:
            exchange.leave()
        if not exchange.decided.is_set():
            await self._decide(exchange)
        if part.part_no >= exchange.parts:
            return False
        if await _within(exchange.written, RETRY_WITHIN_S):
            return True
        exchange.leave()
        return False

    def _exchange(self, inbox_id: int) -> Exchange:
        now = asyncio.get_running_loop().time()
        while self._exchanges and next(iter(self._exchanges.values())).begun_at < now - REMEMBERED_S:
            self._exchanges.popitem(last=False)
        return self._exchanges.setdefault(inbox_id, Exchange(begun_at=now))

    async def _wait(self, exchange: Exchange, wait_s: float) -> None:
        exchange.waiting += 1
        exchange.asked.set()
        try:
            await _within(exchange.decided, wait_s)
        finally:
            exchange.waiting -= 1
            if not exchange.waiting:
                exchange.asked.clear()

    async def _decide(self, exchange: Exchange) -> None:
        """Answers the requests that wait for it; where none does, the reply goes another way."""
        if not self._may_send:
            left_s = exchange.begun_at + ALL_TRIES_S - asyncio.get_running_loop().time()
            await _within(exchange.asked, left_s)
        reply = await exchange.reply_of() if exchange.waiting and exchange.reply_of else None
        if exchange.decided.is_set():
            return
        if exchange.waiting and reply:
            exchange.answer(reply)
        else:
            exchange.leave()


def beginning(reply: Reply) -> tuple[str, int]:
    """The texts that a reply begins with, as one that WeChat takes, and how many parts that are."""
    text, count = "", 0
    for message in reply:
        if not message.text or message.buttons:
            break
        longer = f"{text}\n\n{message.text}" if count else message.text
        if TextUnit.UTF8_BYTES.length(longer) > MAX_BYTES:
            break
        text, count = longer, count + 1
    return text, count


async def _within(event: asyncio.Event, wait_s: float) -> bool:
    """Whether `event` happens within `wait_s`."""
    try:
        async with asyncio.timeout(max(wait_s, 0.0)):
            await event.wait()
    except TimeoutError:
        return event.is_set()
    return True
