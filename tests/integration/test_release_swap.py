"""Another release takes over while customers talk, without a failed request; one that is damaged never does."""

import asyncio
import contextlib
import json
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from structlog.testing import capture_logs

from bot.engine import Engine
from training.releases import Release, Releases

WEBHOOK = "/webhooks/rest/webhook"
PATIENCE_S = 30
POLLS = 1_000


def add_release(data_dir: Path, release_id: str, hours: str, changed: dict[str, bytes] | None = None) -> Release:
    """Another release beside the trained one, which says `hours` when it is asked for the opening hours."""
    releases = Releases(data_dir)
    first = releases.open(releases.history()[-1])
    spec = json.loads((first.folder / "assistant.json").read_text())
    spec["domain"]["responses"]["utter_opening_hours"] = [{"text": hours}]
    files = {"assistant.json": json.dumps(spec).encode(), **(changed or {})}
    with releases.writing(release_id) as part:
        for name in first.manifest.files:
            shutil.copyfile(first.folder / name, part / name)
        for name, content in files.items():
            (part / name).write_bytes(content)
        facts = first.manifest.model_dump(exclude={"files", "format_version", "created_at"})
        return releases.seal(part, {**facts, "id": release_id})


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def answers_by_release(path: Path) -> set[tuple[str, str]]:
    """What each release said, as the conversations have it."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT data FROM events WHERE type_name = 'bot'").fetchall()
    events = [json.loads(data) for (data,) in found]
    return {(event["metadata"]["release"], event["text"]) for event in events}


async def status(client: TestClient) -> Any:
    return await (await client.get("/status")).json()


async def until(client: TestClient, holds: Callable[[Any], bool]) -> Any:
    """The first status for which `holds`; how long it may take is up to the machine."""
    for _ in range(POLLS):
        if holds(found := await status(client)):
            return found
        await asyncio.sleep(0.02)
    pytest.fail(f"the status is still {found}")


class Customers:
    """Ask for the opening hours without a pause, and keep every answer."""

    def __init__(self, client: TestClient, count: int = 4) -> None:
        self.client = client
        self.answers: list[tuple[int, str]] = []
        self._news = asyncio.Condition()
        self._stop = asyncio.Event()
        self._tasks = [asyncio.create_task(self._ask(f"customer {number}")) for number in range(count)]

    async def _ask(self, sender: str) -> None:
        while not self._stop.is_set():
            response = await self.client.post(WEBHOOK, json={"sender": sender, "message": "when are you open"})
            reply = await response.json()
            async with self._news:
                self.answers.append((response.status, reply[0]["text"] if response.status == 200 else str(reply)))
                self._news.notify_all()

    async def more(self, count: int = 12) -> None:
        """Waits for that many answers more."""
        wanted = len(self.answers) + count
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: len(self.answers) >= wanted)

    async def go_home(self) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks)


async def test_promoted_releases_are_followed_without_a_failed_request(serve: Any, data_dir: Path) -> None:
    releases = Releases(data_dir)
    client = await serve(data_dir)
    first = (await status(client))["model_id"]
    second = add_release(data_dir, "0000-second", "SECOND")
    third = add_release(data_dir, "0000-third", "THIRD")
    customers = Customers(client)
    await customers.more()

    for release in (second, third, second):
        releases.promote(release)
        await until(client, lambda found, release=release: found["model_id"] == release.id)
        await customers.more()
    await customers.go_home()

    assert {code for code, _ in customers.answers} == {200}
    assert {"SECOND", "THIRD"} < {text for _, text in customers.answers}
    assert customers.answers[-1] == (200, "SECOND")
    said = answers_by_release(data_dir / "conversations.db")
    assert {text for release, text in said if release == "0000-second"} == {"SECOND"}
    assert {text for release, text in said if release == "0000-third"} == {"THIRD"}
    assert not {text for release, text in said if release == first} & {"SECOND", "THIRD"}
    assert (await (await client.get("/ready")).json())["model_id"] == "0000-second"


async def test_a_promoted_release_serves_as_soon_as_it_is_loaded(serve: Any, data_dir: Path) -> None:
    client = await serve(data_dir, follow_interval_s=0.5)
    release = add_release(data_dir, "0000-second", "SECOND")
    started = time.monotonic()
    Engine(Releases(data_dir).open(release.id))
    load_s = time.monotonic() - started

    started = time.monotonic()
    Releases(data_dir).promote(release)
    await until(client, lambda found: found["model_id"] == "0000-second")

    assert time.monotonic() - started < 0.5 + 2.0 + 10 * load_s, "the machine may be busy; the server may not wait"


@pytest.mark.parametrize(
    "damage", ["a flipped byte", "a missing file", "a file too many", "right hashes, wrong content"]
)
async def test_a_damaged_candidate_is_refused_with_its_reason_and_the_old_one_serves_on(
    serve: Any, data_dir: Path, damage: str
) -> None:
    client = await serve(data_dir)
    first = (await status(client))["model_id"]
    content = {"encoder.onnx": b"not a graph"} if damage == "right hashes, wrong content" else {}
    candidate = add_release(data_dir, "0000-second", "SECOND", content)
    reasons = {
        "a flipped byte": "encoder.onnx does not have its recorded SHA-256",
        "a missing file": "index.faiss is missing",
        "a file too many": "extra.txt is not in its manifest",
        "right hashes, wrong content": "cannot be loaded",
    }
    damaging = {
        "a flipped byte": lambda: flip_a_byte(candidate.folder / "encoder.onnx"),
        "a missing file": (candidate.folder / "index.faiss").unlink,
        "a file too many": (candidate.folder / "extra.txt").touch,
        "right hashes, wrong content": lambda: None,
    }
    damaging[damage]()
    customers = Customers(client, count=2)
    await customers.more(4)

    with capture_logs() as logs:
        Releases(data_dir).promote(candidate)
        found = await until(client, lambda found: bool(found["refused_releases"]))
        await customers.more(40)  # meanwhile it is looked at several times more
    await customers.go_home()

    assert found["model_id"] == first
    assert list(found["refused_releases"]) == ["0000-second"]
    assert reasons[damage] in found["refused_releases"]["0000-second"]
    refusals = [line for line in logs if line["event"] != "request"]
    assert [(line["event"], line["release"], line["serving"]) for line in refusals] == [
        ("release_refused", "0000-second", first)
    ]
    assert {code for code, _ in customers.answers} == {200}
    assert "SECOND" not in {text for _, text in customers.answers}


async def test_after_a_refused_candidate_the_next_good_one_is_followed(serve: Any, data_dir: Path) -> None:
    client = await serve(data_dir)
    releases = Releases(data_dir)
    (data_dir / "CURRENT").write_text("../../etc/passwd\n")
    found = await until(client, lambda found: bool(found["refused_releases"]))
    assert "not a release id" in found["refused_releases"]["CURRENT"]

    releases.promote(add_release(data_dir, "0000-second", "SECOND"))

    await until(client, lambda found: found["model_id"] == "0000-second")


async def test_a_button_of_the_old_release_works_in_the_new_one(serve: Any, data_dir: Path) -> None:
    client = await serve(data_dir)
    greeting = await (await client.post(WEBHOOK, json={"sender": "ann", "message": "hello"})).json()
    Releases(data_dir).promote(add_release(data_dir, "0000-second", "SECOND"))
    await until(client, lambda found: found["model_id"] == "0000-second")

    payload = greeting[0]["buttons"][2]["payload"]
    reply = await (await client.post(WEBHOOK, json={"sender": "ann", "message": payload})).json()

    assert payload == "/opening_hours"
    assert reply == [{"recipient_id": "ann", "text": "SECOND"}]
