"""The admin token: from the environment or a file, long enough, and never shown."""

from pathlib import Path

import pytest

from configs import SettingsError, load_settings
from configs.settings import unknown_variables

TOKEN = "0123456789abcdef"  # noqa: S105


def token() -> str | None:
    given = load_settings().admin_token
    return None if given is None else given.get_secret_value()


def test_without_one_there_is_none() -> None:
    assert token() is None


def test_it_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFU_ADMIN_TOKEN", TOKEN)

    assert token() == TOKEN
    assert TOKEN not in repr(load_settings())


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_it_is_read_from_a_file_without_the_line_break_at_its_end(
    end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "token"
    path.write_bytes(f"{TOKEN}{end}".encode())
    monkeypatch.setenv("KEFU_ADMIN_TOKEN", "another token of some length")
    monkeypatch.setenv("KEFU_ADMIN_TOKEN_FILE", str(path))

    assert token() == TOKEN
    assert unknown_variables({"KEFU_ADMIN_TOKEN_FILE": "x", "KEFU_ADMIN_TOKEN": "x"}) == []


@pytest.mark.parametrize("short", ["short-secret", "x" * 15])
def test_one_that_is_too_short_is_refused_and_not_shown(
    short: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEFU_ADMIN_TOKEN", short)
    with pytest.raises(SettingsError, match=r"^KEFU_ADMIN_TOKEN is set: .* 16 ") as error:
        load_settings()
    assert short not in str(error.value)

    path = tmp_path / "token"
    path.write_text(f"{short}\n")
    monkeypatch.setenv("KEFU_ADMIN_TOKEN_FILE", str(path))
    with pytest.raises(SettingsError, match=r"^KEFU_ADMIN_TOKEN is set: ") as error:
        load_settings()
    assert short not in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (None, b"\xff\xfe" * 20):
        path = tmp_path / "token"
        if content is not None:
            path.write_bytes(content)
        monkeypatch.setenv("KEFU_ADMIN_TOKEN_FILE", str(path))
        with pytest.raises(SettingsError, match=f"KEFU_ADMIN_TOKEN_FILE names {path}, which cannot be read"):
            load_settings()
