"""The conversation store as the dialogue sees it, whatever database it lies in."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import Connection

from bot.conversation import Conversation
from bot.errors import Overloaded
from bot.events import Event
from bot.new_id import new_id
from bot.stores import conversations, evidence, leases, reminders
from bot.stores.connector import Connector, Result, Work, telling_retries
from bot.stores.erasure import erase
from bot.stores.events import event_row, read_events, read_last_events
from bot.stores.evidence import Explained, Feedback
from bot.stores.inbox_store import Inbox
from bot.stores.leases import Lease
from bot.stores.outbox_parts import Reply, reply_of
from bot.stores.outbox_store import Outbox
from bot.stores.recent import RecentConversations
from bot.stores.tail import Tail, read_tail, read_versions
from bot.stores.turn import Committed, Held, Loaded, Reminder, TurnWrite
from configs.settings import UnknownParts

LEASE_S = 60.0
HOLD_WAIT_S = 10.0
HOLD_POLL_S = (0.02, 0.2)  # between two looks whether another process has given a conversation back


class ConversationStore:
    """Keeps conversations.

    Args:
        connector: The way to the database.
        now: Unix time.
        inbox_cap: Messages that may wait in the inbox; more are refused as overload.
        unknown: What is done with parts of replies of which nobody can tell whether they arrived.

    Attributes:
        inbox: What came in and waits for its turn.
        outbox: What is to be sent.
    """

    def __init__(
        self,
        connector: Connector,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        inbox_cap: int = 100_000,
        unknown: UnknownParts = UnknownParts.HOLD,
    ) -> None:
        self._connector, self._now, self._sleep = connector, now, sleep
        self._recent = RecentConversations()
        self.inbox = Inbox(connector, now=now, cap=inbox_cap)
        self.outbox = Outbox(connector, now=now, unknown=unknown)

    async def read(self, work: Work[Result]) -> Result:
        """What `work` reads: for those who look across conversations, each with queries of its own under `bot/stores/`.

        Raises:
            StoreError: The database cannot be read.
            Overloaded: Too many wait for it.
        """
        return await self._connector.read(work)

    async def write(self, work: Work[Result]) -> Result:
        """Does `work`, which touches no turn, in a transaction that is durable when this returns.

        Raises:
            StoreError: The database cannot be written; nothing was.
            Overloaded: Too many wait for it.
        """
        return await self._connector.write(work)

    @property
    def is_shared(self) -> bool:
        """Whether other processes may take turns on the same database, so that each is to be held under a lease."""
        return self._connector.is_shared

    async def open(self) -> None:
        """Opens the database; what was being sent when its last process ended is marked as such.

        Raises:
            StoreError: It cannot be opened, or is no database of conversations; it is left as it was.
        """
        await self._connector.open()
        await self.outbox.give_up_on_senders(everyone=not self._connector.is_shared)

    async def load(self, conversation_id: str) -> Conversation:
        """The conversation's state; a fresh one where nothing is stored."""
        return (await self.load_versioned(conversation_id)).conversation

    async def load_versioned(self, conversation_id: str) -> Loaded:
        """The conversation's state and its version."""
        if (recent := self._recent.get(conversation_id)) is not None:
            return recent
        return await self._connector.read(partial(conversations.load, conversation_id=conversation_id))

    async def handed_over(self) -> list[Conversation]:
        """Every conversation that waits for a person or is served by one."""
        return await self._connector.read(conversations.handed_over)

    async def hold(self, conversation_id: str, *, lease_s: float = LEASE_S, wait_s: float = HOLD_WAIT_S) -> Held:
        """The conversation under a lease, so that no other process takes a turn of it; waits for who has one.

        Give it back by the turn's commit, or by `release`. Within one process turns must be kept apart before.

        Raises:
            Overloaded: Another has not given it back within `wait_s`.
        """
        deadline, holder = time.monotonic() + wait_s, new_id()
        while True:
            held = await self._connector.write(
                lambda connection: conversations.hold(connection, conversation_id, holder, self._now(), lease_s)
            )
            if held is not None:
                return held
            if time.monotonic() >= deadline:
                raise Overloaded("Another process is taking a turn of this conversation")
            await self._sleep(random.uniform(*HOLD_POLL_S))  # noqa: S311 - only spreads the looks

    async def extend(self, lease: Lease, lease_s: float = LEASE_S) -> bool:
        """Lets a lease run for another `lease_s` from now; False where it was lost before."""
        until = self._now() + lease_s
        return await self._connector.write(lambda connection: leases.extend_lease(connection, lease, until))

    async def release(self, lease: Lease) -> None:
        """Gives a conversation back whose turn was not committed."""
        await self._connector.write(lambda connection: leases.release_lease(connection, lease))

    async def append(
        self, conversation: Conversation, events: Sequence[Event], *, turn: TurnWrite | None = None
    ) -> Committed:
        """Writes `events`, the state they lead to and what else the turn brings, or nothing of it.

        All of it is durable when this returns.

        Raises:
            LeaseLost: Another has come to hold the conversation, or has changed or erased it.
            AlreadyAnswered: A message with the id of `turn.message` was.
            StoreError: The database cannot be written.
        """
        rows, state = _rows(conversation, events)

        def write(connection: Connection, is_retry: bool) -> Committed:
            done = conversations.committed_before(connection, state, turn) if is_retry else None
            return done or conversations.write_turn(connection, state, rows, turn, self._now())

        self._recent.forget(conversation.id)  # until it is known what has become of it
        committed = await self._connector.write(telling_retries(write))
        if not self.is_shared:
            self._recent.put(Loaded(conversation=conversation, version=committed.version))
        return committed

    async def replace(
        self, conversation: Conversation, events: Sequence[Event], *, turn: TurnWrite | None = None
    ) -> Committed:
        """Writes as `append` does, but puts `events` in the place of all that the conversation holds.

        What waits in the inbox and the outbox stays, and so does why the bot said what it said.
        """
        return await self.append(conversation, events, turn=replace(turn or TurnWrite(), replaces_events=True))

    async def events(self, conversation_id: str, *, after: int | None = None, limit: int | None = None) -> list[Event]:
        """The events of a conversation, in order: all, or at most `limit` of them without the first `after`."""
        return await self._connector.read(lambda connection: read_events(connection, conversation_id, after, limit))

    async def recent_events(self, conversation_id: str, limit: int) -> list[Event]:
        """The last `limit` events, in order."""
        return await self._connector.read(lambda connection: read_last_events(connection, conversation_id, limit))

    async def tail(self, conversation_id: str, after: int, *, limit: int, who: str) -> Tail:
        """What a reader of a conversation who has seen its first `after` events has not, at most `limit` of it.

        Args:
            after: Below 0 it counts from the end: -100 is the last hundred.
            who: Whose verdicts on the turns are wanted.
        """
        return await self._connector.read(lambda connection: read_tail(connection, conversation_id, after, limit, who))

    async def versions(self, conversation_ids: Collection[str]) -> dict[str, int]:
        """How many commits have made each conversation; those of which nothing is stored are left out."""
        return await self._connector.read(lambda connection: read_versions(connection, conversation_ids))

    async def reply_of(self, channel: str, account: str, external_id: str) -> Reply | None:
        """The reply to a message that was answered; None where it was not, or is not known."""
        return await self._connector.read(lambda connection: reply_of(connection, channel, account, external_id))

    async def reminders(self, conversation_id: str) -> list[Reminder]:
        """What a conversation waits for, the soonest first."""
        return await self._connector.read(lambda connection: reminders.reminders_of(connection, conversation_id))

    async def fire_reminders(self, most: int = 100) -> int:
        """Puts at most `most` reminders that are due into the inbox, each once; returns how many."""
        now = self._now()
        return await self._connector.write(
            lambda connection: reminders.put_due_into_inbox(connection, now, most),
        )

    async def explained(self, conversation_id: str, limit: int = 20) -> list[Explained]:
        """The last `limit` turns and why the bot said what it said, the newest last."""
        return await self._connector.read(
            lambda connection: evidence.explained(connection, conversation_id, limit),
        )

    async def give_feedback(self, given: Feedback) -> bool:
        """Keeps what a person thinks of a turn; False where there is no such turn."""
        return await self._connector.write(lambda connection: evidence.give_feedback(connection, given))

    async def feedback_after(self, after_id: int = 0, limit: int = 1_000) -> list[Feedback]:
        """At most `limit` verdicts of all conversations whose id is higher than `after_id`."""
        return await self._connector.read(lambda connection: evidence.feedback_after(connection, after_id, limit))

    async def verdicts(self, release_id: str, reasons: Sequence[str]) -> list[str]:
        """What people think of the turns that one release took for one of `reasons`, the oldest first."""
        return await self._connector.read(lambda connection: evidence.verdicts(connection, release_id, reasons))

    async def erase(self, conversation_id: str) -> bool:
        """Deletes everything of a conversation, also from the files; False where there was nothing.

        A turn under way, if it has a lease or a version, ends in `LeaseLost`.
        """
        count = await self._connector.write(lambda connection: erase(connection, conversation_id))
        self._recent.forget(conversation_id)
        await self._connector.clean()
        return count > 0

    async def close(self) -> None:
        """Finishes what waits and closes the database."""
        await self._connector.close()
        self._recent.clear()


def _rows(conversation: Conversation, events: Sequence[Event]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows of the events, and that of the state they lead to, with a name for the commit."""
    state = {
        "sender_id": conversation.id,
        "state": conversation.to_json(),
        "updated_at": conversation.last_event_at or 0.0,
        "version": 1,
        "last_commit": new_id(),
        "handoff": conversation.handoff.state.value if conversation.handoff.silences_bot else None,
    }
    return [event_row(conversation.id, item) for item in events], state
