"""What a release that nobody hears would have done, beside what was done."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from bot.stores.dialects import Upsert
from bot.stores.tables import shadows, turns

_IS_TURN = select(func.count()).where(
    turns.c.conversation_id == bindparam("conversation"), turns.c.seq == bindparam("turn")
)
_WRITE = Upsert(
    shadows,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["conversation_id", "seq", "release_id"],
        set_={name: insert.excluded[name] for name in ("at", "outcome", "answer", "confidence", "agrees")},
    ),
)
_BESIDE = (
    select(
        shadows.c.conversation_id,
        shadows.c.seq,
        shadows.c.outcome,
        shadows.c.answer,
        shadows.c.confidence,
        shadows.c.agrees,
        turns.c.outcome.label("was"),
        turns.c.evidence,
        turns.c.message,
    )
    .join(turns, (turns.c.conversation_id == shadows.c.conversation_id) & (turns.c.seq == shadows.c.seq))
    .where(shadows.c.release_id == bindparam("release"), shadows.c.at >= bindparam("since"))
    .order_by(shadows.c.at, shadows.c.conversation_id, shadows.c.seq)
)

_READ = select(turns.c.evidence).where(
    turns.c.release_id == bindparam("release"),
    turns.c.at >= bindparam("since"),
    turns.c.at < bindparam("until"),
    turns.c.outcome != "person",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """What a candidate would have done in a turn.

    Attributes:
        outcome: One of `bot.outcome.Outcome`.
        answer: As `bot.experiments.decided.answer_of` says it.
        agrees: Whether the same was done.
    """

    conversation_id: str
    seq: int
    release_id: str
    at: float
    outcome: str
    answer: str
    confidence: float | None
    agrees: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a candidate would have done in a turn, and what was done.

    Attributes:
        was: The outcome of the turn.
        evidence: Of the turn.
        message: The customer's words.
    """

    conversation_id: str
    seq: int
    outcome: str
    answer: str
    confidence: float | None
    agrees: bool
    was: str | None
    evidence: Mapping[str, Any]
    message: str | None


def write_shadow(connection: Connection, shadow: Shadow) -> bool:
    """Keeps it; False where its turn is not there, as it has been erased meanwhile."""
    if not connection.scalar(_IS_TURN, {"conversation": shadow.conversation_id, "turn": shadow.seq}):
        return False
    connection.execute(_WRITE.on(connection), {**asdict(shadow), "agrees": int(shadow.agrees)})
    return True


def shadows_beside(connection: Connection, release_id: str, since: float) -> list[Beside]:
    """All that a candidate would have done since then, in the order of time."""
    found = connection.execute(_BESIDE, {"release": release_id, "since": since}).mappings()
    rows = ({**row, "evidence": json.loads(row["evidence"]), "agrees": bool(row["agrees"])} for row in found)
    return [Beside(**row) for row in rows]


def count_read(connection: Connection, release_id: str, since: float, until: float) -> int:
    """How many messages a release has read and answered itself in that time: those that a candidate could have."""
    found = connection.scalars(_READ, {"release": release_id, "since": since, "until": until})
    return sum("intents" in json.loads(evidence) for evidence in found)
