"""The stores that must all behave the same, and the channels."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from channel_world import World, channel_world
from contract_clock import Clock, OpenStore
from fakes.all_vendors import all_vendors
from postgres_server import PostgresServer

from bot.stores.connector import Connector
from bot.stores.postgres import PostgresConnector
from bot.stores.sqlite import SqliteConnector
from bot.stores.store import ConversationStore

KINDS = ("memory", "file", "postgres")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connect(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[], Connector]:
    """Another way to the same database."""
    if kind == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.new_database()
        return lambda: PostgresConnector(url, pool_size=5)
    return lambda: SqliteConnector(tmp_path / "conversations.db" if kind == "file" else None)


@pytest.fixture
async def open_store(connect: Callable[[], Connector], clock: Clock) -> AsyncIterator[OpenStore]:
    """Opens a store; where the database is shared, another one too."""
    opened: list[ConversationStore] = []

    async def start(**options: Any) -> ConversationStore:
        store = ConversationStore(connect(), now=clock, **options)
        opened.append(store)
        await store.open()
        return store

    yield start
    for store in opened:
        await store.close()


@pytest.fixture
async def store(open_store: OpenStore) -> ConversationStore:
    return await open_store()


@pytest.fixture(params=all_vendors(), ids=lambda vendor: vendor.channel)
async def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """A server with one channel; each test runs with every channel."""
    async with channel_world(request.param(), tmp_path, monkeypatch) as world:
        yield world
