"""Every turn with its evidence, across conversations, in the order of time."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, and_, or_, select

from bot.stores.tables import turns

PAGE_TURNS = 1_000
_COLUMNS = (
    turns.c.conversation_id,
    turns.c.seq,
    turns.c.at,
    turns.c.release_id,
    turns.c.reason,
    turns.c.confidence,
    turns.c.message,
    turns.c.channel,
    turns.c.intent,
    turns.c.outcome,
    turns.c.sentiment,
    turns.c.took_ms,
    turns.c.evidence,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedTurn:
    """A turn as it was written.

    Attributes:
        seq: Its number in its conversation.
        message: The customer's words; None in turns from before they were kept here, or where nobody wrote.
        evidence: What the decision went by; see `bot.turn_record`.
    """

    conversation_id: str
    seq: int
    at: float
    release_id: str
    reason: str
    confidence: float | None
    message: str | None
    channel: str | None
    intent: str | None
    outcome: str | None
    sentiment: str | None
    took_ms: float | None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> tuple[float, str, int]:
        """By which turns are in order; what `turns_after` goes on from."""
        return (self.at, self.conversation_id, self.seq)


def turns_after(
    connection: Connection,
    place: tuple[float, str, int] = (0.0, "", 0),
    *,
    until: float | None = None,
    outcomes: Collection[str] | None = None,
    limit: int = PAGE_TURNS,
) -> list[LoggedTurn]:
    """At most `limit` turns after `place`, the oldest first.

    Args:
        place: That of the last turn that is known; `(since, "", 0)` begins at a time.
        until: Only turns before it, Unix time.
        outcomes: Only these.
    """
    return [_turn(row) for row in connection.execute(_query(place, until, outcomes).limit(limit)).mappings()]


def logged_turn(connection: Connection, conversation_id: str, seq: int) -> LoggedTurn | None:
    """One turn; None where there is none."""
    query = select(*_COLUMNS).where(turns.c.conversation_id == conversation_id, turns.c.seq == seq)
    row = connection.execute(query).mappings().first()
    return None if row is None else _turn(row)


def _query(
    place: tuple[float, str, int], until: float | None, outcomes: Collection[str] | None
) -> Select[tuple[Any, ...]]:
    at, conversation, seq = place
    later = or_(
        turns.c.at > at,
        and_(turns.c.at == at, turns.c.conversation_id > conversation),
        and_(turns.c.at == at, turns.c.conversation_id == conversation, turns.c.seq > seq),
    )
    query = select(*_COLUMNS).where(turns.c.at >= at, later)
    if until is not None:
        query = query.where(turns.c.at < until)
    if outcomes is not None:
        query = query.where(turns.c.outcome.in_(outcomes))
    return query.order_by(turns.c.at, turns.c.conversation_id, turns.c.seq)


def _turn(row: Mapping[Any, Any]) -> LoggedTurn:
    return LoggedTurn(**{**row, "evidence": json.loads(row["evidence"])})
