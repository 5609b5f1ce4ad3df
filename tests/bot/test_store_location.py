"""Which database a setting means, and what is said of one that cannot be meant."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import URL

from bot.stores.location import connector_of, database_of
from bot.stores.postgres import PostgresConnector
from bot.stores.sqlite import SqliteConnector
from configs.errors import SettingsError
from configs.settings import Settings, load_settings

PASSWORD = "s3cr3t"  # noqa: S105 - of nothing


def settings(url: str | None, **changed: Any) -> Settings:
    return Settings(database_url=None if url is None else SecretStr(url), **changed)


async def test_by_default_it_is_a_file_in_the_data_folder(tmp_path: Path) -> None:
    connector = connector_of(settings(None), tmp_path)

    assert isinstance(connector, SqliteConnector)
    assert connector.name == str(tmp_path / "conversations.db")
    await connector.close()


@pytest.mark.parametrize(("url", "path"), [("sqlite:///some/c.db", "some/c.db"), ("sqlite:////var/c.db", "/var/c.db")])
def test_a_url_may_name_another_file(url: str, path: str, tmp_path: Path) -> None:
    assert database_of(settings(url), tmp_path) == Path(path)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg", "postgresql+psycopg"])
async def test_a_url_may_name_a_postgresql_database(scheme: str, tmp_path: Path) -> None:
    connector = connector_of(settings(f"{scheme}://kefu:{PASSWORD}%40x@db.example:6432/shop"), tmp_path)

    assert isinstance(connector, PostgresConnector)
    assert connector.name == "postgresql://kefu:***@db.example:6432/shop"
    await connector.close()


def test_the_drivers_own_name_is_used_for_sslmode(tmp_path: Path) -> None:
    found = database_of(settings("postgresql://db.example/shop?sslmode=require&application_name=x"), tmp_path)

    assert isinstance(found, URL)
    assert dict(found.query) == {"ssl": "require", "application_name": "x"}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "is no URL of a database"),
        ("postgresql://kefu:s3cr3t@host:port/x", "is no URL of a database"),
        ("mysql://kefu:s3cr3t@host/x", "a database of the kind 'mysql'"),
        ("postgresql://kefu:s3cr3t@host", "names no database"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_another_url_is_refused_without_being_shown(url: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=said) as error:
        database_of(settings(url), tmp_path)

    assert "KEFU_DATABASE_URL" in str(error.value)
    assert "Write sqlite:///path/to/file.db" in str(error.value)
    assert PASSWORD not in str(error.value)


def test_the_url_may_stand_in_a_file_and_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"postgresql://kefu:{PASSWORD}@host/shop\n")
    monkeypatch.setenv("KEFU_DATABASE_URL_FILE", str(secret))

    loaded = load_settings()

    assert PASSWORD not in repr(loaded)
    assert loaded.database_url is not None
    assert loaded.database_url.get_secret_value() == f"postgresql://kefu:{PASSWORD}@host/shop"
