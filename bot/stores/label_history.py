"""All that people have ever said of messages, the newest first; what was taken back too."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from bot.stores.labels import Label, LabelKind
from bot.stores.tables import labels


def latest_labels(
    connection: Connection, *, before_id: int | None = None, who: str | None = None, limit: int = 50
) -> list[Label]:
    """At most `limit` labels, the newest first.

    Args:
        before_id: Only those with a lower id.
        who: Only those of this person.
    """
    query = select(labels).order_by(labels.c.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(labels.c.id < before_id)
    if who is not None:
        query = query.where(labels.c.who == who)
    return _labels(connection.execute(query).mappings())


def labels_by_id(connection: Connection, ids: Sequence[int]) -> list[Label]:
    """The labels with these ids, those that there are, in the order of their ids."""
    query = select(labels).where(labels.c.id.in_(ids)).order_by(labels.c.id)
    return _labels(connection.execute(query).mappings())


def _labels(rows: Any) -> list[Label]:
    return [Label(**{**row, "kind": LabelKind(row["kind"])}) for row in rows]
