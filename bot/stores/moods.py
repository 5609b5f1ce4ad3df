"""How many customers sounded negative, by topic and interval.

Each counts once a day in a topic with a negative message and once with another, by the first of each, so that nobody is
a crowd by writing much.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Float, Select, Text, bindparam, case, func, literal_column, or_, select

from bot.outcome import Outcome
from bot.stores.sql_functions import whole
from bot.stores.tables import turns

ALL, UNANSWERED, NO_INTENT = "*", "?", "-"  # no intent is called so
NEGATIVE = "negative"
_UNSURE = (Outcome.FELL_BACK, Outcome.ASKED_BACK)

TOPIC = case((turns.c.outcome.in_(_UNSURE), UNANSWERED), else_=func.coalesce(turns.c.intent, NO_INTENT))
_IS_NEGATIVE = case((turns.c.sentiment == NEGATIVE, 1), else_=0)
_READ = (
    select(
        turns.c.conversation_id,
        TOPIC.label("topic"),
        _IS_NEGATIVE.label("is_negative"),
        turns.c.at,
    )
    .where(
        turns.c.at >= bindparam("since"),
        turns.c.at < bindparam("until"),
        turns.c.sentiment.is_not(None),
        or_(turns.c.outcome.is_(None), turns.c.outcome != Outcome.EXTERNAL),
    )
    .cte("read_turns")
)


def _counting(*, by_topic: bool) -> Select[Any]:
    topic = _READ.c.topic if by_topic else literal_column(f"'{ALL}'", Text)
    whose = [_READ.c.conversation_id, _READ.c.is_negative, *([_READ.c.topic] if by_topic else [])]
    first = (
        select(topic.label("topic"), _READ.c.is_negative, func.min(_READ.c.at).label("at"))
        .group_by(*whose)
        .cte("first_turns")
    )
    interval = whole((first.c.at - bindparam("since")) / bindparam("interval_s", type_=Float)).label("interval")
    placed = select(first.c.topic, interval, first.c.is_negative).cte("placed")
    columns = (placed.c.topic, placed.c.interval, placed.c.is_negative)
    return select(*columns, func.count()).group_by(*columns)


_BY_TOPIC, _OF_ALL = _counting(by_topic=True), _counting(by_topic=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoodCount:
    """How many customers wrote in an interval for the first time that day.

    Attributes:
        topic: An intent, `ALL`, `UNANSWERED` where the bot had no sure answer, or `NO_INTENT`: past answers and the
            like.
        interval: Its number, from the beginning of the day.
    """

    topic: str
    interval: int
    is_negative: bool
    customers: int


def count_moods(connection: Connection, since: float, until: float, interval_s: float) -> list[MoodCount]:
    """What was read from `since`, the beginning of a day, until before `until` at most a day later, in no order."""
    named = {"since": since, "until": until, "interval_s": interval_s}
    return [
        MoodCount(topic=topic, interval=interval, is_negative=bool(is_negative), customers=customers)
        for query in (_BY_TOPIC, _OF_ALL)
        for topic, interval, is_negative, customers in connection.execute(query, named)
    ]
