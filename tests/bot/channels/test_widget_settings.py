"""What an owner may write of the widget, and the secret that the server makes for itself."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from bot.channels.registry import config_of
from bot.channels.widget.config import Config
from bot.channels.widget.file_kinds import KINDS
from bot.channels.widget.secret import FILE, MIN_CHARS, widget_secret
from configs.credentials import read_credentials
from configs.errors import AssistantError, SettingsError


def test_without_settings_it_is_plain_and_for_the_servers_own_pages() -> None:
    config = Config()
    assert (config.origins, config.greeting, config.uploads, config.survey) == ((), None, None, False)
    assert config.session_days == 30


@pytest.mark.parametrize(
    ("given", "name", "expected"),
    [
        ({"greeting": True}, "greeting", "greet"),
        ({"greeting": False}, "greeting", None),
        ({"greeting": "welcome"}, "greeting", "welcome"),
        ({"uploads": False}, "uploads", None),
        ({"origins": ["https://shop.example", "http://localhost:8080", "*"]}, "origins", None),
        ({"theme": {"--accent": "rgb(0 100 60 / 50%)", "radius": "8px"}}, "theme", None),
    ],
)
def test_settings_are_read(given: dict[str, Any], name: str, expected: Any) -> None:
    found = getattr(Config.model_validate(given), name)
    given_value = given[name]
    assert found == (expected if isinstance(given_value, bool | str) else type(found)(given_value))


def test_uploads_may_be_switched_on_without_more() -> None:
    uploads = Config.model_validate({"uploads": True}).uploads
    assert uploads is not None
    assert (uploads.max_bytes, uploads.types) == (5 * 1024 * 1024, tuple(KINDS))


@pytest.mark.parametrize(
    "given",
    [
        {"origins": ["https://shop.example/"]},
        {"origins": ["shop.example"]},
        {"origins": ["https://*.example"]},
        {"origins": ["null"]},
        {"origins": ["https://user@shop.example"]},
        {"locale": "klingon"},
        {"session_days": 0},
        {"uploads": {"types": ["svg"]}},
        {"uploads": {"types": ["html"]}},
        {"uploads": {"max_bytes": 10**12}},
        {"uploads": {"size": 5}},
        {"theme": {"accent": "red; background: url(https://evil.example)"}},
        {"theme": {"accent": "url(https://evil.example)"}},
        {"theme": {"a b": "red"}},
        {"theme": {"accent": "</style>"}},
        {"title": "x" * 101},
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(given)


def test_an_error_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "credentials.yml").write_text("rest:\nwidget:\n  title: Shop\n  origins:\n  - shop.example\n")

    with pytest.raises(AssistantError, match=r"credentials\.yml:4.*'shop\.example' is no origin"):
        config_of(read_credentials(tmp_path), "widget", Config)


# The secret


def test_a_secret_that_is_set_wins_and_none_is_made(tmp_path: Path) -> None:
    assert widget_secret(SecretStr("s" * 40), tmp_path) == "s" * 40
    assert list(tmp_path.iterdir()) == []


def test_a_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first = widget_secret(None, folder)

    assert len(first) >= MIN_CHARS
    assert widget_secret(None, folder) == first
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == [FILE]
    assert widget_secret(None, tmp_path / "other") != first


def test_processes_that_come_at_once_share_one_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lambda _: widget_secret(None, tmp_path), range(64)))) == 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("content", [b"", b"short", b"\xff\xfe" * 40])
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)

    with pytest.raises(SettingsError, match="widget_secret"):
        widget_secret(None, tmp_path)


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()

    with pytest.raises(SettingsError, match="KEFU_WIDGET_SECRET"):
        widget_secret(None, tmp_path)
