"""Turns that customers have called right, of which no reviewer has said anything."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, exists, select

from bot.outcome import Outcome
from bot.stores.tables import feedback, labels, turns

PAGE = 2_000
_RIGHT = "right"


@dataclass(frozen=True, slots=True, kw_only=True)
class PraisedTurn:
    """A turn that somebody has called right, and nobody wrong.

    Attributes:
        feedback_id: Of the first who did; rises.
        decision: As `bot.turn_record` keeps it.
    """

    feedback_id: int
    conversation_id: str
    seq: int
    message: str
    at: float
    decision: Mapping[str, Any]


_OTHER = feedback.alias("other")
_BLAMED = exists().where(
    _OTHER.c.conversation_id == feedback.c.conversation_id,
    _OTHER.c.turn_seq == feedback.c.turn_seq,
    _OTHER.c.verdict != _RIGHT,
)
_EARLIER = feedback.alias("earlier")
_PRAISED_BEFORE = exists().where(
    _EARLIER.c.conversation_id == feedback.c.conversation_id,
    _EARLIER.c.turn_seq == feedback.c.turn_seq,
    _EARLIER.c.id < feedback.c.id,
)
_LABELLED = exists().where(
    labels.c.conversation_id == feedback.c.conversation_id,
    labels.c.turn_seq == feedback.c.turn_seq,
    labels.c.undone_at.is_(None),
)
_PRAISED = (
    select(
        feedback.c.id,
        feedback.c.conversation_id,
        turns.c.seq,
        turns.c.message,
        feedback.c.at,
        turns.c.evidence,
    )
    .join(turns, and_(turns.c.conversation_id == feedback.c.conversation_id, turns.c.seq == feedback.c.turn_seq))
    .where(
        feedback.c.verdict == _RIGHT,
        turns.c.outcome == Outcome.ANSWERED,
        turns.c.message.is_not(None),
        ~_BLAMED,
        ~_PRAISED_BEFORE,
        ~_LABELLED,
    )
    .order_by(feedback.c.id)
)


def praised_turns(
    connection: Connection, since: float = 0.0, after_id: int = 0, limit: int = PAGE
) -> list[PraisedTurn]:
    """At most `limit` turns that were called right since then, in the order in which they first were."""
    query = _PRAISED.where(feedback.c.at >= since, feedback.c.id > after_id).limit(limit)
    return [_turn(row) for row in connection.execute(query)]


def _turn(row: Any) -> PraisedTurn:
    return PraisedTurn(
        feedback_id=row.id,
        conversation_id=row.conversation_id,
        seq=row.seq,
        message=row.message,
        at=row.at,
        decision=json.loads(row.evidence).get("decision") or {},
    )
