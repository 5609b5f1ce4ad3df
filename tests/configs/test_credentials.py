from pathlib import Path

import pytest

from configs import AssistantError
from configs.credentials import Credentials, credential_notices, read_credentials


def folder(parent: Path, text: str) -> Path:
    (parent / "credentials.yml").write_text(text, "utf-8")
    return parent


@pytest.mark.parametrize("text", ["", "rest:\n", "rasa:\n  url: http://localhost:5002/api\n"])
def test_channels_that_are_always_on_or_unknown_have_no_settings(text: str, tmp_path: Path) -> None:
    assert read_credentials(folder(tmp_path, text)).sections == {}


def test_without_the_file_there_are_no_channels(tmp_path: Path) -> None:
    assert read_credentials(tmp_path) == Credentials(sections={})


def test_a_channel_may_stand_there_without_settings(tmp_path: Path) -> None:
    assert read_credentials(folder(tmp_path, "widget:\n")).sections == {"widget": {}}


def test_settings_are_read_with_variables_however_deep(tmp_path: Path) -> None:
    root = folder(
        tmp_path,
        "callback:\n  url: http://${HOST}:$PORT/bot\nslack:\n  slack_token: ${TOKEN}\n"
        "  workspaces: {T1: '${TOKEN}-1'}\n  list: [a, $PORT]\n  number: 5\n",
    )

    found = read_credentials(root, {"HOST": "shop", "PORT": "80", "TOKEN": "xoxb"})

    assert found.sections == {
        "callback": {"url": "http://shop:80/bot"},
        "slack": {"slack_token": "xoxb", "workspaces": {"T1": "xoxb-1"}, "list": ["a", "80"], "number": 5},
    }


def test_a_channel_that_is_not_served_is_said_once(tmp_path: Path) -> None:
    root = folder(tmp_path, "rest:\nhangouts:\n  project_id: ${SECRET}\ncallback:\n  url: http://a\ntelegrm: {}\n")
    path = root / "credentials.yml"

    assert credential_notices(root) == [
        f"{path}:2: the channel `hangouts` is not served.",
        f"{path}:6: the channel `telegrm` is not served. Did you mean 'telegram'?",
    ]


def test_without_the_file_nothing_is_said(tmp_path: Path) -> None:
    assert credential_notices(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (
            "- a\n",
            1,
            "must be a mapping. Write a line `name:` for each channel and, indented under it, its settings.",
        ),
        ("rest:\ncallback: x\n", 2, "`callback` must be a mapping. Indent `name: value` lines under it."),
        (
            "callback:\n  url: http://${HOST}/\n",
            2,
            "the variable HOST is not set. Set it, or write the value out.",
        ),
        (
            "slack:\n  workspaces:\n    T1: $TOKEN\n",
            3,
            "the variable TOKEN is not set. Set it, or write the value out.",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_line_problem_and_fix(text: str, line: int, problem: str, tmp_path: Path) -> None:
    root = folder(tmp_path, text)

    with pytest.raises(AssistantError) as caught:
        read_credentials(root, {})

    assert str(caught.value) == f"{root}/credentials.yml:{line}: {problem}"


def test_an_error_in_settings_names_its_line(tmp_path: Path) -> None:
    found = read_credentials(folder(tmp_path, "rest:\nslack:\n  slack_token: x\n"), {})

    assert str(found.error(("slack", "slack_token"), "is wrong", "Write it right.")) == (
        f"{tmp_path}/credentials.yml:3: is wrong. Write it right."
    )
