"""`kefu review` in the terminal: what each key does in the store, and what is shown."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from review_world import World
from rich.console import Console
from typer.testing import CliRunner

from bot.cli import app
from bot.review import Candidate, ReviewDesk
from bot.review_terminal import Sitting
from bot.review_terminal.choosing import matching
from bot.stores.evidence import write_evidence
from bot.stores.labels import LabelKind
from bot.stores.sqlite import SqliteConnector, SqliteStore
from bot.stores.turn import Evidence
from configs.errors import KefuError, SettingsError

DID = {"decision": {"kind": "template", "intent": "order"}}


@dataclass
class Typed:
    """What a person types, one after the other."""

    waiting: list[str]
    written: str = ""
    prompts: list[str] = field(default_factory=list)

    async def key(self) -> str | None:
        return self.waiting.pop(0) if self.waiting else None

    async def line(self, prompt: str) -> str | None:
        self.prompts.append(prompt)
        return self.waiting.pop(0) if self.waiting else None

    async def text(self) -> str:
        if self.written == "broken":
            raise SettingsError("The editor did not work.")
        return self.written


@pytest.fixture
async def world(store: SqliteStore, tmp_path: Path) -> AsyncIterator[World]:
    world = World(store, tmp_path)
    yield world
    await world.knowledge.close()


async def sit(
    desk: ReviewDesk, typed: Sequence[str], *, written: str = "", clusters: bool = False
) -> tuple[Sitting, str]:
    console = Console(width=120, record=True, file=None, quiet=False)
    with console.capture() as captured:
        sitting = Sitting(desk, "anna", console, Typed(list(typed), written))
        await (sitting.go_through_clusters() if clusters else sitting.go_through_messages())
    return sitting, captured.get()


@pytest.mark.parametrize(
    ("typed", "written", "kept"),
    [
        (["y"], "", [("right", "intent:order", "anna")]),
        (["1"], "", [("intent", "order", "anna")]),
        (["2"], "", [("intent", "hours", "anna")]),
        (["i", "hou"], "", [("intent", "hours", "anna")]),
        (["i", "r", "2"], "", [("intent", "greet", "anna")]),
        (["i", "", "x"], "", [("ignore", "", "anna")]),
        (["n", "refund", ""], "", [("new_intent", "refund", "anna")]),
        (["n", "refund", "Soon."], "", [("new_intent", "refund", "anna"), ("answer", "Soon.", "anna")]),
        (["n", "no name", "", "x"], "", [("ignore", "", "anna")]),
        (["a"], "Within a week.\n", [("answer", "Within a week.", "anna")]),
        (["a", "q"], "", []),
        (["a", "q"], "broken", []),
        (["p", "do you deliver abroad?", "1"], "", [("pair", "p1", "anna")]),
        (["p", "", "q"], "", []),
        (["9", "q"], "", []),
        (["?", "s"], "", []),
        (["x", "u", "q"], "", []),
        (["n", "refund", "Soon.", "u", "q"], "", []),
        ([], "", []),
    ],
)
async def test_a_key_does_what_it_says(
    world: World, typed: list[str], written: str, kept: list[tuple[str, str, str]]
) -> None:
    key = await world.said("where is my parcel", "answered", 0.75, evidence=DID)

    sitting, _ = await sit(world.desk, typed, written=written)

    assert await world.labels(key) == kept
    assert sitting.tally.total == len(kept)


async def test_each_message_comes_once_and_what_was_skipped_does_not_come_again(world: World) -> None:
    for message in ("where is my parcel", "i want a refund for this", "a person please"):
        await world.said(message)

    sitting, shown = await sit(world.desk, ["s", "x", "s", "q"])

    assert [shown.count(text) for text in ("where is my parcel", "i want a refund", "a person please")] == [1, 1, 1]
    assert (sitting.tally.skipped, sitting.tally.total) == (2, 1)
    assert "That was the last one." in shown


async def test_undo_shows_the_message_again_and_goes_back_step_by_step(world: World) -> None:
    first, second = await world.said("where is my parcel"), await world.said("i want a refund for this")

    await sit(world.desk, ["x", "x", "u", "u", "n", "one", "", "n", "two", ""])

    assert {value for key in (first, second) for _, value, _ in await world.labels(key)} == {"one", "two"}


async def test_who_disagrees_is_shown_with_what_each_says(world: World) -> None:
    key = await world.said("where is my parcel", "asked_back", 0.5)
    await world.desk.label(key, LabelKind.INTENT, "order", "ben")
    await world.desk.label(key, LabelKind.INTENT, "hours", "cleo")

    _, shown = await sit(world.desk, ["q"])

    assert "People disagree" in shown
    assert "ben" in shown
    assert "cleo" in shown


async def test_what_customers_write_is_no_markup_and_moves_no_cursor(world: World) -> None:
    await world.said("[bold]where[/bold] is \x1b[2Jmy parcel")

    _, shown = await sit(world.desk, ["q"])

    assert "[bold]where[/bold] is" in shown
    assert "\x1b[2J" not in shown


async def test_a_cluster_is_named_and_answered_at_once(world: World) -> None:
    keys = [await world.said(f"how do i cancel my contract{end}") for end in ("", " now", " please", "s", " today")]

    sitting, shown = await sit(world.desk, ["m", "n", "cancel_contract", "Write us a line."], clusters=True)

    assert "Asked by several, 5 messages" in shown
    for key in keys:
        assert await world.labels(key) == [
            ("new_intent", "cancel_contract", "anna"),
            ("answer", "Write us a line.", "anna"),
        ]
    assert sitting.tally.labelled == {LabelKind.NEW_INTENT: 5, LabelKind.ANSWER: 5}


async def test_nothing_to_look_at_ends_at_once(world: World) -> None:
    _, shown = await sit(world.desk, ["x"])

    assert "There is nothing to look at." in shown


def names(*values: str) -> list[Candidate]:
    return [Candidate(kind=LabelKind.INTENT, value=value, title=value) for value in values]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("card_lost", ["card_lost"]),
        ("Card Lost", ["card_lost"]),
        ("lost", ["lost_phone", "card_lost"]),
        ("crad_lost", ["card_lost"]),
        ("zzzz", []),
    ],
)
def test_an_intent_is_found_by_its_name_a_part_of_it_or_nearly_so(typed: str, found: list[str]) -> None:
    assert [one.value for one in matching(typed, names("card_lost", "lost_phone", "top_up"))] == found


# The command itself


@pytest.fixture
def data(trained_dir: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained_dir, tmp_path / "data"))


@pytest.fixture
def review(minimal_folder: Path, data: Path, plain_logging: None) -> Callable[..., str]:
    def run(*arguments: str, typed: str = "") -> str:
        command = ["review", str(minimal_folder), "--data", str(data), "--as", "anna", *arguments]
        result = CliRunner().invoke(app, command, input=typed, env={"COLUMNS": "160"})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return run


async def write(data: Path) -> None:
    store = SqliteStore(data / "conversations.db")
    await store.open()
    why = Evidence(
        at=2e9, release_id="r", reason="unsure", confidence=0.2, evidence={}, message="is it cold", outcome="fell_back"
    )
    await store.write(lambda connection: write_evidence(connection, "c1", 1, why))
    await store.close()


async def test_a_sitting_by_lines_and_the_export_of_its_labels(
    review: Callable[..., str], data: Path, tmp_path: Path
) -> None:
    await write(data)

    said = await asyncio.to_thread(review, typed="n\nweather\nIt is cold.\n")
    assert "is it cold" in said
    assert "2 labels (1 new_intent, 1 answer), 0 skipped." in said
    exported = await asyncio.to_thread(review, "--export", str(tmp_path / "labels.jsonl"))

    assert "Wrote 2 labels" in exported
    rows = [json.loads(line) for line in (tmp_path / "labels.jsonl").read_text().splitlines()]
    assert [(row["id"], row["text"], row["kind"], row["value"], row["who"]) for row in rows] == [
        (1, "is it cold", "new_intent", "weather", "anna"),
        (2, "is it cold", "answer", "It is cold.", "anna"),
    ]
    with pytest.raises(SettingsError, match=r"exists\. Name a new file"):
        await asyncio.to_thread(review, "--export", str(tmp_path / "labels.jsonl"))


async def test_while_a_server_has_the_file_the_pages_are_pointed_to(review: Callable[..., str], data: Path) -> None:
    server = SqliteConnector(data / "conversations.db")
    await server.open()
    try:
        with pytest.raises(KefuError, match="/review, or stop the server first"):
            await asyncio.to_thread(review)
    finally:
        await server.close()


def test_a_reason_that_there_is_not_is_named(review: Callable[..., str]) -> None:
    with pytest.raises(SettingsError, match=r"--kind is 'thumbs'.*thumbs_down"):
        review("--kind", "thumbs")
