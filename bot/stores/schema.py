"""Which tables a database has, and how it comes to have those that this version of Kefu needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text

from bot.stores.tables import lasting_tables, metadata

REVISIONS = ("kefu_0001", "kefu_0002", "kefu_0003", "kefu_0004")  # the oldest first
HEAD = REVISIONS[-1]
MIGRATIONS = Path(__file__).with_name("migrations")
_VERSION_TABLE = "alembic_version"
_FIRST_COLUMNS = {  # what every database of conversations has, those from before its schema had a version too
    "events": ("id", "sender_id", "type_name", "timestamp", "intent_name", "action_name", "data"),
    "conversations": ("sender_id", "state", "updated_at"),
}
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(7239042317)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What a database has.

    Attributes:
        revision: Its version; None where it has tables without one, or none at all.
        is_empty: It has none of our tables.
    """

    revision: str | None
    is_empty: bool

    @property
    def is_current(self) -> bool:
        """Whether nothing is to be done."""
        return self.revision == HEAD


def read_schema(connection: Connection) -> Schema:
    """Looks at a database without changing it.

    Raises:
        ValueError: It was made by a newer Kefu, or it has tables of another program.
    """
    found = inspect(connection)
    revision = None
    if found.has_table(_VERSION_TABLE):
        revision = connection.scalar(text(f"SELECT version_num FROM {_VERSION_TABLE}"))  # noqa: S608 - our own name
    if revision is not None:
        if revision not in REVISIONS:
            raise ValueError(
                f"its schema is {revision}, and this Kefu knows those up to {HEAD}: a newer Kefu has migrated it, or "
                "it belongs to another program"
            )
        return Schema(revision=revision, is_empty=False)
    ours = [name for name in (table.name for table in lasting_tables(connection.dialect.name)) if found.has_table(name)]
    for name in ours:
        missing = set(_FIRST_COLUMNS.get(name, ())) - {column["name"] for column in found.get_columns(name)}
        if missing:
            raise ValueError(f"its table {name} has no column {sorted(missing)[0]}")
    return Schema(revision=None, is_empty=not ours)


def bring_up_to_date(connection: Connection) -> Sequence[str]:
    """Makes the tables, or brings them to this version; to be called within a transaction.

    Returns:
        The migrations that were made, the oldest first; none where the tables are new or were up to date.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_ONE_AT_A_TIME)  # several processes may start at once
        connection.execute(text("SET LOCAL statement_timeout = 0"))
    schema = read_schema(connection)
    if schema.is_current:
        return ()
    if schema.is_empty:
        metadata.create_all(connection, tables=lasting_tables(connection.dialect.name))
        _stamp(connection)
        return ()
    return _migrate(connection, schema.revision)


def _stamp(connection: Connection) -> None:
    connection.execute(
        text(
            f"CREATE TABLE {_VERSION_TABLE} "
            f"(version_num VARCHAR(32) NOT NULL, CONSTRAINT {_VERSION_TABLE}_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(text(f"INSERT INTO {_VERSION_TABLE} VALUES (:head)"), {"head": HEAD})  # noqa: S608


def _migrate(connection: Connection, before: str | None) -> Sequence[str]:
    # Slow to load, and only ever needed after an upgrade.
    from alembic.migration import MigrationContext  # noqa: PLC0415
    from alembic.operations import Operations  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    scripts = ScriptDirectory(str(MIGRATIONS))

    def steps(current: Any, _: MigrationContext) -> Any:
        return scripts._upgrade_revs("head", current)

    context = MigrationContext.configure(connection, opts={"fn": steps})
    context.run_migrations(op=Operations(context))
    return REVISIONS[0 if before is None else REVISIONS.index(before) + 1 :]
