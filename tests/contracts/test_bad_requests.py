"""What a bad request gets, on every channel's webhook and on the other routes that anyone may call."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from itertools import repeat
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient
from channel_world import World, channel_world
from fakes.mattermost import FakeMattermost
from fakes.vendor import Request
from raw_http import chunked, head, status_of, without
from stub_engine import words_of

from bot.request_body import MIB
from configs import Settings

OWN_LIMITS = {  # of what the platform brings, where it is more than a message
    "chatwoot": "bot.channels.chatwoot.channel",
    "facebook": "bot.channels.meta.webhook",
    "instagram": "bot.channels.meta.webhook",
    "line": "bot.channels.line.channel",
    "telegram": "bot.channels.telegram.channel",
    "whatsapp": "bot.channels.meta.webhook",
}
TOKEN = "openai-token-of-the-test"  # noqa: S105
JSON = {"Content-Type": "application/json"}
OTHERS = {
    "rest": Request(path="/webhooks/rest/webhook", headers=JSON, body=b'{"sender": "ann", "message": "hello"}'),
    "session": Request(path="/webhooks/widget/session", headers=JSON, body=b"{}"),
    "frames": Request(path="/webhooks/widget/frames", headers=JSON, body=b"{}"),
    "openai": Request(path="/v1/chat/completions", headers={**JSON, "Authorization": f"Bearer {TOKEN}"}, body=b"{}"),
    "callback": Request(path="/webhooks/callback/webhook", headers=JSON, body=b'{"sender": "ann", "message": "hi"}'),
    "parse": Request(path="/model/parse", headers={**JSON, "Host": "127.0.0.1"}, body=b'{"text": "hello"}'),
}
LARGER = {"openai": "bot.api.openai_routes"}
REFUSED = {400, 401, 403, 404}


def limit_of(channel: str) -> int:
    """The most bytes that a route takes."""
    module = {**OWN_LIMITS, **LARGER}.get(channel)
    found = import_module(module).MAX_BODY_BYTES if module else Settings().max_body_bytes
    return int(found)


def client_of(world: World) -> TestClient:
    assert world.client is not None
    return world.client


def genuine(world: World) -> Request:
    return world.vendor.message(user="ann", text="hello", id="m-1")


def with_length(request: Request, length: int | str) -> bytes:
    return head(request, ("Content-Length", str(length)))


async def slowly(body: bytes) -> AsyncIterator[bytes]:
    """A body of which a byte comes now and then."""
    for number in range(len(body)):
        yield body[number : number + 1]
        await asyncio.sleep(0.05)


def endless() -> Iterator[bytes]:
    return repeat(chunked(b"x" * 8_192))


# Every channel's webhook


async def test_a_body_over_the_limit_is_a_413_and_one_at_the_limit_is_not(world: World) -> None:
    limit = limit_of(world.vendor.channel)
    request = genuine(world)

    over = Request(path=request.path, headers=request.headers, body=b" " * (limit + 1))
    at = Request(path=request.path, headers=request.headers, body=b" " * limit)

    assert (await world.bring(over))[0] == 413
    assert (await world.bring(at))[0] in REFUSED


async def test_another_content_type_is_refused(world: World) -> None:
    request = genuine(world)
    headers = {**without(request.headers, "content-type"), "Content-Type": "video/mp4"}

    status, _ = await world.bring(Request(path=request.path, headers=headers, body=request.body))

    assert status == 415


async def test_an_endless_body_is_cut_off_at_the_limit(world: World) -> None:
    status = await status_of(client_of(world), head(genuine(world), ("Transfer-Encoding", "chunked")), endless())

    assert status == 413


async def test_a_length_that_is_a_lie_is_refused(world: World) -> None:
    request, client = genuine(world), client_of(world)
    tricks = {
        "far too long": with_length(request, 10 * 1024**3),
        "negative": with_length(request, -1),
        "no number": with_length(request, "many"),
        "two of them": head(request, ("Content-Length", "5"), ("Content-Length", "6")),
        "one beside chunks": head(request, ("Content-Length", "5"), ("Transfer-Encoding", "chunked")),
    }

    answers = {what: await status_of(client, trick) for what, trick in tricks.items()}

    assert answers.pop("far too long") == 413
    assert set(answers.values()) == {400}


async def test_a_shorter_length_than_the_body_is_not_believed(world: World) -> None:
    request = genuine(world)

    status = await status_of(client_of(world), with_length(request, len(request.body) - 1) + request.body)

    assert 400 <= status < 500


async def test_a_body_that_does_not_come_is_given_up(world: World) -> None:
    await world.stop()
    world.settings = {"request_body_timeout_s": 0.05}
    await world.start()
    request = genuine(world)
    late = max(1.0, limit_of(world.vendor.channel) / MIB) * 0.05

    began = asyncio.get_running_loop().time()
    status = await status_of(client_of(world), with_length(request, 1_000), slowly(b" " * 1_000))

    assert status == 408
    assert asyncio.get_running_loop().time() - began >= late


async def test_a_header_that_comes_twice_is_not_believed(world: World) -> None:
    request = genuine(world)
    signed = without(request.headers, "content-type", "user-agent", "x-chatwoot-delivery")
    answers = {}
    for name in signed:
        twice = head(request, (name, "x"), ("Content-Length", str(len(request.body))))
        answers[name] = await status_of(client_of(world), twice + request.body)

    assert {name: status for name, status in answers.items() if status not in REFUSED} == {}
    await world.stop()
    assert await world.inbox_count() == 0


async def test_too_many_headers_are_refused(world: World) -> None:
    many = [(f"X-Header-{number}", "x") for number in range(200)]

    assert await status_of(client_of(world), head(genuine(world), *many, ("Content-Length", "0"))) == 400


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "PUT", "DELETE", "CONNECT"])
async def test_another_method_is_refused(world: World, method: str) -> None:
    request = genuine(world)
    path = None if method != "CONNECT" else "bot.example:80"

    status = await status_of(client_of(world), head(request, ("Content-Length", "0"), method=method, path=path))

    assert status in {400, 404, 405}


@pytest.mark.parametrize("path", ["../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%00", "\\..\\..", "./webhook/.."])
async def test_a_path_that_climbs_leads_nowhere(world: World, path: str) -> None:
    folder = genuine(world).path.partition("?")[0].rpartition("/")[0]

    status = await status_of(client_of(world), head(genuine(world), method="GET", path=f"{folder}/{path}"))

    assert status in {400, 404, 405}


# The other routes that anyone may call


@pytest.fixture
async def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A server with all of them; the channel is one that needs nothing besides."""
    async with channel_world(FakeMattermost(), tmp_path, monkeypatch) as world:
        await world.stop()
        (world.assistant / "credentials.yml").write_text(
            "callback:\n  url: http://127.0.0.1:9/none\nsocketio:\n", "utf-8"
        )
        world.settings = {"request_body_timeout_s": 0.1, "openai_token": TOKEN}
        await world.start()
        yield world


