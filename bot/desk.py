"""Who waits for a person and who is served by one, and what persons do about it.

Where a conversation stands is kept by the conversation itself; the desk only knows which ones to look at, tells
everybody who listens, and takes overdue ones back. It may forget everything: `catch_up` finds it again in the store,
and with it what other processes on the same store have done.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import structlog

from bot.conversation import Conversation
from bot.desk_feed import Feed, Feeds
from bot.desk_seat import SAID, Seat, message_frame, seat_of
from bot.errors import Refused
from bot.events import Event, action_event, bot_event
from bot.handoff import (
    ACTION_HANDOFF,
    UTTER_HANDOFF,
    UTTER_RETURNED,
    UTTER_TIMEOUT,
    HandoffReason,
    HandoffState,
    ReturnReason,
    claimed_event,
    overdue,
    returned_events,
    waiting_events,
)
from bot.handoff_summary import summary
from bot.messages import BotMessage
from configs.assistant_config import HandoffConfig
from configs.errors import KefuError

_log = structlog.get_logger()

MAX_EVENTS = 500  # that a person is shown of a conversation, however long it is

Change: TypeAlias = Callable[[Conversation], Sequence[Event]]


class Dialogue(Protocol):
    """What the desk needs of the dialogue."""

    async def tracker(self, conversation_id: str) -> Conversation:
        """The conversation's state; a fresh one where nothing is stored."""
        ...

    async def change(self, conversation_id: str, make: Change) -> Conversation:
        """Commits, in the conversation's turn, the events that `make` makes of its state; none is none."""
        ...


class Store(Protocol):
    """What the desk needs of the store."""

    async def recent_events(self, conversation_id: str, limit: int) -> Sequence[Event]:
        """A conversation's last events, in order."""
        ...

    async def handed_over(self) -> Sequence[Conversation]:
        """Every conversation that waits for a person or is served by one."""
        ...


