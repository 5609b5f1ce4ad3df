"""Removes messages and replies that were done with long ago; what was said stays in the conversation's events."""

from sqlalchemy import Connection, bindparam, delete, exists, select

from bot.stores.outbox import SendState
from bot.stores.tables import inbox, outbox

LOOKED_AT_ROWS = 500
UNFINISHED = (SendState.PENDING.value, SendState.SENDING.value)

_OLDEST_PARTS = (
    select(outbox.c.id, outbox.c.created_at, outbox.c.state, outbox.c.finished_at)
    .where(outbox.c.id > bindparam("after"))
    .order_by(outbox.c.id)
    .limit(LOOKED_AT_ROWS)
)
_OLDEST_MESSAGES = (
    select(inbox.c.id, inbox.c.received_at, inbox.c.state, inbox.c.finished_at)
    .where(inbox.c.id > bindparam("after"))
    .order_by(inbox.c.id)
    .limit(LOOKED_AT_ROWS)
)
_REMOVE_PARTS = delete(outbox).where(outbox.c.id.in_(bindparam("ids", expanding=True)))
_REMOVE_MESSAGES = delete(inbox).where(
    inbox.c.id.in_(bindparam("ids", expanding=True)), ~exists().where(outbox.c.inbox_id == inbox.c.id)
)


def remove_finished_parts(connection: Connection, before: float, after: int = 0) -> int | None:
    """Removes, of the next rows after id `after`, the parts that were done with before a time.

    Returns:
        Where to go on; None where all that is left is younger.
    """
    rows = connection.execute(_OLDEST_PARTS, {"after": after}).all()
    old = [row.id for row in rows if row.state not in UNFINISHED and (row.finished_at or row.created_at) < before]
    if old:
        connection.execute(_REMOVE_PARTS, {"ids": old})
    return rows[-1].id if rows and rows[-1].created_at < before else None


def remove_finished_messages(connection: Connection, before: float, after: int = 0) -> int | None:
    """As `remove_finished_parts`, for messages of the inbox; one whose reply is not done with stays."""
    rows = connection.execute(_OLDEST_MESSAGES, {"after": after}).all()
    old = [row.id for row in rows if row.state != "waiting" and (row.finished_at or row.received_at) < before]
    if old:
        connection.execute(_REMOVE_MESSAGES, {"ids": old})
    return rows[-1].id if rows and rows[-1].received_at < before else None
