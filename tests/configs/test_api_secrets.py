"""The secrets of the HTTP API: from the environment or a file, long enough, and never shown."""

from pathlib import Path

import pytest

from configs import SettingsError, load_settings
from configs.settings import JwtMethod, Settings

SECRETS = {"KEFU_API_TOKEN": 16, "KEFU_JWT_SECRET": 32, "KEFU_OPENAI_TOKEN": 16}
each = pytest.mark.parametrize("variable", SECRETS)


def given(variable: str) -> str | None:
    secret = getattr(load_settings(), variable.removeprefix("KEFU_").lower())
    return None if secret is None else str(secret.get_secret_value())


@each
def test_it_is_read_from_the_environment_or_a_file_and_not_shown(
    variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert given(variable) is None
    monkeypatch.setenv(variable, "s" * 40)
    assert given(variable) == "s" * 40
    assert "sss" not in repr(load_settings())

    path = tmp_path / "secret"
    path.write_text("-----BEGIN\nof several lines, as keys are\n-----END\n")
    monkeypatch.setenv(f"{variable}_FILE", str(path))
    assert given(variable) == "-----BEGIN\nof several lines, as keys are\n-----END"


@each
def test_one_that_is_too_short_is_refused_and_not_shown(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "x" * (SECRETS[variable] - 1))

    with pytest.raises(SettingsError, match=rf"^{variable} is set: .* {SECRETS[variable]} ") as error:
        load_settings()
    assert "xxx" not in str(error.value)


@pytest.mark.parametrize("method", ["none", "NONE", "HS1", "hs256", ""])
def test_a_way_of_signing_that_is_none_is_refused(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFU_JWT_METHOD", method)

    if not method:  # set but empty counts as not set
        assert load_settings().jwt_method is JwtMethod.HS256
        return
    with pytest.raises(SettingsError, match="KEFU_JWT_METHOD is"):
        load_settings()


def test_the_api_is_on_and_tokens_must_end_unless_the_owner_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (Settings().enable_api, Settings().jwt_require_exp, Settings().callback_hosts) == (True, True, ())
    monkeypatch.setenv("KEFU_ENABLE_API", "false")
    monkeypatch.setenv("KEFU_CALLBACK_HOSTS", '["ci.example"]')

    assert (load_settings().enable_api, load_settings().callback_hosts) == (False, ("ci.example",))
