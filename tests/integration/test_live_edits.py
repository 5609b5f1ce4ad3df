"""A past answer that is edited is what the bot says to the next message, whoever edits it and by what way."""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot.engine import Engine
from retrieval.knowledge_store import KnowledgeStore, Put, Remove
from training.releases import KNOWLEDGE_FILE, Releases

TOKEN = "a token of 24 characters"  # noqa: S105
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
GIFT_CARDS = "Do you sell gift cards?"  # the question of h11
NEW = "Do you engrave names into the pewter tankards?"


@pytest.fixture
async def bot(serve: Callable[..., Awaitable[TestClient]], data_dir: Path) -> TestClient:
    """A served bot that only looks for edits when a message comes, once it has started."""
    return await serve(data_dir, admin_token=SecretStr(TOKEN), follow_interval_s=3600.0)


async def said(bot: TestClient, text: str) -> str:
    """What it answers to a new person."""
    message = {"sender": f"{text} {next(_numbers)}", "message": text}
    async with bot.post("/webhooks/rest/webhook", json=message) as response:
        assert response.status == 200, await response.text()
        return "\n".join(reply.get("text", "") for reply in await response.json())


_numbers = iter(range(1_000_000))


async def call(bot: TestClient, method: str, path: str, **options: Any) -> tuple[int, Any]:
    headers = HEADERS | options.pop("headers", {})
    async with bot.request(method, f"/knowledge{path}", headers=headers, **options) as response:
        text = await response.text()
        return response.status, json.loads(text) if text else None


async def test_an_edit_over_http_is_answered_by_the_next_message(bot: TestClient) -> None:
    assert "for any amount from EUR 10" in await said(bot, GIFT_CARDS)
    _, stored = await call(bot, "GET", "/pairs/h11")

    edited = stored["pair"] | {"answer": "Only at Christmas."}
    status, _ = await call(bot, "PUT", "/pairs/h11", json=edited, headers={"If-Match": f'"{stored["version"]}"'})
    assert status == 200
    assert "Only at Christmas." in await said(bot, GIFT_CARDS)

    status, _ = await call(bot, "POST", "/revert/h11", json={"version": 1}, headers={"If-Match": "*"})
    assert status == 200
    assert "for any amount from EUR 10" in await said(bot, GIFT_CARDS)

    assert (await call(bot, "DELETE", "/pairs/h11", headers={"If-Match": "*"}))[0] == 204
    assert "for any amount from EUR 10" not in await said(bot, GIFT_CARDS)


async def test_a_pair_that_is_added_over_http_is_answered_by_the_next_message(bot: TestClient) -> None:
    assert "engraving" not in await said(bot, NEW)

    status, _ = await call(bot, "POST", "", json={"question": NEW, "answer": "Yes, engraving costs EUR 6."})

    assert status == 201
    assert await said(bot, NEW) == "Yes, engraving costs EUR 6."


async def test_an_edit_by_another_process_is_answered_by_the_next_message(bot: TestClient, data_dir: Path) -> None:
    with KnowledgeStore(data_dir / KNOWLEDGE_FILE) as store:
        stored = store.get("h11")
        assert stored is not None
        for answer in ("Only at Easter.", "Only in May."):
            store.change([Put(stored.pair.with_values(answer=answer), "ann")])
            assert answer in await said(bot, GIFT_CARDS)


async def test_while_another_process_holds_the_store_the_bot_answers_as_before(bot: TestClient, data_dir: Path) -> None:
    before = await said(bot, GIFT_CARDS)
    with contextlib.closing(sqlite3.connect(data_dir / KNOWLEDGE_FILE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert await said(bot, GIFT_CARDS) == before


async def test_edits_are_taken_over_while_no_message_comes(
    serve: Callable[..., Awaitable[TestClient]], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken_over = asyncio.Event()
    loop = asyncio.get_running_loop()
    catch_up = Engine.catch_up

    def tell(engine: Engine, *arguments: Any, **options: Any) -> bool:
        done = catch_up(engine, *arguments, **options)
        pair = engine.pair("h11")
        if pair is not None and pair.answer == "Only in June.":
            loop.call_soon_threadsafe(taken_over.set)
        return done

    monkeypatch.setattr(Engine, "catch_up", tell)
    await serve(data_dir, follow_interval_s=0.05)
    with KnowledgeStore(data_dir / KNOWLEDGE_FILE) as store:
        stored = store.get("h11")
        assert stored is not None
        store.change([Put(stored.pair.with_values(answer="Only in June."), "ann")])

    await asyncio.wait_for(taken_over.wait(), 10)


def test_a_release_that_is_loaded_has_in_it_what_was_edited_since_it_was_made(data_dir: Path) -> None:
    with KnowledgeStore(data_dir / KNOWLEDGE_FILE) as store:
        stored = store.get("h11")
        assert stored is not None
        store.change([Put(stored.pair.with_values(answer="Only in July."), "ann"), Remove("h12", "ann")])
    release = Releases(data_dir).open(Releases(data_dir).current_id() or "")

    engine, as_made = Engine(release), Engine(release, live=False)

    for one, answer, removed in ((engine, "Only in July.", True), (as_made, stored.pair.answer, False)):
        pair = one.pair("h11")
        assert pair is not None
        assert pair.answer == answer
        assert (one.pair("h12") is None) == removed


def test_a_damaged_store_is_logged_once_and_the_release_is_served_as_it_was_made(data_dir: Path) -> None:
    (data_dir / KNOWLEDGE_FILE).write_bytes(b"a text")
    release = Releases(data_dir).open(Releases(data_dir).current_id() or "")

    with capture_logs() as logs:
        engine = Engine(release)
        (reading,) = engine.read([GIFT_CARDS])
        engine.read([GIFT_CARDS])

    assert reading.hits[0].pair.id == "h11"
    assert [line["event"] for line in logs] == ["knowledge_not_followed"]
    assert (data_dir / KNOWLEDGE_FILE).read_bytes() == b"a text"
