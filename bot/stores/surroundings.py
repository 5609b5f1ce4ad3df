"""What was said around a moment of a conversation."""

import json

from sqlalchemy import Connection, bindparam, select

from bot.events import Event
from bot.stores.tables import events as table

_SAID = (table.c.sender_id == bindparam("conversation"), table.c.type_name.in_(("user", "bot", "agent", "handoff")))
_UNTIL = (
    select(table.c.data)
    .where(*_SAID, table.c.timestamp <= bindparam("at"))
    .order_by(table.c.id.desc())
    .limit(bindparam("count"))
)
_AFTER = (
    select(table.c.data)
    .where(*_SAID, table.c.timestamp > bindparam("at"))
    .order_by(table.c.id)
    .limit(bindparam("count"))
)


def said_around(
    connection: Connection, conversation_id: str, at: float, *, before: int = 12, after: int = 4
) -> list[Event]:
    """What was said in a conversation, in order.

    Args:
        at: Unix time.
        before: How much at most up to that time.
        after: How much at most later.
    """
    named = {"conversation": conversation_id, "at": at}
    earlier = connection.scalars(_UNTIL, {**named, "count": before}).all()
    later = connection.scalars(_AFTER, {**named, "count": after}).all()
    return [json.loads(data) for data in (*reversed(earlier), *later)]
