"""The turns that were taken while two releases were compared, and what people thought of them."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from bot.stores.tables import feedback, turns

_TURNS = (
    select(
        turns.c.conversation_id,
        turns.c.seq,
        turns.c.at,
        turns.c.release_id,
        turns.c.outcome,
        turns.c.reason,
        turns.c.confidence,
    )
    .where(turns.c.at >= bindparam("since"), turns.c.at < bindparam("until"), turns.c.outcome.is_not(None))
    .order_by(turns.c.at, turns.c.conversation_id, turns.c.seq)
)
_VERDICTS = (
    select(feedback.c.conversation_id, feedback.c.turn_seq, feedback.c.verdict)
    .where(feedback.c.at >= bindparam("since"))
    .order_by(feedback.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmTurn:
    """A turn, as far as it counts for a comparison."""

    conversation_id: str
    seq: int
    at: float
    release_id: str
    outcome: str
    reason: str
    confidence: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumb:
    """What somebody thinks of a turn: `right`, `wrong` or `corrected`."""

    conversation_id: str
    turn_seq: int
    verdict: str


def arm_turns(connection: Connection, since: float, until: float) -> Iterator[ArmTurn]:
    """The turns from `since` to `until`, the oldest first."""
    for row in connection.execute(_TURNS, {"since": since, "until": until}).mappings():
        yield ArmTurn(**row)


def thumbs(connection: Connection, since: float) -> list[Thumb]:
    """The verdicts since then, in the order in which they were given."""
    return [Thumb(**row) for row in connection.execute(_VERDICTS, {"since": since}).mappings()]
