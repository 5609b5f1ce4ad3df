"""Log lines say what happened, never what a customer wrote."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from scripted_bot import MakeBot

import bot.batching
import bot.logging
import bot.middlewares
from bot.batching import BatchWorker
from bot.channels import rest
from bot.logging import set_up_logging, where_raised
from bot.middlewares import errors_as_json, log_requests
from bot.request_body import BODY_TIMEOUT_S, MAX_BODY_BYTES
from configs import Settings

WORDS = "my-card-is-4111"

SetUp = Callable[..., StringIO]


@pytest.fixture
def set_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[SetUp]:
    """Sets logging up as a command does, to a standard error that can be read; undone at the end."""
    handlers = list(logging.root.handlers)

    def make(**settings: Any) -> StringIO:
        written = StringIO()
        monkeypatch.setattr("sys.stderr", written)
        set_up_logging(Settings(**settings))
        for module in (bot.batching, bot.middlewares):  # loggers of before remember what was set up before
            monkeypatch.setattr(module, "_log", structlog.get_logger())
        return written

    yield make
    structlog.reset_defaults()
    for handler in set(logging.root.handlers) - set(handlers):
        logging.root.removeHandler(handler)


def lines(written: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def fail() -> None:
    """Fails as libraries do: with what they were given in the message, and in the message of the cause."""
    card = WORDS
    try:
        raise KeyError(card)
    except KeyError as error:
        raise ValueError(f"cannot use {card!r}") from error


def test_json_lines_hold_event_level_time_and_facts(set_up: SetUp) -> None:
    written = set_up(log_format="json")

    structlog.get_logger().info("release_swapped", old="a", new="b")

    (line,) = lines(written)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "release_swapped", "level": "info", "old": "a", "new": "b"}


def test_console_lines_can_be_read_by_people(set_up: SetUp) -> None:
    written = set_up(log_format="console")

    structlog.get_logger().warning("release_swapped", old="a")

    assert "release_swapped" in written.getvalue()
    assert "old=a" in written.getvalue()
    assert "\x1b" not in written.getvalue(), "no colours where there is no terminal"


@pytest.mark.parametrize(
    ("level", "kept"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_less_severe_lines_than_asked_for_are_left_out(set_up: SetUp, level: str, kept: list[str]) -> None:
    written = set_up(log_format="json", log_level=level)

    log = structlog.get_logger()
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)("event")

    assert [line["level"] for line in lines(written)] == kept


def test_what_is_written_into_a_line_cannot_forge_another(set_up: SetUp) -> None:
    for log_format in ("json", "console"):
        written = set_up(log_format=log_format)

        structlog.get_logger().info("request", path="/x\n2026 [error] forged \x1b[2J")

        assert len(written.getvalue().splitlines()) == 1
        assert "\x1b" not in written.getvalue()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_an_exception_is_logged_by_type_and_place_without_its_message(set_up: SetUp, log_format: str) -> None:
    written = set_up(log_format=log_format)

    try:
        fail()
    except ValueError:
        structlog.get_logger().exception("unexpected")

    assert "builtins.ValueError" in written.getvalue()
    assert "builtins.KeyError" in written.getvalue()
    assert "test_logging.py" in written.getvalue()
    assert "in fail" in written.getvalue()
    assert WORDS not in written.getvalue()


def test_a_chain_of_errors_is_followed_to_its_root() -> None:
    try:
        fail()
    except ValueError as error:
        said = where_raised((type(error), error, error.__traceback__))

    assert said.index("ValueError") < said.index("because of builtins.KeyError")


def test_a_cause_that_was_set_aside_is_left_out() -> None:
    try:
        try:
            raise KeyError
        except KeyError:
            raise ValueError from None
    except ValueError as error:
        said = where_raised((type(error), error, error.__traceback__))

    assert "KeyError" not in said


def test_libraries_are_logged_without_what_was_filled_in(set_up: SetUp) -> None:
    written = set_up(log_format="json")

    try:
        fail()
    except ValueError as error:
        logging.getLogger("aiohttp.server").exception("Error handling request from %s", WORDS, exc_info=error)
    logging.getLogger("asyncio").error(f"Task exception was never retrieved\nfuture: {WORDS}")

    aiohttp, asyncio_ = lines(written)
    assert (aiohttp["library"], aiohttp["message"]) == ("aiohttp.server", "Error handling request from %s")
    assert "builtins.ValueError" in aiohttp["exception"]
    assert asyncio_["message"] == "Task exception was never retrieved"
    assert WORDS not in written.getvalue()


def test_setting_up_twice_logs_libraries_once(set_up: SetUp) -> None:
    set_up(log_format="json")
    written = set_up(log_format="json")

    logging.getLogger("asyncio").warning("slow")

    assert len(lines(written)) == 1


@pytest.mark.parametrize("log_format", ["json", "console"])
async def test_a_turn_that_breaks_is_a_500_whose_id_stands_in_the_log_without_the_words(
    set_up: SetUp, scripted: MakeBot, log_format: str
) -> None:
    written = set_up(log_format=log_format)
    broken = scripted()
    broken.inference.fails_with = RuntimeError(f"cannot read {WORDS}")
    app = web.Application(middlewares=[log_requests, errors_as_json])
    app[MAX_BODY_BYTES], app[BODY_TIMEOUT_S] = 1_000, 20.0
    app.add_routes(rest.routes(broken.dialogue, max_text_chars=100))
    async with TestClient(TestServer(app)) as client:
        response = await client.post(
            "/webhooks/rest/webhook", json={"sender": "ann", "message": WORDS, "metadata": {"a": WORDS}}
        )
        reply = await response.json()

    assert response.status == 500
    assert (reply["code"], reply["reason"], reply["details"]) == (500, "UnexpectedError", {})
    error_id = reply["message"].rpartition(" ")[2].rstrip(".")
    assert error_id in written.getvalue()
    assert "RuntimeError" in written.getvalue()
    assert WORDS not in written.getvalue()
    assert WORDS not in reply["message"]


@pytest.mark.parametrize("log_format", ["json", "console"])
async def test_a_batch_that_breaks_is_logged_without_what_was_in_it(set_up: SetUp, log_format: str) -> None:
    written = set_up(log_format=log_format)

    def process(items: Any) -> Any:
        raise ValueError(f"cannot read {items}")

    worker: BatchWorker[str, str] = BatchWorker("inference", process, max_batch=4, max_waiting=4)
    outcomes = await asyncio.gather(worker.submit(WORDS), worker.submit("b"), return_exceptions=True)
    await worker.close()

    assert [type(outcome) for outcome in outcomes] == [ValueError, ValueError]
    assert "batch_failed" in written.getvalue()
    assert "inference" in written.getvalue()
    assert WORDS not in written.getvalue()
