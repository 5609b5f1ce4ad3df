"""A turn while it is taken: what has happened in it so far, and the state that follows."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from time import perf_counter

from bot.abilities import Abilities
from bot.conversation import Conversation
from bot.engine import Engine, Reading
from bot.events import Event, bot_event, said_in
from bot.messages import BotMessage
from bot.policy import Decision
from bot.stores.turn import Loaded, Suggested
from bot.topic import topic_metadata
from configs.domain import Button, Domain


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What came of one message.

    Attributes:
        decision: Of the policy; None where the message did not come to it.
        reason: Why the bot did what it did, by `policy.Reason`.
        reading: How the message was understood; None where a button said what was meant.
        events: Everything that was written of it.
        conversation: The state it led to.
    """

    messages: tuple[BotMessage, ...]
    decision: Decision | None
    reason: str
    reading: Reading | None
    release_id: str
    events: tuple[Event, ...]
    conversation: Conversation


@dataclass(slots=True, kw_only=True)
class TurnUnderWay:
    """Gathers a turn; the one place where a conversation's state changes, and it is gone when the turn is.

    Attributes:
        engine: Taken once, for all of the turn: another release may be swapped in at any moment.
        loaded: The conversation as it was stored, and under which lease.
        now: Unix time of everything that happens in it.
        abilities: What can be shown where the customer can be written to, so that what is said leaves by the outbox;
            None where only an answer reaches him.
        heard_in: The state in which the message was read; None where none was.
        pushes: Whether what is said is no answer to the customer and cannot be sent: it waits for his next message.
        answered: Whether anything but a form has been run since the customer's message.
        rejected: The action that would not run just now.
        ended: Whether nothing more is to be done.
        saved: Whether it is on disk.
        began: When it began, by `time.perf_counter`.
        suggested: The questions that are offered under its answer.
        taken: The answer that a button asked for, as `Suggested.answer`.
    """

    engine: Engine
    loaded: Loaded
    conversation: Conversation
    channel: str
    now: float
    abilities: Abilities | None = None
    pushes: bool = False
    heard_in: Conversation | None = None
    reading: Reading | None = None
    decision: Decision | None = None
    reason: str = ""
    read_as: str = ""
    events: list[Event] = field(default_factory=list)
    messages: list[BotMessage] = field(default_factory=list)
    answered: bool = False
    rejected: str | None = None
    ended: bool = False
    saved: bool = False
    began: float = field(default_factory=perf_counter)
    suggested: tuple[Suggested, ...] = ()
    taken: str = ""

    @property
    def sends(self) -> bool:
        """Whether the customer can be written to."""
        return self.abilities is not None

    @property
    def domain(self) -> Domain:
        """The release's."""
        return self.engine.spec.domain

    def happen(self, events: Iterable[Event]) -> None:
        """Adds events, and the state goes on with them."""
        added = [event if event.get("timestamp") else {**event, "timestamp": self.now} for event in events]
        self.events += added
        self.conversation = self.conversation.after(added, self.domain)

    def say(self, message: BotMessage, response: str | None = None) -> Event:
        """Adds a message; the event that records it is the caller's to let happen, in its place.

        Args:
            response: The response that it is, where it is one.
        """
        self.messages.append(message)
        named = {"utter_action": response} if response else {}
        about = topic_metadata(self.read_as, self.decision) if self.read_as else {}
        pushed = {"pushed": True} if self.pushes else {}
        metadata = {"reason": self.reason, "release": self.engine.id, **named, **about, **pushed}
        return bot_event(message, metadata, self.now)

    def put_under(self, place: int, buttons: Sequence[Button]) -> bool:
        """Puts buttons under the message at `place` of what is said; False where it is not known as an event."""
        message = self.messages[place]
        event = next((e for e in reversed(self.events) if e["event"] == "bot" and said_in(e) == message), None)
        if event is None:
            return False
        self.messages[place] = replace(message, buttons=tuple(buttons))
        event["data"] = {**event["data"], "buttons": [asdict(button) for button in buttons]}
        self.conversation = self.loaded.conversation.after(self.events, self.domain)
        return True

    def since_message(self) -> list[Event]:
        """What has happened since the customer's message."""
        last = max((place for place, event in enumerate(self.events) if event["event"] == "user"), default=-1)
        return self.events[last + 1 :]

    def last_message(self) -> Event | None:
        """The customer's message of this turn."""
        return next((event for event in reversed(self.events) if event["event"] == "user"), None)

    @property
    def message_id(self) -> str | None:
        """By which the log names the turn: it says nothing of whose it is."""
        message = self.last_message()
        return None if message is None else message.get("message_id")

    def done(self) -> Turn:
        """The turn as it came out."""
        return Turn(
            messages=tuple(self.messages),
            decision=self.decision,
            reason=self.reason,
            reading=self.reading,
            release_id=self.engine.id,
            events=tuple(self.events),
            conversation=self.conversation,
        )
