"""A conversation's events, in the order in which they happened."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select

from bot.events import Event
from bot.stores.tables import events as table

_MAX_NAME_CHARS = 255  # as much as Rasa's columns hold; `data` has the whole name
_THEIRS = table.c.sender_id == bindparam("conversation")
_IN_ORDER = select(table.c.data).where(_THEIRS).order_by(table.c.id)
_LAST = select(table.c.data).where(_THEIRS).order_by(table.c.id.desc()).limit(bindparam("count"))
_INSERT = table.insert()
_DELETE = table.delete().where(_THEIRS)


def read_events(connection: Connection, conversation_id: str, after: int | None, limit: int | None) -> list[Event]:
    """At most `limit` events, without the first `after`."""
    query = _IN_ORDER if limit is None else _IN_ORDER.limit(limit)
    found = connection.scalars(query if not after else query.offset(after), {"conversation": conversation_id})
    return [json.loads(data) for data in found]


def read_last_events(connection: Connection, conversation_id: str, limit: int) -> list[Event]:
    """The last `limit` events."""
    found = connection.scalars(_LAST, {"conversation": conversation_id, "count": limit}).all()
    return [json.loads(data) for data in reversed(found)]


def write_events(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Adds what `event_row` made."""
    if rows:
        connection.execute(_INSERT, rows)


def delete_events(connection: Connection, conversation_id: str) -> None:
    """Deletes all events of a conversation."""
    connection.execute(_DELETE, {"conversation": conversation_id})


def event_row(conversation_id: str, item: Event) -> dict[str, Any]:
    """An event as Rasa's table holds it."""
    kind = item["event"]
    intent = (item.get("parse_data") or {}).get("intent") or {} if kind == "user" else {}
    return {
        "sender_id": conversation_id,
        "type_name": kind[:_MAX_NAME_CHARS],
        "timestamp": item.get("timestamp"),
        "intent_name": (intent.get("name") or "")[:_MAX_NAME_CHARS] or None,
        "action_name": (item.get("name") or "")[:_MAX_NAME_CHARS] or None if kind == "action" else None,
        "data": json.dumps(item, ensure_ascii=False),
    }
