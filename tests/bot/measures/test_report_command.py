"""`kefu report`: beside a server, of one channel, in every form, and what it says where it cannot."""

import asyncio
import csv
import io
import json
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from plain_measures import PlainTurn
from random_turns import write
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.stores.sqlite import SqliteStore
from configs.errors import KefuError

TURNS = [
    PlainTurn("ann", 1, 0.0, feedback=(("customer", "right"),)),
    PlainTurn("ann", 2, 0.0, outcome="handed_over", intent="refund"),
    PlainTurn("ben", 3, 0.0, channel="telegram", sentiment="negative", took_ms=20.4),
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with three turns of a minute ago."""
    folder = tmp_path / "data"
    at = time.time() - 60

    async def fill() -> None:
        store = SqliteStore(folder / "conversations.db")
        await store.open()
        turns = [replace(one, at=at) for one in TURNS]
        await store.write(partial(write, every=turns))
        await store.close()

    asyncio.run(fill())
    return folder


def report(data: Path, *arguments: object) -> Result:
    command = ["report", "--since", "3d", "--data", str(data), *map(str, arguments)]
    return CliRunner().invoke(app, command, catch_exceptions=True)


def test_it_says_of_what_each_share_is(data: Path, tmp_path: Path) -> None:
    report(data, "--output", tmp_path / "text")
    said = " ".join((tmp_path / "text").read_text("utf-8").split())

    assert "Conversations 2 with 3 messages" in said
    assert "Without a person 50.0 % of 2 conversations with a question" in said
    assert "Answered 66.7 % of 3 questions" in said
    assert "Negative 100.0 % of 1 messages whose mood was read" in said
    assert "0 of 1 answers that somebody judged were wrong. The release in use promises nothing." in said


def test_it_reads_while_a_server_writes(data: Path) -> None:
    async def beside() -> Result:
        store = SqliteStore(data / "conversations.db")
        await store.open()
        try:
            return await asyncio.to_thread(report, data, "--format", "json")
        finally:
            await store.close()

    assert json.loads(asyncio.run(beside()).output)["messages"]["count"] == 3


def test_only_one_channel_or_intent_is_counted(data: Path) -> None:
    def messages(*only: str) -> int:
        return int(json.loads(report(data, "--format", "json", *only).output)["messages"]["count"])

    assert messages("--channel", "telegram") == 1
    assert messages("--intent", "refund") == 1
    assert messages("--intent", "refund", "--channel", "telegram") == 0


def test_every_form_can_be_written_to_a_file(data: Path, tmp_path: Path) -> None:
    for form in ("text", "json", "csv", "html"):
        done = report(data, "--format", form, "--output", tmp_path / form)
        assert done.exit_code == 0, done.exception
    rows = list(csv.DictReader(io.StringIO((tmp_path / "csv").read_text("utf-8"))))
    page = (tmp_path / "html").read_text("utf-8")

    assert sum(int(row["messages"]) for row in rows) == 3
    assert "Without a person" in (tmp_path / "text").read_text("utf-8")
    assert "<svg" in page
    assert not [outside for outside in ("<script", "<link", "src=", "@import", "url(") if outside in page]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "tomorrow"), "since is 'tomorrow'. Write 30d"),
        (("--since", "2026-01-02", "--until", "2026-01-01T00:00"), "is not before until"),
    ],
)
def test_what_cannot_be_told_is_refused_with_what_to_do(data: Path, arguments: tuple[str, ...], said: str) -> None:
    done = report(data, *arguments)

    assert isinstance(done.exception, KefuError)
    assert said in str(done.exception)


def test_without_conversations_it_says_so(tmp_path: Path) -> None:
    done = report(tmp_path)

    assert isinstance(done.exception, KefuError)
    assert "There is no conversation store" in str(done.exception)