async def other(bot: World, name: str) -> Request:
    """A good request; where a session of the widget is needed, with one."""
    request = OTHERS[name]
    if name != "frames":
        return request
    origin = {"Origin": str(client_of(bot).make_url("")).rstrip("/")}
    session = await (await client_of(bot).post("/webhooks/widget/session", json={}, headers=origin)).json()
    return Request(path=request.path, headers={**request.headers, "Authorization": f"Bearer {session['token']}"})


@pytest.mark.parametrize("name", OTHERS)
class TestOtherRoutes:
    async def test_a_body_over_the_limit(self, bot: World, name: str) -> None:
        request = await other(bot, name)
        beginning = head(request, ("Transfer-Encoding", "chunked"))

        assert await status_of(client_of(bot), with_length(request, limit_of(name) + 1)) == 413
        assert await status_of(client_of(bot), beginning, endless()) == 413

    async def test_a_slow_body(self, bot: World, name: str) -> None:
        request = await other(bot, name)

        assert await status_of(client_of(bot), with_length(request, 1_000), slowly(b" " * 1_000)) == 408

    async def test_another_content_type(self, bot: World, name: str) -> None:
        request = await other(bot, name)
        headers = {**without(request.headers, "content-type"), "Content-Type": "video/mp4"}
        film = Request(path=request.path, headers=headers)

        assert await status_of(client_of(bot), with_length(film, len(request.body)) + request.body) == 415

    async def test_bodies_that_are_no_json(self, bot: World, name: str) -> None:
        request = await other(bot, name)
        for body in (b"", b"{", b"\xff\xfe", b"[" * 10_000, b"null", b"1e999", b'{"token": "\\ud800"', b"[]"):
            status = await status_of(client_of(bot), with_length(request, len(body)) + body)
            assert 400 <= status < 500, body[:20]


async def page(bot: World) -> Request:
    """What a page posts that has just connected by Socket.IO."""
    path = "/socket.io/?EIO=4&transport=polling"
    opened = await (await client_of(bot).get(path)).text()
    return Request(path=f"{path}&sid={json.loads(opened[1:])['sid']}", headers={"Content-Type": "text/plain"})


async def test_what_a_page_posts_to_socket_io_is_read_in_time(bot: World) -> None:
    client = client_of(bot)

    assert await status_of(client, with_length(await page(bot), 65_537)) == 413
    assert await status_of(client, with_length(await page(bot), 1_000), slowly(b"2" * 1_000)) == 408


async def test_a_page_whose_connection_has_ended_is_told_so(bot: World) -> None:
    client, request = client_of(bot), await page(bot)

    answers = [await status_of(client, with_length(request, 1) + packet) for packet in (b"0", b"3", b"3")]

    assert answers[1:] == [400, 400]
    assert answers[0] in {400, 408}  # the library waits for the page to fetch the end


async def test_a_bad_request_leaves_the_next_one_alone(bot: World) -> None:
    client = client_of(bot)
    await status_of(client, with_length(OTHERS["rest"], 1_000), slowly(b" " * 1_000))

    answer = await client.post("/webhooks/rest/webhook", json={"sender": "ann", "message": "hello"})

    assert [one["text"] for one in await answer.json()] == ["You said hello.", words_of("rel0000")]
