"""A SQLite file of conversations is looked at, checked and copied, beside a process that writes to it."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, exc
from sqlalchemy.pool import NullPool

from bot.stores.errors import StoreError

MAX_CHECKED_AT_OPEN_BYTES = 64 * 1024 * 1024  # about a third of a second
BUSY_TIMEOUT_S = 5.0
MAX_SAID = 20


def refuse_empty(path: Path) -> None:
    """Lets no new database be made where one has been lost.

    Raises:
        ValueError: The file has no content.
    """
    if path.is_file() and path.stat().st_size == 0:
        raise ValueError("it is there, but empty: what was in it is lost")


def check_whole(connection: Connection, path: Path) -> None:
    """Looks for damage in a file that is small enough to be read at every start.

    Raises:
        ValueError: It is damaged.
    """
    if path.stat().st_size <= MAX_CHECKED_AT_OPEN_BYTES:
        said = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if said != "ok":
            raise ValueError(f"database disk image is malformed: {said}")


def damage(connection: Connection) -> list[str]:
    """What of a file cannot be read, and which rows refer to others that are not there."""
    said = connection.exec_driver_sql(f"PRAGMA integrity_check({MAX_SAID})").scalars().all()
    if said != ["ok"]:
        return list(said)
    rows = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(MAX_SAID)
    return [f"a row of {table} refers to a row of {parent} that is not there" for table, _, parent, _ in rows]


def copy_file(path: Path, target: Path) -> None:
    """Copies a file as it is at one moment, while a process may be writing to it.

    Raises:
        StoreError: It cannot be read, or `target` exists or cannot be written.
    """
    if target.exists():
        raise StoreError(f"{target} exists already. Name a file that does not.")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        with reading(path) as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (str(part),))
        _sync(part)
        part.rename(target)
        _sync(target.parent)
    finally:
        part.unlink(missing_ok=True)


def reason_of(error: Exception) -> str:
    """What the database said, without the statement and its values."""
    return str(getattr(error, "orig", error))


@contextmanager
def reading(path: Path) -> Iterator[Connection]:
    """A connection that can neither write nor checkpoint.

    Raises:
        StoreError: There is no such file, or what is done with it fails.
    """
    if not path.is_file():
        raise StoreError(f"There is no conversation store {path}. `kefu run` makes one; name its folder with --data.")

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S)

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)
    try:
        with engine.connect() as connection:
            yield connection
    except exc.SQLAlchemyError as error:
        raise StoreError(f"The conversation store {path} cannot be read or copied: {reason_of(error)}.") from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
