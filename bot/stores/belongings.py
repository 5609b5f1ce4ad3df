"""What the database holds of one sender: which conversations are theirs, and every row of those."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from bot.stores.erasure import WHOSE
from bot.stores.tables import leases

BEHIND = ":"
# A lease says who takes a turn at the moment, and nothing of the customer.
_LASTING = tuple((table, column) for table, column in WHOSE if table is not leases)
_PACKED = frozenset({"data", "payload", "evidence", "state", "answer", "detail", "address"})


def conversations_of(connection: Connection, sender: str, *, prefix: bool = False) -> list[str]:
    """The ids under which anything is held of a sender, in their order.

    Args:
        sender: An id, which must be met exactly.
        prefix: Take also the ids that go on behind it and a colon, as `telegram:7:shop` behind `telegram:7`.
    """
    found: set[str] = set()
    for _, column in _LASTING:
        found.update(connection.scalars(select(column).where(column == sender).distinct()))
        if prefix:
            longer = column.startswith(sender + BEHIND, autoescape=True)
            found.update(connection.scalars(select(column).where(longer).distinct()))
    return sorted(id_ for id_ in found if id_ == sender or id_.startswith(sender + BEHIND))  # LIKE knows no case


def rows_of(connection: Connection, conversation_id: str) -> dict[str, list[dict[str, Any]]]:
    """Every row of a conversation, by table; what is JSON is taken apart."""
    held = {}
    for table, column in _LASTING:
        query = select(table).where(column == conversation_id).order_by(*table.primary_key.columns)
        if rows := [_readable(row) for row in connection.execute(query).mappings()]:
            held[table.name] = rows
    return held


def texts_of(connection: Connection, conversation_ids: Sequence[str]) -> list[str]:
    """What the customer said in these conversations, in its own words and as it was masked for the labels."""
    texts: list[str] = []
    for id_ in conversation_ids:
        rows = rows_of(connection, id_)
        texts += [row["message"] for row in rows.get("turns", ()) if row["message"]]
        texts += [row["text"] for row in rows.get("labels", ())]
        said = (row["data"] for row in rows.get("events", ()) if row["type_name"] == "user")
        texts += [event["text"] for event in said if isinstance(event, dict) and isinstance(event.get("text"), str)]
    return list(dict.fromkeys(texts))


def _readable(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: _taken_apart(value) if name in _PACKED else value for name, value in row.items()}


def _taken_apart(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value
