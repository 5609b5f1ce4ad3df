"""Reads a database of conversations while a server may be writing to it."""

from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL

from bot.stores.connector import Connector, Work
from bot.stores.errors import StoreError
from bot.stores.schema import HEAD, read_schema
from bot.stores.sqlite_file import reading

Result = TypeVar("Result")


async def read_beside(database: Path | URL, connector: Connector, work: Work[Result]) -> Result:
    """What `work` reads; a SQLite file is opened for reading alone.

    Args:
        connector: The way to a database that is no file; closed afterwards.

    Raises:
        StoreError: It is not there, cannot be read, or has other tables than this Kefu's.
    """
    if isinstance(database, Path):
        return _read_file(database, work)
    try:
        return await connector.read(work)
    finally:
        await connector.close()


def _read_file(path: Path, work: Work[Result]) -> Result:
    if not path.is_file():
        raise StoreError(f"There are no conversations: {path} does not exist. Run `kefu run` first.")
    with reading(path) as connection:
        try:
            is_current = read_schema(connection).is_current
        except ValueError as error:
            raise StoreError(f"The conversation store {path} cannot be read: {error}.") from error
        if not is_current:
            raise StoreError(f"The schema of {path} is older than {HEAD}. Run `kefu db migrate`.")
        return work(connection)
