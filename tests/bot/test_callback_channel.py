"""Rasa's callback channel: its routes over the whole app, and what each answer to a post of it means."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, unused_port
from yarl import URL

from bot.app import create_app
from bot.channels.callback import Callback, Config
from bot.channels.intake import Intake
from bot.channels.posting import JsonPoster, retry_after_s
from bot.delivery import NotSent, Rejected, Uncertain
from bot.stores.outbox import Part, SendState
from bot.stores.sqlite import SqliteConnector
from bot.stores.store import ConversationStore
from configs import Settings
from training.releases import Releases

WEBHOOK = "/webhooks/callback/webhook"
PATIENCE_S = 30
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[URL]:
    """Has `handler` answer every request."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as running:
        yield running.make_url("/take")


@asynccontextmanager
async def raw_server(talk: Raw) -> AsyncIterator[URL]:
    """Has `talk` do what it likes with a connection."""
    ended = asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        await talk(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with listening:
        yield URL(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/take")
        await ended.wait()


async def hung_up(reader: asyncio.StreamReader) -> None:
    """Waits until the client has gone."""
    with suppress(ConnectionError):
        await reader.read()


@pytest.fixture
async def poster() -> AsyncIterator[JsonPoster]:
    poster = JsonPoster(answer_s=0.3, now=lambda: 1_000_000_000.0)
    yield poster
    await poster.close()


def answering(status: int, **headers: str) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers=headers, text="<html>whatever</html>")

    return answer


class TestPosting:
    async def test_the_body_and_the_headers_arrive(self, poster: JsonPoster) -> None:
        arrived: list[Any] = []

        async def take(request: web.Request) -> web.StreamResponse:
            arrived.append((request.method, request.content_type, request.headers["Key"], await request.json()))
            return web.Response(status=202)

        async with server(take) as url:
            await poster.post(url, {"text": "a"}, {"Key": "k"})

        assert arrived == [("POST", "application/json", "k", {"text": "a"})]

    @pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
    async def test_what_was_not_taken_may_be_sent_again(self, poster: JsonPoster, status: int) -> None:
        async with server(answering(status)) as url:
            with pytest.raises(NotSent, match=rf"{url.origin()} answered {status}") as caught:
                await poster.post(url, {}, {})
        assert caught.value.retry_after_s is None

    async def test_when_to_come_again_is_told(self, poster: JsonPoster) -> None:
        async with server(answering(429, **{"Retry-After": "17"})) as url:
            with pytest.raises(NotSent) as caught:
                await poster.post(url, {}, {})
        assert caught.value.retry_after_s == 17

    @pytest.mark.parametrize("status", [301, 307, 308, 400, 401, 403, 404, 410, 422])
    async def test_what_was_refused_is_not_sent_again_and_no_redirect_is_followed(
        self, poster: JsonPoster, status: int
    ) -> None:
        asked = []

        async def refuse(request: web.Request) -> web.StreamResponse:
            asked.append(request.path)
            return web.Response(status=status, headers={"Location": "/elsewhere"})

        async with server(refuse) as url:
            with pytest.raises(Rejected, match=str(status)):
                await poster.post(url, {}, {})
        assert asked == ["/take"]

    async def test_a_server_that_is_not_there_was_not_reached(self, poster: JsonPoster) -> None:
        with pytest.raises(NotSent, match="cannot be reached"):
            await poster.post(URL(f"http://user:secret@127.0.0.1:{unused_port()}/"), {}, {})

    async def test_a_server_that_does_not_speak_tls_was_not_reached(self, poster: JsonPoster) -> None:
        async with server(answering(200)) as url:
            with pytest.raises(NotSent):
                await poster.post(url.with_scheme("https"), {}, {})

    async def test_no_answer_in_time_is_uncertain(self, poster: JsonPoster) -> None:
        async with raw_server(lambda reader, _: hung_up(reader)) as url:
            with pytest.raises(Uncertain, match=r"did not answer within 0\.3 s"):
                await poster.post(url, {}, {})

    @pytest.mark.parametrize("words", [b"", b"HTTP/1.1 2", b"SSH-2.0-OpenSSH\r\n"])
    async def test_an_answer_that_breaks_off_is_uncertain(self, poster: JsonPoster, words: bytes) -> None:
        async def break_off(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(words)

        async with raw_server(break_off) as url:
            with pytest.raises(Uncertain):
                await poster.post(url, {}, {})

    async def test_what_a_good_answer_holds_is_not_read(self, poster: JsonPoster) -> None:
        async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\nx")
            await hung_up(reader)

        async with raw_server(endless) as url:
            await poster.post(url, {}, {})

    async def test_reasons_hold_no_password(self, poster: JsonPoster) -> None:
        async with server(answering(404)) as url:
            with pytest.raises(Rejected) as caught:
                await poster.post(url.with_user("ann").with_password("secret"), {}, {})
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("17", 17.0),
        (" 0 ", 0.0),
        ("Sun, 09 Sep 2001 01:47:10 GMT", 30.0),
        ("Sun, 09 Sep 2001 01:40:00 GMT", 0.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("9" * 400, None),
        ("٣", None),
        ("", None),
    ],
)
def test_when_to_come_again_is_read_from_seconds_or_a_date(value: str, expected: float | None) -> None:
    assert retry_after_s({"Retry-After": value}, 1_000_000_000.0) == expected


def part(payload: dict[str, Any]) -> Part:
    return Part(
        id=1,
        key="k-1",
        inbox_id=1,
        conversation_id="ann",
        part_no=0,
        channel="callback",
        account="",
        payload=payload,
        state=SendState.SENDING,
        attempts=1,
        created_at=0.0,
        expires_at=None,
        reason=None,
    )


@pytest.mark.parametrize(
    ("payload", "item"),
    [
        ({"text": "hi"}, {"recipient_id": "ann", "text": "hi"}),
        (
            {"text": "hi", "buttons": [{"title": "A", "payload": "/a"}]},
            {"recipient_id": "ann", "text": "hi", "buttons": [{"title": "A", "payload": "/a"}]},
        ),
        ({"image": "http://a/b.png"}, {"recipient_id": "ann", "image": "http://a/b.png"}),
        ({"custom": {"a": [1]}}, {"recipient_id": "ann", "custom": {"a": [1]}}),
    ],
)
async def test_each_thing_that_is_said_is_posted_as_an_object_of_its_own(
    payload: dict[str, Any], item: dict[str, Any], no_intake: Intake
) -> None:
    arrived: list[Any] = []

    async def take(request: web.Request) -> web.StreamResponse:
        arrived.append((request.headers["Idempotency-Key"], await request.json()))
        return web.Response()

    async with server(take) as url:
        replies = Callback(Config(url=str(url)), no_intake)  # type: ignore[arg-type]
        await replies.deliver(part(payload))
        await replies.close()

    assert arrived == [("k-1", item)]


@pytest.fixture
def no_intake() -> Intake:
    """For a channel that only sends."""
    return Intake(ConversationStore(SqliteConnector(None)), max_text_chars=100, on_accept=lambda: None)


@pytest.fixture
def arrived() -> list[dict[str, Any]]:
    return []


@pytest.fixture
async def served(
    arrived: list[dict[str, Any]], data_dir: Path, minimal_folder: Path, settings: Settings, tmp_path: Path
) -> AsyncIterator[TestClient]:
    """The whole app with a callback channel, whose posts are kept."""

    async def take(request: web.Request) -> web.StreamResponse:
        arrived.append(await request.json())
        return web.Response()

    async with server(take) as url:
        root = tmp_path / "assistant"
        root.mkdir()
        (root / "credentials.yml").write_text(f"callback: {{url: '{url}'}}\n")
        async with TestClient(TestServer(create_app(settings, Releases(data_dir), root))) as client:
            yield client


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - the other side is a server
            await asyncio.sleep(0.01)


async def test_a_message_is_taken_in_and_its_reply_posted(served: TestClient, arrived: list[dict[str, Any]]) -> None:
    response = await served.post(WEBHOOK, json={"sender": "ann", "message": "hello"})

    assert (response.status, response.content_type, await response.text()) == (200, "text/plain", "success")
    await until(lambda: bool(arrived))
    assert arrived[0]["recipient_id"] == "ann"
    assert arrived[0]["text"]
    health = await served.get("/webhooks/callback/")
    assert (health.status, await health.json()) == (200, {"status": "ok"})
    tracker = await (await served.get("/conversations/ann/tracker")).json()
    assert tracker["latest_input_channel"] == "callback"


async def test_what_cannot_be_taken_is_refused_and_not_kept(served: TestClient, arrived: list[dict[str, Any]]) -> None:
    bodies = {
        b"": 400,
        b"[": 400,
        b"{}": 422,
        b'{"message": 5}': 422,
        b'{"message": "  "}': 422,
        b'{"message": "a", "message_id": ""}': 422,
        json.dumps({"message": "a" * 5_000}).encode(): 422,
        json.dumps({"message": "a" * 70_000}).encode(): 413,
    }
    for raw, status in bodies.items():
        response = await served.post(WEBHOOK, data=raw, headers={"Content-Type": "application/json"})
        assert response.status == status

    await served.post(WEBHOOK, json={"sender": "ann", "message": "hello"})
    await until(lambda: bool(arrived))
    assert {item["recipient_id"] for item in arrived} == {"ann"}


async def test_without_credentials_there_is_no_such_route(client: TestClient) -> None:
    assert (await client.post(WEBHOOK, json={"message": "hello"})).status == 404
    assert (await client.get("/webhooks/callback/")).status == 404
