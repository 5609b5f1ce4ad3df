"""The widget where several processes share a database: it does not matter which of them a page is connected to."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from postgres_server import PostgresServer
from widget_page import page_of, session_of
from widget_world import World, texts, world_of

from bot.stores.postgres import PostgresConnector
from bot.stores.store import ConversationStore

HELLO = [("user", "hello"), ("bot", "Hello friend!")]


@pytest.fixture
async def worlds(postgres: PostgresServer, tmp_path: Path) -> AsyncIterator[tuple[World, World]]:
    """Two servers on one database; only the first one answers messages."""
    url = postgres.new_database()
    async with AsyncExitStack() as stack:
        made = []
        for works in (True, False):
            store = ConversationStore(PostgresConnector(url, pool_size=4))
            await store.open()
            stack.push_async_callback(store.close)
            made.append(await stack.enter_async_context(world_of(tmp_path, works=works, store=store)))
        yield made[0], made[1]


async def test_a_page_is_told_what_another_process_does(worlds: tuple[World, World]) -> None:
    answering, silent = worlds
    token = (await session_of(silent.client))["token"]
    async with page_of(silent.client, token) as here, page_of(answering.client, token) as there:
        await here.say("m1", "hello")
        assert await here.next("ack") == {"type": "ack", "id": "m1"}
        told = [[await page.next("event") for _ in range(2)] for page in (here, there)]
        assert list(texts(told[0])) == HELLO
        assert told[0] == told[1]

        await there.say("m1", "hello")  # sent again, to the other
        assert await there.next("ack") == {"type": "ack", "id": "m1", "duplicate": True}
        await there.say("m2", "where is it")
        assert [(await here.next("event"))["text"] for _ in range(3)] == [
            "where is it",
            "On its way.",
            "Here is the link.",
        ]


async def test_what_one_process_has_told_another_does_not_tell_again(worlds: tuple[World, World]) -> None:
    one, two = worlds
    async with page_of(one.client) as page:
        await page.say("m1", "hello")
        told = [await page.next("event") for _ in range(2)]
    async with page_of(two.client, page.token, after=told[0]["seq"]) as again:
        assert await again.next("event") == told[1]
        await again.send(type="ping")
        assert await again.next("pong", "event") == {"type": "pong"}
