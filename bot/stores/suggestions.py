"""Questions that were offered under answers, whether they were taken, and what was asked one after another."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update

from bot.outcome import Outcome
from bot.stores.tables import suggestions as table
from bot.stores.tables import turns
from bot.stores.turn import Suggested

CLICK_WITHIN_S = 86_400.0
PAGE_TURNS = 1_000

_OPEN = (
    select(func.max(table.c.id))
    .where(
        table.c.conversation_id == bindparam("conversation"),
        table.c.answer == bindparam("taken"),
        table.c.at >= bindparam("since"),
    )
    .scalar_subquery()
)
_CLICK = update(table).where(table.c.id == _OPEN, table.c.clicked_at.is_(None)).values(clicked_at=bindparam("now"))
_RATES = (
    select(table.c.kind, func.count(), func.count(table.c.clicked_at))
    .where(table.c.at >= bindparam("since"), table.c.at < bindparam("until"))
    .group_by(table.c.kind)
    .order_by(table.c.kind)
)
_OWN = (
    select(turns.c.evidence)
    .where(turns.c.conversation_id == bindparam("conversation"), turns.c.outcome == Outcome.ANSWERED)
    .order_by(turns.c.seq.desc())
    .limit(bindparam("count"))
)
_BEFORE = (
    select(turns.c.conversation_id, turns.c.seq, turns.c.at, turns.c.evidence)
    .where(
        turns.c.at >= bindparam("since"),
        turns.c.at <= bindparam("at"),
        turns.c.outcome == Outcome.ANSWERED,
        or_(
            turns.c.at < bindparam("at"),
            turns.c.conversation_id < bindparam("conversation"),
            and_(turns.c.conversation_id == bindparam("conversation"), turns.c.seq < bindparam("turn")),
        ),
    )
    .order_by(turns.c.at.desc(), turns.c.conversation_id.desc(), turns.c.seq.desc())
    .limit(PAGE_TURNS)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clicks:
    """How often questions of one kind were offered, and taken."""

    kind: str
    shown: int
    clicked: int


def write_suggested(
    connection: Connection, conversation_id: str, seq: int, shown: Sequence[Suggested], taken: str, now: float
) -> None:
    """Keeps what a turn offers, and that its message took something that was offered before.

    Args:
        taken: The answer that a button asked for; empty where none did.
    """
    if taken:
        named = {"conversation": conversation_id, "taken": taken, "since": now - CLICK_WITHIN_S, "now": now}
        connection.execute(_CLICK, named)
    if shown:
        about = {"conversation_id": conversation_id, "turn_seq": seq, "at": now}
        rows = [
            {**about, "kind": one.kind, "answer": one.answer, "position": place} for place, one in enumerate(shown, 1)
        ]
        connection.execute(table.insert(), rows)


def click_rates(connection: Connection, since: float, until: float) -> list[Clicks]:
    """How often each kind was offered from `since` until before `until`, and taken since."""
    found = connection.execute(_RATES, {"since": since, "until": until})
    return [Clicks(kind=kind, shown=shown, clicked=clicked) for kind, shown, clicked in found]


def own_topics(connection: Connection, conversation_id: str, count: int) -> list[str]:
    """The last topics that a customer was answered, at most `count`, the newest last."""
    rows = connection.scalars(_OWN, {"conversation": conversation_id, "count": count}).all()
    return [topic for evidence in reversed(rows) if (topic := topic_in(evidence))]


def answered_before(
    connection: Connection, place: tuple[float, str, int], since: float
) -> list[tuple[str, int, float, str]]:
    """Answered turns before `place`, the newest first: conversation, number, time, evidence; at most `PAGE_TURNS`."""
    at, conversation, turn = place
    named = {"since": since, "at": at, "conversation": conversation, "turn": turn}
    return [tuple(row) for row in connection.execute(_BEFORE, named)]


def topic_in(evidence: str) -> str | None:
    """What answered the turn whose evidence this is, as `Suggested.answer` names it."""
    match json.loads(evidence).get("decision"):
        case {"kind": "template", "intent": str(intent)}:
            return f"intent:{intent}"
        case {"kind": "past_answer", "pair": str(pair)}:
            return f"pair:{pair}"
    return None
