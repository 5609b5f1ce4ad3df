"""Where an assistant's conversations lie: a SQLite file in its data folder, or the database that a URL names."""

from pathlib import Path

from sqlalchemy import URL, exc, make_url

from bot.stores.connector import Connector
from bot.stores.sqlite import SqliteConnector
from configs.errors import SettingsError
from configs.settings import Settings

DATABASE_FILE = "conversations.db"
_SETTING = "KEFU_DATABASE_URL"
_FORMS = (
    "Write sqlite:///path/to/file.db, or postgresql://user:password@host:5432/database with each /, @ and : of the "
    "password as %2F, %40 and %3A."
)


def database_of(settings: Settings, data_dir: Path) -> Path | URL:
    """The SQLite file or the PostgreSQL database.

    Raises:
        SettingsError: The URL cannot be used. The message does not show it: it may hold a password.
    """
    if settings.database_url is None:
        return data_dir / DATABASE_FILE
    try:
        url = make_url(settings.database_url.get_secret_value())
    except (exc.ArgumentError, ValueError):
        raise SettingsError(f"{_SETTING} is no URL of a database. {_FORMS}") from None
    kind = url.get_backend_name()
    if kind == "sqlite":
        if not url.database or url.database == ":memory:":
            raise SettingsError(f"{_SETTING} names no file. {_FORMS}")
        return Path(url.database)
    if kind not in ("postgresql", "postgres"):
        raise SettingsError(f"{_SETTING} names a database of the kind {kind[:40]!r}. {_FORMS}")
    if not url.database:
        raise SettingsError(f"{_SETTING} names no database. {_FORMS}")
    return _for_asyncpg(url)


def connector_of(settings: Settings, data_dir: Path) -> Connector:
    """The way to the conversations; nothing is opened yet.

    Raises:
        SettingsError: The URL cannot be used.
        StoreError: It needs a package that is not installed.
    """
    database = database_of(settings, data_dir)
    if isinstance(database, Path):
        return SqliteConnector(database)
    from bot.stores.postgres import PostgresConnector  # noqa: PLC0415 - SQLite does without its packages

    return PostgresConnector(database, pool_size=settings.database_pool)


def _for_asyncpg(url: URL) -> URL:
    """With `sslmode`, as PostgreSQL's own tools call it, under the driver's name."""
    mode = url.query.get("sslmode")
    changed = url.set(drivername="postgresql").difference_update_query(["sslmode"])
    return changed if mode is None else changed.update_query_dict({"ssl": mode})
