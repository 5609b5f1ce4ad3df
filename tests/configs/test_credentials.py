from pathlib import Path

import pytest

from configs import AssistantError
from configs.credentials import Credentials, credential_notices, read_credentials
from configs.endpoints import Endpoint


def folder(parent: Path, text: str) -> Path:
    (parent / "credentials.yml").write_text(text, "utf-8")
    return parent


@pytest.mark.parametrize("text", [None, "", "rest:\n", "rasa:\n  url: http://localhost:5002/api\n"])
def test_without_a_callback_there_is_no_such_channel(text: str | None, tmp_path: Path) -> None:
    root = tmp_path if text is None else folder(tmp_path, text)

    assert read_credentials(root) == Credentials(callback=None)


def test_its_address_is_read_with_variables(tmp_path: Path) -> None:
    root = folder(tmp_path, "callback:\n  url: http://${HOST}:$PORT/bot\n")

    found = read_credentials(root, {"HOST": "shop", "PORT": "80"})

    assert found == Credentials(callback=Endpoint(url="http://shop:80/bot"))


def test_what_is_not_honoured_is_said_once(tmp_path: Path) -> None:
    root = folder(
        tmp_path,
        "rest:\nfacebook:\n  verify: ${SECRET}\ncallback:\n  url: http://a\n  token: x\n  headers: {a: b}\n",
    )
    path = root / "credentials.yml"

    assert credential_notices(root) == [
        f"{path}:2: the channel `facebook` is not served",
        f"{path}:4: `token`, `headers` of `callback` are not used: only `url` is",
    ]
    assert credential_notices(folder(tmp_path, "callback: {url: http://a, token: x}\n")) == [
        f"{path}:1: `token` of `callback` is not used: only `url` is"
    ]


def test_without_the_file_nothing_is_said(tmp_path: Path) -> None:
    assert credential_notices(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "line", "problem", "fix"),
    [
        ("- a\n", 1, "must be a mapping", "Write `callback:` and, under it, `url: ...`."),
        ("rest:\ncallback: x\n", 2, "`callback` must be a mapping", "Indent `name: value` lines under it."),
        ("callback:\n", 1, "`callback` has no url", "Write `url: http://host:port/path` under it."),
        ("callback: {url: null}\n", 1, "`callback` has no url", "Write `url: http://host:port/path` under it."),
        ("callback:\n  url: shop\n", 2, "callback.url is no URL", "Write http://host:port/path."),
        ("callback:\n  url: 5\n", 2, "callback.url is no URL", "Write http://host:port/path."),
        (
            "callback:\n  url: http://${HOST}/\n",
            2,
            "the variable HOST is not set",
            "Set it, or write the value out.",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_line_problem_and_fix(
    text: str, line: int, problem: str, fix: str, tmp_path: Path
) -> None:
    root = folder(tmp_path, text)

    with pytest.raises(AssistantError) as caught:
        read_credentials(root, {})

    assert str(caught.value) == f"{root}/credentials.yml:{line}: {problem}. {fix}"
