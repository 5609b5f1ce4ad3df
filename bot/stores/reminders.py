"""Reminders: set and cancelled with a turn, and put into the inbox when they are due."""

import json
import uuid
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select

from bot.stores.inbox import accept
from bot.stores.tables import reminders as table
from bot.stores.turn import InboxMessage, Reminder, TurnWrite

KIND = "reminder"
_THEIRS = table.c.conversation_id == bindparam("conversation")
_ALL = select(table).where(_THEIRS).order_by(table.c.due_at, table.c.id)
_CANCEL = delete(table).where(_THEIRS, table.c.name == bindparam("cancelled"))
_ADD = table.insert()
_DUE = (
    select(table)
    .where(table.c.due_at <= bindparam("now"))
    .order_by(table.c.due_at, table.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_REMOVE = delete(table).where(table.c.id == bindparam("one"))


def change_reminders(connection: Connection, conversation_id: str, turn: TurnWrite) -> None:
    """Cancels and sets what `turn` says; one that is set takes the place of an older one with its name."""
    replaced = {reminder.name: reminder for reminder in turn.reminders}
    for name in (
        *turn.cancelled,
        *replaced,
    ):  # a new row: what became a message under the old key is a message of its own
        connection.execute(_CANCEL, {"conversation": conversation_id, "cancelled": name})
    for reminder in replaced.values():
        connection.execute(_ADD, _row(conversation_id, reminder))


def reminders_of(connection: Connection, conversation_id: str) -> list[Reminder]:
    """What a conversation waits for, the soonest first."""
    return [_reminder(row) for row in connection.execute(_ALL, {"conversation": conversation_id})]


def put_due_into_inbox(connection: Connection, now: float, most: int) -> int:
    """Makes messages of at most `most` reminders that are due; returns how many."""
    due = connection.execute(_DUE, {"now": now, "most": most}).all()
    for row in due:
        reminder = _reminder(row)
        message = InboxMessage(
            conversation_id=row.conversation_id,
            channel=reminder.channel,
            account=reminder.account,
            external_id=row.key,
            payload={"name": reminder.name, "due_at": reminder.due_at, **reminder.payload},
            received_at=now,
            kind=KIND,
        )
        accept(connection, message)
        connection.execute(_REMOVE, {"one": row.id})
    return len(due)


def _row(conversation_id: str, reminder: Reminder) -> dict[str, Any]:
    return {
        "conversation_id": conversation_id,
        "key": f"{KIND}:{uuid.uuid4().hex}",  # nobody can send a message of this id before it
        "name": reminder.name,
        "due_at": reminder.due_at,
        "channel": reminder.channel,
        "account": reminder.account,
        "payload": json.dumps(reminder.payload, ensure_ascii=False),
    }


def _reminder(row: Row[Any]) -> Reminder:
    return Reminder(
        name=row.name, due_at=row.due_at, channel=row.channel, account=row.account, payload=json.loads(row.payload)
    )
