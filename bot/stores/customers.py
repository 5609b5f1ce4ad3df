"""What each customer has come with, in numbers: by topic, and on how many days."""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, case, func, or_, select

from bot.outcome import Outcome
from bot.stores.moods import NEGATIVE, TOPIC
from bot.stores.sql_functions import whole
from bot.stores.tables import turns

DAY_S = 86_400.0
_WRITTEN = (
    turns.c.at >= bindparam("since"),
    turns.c.at < bindparam("until"),
    or_(turns.c.outcome.is_(None), turns.c.outcome != Outcome.EXTERNAL),
)
_OF_TURNS = (
    select(
        turns.c.conversation_id,
        TOPIC.label("topic"),
        case((turns.c.sentiment == NEGATIVE, 1), else_=0).label("negative"),
        turns.c.sentiment,
        whole(turns.c.at / DAY_S).label("day"),
    )
    .where(*_WRITTEN)
    .cte("written")
)
_TOPICS = (
    select(
        _OF_TURNS.c.conversation_id,
        _OF_TURNS.c.topic,
        func.count(),
        func.sum(_OF_TURNS.c.negative),
        func.count(_OF_TURNS.c.sentiment),
    )
    .group_by(_OF_TURNS.c.conversation_id, _OF_TURNS.c.topic)
    .order_by(_OF_TURNS.c.conversation_id, _OF_TURNS.c.topic)
)
_DAYS = select(_OF_TURNS.c.conversation_id, func.count(func.distinct(_OF_TURNS.c.day))).group_by(
    _OF_TURNS.c.conversation_id
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicOfCustomer:
    """How often one customer has come with one topic, as `bot.stores.moods.MoodCount` names topics."""

    conversation_id: str
    topic: str
    messages: int
    negative: int
    moods: int


def customers_topics(connection: Connection, since: float, until: float) -> list[TopicOfCustomer]:
    """What was written from `since` until before `until`, customer by customer."""
    return [
        TopicOfCustomer(
            conversation_id=conversation, topic=topic, messages=messages, negative=int(negative), moods=moods
        )
        for conversation, topic, messages, negative, moods in connection.execute(
            _TOPICS, {"since": since, "until": until}
        )
    ]


def customers_days(connection: Connection, since: float, until: float) -> dict[str, int]:
    """On how many days, in UTC, each customer has written."""
    found = connection.execute(_DAYS, {"since": since, "until": until})
    return {row[0]: row[1] for row in found}
