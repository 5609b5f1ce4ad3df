"""`/dashboard`: who sees it, what it is asked for, and that it is not counted twice."""

import csv
import io
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from page_client import PEOPLE, PageClient
from plain_measures import PlainTurn
from pydantic import SecretStr
from random_turns import write
from stub_engine import spec

from bot.errors import Overloaded
from bot.measures.pages import Dashboard
from bot.middlewares import errors_as_json
from bot.pages import Role, pages
from bot.review import Cluster
from bot.stores.sqlite import SqliteStore
from configs import Settings

NOW = 1_790_000_000.0
CLUSTER = Cluster(id="c", typical="Do you repair umbrellas", texts=(), turns=(), size=8)
TURNS = [
    PlainTurn("ann", 1, NOW - 50, decision={"kind": "past_answer", "pair": "q1"}, reason="near_question"),
    PlainTurn("ben", 2, NOW - 40, channel="telegram", outcome="fell_back", intent="echo"),
]


class Site:
    """The dashboard of a small store.

    Attributes:
        clusters: What is said of messages that nothing answers; an error where it cannot be said.
        reads: How often the store was read.
        now: Unix time.
    """

    def __init__(self, store: SqliteStore, folder: Path) -> None:
        self.clusters: list[Cluster] | Exception = [CLUSTER]
        self.reads, self.now = 0, NOW
        self._store = store
        engine = SimpleNamespace(spec=spec("x"), promise=None, pair=self._pair)
        host: Any = SimpleNamespace(engine=engine)
        counting: Any = SimpleNamespace(read=self._read)
        self.app = web.Application(middlewares=[errors_as_json])
        pages.join(self.app, Settings(people=SecretStr(json.dumps(PEOPLE))), folder)
        self.app.add_routes(Dashboard(counting, host, self._look, lambda: self.now).routes())

    async def _read(self, work: Any) -> Any:
        self.reads += 1
        return await self._store.read(work)

    async def _look(self, limit: int) -> list[Cluster]:
        if isinstance(self.clusters, Exception):
            raise self.clusters
        return self.clusters[:limit]

    @staticmethod
    def _pair(pair_id: str) -> Any:
        return SimpleNamespace(question="Where is <my> parcel?") if pair_id == "q1" else None


@pytest.fixture
async def site(store: SqliteStore, tmp_path: Path) -> Site:
    await store.write(partial(write, every=TURNS))
    return Site(store, tmp_path)


@pytest.fixture
async def stranger(site: Site) -> AsyncIterator[PageClient]:
    client = PageClient(TestServer(site.app))
    await client.start_server()
    yield client
    await client.close()


@pytest.fixture
async def viewer(stranger: PageClient) -> PageClient:
    await stranger.enter(Role.VIEWER)
    return stranger


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard.json", "/dashboard.csv"])
async def test_without_a_token_nobody_sees_a_figure(stranger: PageClient, site: Site, path: str) -> None:
    answer = await stranger.get(path, allow_redirects=False)

    assert (answer.status, answer.headers["Location"]) == (303, f"/sign-in?next=%2F{path[1:]}")
    assert await answer.text() == ""
    assert site.reads == 0


async def test_a_viewer_sees_what_came_of_messages(viewer: PageClient) -> None:
    page = await viewer.page("/dashboard")

    for words in (
        "<h1>Dashboard</h1>",
        "of 2 conversations with a question",
        "Where is &lt;my&gt; parcel?",
        "Do you repair umbrellas",
        "<option>telegram</option>",
        'aria-current="true">30 days',
        "Nobody has judged an answer.",
    ):
        assert words in page
    assert " style=" not in page
    assert "<script" not in page


async def test_json_and_csv_are_those_of_what_is_asked_for(viewer: PageClient) -> None:
    answer = await viewer.get("/dashboard.json?since=7d&channel=telegram")
    told = await answer.json()
    rows = list(csv.DictReader(io.StringIO(await viewer.page("/dashboard.csv?since=7d&intent=echo"))))

    assert (told["messages"]["count"], told["messages"]["fell_back"]) == (1, 1)
    assert told["only"] == {"channel": "telegram", "intent": None}
    assert told["unanswered"] == [{"typical": "Do you repair umbrellas", "messages": 8}]
    assert (len(rows), sum(int(row["messages"]) for row in rows)) == (7, 1)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "query", ["since=soon", "since=900d", "until=x", "since=2026-09-30&until=2026-09-01", "a=" + "b" * 300]
)
async def test_what_cannot_be_told_is_refused(viewer: PageClient, query: str) -> None:
    answer = await viewer.get(f"/dashboard?{query}")

    assert answer.status == 400
    assert "Write" in (text := await answer.text()) or "too long" in text


async def test_hostile_filters_are_text(viewer: PageClient) -> None:
    page = await viewer.page("/dashboard?channel=%22%3E%3Cscript%3E&intent=%27%7B%7B1234567*7%7D%7D")

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "8641969" not in page


async def test_figures_of_a_moment_ago_are_not_counted_again(viewer: PageClient, site: Site) -> None:
    await viewer.page("/dashboard?since=7d")
    first = site.reads
    await viewer.page("/dashboard?since=7d")
    assert site.reads == first > 0

    site.now += 61
    await viewer.page("/dashboard?since=7d")
    assert site.reads == 2 * first


async def test_the_figures_are_there_while_the_model_is_busy(viewer: PageClient, site: Site) -> None:
    site.clusters = Overloaded("Too many wait")

    assert "Unanswered, asked by several" not in await viewer.page("/dashboard")
    told = await (await viewer.get("/dashboard.json")).json()
    assert told["unanswered"] is None


async def test_a_store_with_nothing_in_it_has_a_dashboard(viewer: PageClient, site: Site) -> None:
    site.now = NOW - 900_000
    page = await viewer.page("/dashboard?since=24h")

    assert "There were no messages." in page
