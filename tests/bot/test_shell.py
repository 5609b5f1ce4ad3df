"""Chatting in the terminal goes through the dialogue that serves customers."""

import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from scripted_bot import SPEC, scripted_engine

from bot.engine import Reading
from bot.model_host import ModelHost
from bot.shell import chat
from configs import Assistant, Button, Variation
from nlu import IntentScore, Understanding
from retrieval import Hit, Pair

ROOT = Path(__file__).resolve().parents[2]

Type = Callable[..., Awaitable[list[str]]]


@pytest.fixture
def type_lines(host: ModelHost, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Types lines into the shell and returns what it printed, line by line."""

    async def run(*lines: bytes, explain: bool = False) -> list[str]:
        typed = BytesIO(b"".join(line + b"\n" for line in lines))
        monkeypatch.setattr("sys.stdin", TextIOWrapper(typed, encoding="utf-8"))
        console = Console(file=StringIO(), width=120)
        await chat(host, None, console, explain=explain)
        return console.file.getvalue().splitlines()  # type: ignore[attr-defined]

    return run


def replies(printed: list[str]) -> list[str]:
    return [line.removeprefix("bot> ") for line in printed if line.startswith("bot> ")]


def texts(assistant: Assistant, response: str) -> set[str | None]:
    return {variation.text for variation in assistant.domain.responses[response]}


async def test_each_line_is_answered(type_lines: Type, minimal: Assistant, host: ModelHost) -> None:
    printed = await type_lines(b"when are you open", b"", b"   ", b"thanks")

    assert host.engine.id in printed[0]
    hours, thanks = replies(printed)
    assert hours in texts(minimal, "utter_opening_hours")
    assert thanks in texts(minimal, "utter_thank")


async def test_a_number_chooses_a_button(type_lines: Type, minimal: Assistant) -> None:
    printed = await type_lines(b"hello", b"3")

    assert [line.strip() for line in printed if ")" in line and line.startswith("     ")] == [
        "1) Where is my order?",
        "2) Send something back",
        "3) When are you open?",
    ]
    greeting, hours = replies(printed)
    assert greeting in texts(minimal, "utter_greet")
    assert hours in texts(minimal, "utter_opening_hours")


@pytest.mark.parametrize("number", [b"0", b"4", b"-1", "１".encode(), b"1.0"])
async def test_a_number_that_is_no_button_is_words(type_lines: Type, minimal: Assistant, number: bytes) -> None:
    printed = await type_lines(b"hello", number)

    assert len(replies(printed)) == 2
    for response in ("utter_track_order", "utter_return_item", "utter_opening_hours"):
        assert replies(printed)[1] not in texts(minimal, response)


async def test_buttons_of_an_earlier_message_are_no_longer_numbered(type_lines: Type, minimal: Assistant) -> None:
    printed = await type_lines(b"hello", b"when are you open", b"3")

    assert replies(printed)[2] not in texts(minimal, "utter_opening_hours")


@pytest.mark.parametrize("ending", [b"/stop", b"/quit", b" /exit "])
async def test_the_words_that_end_it_end_it(type_lines: Type, ending: bytes) -> None:
    assert len(replies(await type_lines(b"hello", ending, b"hello"))) == 1


async def test_what_cannot_be_taken_is_said_and_the_talk_goes_on(type_lines: Type, minimal: Assistant) -> None:
    printed = await type_lines(b"\x1b[31m", b"x" * 4001, b"\xff\xfe not UTF-8", b"thanks")

    assert any("U+001B" in line for line in printed)
    assert any("4,001 characters" in line for line in printed)
    assert replies(printed)[-1] in texts(minimal, "utter_thank")


async def test_what_owners_and_customers_write_is_never_taken_as_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    wild = "[bold]a[/bold] [/x] [red"
    said = Variation(text=wild, buttons=(Button(title=wild, payload=wild),), image=wild, custom={wild: wild})
    engine = scripted_engine(replace(SPEC, domain=replace(SPEC.domain, responses={"utter_hours": (said,)})))
    hit = Hit(pair=Pair(id="p1", question=wild, answer=wild), cosine=0.1, score=0.1, probability=0.1, rank=1)
    score = IntentScore(name="hours", probability=0.9)

    def read(typed: list[str]) -> list[Reading]:
        understanding = Understanding(text=typed[0], ranking=(score,), embedding=np.zeros(4, np.float32))
        return [Reading(understanding=understanding, hits=(hit,), engine=engine)]

    engine.read = read
    monkeypatch.setattr("sys.stdin", StringIO(f"{wild}\n"))
    console = Console(file=StringIO(), width=120)
    host: Any = SimpleNamespace(engine=engine)

    await chat(host, None, console, explain=True)

    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert [line.count(wild) for line in printed.splitlines() if wild in line] == [1, 1, 2, 1, 1]


async def test_an_explanation_shows_intents_and_past_questions(type_lines: Type) -> None:
    printed = "\n".join(await type_lines(b"Do you deliver abroad?", explain=True))

    assert "same_question, confidence 1.00" in printed
    for part in ("intent", "past question", "h01: Do you deliver abroad?", "same_question"):
        assert part in printed


async def test_without_explain_there_is_no_table(type_lines: Type) -> None:
    assert not any("past question" in line for line in await type_lines(b"Do you deliver abroad?"))


def test_lines_from_a_pipe_are_answered(minimal_folder: Path, trained_dir: Path, minimal: Assistant) -> None:
    command = [sys.executable, "-m", "bot.cli", "shell", str(minimal_folder), "--data", str(trained_dir), "--explain"]

    ended = subprocess.run(
        command,
        input=b"hello\n3\n" + b"\xff\n",
        capture_output=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "COLUMNS": "200"},
        timeout=60,
    )

    out = ended.stdout.decode()
    assert ended.returncode == 0, ended.stderr.decode()
    assert any(str(text) in out for text in texts(minimal, "utter_opening_hours"))
    assert "button, confidence 1.00" in out
    assert out.count("past question") == 3
    assert b"Traceback" not in ended.stderr
    assert not (trained_dir / "conversations.db").exists(), "nothing that is typed is kept"
