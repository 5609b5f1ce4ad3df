"""Why the bot said what it said, turn by turn, and what people think of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, bindparam, select

from bot.stores.dialects import Upsert
from bot.stores.tables import feedback, turns
from bot.stores.turn import Evidence

_PLAIN = tuple(field.name for field in fields(Evidence) if field.name != "evidence")
_THEIRS = turns.c.conversation_id == bindparam("conversation")
_INSERT = turns.insert()
_LATEST = select(turns).where(_THEIRS).order_by(turns.c.seq.desc()).limit(bindparam("count"))
_ONE = select(turns.c.seq).where(_THEIRS, turns.c.seq == bindparam("turn"))
_FEEDBACK_AFTER = (
    select(feedback).where(feedback.c.id > bindparam("after")).order_by(feedback.c.id).limit(bindparam("count"))
)
_VERDICTS = (
    select(feedback.c.verdict)
    .join(turns, (turns.c.conversation_id == feedback.c.conversation_id) & (turns.c.seq == feedback.c.turn_seq))
    .where(turns.c.release_id == bindparam("release"), turns.c.reason.in_(bindparam("reasons", expanding=True)))
    .order_by(feedback.c.id)
)
_GIVE = Upsert(
    feedback,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["conversation_id", "turn_seq", "who"],
        set_={name: insert.excluded[name] for name in ("verdict", "comment", "at")},
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A turn and why the bot said what it said; `seq` is the conversation's version that it made."""

    seq: int
    why: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What a person thinks of a turn.

    Attributes:
        verdict: A word such as `right` or `wrong`.
        id: Rises; 0 where it is not stored yet.
    """

    conversation_id: str
    turn_seq: int
    who: str
    verdict: str
    comment: str | None
    at: float
    id: int = 0


def write_evidence(connection: Connection, conversation_id: str, seq: int, why: Evidence) -> None:
    """Keeps why turn `seq` went as it did."""
    columns = {name: getattr(why, name) for name in _PLAIN}
    packed = json.dumps(why.evidence, ensure_ascii=False)
    connection.execute(_INSERT, {"conversation_id": conversation_id, "seq": seq, "evidence": packed, **columns})


def explained(connection: Connection, conversation_id: str, limit: int) -> list[Explained]:
    """The last `limit` turns that say why, the newest last."""
    found = connection.execute(_LATEST, {"conversation": conversation_id, "count": limit}).mappings().all()
    return [_explained(row) for row in reversed(found)]


def give_feedback(connection: Connection, given: Feedback) -> bool:
    """Keeps `given` in the place of what the same person said of the turn before; False where there is no such turn."""
    named = {"conversation": given.conversation_id, "turn": given.turn_seq}
    if connection.scalar(_ONE, named) is None:
        return False
    row = {name: getattr(given, name) for name in ("conversation_id", "turn_seq", "who", "verdict", "comment", "at")}
    connection.execute(_GIVE.on(connection), row)
    return True


def feedback_after(connection: Connection, after_id: int, limit: int) -> list[Feedback]:
    """At most `limit` verdicts of all conversations whose id is higher than `after_id`."""
    found = connection.execute(_FEEDBACK_AFTER, {"after": after_id, "count": limit}).mappings()
    return [Feedback(**row) for row in found]


def verdicts(connection: Connection, release_id: str, reasons: Sequence[str]) -> list[str]:
    """What people think of the turns that one release took for one of `reasons`, in the order in which they said so."""
    return list(connection.scalars(_VERDICTS, {"release": release_id, "reasons": list(reasons)}))


def _explained(row: Mapping[Any, Any]) -> Explained:
    why = Evidence(evidence=json.loads(row["evidence"]), **{name: row[name] for name in _PLAIN})
    return Explained(seq=row["seq"], why=why)
