"""What people think of answers that were given, and customers of conversations, in the order in which they said it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, exists, func, select

from bot.stores.labels import LabelKind
from bot.stores.tables import IS_SURVEY, events, feedback, labels, turns
from bot.stores.turn_counting import Only

PAGE = 2_000
_WORDS_FOR_RIGHT = "right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Somebody's word on a turn.

    Attributes:
        id: Rises.
        at: When the turn was, Unix time.
        is_first: Whether nobody has said anything of the turn before, so that each turn counts once.
        all_right: Whether everybody who has said something of it says that it was right.
        is_labelled: Whether reviewers have; then it is for them to say.
    """

    id: int
    at: float
    reason: str
    intent: str | None
    channel: str | None
    who: str
    is_right: bool
    is_first: bool
    all_right: bool
    is_labelled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledTurn:
    """A reviewer's word on a turn, and what the bot had done.

    Attributes:
        id: The label's; rises.
        decision: As `bot.turn_record` keeps it; empty where there was none.
    """

    id: int
    conversation_id: str
    seq: int
    at: float
    reason: str
    intent: str | None
    channel: str | None
    kind: LabelKind
    value: str
    decision: Mapping[str, Any]


def verdicts_on(
    connection: Connection, since: float, until: float, only: Only, after_id: int = 0, limit: int = PAGE
) -> list[Verdict]:
    """At most `limit` verdicts, by feedback, on turns from `since` until before `until`."""
    query = _of_turns(_VERDICTS, feedback.c.conversation_id, feedback.c.turn_seq, since, until, only)
    query = query.where(feedback.c.id > after_id, feedback.c.at >= since).order_by(feedback.c.id).limit(limit)
    return [
        Verdict(**{**row, **{name: bool(row[name]) for name in _FLAGS}}) for row in connection.execute(query).mappings()
    ]


def labelled_turns(
    connection: Connection, since: float, until: float, only: Only, after_id: int = 0, limit: int = PAGE
) -> list[LabelledTurn]:
    """At most `limit` standing labels on turns from `since` until before `until`; those that say nothing left out."""
    query = _of_turns(_LABELLED, labels.c.conversation_id, labels.c.turn_seq, since, until, only)
    query = query.where(labels.c.id > after_id).order_by(labels.c.id).limit(limit)
    return [_labelled(row) for row in connection.execute(query).mappings()]


def survey_scores(connection: Connection, since: float, until: float, only: Only, slot: str) -> list[tuple[float, int]]:
    """When each customer has given a score from 1 to 5 last within a time, and which.

    Args:
        only: Only conversations with a turn in that time that is so.
        slot: Which keeps scores.
    """
    in_time = (events.c.timestamp >= since, events.c.timestamp < until)
    last = select(func.max(events.c.id)).where(IS_SURVEY, *in_time).group_by(events.c.sender_id)
    if only != Only():
        theirs = turns.c.conversation_id == events.c.sender_id
        last = last.where(exists().where(theirs, turns.c.at >= since, turns.c.at < until, *_are(only)))
    query = select(events.c.timestamp, events.c.data).where(events.c.id.in_(last)).order_by(events.c.id)
    found = ((row.timestamp, _score(row.data, slot)) for row in connection.execute(query))
    return [(at, score) for at, score in found if score is not None]


_EARLIER, _WORSE = feedback.alias("earlier"), feedback.alias("worse")
_FLAGS = ("is_right", "is_first", "all_right", "is_labelled")


def _same_turn(other: Any, of: Any) -> ColumnElement[bool]:
    return and_(other.c.conversation_id == of.c.conversation_id, other.c.turn_seq == of.c.turn_seq)


def _flag(is_so: ColumnElement[bool], name: str) -> ColumnElement[int]:
    return case((is_so, 1), else_=0).label(name)


_STANDS = (labels.c.undone_at.is_(None), labels.c.kind != LabelKind.IGNORE)
_VERDICTS = select(
    feedback.c.id,
    turns.c.at,
    turns.c.reason,
    turns.c.intent,
    turns.c.channel,
    feedback.c.who,
    _flag(feedback.c.verdict == _WORDS_FOR_RIGHT, "is_right"),
    _flag(~exists().where(_same_turn(_EARLIER, feedback), _EARLIER.c.id < feedback.c.id), "is_first"),
    _flag(~exists().where(_same_turn(_WORSE, feedback), _WORSE.c.verdict != _WORDS_FOR_RIGHT), "all_right"),
    _flag(exists().where(_same_turn(labels, feedback), *_STANDS), "is_labelled"),
)
_LABELLED = select(
    labels.c.id,
    labels.c.conversation_id,
    turns.c.seq,
    turns.c.at,
    turns.c.reason,
    turns.c.intent,
    turns.c.channel,
    labels.c.kind,
    labels.c.value,
    turns.c.evidence,
).where(*_STANDS)


def _of_turns(
    query: Select[Any],
    conversation: ColumnElement[str],
    seq: ColumnElement[int],
    since: float,
    until: float,
    only: Only,
) -> Select[Any]:
    """`query` over the turns that are spoken of, where they are of that time and so."""
    spoken_of = and_(turns.c.conversation_id == conversation, turns.c.seq == seq)
    at = turns.c.at + 0.0  # so that no database begins with all turns of the time, which are many more
    return query.join(turns, spoken_of).where(at >= since, at < until, *_are(only))


def _are(only: Only) -> list[ColumnElement[bool]]:
    asked_for = [(turns.c.channel, only.channel), (turns.c.intent, only.intent)]
    return [column == value for column, value in asked_for if value is not None]


def _labelled(row: Mapping[Any, Any]) -> LabelledTurn:
    values = dict(row)
    decision = json.loads(values.pop("evidence")).get("decision") or {}
    return LabelledTurn(**{**values, "kind": LabelKind(values["kind"]), "decision": decision})


def _score(data: str, slot: str) -> int | None:
    """The score in an event; None in one that only looks like it."""
    event = json.loads(data)
    value = event.get("value")
    score = value.get("score") if event.get("name") == slot and isinstance(value, dict) else None
    return score if type(score) is int and 1 <= score <= 5 else None
