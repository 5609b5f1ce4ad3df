"""What a reader of a conversation has not seen yet: its events from a place on, and the turns that they belong to."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, and_, bindparam, func, select

from bot.conversation import Conversation
from bot.events import Event
from bot.stores.tables import conversations, events, feedback, turns

_OWN_EVENTS = events.c.sender_id == bindparam("conversation")
_STATE = select(conversations.c.state, conversations.c.version).where(
    conversations.c.sender_id == bindparam("conversation")
)
_COUNT = select(func.count()).select_from(events).where(_OWN_EVENTS)
_FIRST = select(events.c.timestamp).where(_OWN_EVENTS).order_by(events.c.id).limit(1)
_PAGE = (
    select(events.c.data).where(_OWN_EVENTS).order_by(events.c.id).limit(bindparam("count")).offset(bindparam("after"))
)
_TURNS = (
    select(turns.c.at, turns.c.seq, turns.c.reason, feedback.c.verdict)
    .select_from(
        turns.outerjoin(
            feedback,
            and_(
                feedback.c.conversation_id == turns.c.conversation_id,
                feedback.c.turn_seq == turns.c.seq,
                feedback.c.who == bindparam("who"),
            ),
        )
    )
    .where(
        turns.c.conversation_id == bindparam("conversation"), turns.c.at.between(bindparam("since"), bindparam("until"))
    )
    .order_by(turns.c.seq)
)
_VERSIONS = select(conversations.c.sender_id, conversations.c.version).where(
    conversations.c.sender_id.in_(bindparam("conversations", expanding=True))
)
MAX_NAMES = 500  # in one statement; SQLite takes 32,766 and PostgreSQL 32,767


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnMark:
    """A turn as a reader needs it.

    Attributes:
        seq: What feedback names.
        reason: Why the bot said what it said.
        verdict: What the reader thinks of it; None where he has not said.
    """

    seq: int
    reason: str
    verdict: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """A conversation, and what a reader has not seen of it.

    Attributes:
        version: How many commits have made it; 0 where nothing is stored.
        begun: Unix time of its first event: another one says that it was erased or replaced.
        count: How many events there are.
        start: How many of them come before `events`.
        turns: Of those that `events` belong to, by their time, which is also that of what the bot said in them.
    """

    conversation: Conversation
    version: int = 0
    begun: float | None = None
    count: int = 0
    start: int = 0
    events: tuple[Event, ...] = ()
    turns: Mapping[float, TurnMark] = field(default_factory=dict)


def read_tail(connection: Connection, conversation_id: str, after: int, limit: int, who: str) -> Tail:
    """At most `limit` events, without the first `after`.

    Args:
        after: Below 0 it counts from the end: -100 is the last hundred.
        who: Whose verdicts on the turns are wanted.
    """
    named = {"conversation": conversation_id}
    row = connection.execute(_STATE, named).one_or_none()
    if row is None:
        return Tail(conversation=Conversation(id=conversation_id))
    count = connection.execute(_COUNT, named).scalar_one()
    start = after if after >= 0 else max(0, count + after)
    found = _page(connection, conversation_id, start, limit) if start < count else ()
    return Tail(
        conversation=Conversation.from_json(row.state),
        version=row.version,
        begun=connection.scalar(_FIRST, named),
        count=count,
        start=start,
        events=found,
        turns=_turns_of(connection, conversation_id, found, who),
    )


def read_versions(connection: Connection, conversation_ids: Collection[str]) -> dict[str, int]:
    """How many commits have made each conversation; those of which nothing is stored are left out."""
    names = list(conversation_ids)
    found: dict[str, int] = {}
    for place in range(0, len(names), MAX_NAMES):
        some = connection.execute(_VERSIONS, {"conversations": names[place : place + MAX_NAMES]}).all()
        found |= {row.sender_id: row.version for row in some}
    return found


def _page(connection: Connection, conversation_id: str, after: int, limit: int) -> tuple[Event, ...]:
    named = {"conversation": conversation_id, "after": after, "count": limit}
    return tuple(json.loads(data) for data in connection.scalars(_PAGE, named))


def _turns_of(connection: Connection, conversation_id: str, page: Sequence[Event], who: str) -> dict[float, TurnMark]:
    times = [event["timestamp"] for event in page if event["event"] == "bot" and event.get("timestamp") is not None]
    if not times:
        return {}
    named = {"conversation": conversation_id, "who": who, "since": min(times), "until": max(times)}
    return {
        row.at: TurnMark(seq=row.seq, reason=row.reason, verdict=row.verdict)
        for row in connection.execute(_TURNS, named)
    }
