"""Conversations in memory for the desk: real events, real states, no bot."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.conversation import Conversation
from bot.desk import Desk
from bot.events import Event, user_event
from bot.messages import BotMessage, UserMessage
from configs import Domain
from configs.assistant_config import HandoffConfig

DOMAIN = Domain()
START = 1_000.0


@dataclass
class Conversations:
    """What the dialogue and the store do for the desk.

    Attributes:
        tellers: Told of every commit, as other parts of the process would be.
    """

    states: dict[str, Conversation] = field(default_factory=dict)
    happened: dict[str, list[Event]] = field(default_factory=dict)
    tellers: list[Callable[[Conversation, Sequence[Event]], None]] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def tracker(self, conversation_id: str) -> Conversation:
        return self.states.get(conversation_id, Conversation(id=conversation_id))

    async def change(self, conversation_id: str, make: Callable[[Conversation], Sequence[Event]]) -> Conversation:
        async with self.lock:
            before = await self.tracker(conversation_id)
            await asyncio.sleep(0)
            events = list(make(before))
            after = before.after(events, DOMAIN)
            if events:
                self.states[conversation_id] = after
                self.happened.setdefault(conversation_id, []).extend(events)
                for tell in self.tellers:
                    tell(after, events)
            return after

    async def recent_events(self, conversation_id: str, limit: int) -> Sequence[Event]:
        return self.happened.get(conversation_id, [])[-limit:]

    async def handed_over(self) -> Sequence[Conversation]:
        return [state for state in self.states.values() if state.handoff.silences_bot]


@dataclass
class Office:
    """A desk, its conversations and its clock."""

    conversations: Conversations
    desk: Desk
    now: float = START

    async def hear(self, conversation_id: str, text: str) -> None:
        """The customer writes."""
        message = UserMessage(conversation_id=conversation_id, text=text, channel="chat")
        event = user_event(message, {"intent": {"name": "x"}}, "m", self.now)
        await self.conversations.change(conversation_id, lambda _: [event])

    def kinds(self, conversation_id: str) -> list[str]:
        """The types of all events."""
        return [event["event"] for event in self.conversations.happened[conversation_id]]


def make_office(config: HandoffConfig | None = None, conversations: Conversations | None = None) -> Office:
    """A desk that hears of every commit of its process.

    Args:
        conversations: Those of another process, which this desk does not hear of by itself.
    """
    shared = conversations or Conversations()
    chosen = config or HandoffConfig()
    office: Office
    desk = Desk(
        shared,
        shared,
        config=lambda: chosen,
        say=lambda name, _: BotMessage(text=f"<{name}>"),
        now=lambda: office.now,
    )
    office = Office(shared, desk)
    if conversations is None:
        shared.tellers.append(desk.saw)
    return office
