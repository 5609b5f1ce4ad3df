"""The OpenAPI document: it names the routes that are served, and they do as it says."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from aiohttp import web
from aiohttp.test_utils import TestClient
from data_folders import linked
from hypothesis import HealthCheck, Phase, settings
from pydantic import SecretStr
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bot.api.openapi import openapi_document
from bot.api.operations import OPERATIONS
from bot.app import create_app
from configs import Settings
from training.releases import Releases

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
# Tried by themselves: what takes the model away from the others, begins trainings, or is no plain HTTP.
TRIED_ELSEWHERE = {"/model", "/model/train", "/handoff/ws"}
EXAMPLES = 12
TOKEN = "a token of 24 characters"  # noqa: S105


def served_by(application: web.Application) -> set[tuple[str, str]]:
    return {
        (route.method.lower(), route.resource.canonical)
        for route in application.router.routes()
        if route.method != "HEAD" and route.resource is not None
    }


def described_in(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {(method, path) for path, methods in document["paths"].items() for method in methods}


@pytest.mark.asyncio(loop_scope="module")
async def test_the_document_names_every_route_that_is_served_and_no_other(shop: TestClient) -> None:
    document = await (await shop.get("/openapi.json")).json()

    assert document["openapi"] == "3.1.0"
    assert shop.app is not None
    assert described_in(document) == served_by(shop.app)


def test_no_operation_is_described_twice() -> None:
    named = [(operation.method, operation.path) for operation in OPERATIONS]

    assert len(set(named)) == len(named)


class Served:
    """The app on a thread of its own, for a client that is not asynchronous."""

    def __init__(self, data: Path) -> None:
        self._data, self._ready, self._end = data, threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self.address = ""

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        settings = Settings(port=0, api_token=SecretStr(TOKEN), admin_token=SecretStr(TOKEN))
        runner = web.AppRunner(create_app(settings, Releases(self._data)), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        await self._end.wait()
        await runner.cleanup()

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(60)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(60)


@pytest.fixture(scope="module")
def served(trained_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = Served(linked(trained_dir, tmp_path_factory.mktemp("openapi") / "data"))
    server.start()
    yield server
    server.end()


@schemathesis.serializer("application/x-ndjson")
def as_lines(_: schemathesis.SerializationContext, value: Any) -> bytes:
    return str(value).encode("utf-8", "replace")


DOCUMENT = json.loads(json.dumps(openapi_document(one for one in OPERATIONS if one.path not in TRIED_ELSEWHERE)))
schema = schemathesis.openapi.from_dict(DOCUMENT)


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
def test_every_route_answers_as_the_document_says(case: schemathesis.Case, served: Served) -> None:
    response = case.call(base_url=served.address, headers={"Authorization": f"Bearer {TOKEN}"})

    case.validate_response(response, checks=CHECKS)
