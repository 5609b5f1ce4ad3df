"""What an owner does with a database of conversations: bring it up to date, check it, copy it."""

from pathlib import Path

from sqlalchemy import URL, Connection, inspect, text

from bot.stores.connector import Connector
from bot.stores.errors import StoreError
from bot.stores.schema import HEAD, read_schema
from bot.stores.sqlite_file import copy_file, damage, reading

_ORPHANS = {
    "events": "SELECT count(*) FROM events x WHERE NOT EXISTS (SELECT 1 FROM conversations c WHERE c.sender_id = "
    "x.sender_id)",
    "turns": "SELECT count(*) FROM turns x WHERE NOT EXISTS (SELECT 1 FROM conversations c WHERE c.sender_id = "
    "x.conversation_id)",
    "outbox": "SELECT count(*) FROM outbox x WHERE NOT EXISTS (SELECT 1 FROM conversations c WHERE c.sender_id = "
    "x.conversation_id)",
    "feedback": "SELECT count(*) FROM feedback x WHERE NOT EXISTS (SELECT 1 FROM turns t WHERE t.conversation_id = "
    "x.conversation_id AND t.seq = x.turn_seq)",
    "labels": "SELECT count(*) FROM labels x WHERE NOT EXISTS (SELECT 1 FROM turns t WHERE t.conversation_id = "
    "x.conversation_id AND t.seq = x.turn_seq)",
}


async def migrate(connector: Connector) -> list[str]:
    """Makes the tables, or brings them to this version of Kefu; returns the migrations that were made.

    Raises:
        StoreError: The database cannot be opened, is in use, or belongs to a newer Kefu.
    """
    try:
        return list(await connector.open())
    finally:
        await connector.close()


async def check(database: Path | URL, connector: Connector) -> list[str]:
    """What is wrong with a database, in sentences. It may be in use meanwhile.

    Raises:
        StoreError: It cannot be read.
    """
    if isinstance(database, Path):
        with reading(database) as connection:
            return damage(connection) or _problems(connection)
    try:
        return await connector.read(_problems)
    finally:
        await connector.close()


def back_up(database: Path | URL, target: Path) -> None:
    """Copies a database as it is at one moment, while a process may be writing to it, and checks the copy.

    Raises:
        StoreError: It cannot be read, `target` exists or cannot be written, or the database is PostgreSQL's.
    """
    if isinstance(database, URL):
        raise StoreError(
            "A PostgreSQL database is copied by PostgreSQL itself: "
            f"pg_dump --format=custom --file={target} {database.render_as_string(hide_password=True)}"
        )
    copy_file(database, target)
    with reading(target) as connection:
        if found := damage(connection):
            raise StoreError(f"The copy {target} is damaged, as the store may be: {found[0]}. Run `kefu db check`.")


def _problems(connection: Connection) -> list[str]:
    try:
        schema = read_schema(connection)
    except ValueError as error:
        return [str(error)]
    if schema.is_empty:
        return ["it has no tables of conversations"]
    found = (
        [] if schema.is_current else [f"its schema is older than {HEAD}; `kefu run` or `kefu db migrate` mends that"]
    )
    there = set(inspect(connection).get_table_names())
    for table, query in _ORPHANS.items():
        if {table, "conversations"} <= there and (count := connection.scalar(text(query))):
            found.append(f"{count:,} rows of {table} refer to something that is not there")
    return found
