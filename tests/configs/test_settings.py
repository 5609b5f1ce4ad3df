from pathlib import Path
from typing import Any

import pytest

from configs import KefuError, Settings, SettingsError, load_settings
from configs.settings import LogFormat, LogLevel, unknown_variables


def test_without_variables_the_server_is_local_and_every_setting_has_a_default() -> None:
    settings = load_settings()
    assert settings == Settings()
    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 5005, None)
    assert settings.cors_origins == ()


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("host", "0.0.0.0", "0.0.0.0"),  # noqa: S104 - nothing is bound
        ("port", "0", 0),
        ("port", "65535", 65535),
        ("data_dir", "/srv/kefu", Path("/srv/kefu")),
        ("log_format", "json", LogFormat.JSON),
        ("log_level", "error", LogLevel.ERROR),
        ("inference_threads", "64", 64),
        ("max_batch", "1", 1),
        ("max_waiting", "100000", 100_000),
        ("request_timeout_s", "0.5", 0.5),
        ("max_body_bytes", "1024", 1024),
        ("max_text_chars", "1", 1),
        ("cors_origins", '["https://a.example", "https://b.example"]', ("https://a.example", "https://b.example")),
        ("cors_origins", '["*"]', ("*",)),
        ("cors_origins", "[]", ()),
        ("follow_interval_s", "0.05", 0.05),
    ],
)
def test_a_variable_sets_its_setting_and_nothing_else(
    name: str, written: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"KEFU_{name.upper()}", written)
    changed = load_settings().model_dump()
    assert changed.pop(name) == value
    assert changed == Settings.model_construct().model_dump(exclude={name})


def test_variables_without_the_prefix_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "1")
    monkeypatch.setenv("HOST", "other")
    assert load_settings() == Settings.model_construct()


LIST = 'Value error, not a JSON list such as ["https://shop.example"]'


@pytest.mark.parametrize(
    ("name", "written", "value", "problem"),
    [
        ("PORT", "http", "'http'", "Input should be a valid integer, unable to parse string as an integer"),
        ("PORT", "5005.5", "'5005.5'", "Input should be a valid integer, unable to parse string as an integer"),
        ("PORT", "-1", "'-1'", "Input should be greater than or equal to 0"),
        ("PORT", "65536", "'65536'", "Input should be less than or equal to 65535"),
        ("LOG_FORMAT", "xml", "'xml'", "Input should be 'console' or 'json'"),
        ("LOG_LEVEL", "INFO", "'INFO'", "Input should be 'debug', 'info', 'warning' or 'error'"),
        ("INFERENCE_THREADS", "0", "'0'", "Input should be greater than or equal to 1"),
        ("MAX_BATCH", "257", "'257'", "Input should be less than or equal to 256"),
        ("MAX_WAITING", "0", "'0'", "Input should be greater than or equal to 1"),
        ("REQUEST_TIMEOUT_S", "0", "'0'", "Input should be greater than 0"),
        ("REQUEST_TIMEOUT_S", "nan", "'nan'", "Input should be less than or equal to 600"),
        ("REQUEST_TIMEOUT_S", "inf", "'inf'", "Input should be less than or equal to 600"),
        ("MAX_BODY_BYTES", "1023", "'1023'", "Input should be greater than or equal to 1024"),
        ("MAX_TEXT_CHARS", "0", "'0'", "Input should be greater than or equal to 1"),
        ("FOLLOW_INTERVAL_S", "0", "'0'", "Input should be greater than or equal to 0.05"),
        ("CORS_ORIGINS", "https://a.example", "'https://a.example'", LIST),
        ("CORS_ORIGINS", '["a"', "'[\"a\"'", LIST),
        ("CORS_ORIGINS", '"*"', "'*'", "Input should be a valid tuple"),
        ("CORS_ORIGINS", "[1]", "1", "Input should be a valid string"),
    ],
)
def test_a_wrong_variable_is_named_with_its_value_and_what_it_should_be(
    name: str, written: str, value: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"KEFU_{name}", written)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value) == f"KEFU_{name} is {value}: {problem}. Mend the variable or the option."
    assert isinstance(caught.value, KefuError)


def test_what_the_command_line_gives_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFU_PORT", "1111")
    monkeypatch.setenv("KEFU_HOST", "from.environment")
    settings = load_settings(port=2222, host=None, data_dir=Path("data"))
    assert (settings.port, settings.host, settings.data_dir) == (2222, "from.environment", Path("data"))


def test_a_wrong_option_is_refused_like_a_wrong_variable() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(port=70_000)
    assert str(caught.value) == (
        "KEFU_PORT is 70000: Input should be less than or equal to 65535. Mend the variable or the option."
    )


@pytest.mark.parametrize(("name", "value"), [("port", 1), ("cors_origins", ("*",))])
def test_settings_cannot_be_changed_in_place(name: str, value: Any) -> None:
    settings = Settings()
    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, name, value)
    assert settings == Settings()


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, []),
        ({"KEFU_PORT": "1", "KEFU_CORS_ORIGINS": "x", "PATH": "y", "MY_KEFU_PRT": "z"}, []),
        ({"KEFU_PROT": "1"}, ["KEFU_PROT is not a setting and is ignored. Did you mean 'KEFU_PORT'?"]),
        (
            {"KEFU_TIMEOUT_S": "1", "KEFU_DATADIR": "x"},
            [
                "KEFU_DATADIR is not a setting and is ignored. Did you mean 'KEFU_DATA_DIR'?",
                "KEFU_TIMEOUT_S is not a setting and is ignored. Did you mean 'KEFU_ACTION_TIMEOUT_S'?",
            ],
        ),
        (
            {"KEFU_0123456789_0123456789_0123456789": ""},
            ["KEFU_0123456789_0123456789_0123456789 is not a setting and is ignored."],
        ),
    ],
)
def test_an_unknown_variable_is_said_with_its_likely_name(environment: dict[str, str], said: list[str]) -> None:
    assert unknown_variables(environment) == said
