from pathlib import Path

import pytest

from configs import AssistantError
from configs.endpoints import Endpoint, Endpoints, endpoint_notices, read_endpoints


def folder(parent: Path, text: str) -> Path:
    (parent / "endpoints.yml").write_text(text, "utf-8")
    return parent


def test_without_the_file_nobody_is_asked(tmp_path: Path) -> None:
    assert read_endpoints(tmp_path) == Endpoints(action_endpoint=None)
    assert endpoint_notices(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Endpoints()),
        ("action_endpoint:\n", Endpoints()),
        ("action_endpoint: {url: null}\n", Endpoints()),
        (
            "action_endpoint: {url: http://localhost:5055/webhook}\n",
            Endpoints(action_endpoint=Endpoint(url="http://localhost:5055/webhook")),
        ),
        (
            "action_endpoint: {url: 'http://${HOST}:$PORT/${HOST}'}\n",
            Endpoints(action_endpoint=Endpoint(url="http://acts:99/acts")),
        ),
    ],
)
def test_servers_and_variables_are_read(text: str, expected: Endpoints, tmp_path: Path) -> None:
    assert read_endpoints(folder(tmp_path, text), {"HOST": "acts", "PORT": "99"}) == expected


def test_what_is_not_honoured_is_said_without_any_variable(tmp_path: Path) -> None:
    root = folder(
        tmp_path,
        "action_endpoint:\n  url: http://${HOST}/webhook\n  token: ${SECRET}\nnlg: {url: http://a, type: callback}\n"
        "tracker_store: {type: sql}\nlock_store: {type: redis}\nevent_broker: {type: pika}\nmodels: {url: http://b}\n"
        "nlu: {url: http://c}\naction_endpont: {}\n",
    )
    path = root / "endpoints.yml"
    assert endpoint_notices(root) == [
        f"{path}:5: `tracker_store` is not used: conversations are kept in Kefu's own store",
        f"{path}:6: `lock_store` is not used: Kefu's own store keeps the turns of a conversation in order",
        f"{path}:7: `event_broker` is not used: events are kept in the store, and the HTTP API gives them",
        f"{path}:8: `models` is not used: releases are taken from the data folder",
        f"{path}:4: `nlg` is not used: the responses of the domain are said",
        f"{path}:9: `nlu` is not used: messages are understood in the same process",
        f"{path}:3: `token` of `action_endpoint` is not used: only `url` is",
        f"{path}:10: unknown key `action_endpont` in endpoints.yml is ignored. Did you mean 'action_endpoint'?",
    ]


@pytest.mark.parametrize(
    ("text", "line", "problem", "fix"),
    [
        ("- a\n", 1, "must be a mapping", "Write `action_endpoint:` and, under it, `url: ...`."),
        (
            "action_endpoint: http://a\n",
            1,
            "`action_endpoint` must be a mapping",
            "Indent `name: value` lines under it.",
        ),
        ("action_endpoint:\n  url: words\n", 2, "action_endpoint.url is no URL", "Write http://host:port/path."),
        ("action_endpoint:\n  url: ftp://words\n", 2, "action_endpoint.url is no URL", "Write http://host:port/path."),
        ("action_endpoint:\n  url: 5\n", 2, "action_endpoint.url is no URL", "Write http://host:port/path."),
        (
            "action_endpoint:\n  url: http://${SECRET_HOST}/\n",
            2,
            "the variable SECRET_HOST is not set",
            "Set it, or write the value out.",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_line_problem_and_fix(
    text: str, line: int, problem: str, fix: str, tmp_path: Path
) -> None:
    root = folder(tmp_path, text)
    with pytest.raises(AssistantError) as caught:
        read_endpoints(root, {})
    assert str(caught.value) == f"{root}/endpoints.yml:{line}: {problem}. {fix}"
