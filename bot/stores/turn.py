"""What one turn writes, in one transaction: events, state, the reply, reminders, and why the bot said it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.conversation import Conversation
from bot.stores.leases import Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A conversation as it is stored.

    Attributes:
        version: How many commits have made it; 0 where nothing is stored.
    """

    conversation: Conversation
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Loaded):
    """A conversation that is loaded, and that nobody else may go on with meanwhile."""

    lease: Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxMessage:
    """Something that came in for a conversation.

    Attributes:
        account: Which of the channel's accounts it came to.
        external_id: The platform's id of it, unique within channel and account.
        payload: All that is needed to take its turn later; JSON.
        kind: `message`, `reminder`, or whatever else begins a turn.
        address: The way back to the customer, kept for whatever is sent from now on; JSON. None leaves what is known.
    """

    conversation_id: str
    channel: str
    account: str = ""
    external_id: str
    payload: Mapping[str, Any]
    received_at: float
    kind: str = "message"
    address: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """Something that is to begin a turn later.

    Attributes:
        name: Of two with one name in a conversation, the later one counts.
        due_at: Unix time.
        payload: What its inbox message will hold; JSON.
    """

    name: str
    due_at: float
    channel: str
    account: str = ""
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Why the bot said what it said.

    Attributes:
        confidence: From 0 to 1; None where there was nothing to be sure of.
        evidence: Whatever else went into the decision; JSON.
        message: What the customer wrote; None where nobody did.
        intent: What it counted as.
        outcome: What came of it, one of `bot.outcome.Outcome`.
        sentiment: `negative`, `neutral` or `positive`; None where moods are not read.
        took_ms: From the beginning of the turn until it was to be written.
    """

    at: float
    release_id: str
    reason: str
    confidence: float | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    message: str | None = None
    channel: str | None = None
    intent: str | None = None
    outcome: str | None = None
    sentiment: str | None = None
    took_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that a channel is to be told, in its order among what is sent by it.

    Attributes:
        at: Unix time of what happened.
        payload: What is told; JSON.
        goes_first: Whether it goes before what the turn says.
    """

    channel: str
    at: float
    payload: Mapping[str, Any]
    goes_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """A question that is offered under an answer.

    Attributes:
        kind: Why: `related` or `next`.
        answer: What answers it: `intent:NAME` or `pair:ID`.
    """

    kind: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnWrite:
    """What a turn writes besides its events and the state they lead to.

    Attributes:
        lease: The one the turn was taken under; given back by the commit. None does not check.
        version: The one that was loaded. None does not check.
        inbox_id: The claimed message that this answers.
        message: The message that this answers, where it did not wait in the inbox.
        parts: The reply, message by message, as JSON.
        deliver: Whether the parts wait in the outbox to be sent; else the reply is given as the response.
        channel: Where the parts go, where no message is answered.
        account: As `channel`.
        reply_expires_at: When it is too late to send the parts.
        reminders: To be set.
        cancelled: Names of reminders that are not to come.
        replaces_events: The events take the place of all that there were.
        notices: What channels are told besides.
        suggested: Questions that are offered.
        taken: The answer that a button asked for, as `Suggested.answer`; empty where none did.
    """

    lease: Lease | None = None
    version: int | None = None
    inbox_id: int | None = None
    message: InboxMessage | None = None
    parts: tuple[Mapping[str, Any], ...] = ()
    deliver: bool = False
    channel: str = ""
    account: str = ""
    reply_expires_at: float | None = None
    reminders: tuple[Reminder, ...] = ()
    cancelled: tuple[str, ...] = ()
    replaces_events: bool = False
    evidence: Evidence | None = None
    notices: tuple[Notice, ...] = ()
    suggested: tuple[Suggested, ...] = ()
    taken: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What a commit made.

    Attributes:
        version: The conversation's; also the number of the turn.
    """

    version: int
    inbox_id: int | None = None
