"""The little in which SQLite and PostgreSQL want other words."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Executable, Table, text
from sqlalchemy.dialects import postgresql, sqlite

_IN_ORDER = text("SELECT pg_advisory_xact_lock(hashtextextended(:conversation_id, 0))")


class Upsert:
    """An INSERT that says what to do with a row that is there already.

    Args:
        make: Given the dialect's INSERT into `table`, the whole statement.
    """

    def __init__(self, table: Table, make: Callable[[Any], Executable]) -> None:
        self._by_dialect = {"sqlite": make(sqlite.insert(table)), "postgresql": make(postgresql.insert(table))}

    def on(self, connection: Connection) -> Executable:
        """The statement as `connection` wants it."""
        return self._by_dialect[connection.dialect.name]


def one_at_a_time(connection: Connection, conversation_id: str) -> None:
    """Lets no other transaction number a message of this conversation before this one is done.

    In SQLite one thread does all the writing, so nothing is to be done.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_IN_ORDER, {"conversation_id": conversation_id})