class Desk:
    """Claims, replies and returns, and the fan-out of what changes.

    Args:
        config: The settings in force; another release may bring others.
        say: A response of the assistant, for a conversation; None where it has none.
        now: Unix time.

    Attributes:
        on_typing: Told that the person who serves a conversation has begun or stopped to write.
    """

    def __init__(
        self,
        dialogue: Dialogue,
        store: Store,
        *,
        config: Callable[[], HandoffConfig],
        say: Callable[[str, Conversation], BotMessage | None],
        now: Callable[[], float],
    ) -> None:
        self._dialogue, self._store = dialogue, store
        self._config, self._say, self._now = config, say, now
        self._seats: dict[str, Seat] = {}
        self._announcing: set[asyncio.Task[None]] = set()
        self.on_typing: Callable[[str, bool], None] = lambda *_: None
        self.feeds = Feeds()

    def seats(self) -> list[Seat]:
        """Everybody at the desk: who waits before who is served, the longest first."""
        return sorted(
            self._seats.values(),
            key=lambda seat: (seat.handoff.state is not HandoffState.WAITING, seat.handoff.since or 0.0),
        )

    async def seat(self, conversation_id: str) -> Seat:
        """Where a conversation stands.

        Raises:
            Refused: There is no such conversation.
        """
        conversation = await self._dialogue.tracker(conversation_id)
        _refuse_unknown(conversation)
        return seat_of(conversation)

    async def shown(self, seat: Seat) -> dict[str, Any]:
        """A seat with the summary of its conversation."""
        conversation = await self._dialogue.tracker(seat.conversation_id)
        events = await self._store.recent_events(seat.conversation_id, MAX_EVENTS)
        return {**seat.to_dict(), "summary": summary(conversation, events).to_dict()}

    async def ask(self, conversation_id: str, note: str = "") -> Seat:
        """Calls a person, whatever the hours.

        Raises:
            Refused: There is no such conversation, or it is at the desk already.
        """

        def make(conversation: Conversation) -> list[Event]:
            _refuse_unknown(conversation)
            if conversation.handoff.silences_bot:
                raise Refused(409, "Conflict", f"{conversation_id!r} is {conversation.handoff.state} already.")
            now = self._now()
            events = [action_event(ACTION_HANDOFF, now), *waiting_events(HandoffReason.API, now, note=note)]
            return events + self._said(UTTER_HANDOFF, conversation, HandoffReason.API, now)

        return await self._changed(conversation_id, make)

    async def claim(self, conversation_id: str, agent: str, *, take_over: bool = False) -> Seat:
        """Makes `agent` the one who answers; claiming it once more changes nothing.

        Args:
            take_over: Also where somebody else has claimed it.

        Raises:
            Refused: Nobody waits there, or somebody else has claimed it.
        """

        def make(conversation: Conversation) -> list[Event]:
            _refuse_unknown(conversation)
            handoff = conversation.handoff
            if not handoff.silences_bot:
                raise Refused(409, "Conflict", f"{conversation_id!r} is {handoff.state}: nobody waits there.")
            if handoff.by == agent:
                return []
            if handoff.by and not take_over:
                raise Refused(409, "Conflict", f"{conversation_id!r} is claimed by {handoff.by!r}.")
            return [claimed_event(agent, self._now(), taken_from=handoff.by)]

        seat = await self._changed(conversation_id, make)
        if seat.handoff.by != agent:  # somebody else's claim was stored before
            raise Refused(409, "Conflict", f"{conversation_id!r} is claimed by {seat.handoff.by!r}.")
        return seat

    async def reply(self, conversation_id: str, agent: str, text: str) -> Seat:
        """Says `text` to the customer.

        Raises:
            Refused: `agent` has not claimed the conversation.
        """

        def make(conversation: Conversation) -> list[Event]:
            _refuse_stranger(conversation, agent)
            return [bot_event(BotMessage(text=text), {"agent": agent, "pushed": True}, self._now())]

        return await self._changed(conversation_id, make)

    async def give_back(self, conversation_id: str, agent: str) -> Seat:
        """Lets the bot answer again; where nobody has claimed it, anybody may.

        Raises:
            Refused: It is not at the desk, or somebody else has claimed it.
        """

        def make(conversation: Conversation) -> list[Event]:
            if conversation.handoff.state is not HandoffState.WAITING:
                _refuse_stranger(conversation, agent)
            now = self._now()
            said = self._said(UTTER_RETURNED, conversation, ReturnReason.GIVEN_BACK, now)
            return returned_events(ReturnReason.GIVEN_BACK, now, by=agent, said=said)

        return await self._changed(conversation_id, make)

    def customer_types(self, conversation_id: str, *, on: bool) -> None:
        """Tells persons that a customer of theirs has begun or stopped to write; nothing is kept of it."""
        if conversation_id in self._seats:
            self.feeds.send({"type": "typing", "conversation_id": conversation_id, "from": "customer", "on": on})

    def person_types(self, conversation_id: str, agent: str, *, on: bool) -> None:
        """Tells the customer's page that the person who serves him has begun or stopped to write."""
        seat = self._seats.get(conversation_id)
        if seat is not None and seat.handoff.by == agent:
            self.on_typing(conversation_id, on)

    def saw(self, conversation: Conversation, events: Sequence[Event]) -> None:
        """Takes note of what was committed; the dialogue calls it after every commit."""
        known, seat = self._seats.get(conversation.id), seat_of(conversation)
        if seat.handoff.silences_bot:
            self._seats[conversation.id] = seat
        elif known is None:
            return
        else:
            del self._seats[conversation.id]
        for event in events:
            if event["event"] in SAID:
                self.feeds.send(message_frame(conversation.id, event))
        if known is None or known.standing != seat.standing:
            self._announce(seat, new=known is None)

    async def catch_up(self) -> None:
        """Finds out what other processes have done, or this one before it was started, and takes overdue ones back."""
        listed = {conversation.id: conversation for conversation in await self._store.handed_over()}
        for conversation_id in set(self._seats) ^ set(listed):  # it has come or gone since: look once more
            listed[conversation_id] = await self._dialogue.tracker(conversation_id)
        for conversation in listed.values():
            known = self._seats.get(conversation.id)
            if known is None or (conversation.last_event_at or 0.0) > (known.seen_at or 0.0):
                self.saw(conversation, await self._missed(conversation, known))
        for seat in list(self._seats.values()):
            if overdue(self._config(), seat.handoff, self._now()):
                await self._take_back(seat.conversation_id)

    async def follow(self, interval_s: float) -> None:
        """Catches up every `interval_s`, until it is cancelled."""
        while True:
            try:
                await self.catch_up()
            except KefuError as error:
                _log.warning("desk_not_caught_up", reason=str(error))
            except Exception:
                _log.exception("desk_failed")
            await asyncio.sleep(interval_s)

    async def close(self) -> None:
        """Ends what still announces."""
        for task in list(self._announcing):
            task.cancel()
        await asyncio.gather(*self._announcing, return_exceptions=True)
        self.feeds.close()

    def listen(self) -> Feed:
        """A feed of what changes from now on."""
        return self.feeds.open()

    async def _changed(self, conversation_id: str, make: Change) -> Seat:
        return seat_of(await self._dialogue.change(conversation_id, make))

    async def _missed(self, conversation: Conversation, known: Seat | None) -> list[Event]:
        """What was said since this process looked last."""
        if known is None or known.seen_at is None:
            return []
        events = await self._store.recent_events(conversation.id, MAX_EVENTS)
        return [event for event in events if (event.get("timestamp") or 0.0) > known.seen_at]

    async def _take_back(self, conversation_id: str) -> None:
        def make(conversation: Conversation) -> list[Event]:
            now = self._now()
            reason = overdue(self._config(), conversation.handoff, now)
            if reason is None:
                return []
            name = UTTER_TIMEOUT if reason is ReturnReason.NOBODY_CAME else UTTER_RETURNED
            return returned_events(reason, now, said=self._said(name, conversation, reason, now))

        await self._changed(conversation_id, make)

    def _said(
        self, name: str, conversation: Conversation, reason: HandoffReason | ReturnReason, now: float
    ) -> list[Event]:
        message = self._say(name, conversation)
        metadata = {"reason": reason.value, "utter_action": name, "pushed": True}
        return [] if message is None else [bot_event(message, metadata, now)]

    def _announce(self, seat: Seat, *, new: bool) -> None:
        self.feeds.send({"type": "conversation", **seat.to_dict()})
        if new and self.feeds:
            task = asyncio.create_task(self._send_summary(seat))
            self._announcing.add(task)
            task.add_done_callback(self._announcing.discard)

    async def _send_summary(self, seat: Seat) -> None:
        try:
            self.feeds.send({"type": "summary", **await self.shown(seat)})
        except KefuError as error:
            _log.warning("summary_failed", reason=str(error))


def _refuse_unknown(conversation: Conversation) -> None:
    if conversation.last_event_at is None:
        raise Refused(404, "NotFound", f"There is no conversation {conversation.id!r}.")


def _refuse_stranger(conversation: Conversation, agent: str) -> None:
    _refuse_unknown(conversation)
    handoff = conversation.handoff
    if handoff.state is not HandoffState.HUMAN:
        raise Refused(409, "Conflict", f"{conversation.id!r} is {handoff.state}; claim it first.")
    if handoff.by != agent:
        raise Refused(409, "Conflict", f"{conversation.id!r} is claimed by {handoff.by!r}.")
