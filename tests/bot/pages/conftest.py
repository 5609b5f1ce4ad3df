"""What the tests of the pages share: a small application with a page to read and one to change, and people."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from page_client import PEOPLE, Browse, Connect, PageClient
from pydantic import SecretStr
from review_pages_world import ReviewWorld

from bot.errors import Refused
from bot.middlewares import errors_as_json
from bot.pages import Role, form_of, needs, pages, person_of, render
from bot.pages.layout import form_token
from bot.stores.sqlite import SqliteStore
from configs import Settings


@needs(Role.VIEWER)
async def told(request: web.Request) -> web.Response:
    page = render(request, "error.html", error=Refused(403, "NotAuthorized", person_of(request).name))
    page.text = f'{page.text}<input type="hidden" name="csrf" value="{form_token(request)}">'
    page.set_status(200)
    return page


@needs(Role.REVIEWER)
async def changed(request: web.Request) -> web.Response:
    return web.Response(text=f"{person_of(request).name} {form_of(request)['value']}")


@pytest.fixture
async def connect(tmp_path: Path) -> AsyncIterator[Connect]:
    """A client of an application whose pages stand as the real ones do: `client = await connect(people=None)`."""
    clients: list[PageClient] = []

    async def start(now: Callable[[], float] | None = None, **given: Any) -> PageClient:
        given = {"people": SecretStr(json.dumps(PEOPLE)), **given}
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
        app = web.Application(middlewares=[errors_as_json])
        pages.join(app, settings, tmp_path, **({"now": now} if now else {}))
        app.add_routes([web.get("/told", told), web.post("/changed", changed)])
        client = PageClient(TestServer(app))
        await client.start_server()
        clients.append(client)
        return client

    yield start
    for client in clients:
        await client.close()


@pytest.fixture
async def world(store: SqliteStore, tmp_path: Path) -> AsyncIterator[ReviewWorld]:
    """A review with nothing to be looked at yet."""
    world = ReviewWorld(store, tmp_path, Settings(people=SecretStr(json.dumps(PEOPLE))))
    await world.open()
    yield world
    await world.knowledge.close()


@pytest.fixture
async def browse(world: ReviewWorld) -> AsyncIterator[Browse]:
    """A browser in which somebody with a role has signed in: `anna = await browse(Role.REVIEWER)`; None has not."""
    server = TestServer(world.app)
    await server.start_server()
    clients: list[PageClient] = []

    async def begin(role: Role | None) -> PageClient:
        client = PageClient(server)
        clients.append(client)
        if role is not None:
            await client.enter(role)
        return client

    yield begin
    for client in clients:
        await client.session.close()
    await server.close()
