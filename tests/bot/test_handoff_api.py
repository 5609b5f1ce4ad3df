"""The desk over HTTP and WebSocket: who may, what comes back, and what happens to bad frames and slow readers."""

import asyncio
import json
import os
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError, web
from aiohttp.test_utils import TestClient, TestServer
from scripted_desk import Office, make_office

from bot import handoff_api, handoff_socket
from bot.errors import Refused
from bot.handoff_socket import MAX_FRAME_BYTES
from bot.middlewares import Handler, errors_as_json
from bot.request_body import MAX_BODY_BYTES

TOKEN = "a token of 24 characters"  # noqa: S105
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
MAX_CHARS = 100


def guard(handler: Handler) -> Handler:
    """Lets through who has the token."""

    async def checked(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise Refused(401, "NotAuthenticated", "Send the token.")
        return await handler(request)

    return checked


def small_app(office: Office) -> web.Application:
    app = web.Application(middlewares=[errors_as_json], client_max_size=65_536)
    app[MAX_BODY_BYTES] = 65_536
    app.add_routes(handoff_api.routes(office.desk, guard, lambda text: text == TOKEN, max_text_chars=MAX_CHARS))

    async def stop(_: web.Application) -> None:
        await office.desk.close()

    app.on_shutdown.append(stop)
    return app


@pytest.fixture
def office() -> Office:
    return make_office()


@pytest.fixture
async def client(office: Office) -> AsyncIterator[TestClient]:
    async with TestClient(TestServer(small_app(office)), headers=HEADERS) as client:
        yield client


async def call(client: TestClient, method: str, url: str, **options: Any) -> tuple[int, Any]:
    response = await client.request(method, url, **options)
    return response.status, await response.json()


def post(client: TestClient, url: str, **body: Any) -> Any:
    return call(client, "POST", url, json=body)


# HTTP


async def test_a_conversation_goes_over_the_desk(office: Office, client: TestClient) -> None:
    await office.hear("cy", "my parcel is wet")
    status, asked = await post(client, "/conversations/cy/handoff", note="from the shop")
    assert (status, asked["state"], asked["reason"]) == (201, "waiting", "api")

    status, queue = await call(client, "GET", "/handoff")
    assert (status, queue["count"]) == (200, 1)
    assert queue["conversations"][0]["summary"]["turns"][0]["asked"] == "my parcel is wet"
    assert queue["conversations"][0] | {"summary": 0} == {
        "conversation_id": "cy",
        "channel": "chat",
        "state": "waiting",
        "reason": "api",
        "by": None,
        "since": 1_000.0,
        "last_at": 1_000.0,
        "summary": 0,
    }

    status, claimed = await post(client, "/conversations/cy/handoff/claim", agent="ann")
    assert (status, claimed["by"], claimed["summary"]["reason"]) == (200, "ann", "api")
    assert (await post(client, "/conversations/cy/handoff/claim", agent="bob"))[0] == 409
    assert (await post(client, "/conversations/cy/handoff/reply", agent="ann", text=" We send a new one. "))[0] == 200
    assert office.conversations.happened["cy"][-1]["text"] == "We send a new one."
    assert office.conversations.happened["cy"][-1]["metadata"] == {"agent": "ann", "pushed": True}

    status, returned = await post(client, "/conversations/cy/handoff/return", agent="ann")
    assert (status, returned["state"]) == (200, "returned")
    assert await call(client, "GET", "/handoff") == (200, {"conversations": [], "count": 0})


async def test_the_queue_can_be_cut_and_filtered(office: Office, client: TestClient) -> None:
    for name in ("a", "b", "shop/c"):
        await office.hear(name, "hello")
        assert (await post(client, f"/conversations/{name}/handoff"))[0] == 201
    await office.desk.claim("shop/c", "ann")

    async def names(query: str) -> tuple[list[str], int]:
        reply = (await call(client, "GET", f"/handoff{query}"))[1]
        return [one["conversation_id"] for one in reply["conversations"]], reply["count"]

    assert await names("") == (["a", "b", "shop/c"], 3)
    assert await names("?state=waiting&limit=1") == (["a"], 2)
    assert await names("?state=human") == (["shop/c"], 1)


@pytest.mark.parametrize(
    ("url", "body", "status"),
    [
        ("/conversations/nobody/handoff", {}, 404),
        ("/conversations/nobody/handoff/claim", {"agent": "ann"}, 404),
        ("/conversations/cy/handoff/claim", {"agent": "ann"}, 409),
        ("/conversations/cy/handoff/claim", {}, 422),
        ("/conversations/cy/handoff/claim", {"agent": " "}, 422),
        ("/conversations/cy/handoff/claim", {"agent": "a\x1b[0m"}, 422),
        ("/conversations/cy/handoff/claim", {"agent": "a" * 256}, 422),
        ("/conversations/cy/handoff/claim", {"agent": "ann", "take_over": "yes"}, 422),
        ("/conversations/cy/handoff/reply", {"agent": "ann", "text": ""}, 422),
        ("/conversations/cy/handoff/reply", {"agent": "ann", "text": "x" * (MAX_CHARS + 1)}, 422),
        ("/conversations/cy/handoff/reply", {"agent": "ann", "text": 1}, 422),
        ("/conversations/cy/handoff/return", {"agent": None}, 422),
        ("/conversations/cy/handoff", {"note": "x" * 1_001}, 422),
        ("/conversations/%00/handoff", {}, 422),
    ],
)
async def test_bad_requests_say_what_is_wrong(
    office: Office, client: TestClient, url: str, body: dict[str, Any], status: int
) -> None:
    await office.hear("cy", "hello")
    assert (await call(client, "POST", url, json=body))[0] == status


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "state=bot"])
async def test_bad_queries_say_what_is_wrong(client: TestClient, query: str) -> None:
    assert (await call(client, "GET", f"/handoff?{query}"))[0] == 400


async def test_without_the_token_nothing_is_told_or_done(office: Office) -> None:
    await office.hear("cy", "hello")
    async with TestClient(TestServer(small_app(office))) as client:
        for method, url in (
            ("GET", "/handoff"),
            ("POST", "/conversations/cy/handoff"),
            ("POST", "/conversations/cy/handoff/claim"),
            ("POST", "/conversations/cy/handoff/reply"),
            ("POST", "/conversations/cy/handoff/return"),
        ):
            assert (await call(client, method, url, json={"agent": "eve", "text": "x"}))[0] == 401
    assert office.kinds("cy") == ["user"]


# WebSocket


async def greeted(client: TestClient, agent: str = "ann") -> ClientWebSocketResponse:
    socket = await client.ws_connect("/handoff/ws")
    await socket.send_json({"type": "hello", "agent": agent})
    assert (await socket.receive_json(timeout=5))["type"] == "hello"
    return socket


async def tell(socket: ClientWebSocketResponse, **frame: Any) -> dict[str, Any]:
    """Sends a frame and gives the answer to it; what is told to everybody in between is passed over."""
    await socket.send_json({"ref": "r", **frame})
    while True:
        said: dict[str, Any] = await socket.receive_json(timeout=5)
        if said["type"] in ("ok", "error"):
            assert said["ref"] == "r"
            return said


async def told(socket: ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """The next frame of this type."""
    while True:
        said: dict[str, Any] = await socket.receive_json(timeout=5)
        if said["type"] == kind:
            return said


async def close_code(socket: ClientWebSocketResponse) -> int | None:
    while not socket.closed:
        await socket.receive(timeout=5)
    return socket.close_code


async def test_a_person_serves_a_customer_over_the_socket(office: Office, client: TestClient) -> None:
    await office.hear("cy", "hello")
    ann, bob = await greeted(client), await greeted(client, "bob")

    assert (await tell(ann, type="ask", conversation_id="cy"))["state"] == "waiting"
    assert (await told(bob, "conversation"))["state"] == "waiting"
    assert (await told(bob, "summary"))["summary"]["turns"][0]["asked"] == "hello"
    assert (await tell(ann, type="claim", conversation_id="cy"))["by"] == "ann"
    refused = await tell(bob, type="claim", conversation_id="cy")
    assert (refused["code"], refused["reason"]) == (409, "Conflict")
    await office.hear("cy", "are you a robot?")
    assert (await told(ann, "message"))["text"] == "are you a robot?"
    assert (await tell(ann, type="reply", conversation_id="cy", text="I am Ann."))["type"] == "ok"
    assert office.conversations.states["cy"].handoff.unread == ("I am Ann.",)
    assert (await tell(bob, type="show", conversation_id="cy"))["summary"]["turns"][1]["answer"] == "I am Ann."
    assert (await tell(ann, type="return", conversation_id="cy"))["state"] == "returned"
    await ann.close()
    await bob.close()


async def test_who_writes_is_told_both_ways(office: Office, client: TestClient) -> None:
    seen: list[tuple[str, bool]] = []
    office.desk.on_typing = lambda conversation_id, on: seen.append((conversation_id, on))
    await office.hear("cy", "hello")
    ann, bob = await greeted(client), await greeted(client, "bob")
    office.desk.customer_types("cy", on=True)  # nobody serves him
    await tell(ann, type="ask", conversation_id="cy")
    await tell(ann, type="claim", conversation_id="cy")

    office.desk.customer_types("cy", on=True)
    typed = await told(bob, "typing")
    for person, on in ((bob, True), (ann, True), (ann, False)):
        assert (await tell(person, type="typing", conversation_id="cy", on=on))["type"] == "ok"

    assert typed == {"type": "typing", "conversation_id": "cy", "from": "customer", "on": True}
    assert seen == [("cy", True), ("cy", False)]
    await ann.close()
    await bob.close()


async def test_a_closed_socket_gives_nothing_back_and_the_next_one_sees_how_things_stand(
    office: Office, client: TestClient
) -> None:
    await office.hear("cy", "hello")
    ann = await greeted(client)
    await tell(ann, type="ask", conversation_id="cy")
    await tell(ann, type="claim", conversation_id="cy")
    await ann.close()

    again = await client.ws_connect("/handoff/ws")
    await again.send_json({"type": "hello", "agent": "ann"})
    hello = await again.receive_json(timeout=5)
    assert [(one["conversation_id"], one["by"]) for one in hello["conversations"]] == [("cy", "ann")]
    assert (await tell(again, type="reply", conversation_id="cy", text="Back again."))["type"] == "ok"
    await again.close()


async def test_a_browser_sends_its_token_in_the_first_frame(office: Office) -> None:
    async with TestClient(TestServer(small_app(office))) as client:
        good = await client.ws_connect("/handoff/ws")
        await good.send_json({"type": "hello", "agent": "ann", "token": TOKEN})
        assert (await good.receive_json(timeout=5))["type"] == "hello"
        await good.close()
        for bad in ({}, {"token": "wrong"}, {"token": ""}, {"token": None}):
            socket = await client.ws_connect("/handoff/ws")
            await socket.send_json({"type": "hello", "agent": "eve", **bad})
            assert await close_code(socket) == 1008


@pytest.mark.parametrize(
    "first",
    [
        "{}",
        "x",
        "[]",
        '{"type": "claim", "conversation_id": "cy"}',
        '{"type": "hello"}',
        '{"type": "hello", "agent": ""}',
    ],
)
async def test_what_comes_before_hello_closes_the_connection(client: TestClient, first: str) -> None:
    socket = await client.ws_connect("/handoff/ws")
    await socket.send_str(first)
    assert await close_code(socket) == 1008


async def test_who_says_nothing_is_not_waited_for(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handoff_socket, "HELLO_TIMEOUT_S", 0.01)
    socket = await client.ws_connect("/handoff/ws")
    assert await close_code(socket) == 1008


@pytest.mark.parametrize("sent", ["x", "[1]", "null", '"text"', "[" * 10_000, '{"type": NaN}', '{"a": 1e999}'])
async def test_a_frame_that_is_no_json_object_closes_with_1007(client: TestClient, sent: str) -> None:
    socket = await greeted(client)
    await socket.send_str(sent)
    assert await close_code(socket) == 1007


async def test_a_binary_frame_closes_with_1003(client: TestClient) -> None:
    socket = await greeted(client)
    await socket.send_bytes(b"{}")
    assert await close_code(socket) == 1003


async def test_a_frame_that_is_too_large_closes_with_1009(client: TestClient) -> None:
    socket = await greeted(client)
    await socket.send_str("x" * (MAX_FRAME_BYTES + 1))
    assert await close_code(socket) == 1009


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "sing"},
        {"type": "claim"},
        {"type": "claim", "conversation_id": "nobody"},
        {"type": "reply", "conversation_id": "cy", "text": "x" * (MAX_CHARS + 1)},
        {"type": "reply", "conversation_id": "cy", "text": "\ud800"},
        {"type": "reply", "conversation_id": "cy", "text": 3},
        {"type": 7},
        {"conversation_id": "cy"},
    ],
)
async def test_what_cannot_be_done_is_answered_and_the_connection_stays(
    office: Office, client: TestClient, frame: dict[str, Any]
) -> None:
    await office.hear("cy", "hello")
    socket = await greeted(client)
    said = await tell(socket, **frame)
    assert (said["type"], 400 <= said["code"] < 500) == ("error", True)
    assert (await tell(socket, type="show", conversation_id="cy"))["type"] == "ok"
    await socket.close()


async def test_pages_of_other_sites_may_not_connect(client: TestClient) -> None:
    for origin in ("https://evil.example", "null", f"http://{client.host}.evil.example"):
        with pytest.raises(WSServerHandshakeError) as caught:
            await client.ws_connect("/handoff/ws", headers={"Origin": origin})
        assert caught.value.status == 403
    own = await client.ws_connect("/handoff/ws", headers={"Origin": f"http://{client.host}:{client.port}"})
    await own.close()


async def test_no_more_connect_than_there_is_room_for(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handoff_socket, "MAX_SOCKETS", 2)
    first, second = await greeted(client), await greeted(client)
    with pytest.raises(WSServerHandshakeError) as caught:
        await client.ws_connect("/handoff/ws")
    assert caught.value.status == 503
    await first.close()
    await second.close()


async def test_an_upgrade_that_is_none_is_a_bad_request(client: TestClient) -> None:
    assert (await call(client, "GET", "/handoff/ws"))[0] == 400
    for broken in ({"Sec-WebSocket-Version": "1"}, {"Sec-WebSocket-Key": "no key"}):
        headers = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            **broken,
        }
        assert (await call(client, "GET", "/handoff/ws", headers=headers))[0] == 400


async def test_the_server_goes_away_with_1001(office: Office) -> None:
    client = TestClient(TestServer(small_app(office)), headers=HEADERS)
    await client.start_server()
    socket = await greeted(client)
    closing = asyncio.create_task(office.desk.close())
    assert await close_code(socket) == 1001
    await closing
    await client.close()


async def test_a_fault_ends_one_connection_and_no_other(
    office: Office, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise LookupError("planted")

    first, second = await greeted(client), await greeted(client)
    monkeypatch.setattr(office.desk, "seat", fail)
    await first.send_json({"type": "show", "conversation_id": "cy"})
    assert await close_code(first) == 1011
    assert (await tell(second, type="sing"))["type"] == "error"
    await second.close()


# Bytes


async def raw_socket(client: TestClient) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection after its handshake and its hello, for what no proper client sends."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(
        b"GET /handoff/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Authorization: Bearer " + TOKEN.encode() + b"\r\n\r\n"
    )
    assert b" 101 " in (await reader.readuntil(b"\r\n\r\n"))[:20]
    writer.write(frame_of(json.dumps({"type": "hello", "agent": "ann"}).encode()))
    assert (await next_frame(reader))[0] == WSMsgType.TEXT
    return reader, writer


def frame_of(payload: bytes, opcode: int = 1) -> bytes:
    """A masked frame, as clients send them."""
    mask = os.urandom(4)
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else bytes([0x80 | 126]) + struct.pack("!H", len(payload))
    return bytes([0x80 | opcode]) + size + mask + bytes(b ^ mask[n % 4] for n, b in enumerate(payload))


async def next_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readexactly(2)
    size = head[1] & 0x7F
    if size == 126:
        size = struct.unpack("!H", await reader.readexactly(2))[0]
    return head[0] & 0x0F, await reader.readexactly(size)


async def raw_close_code(reader: asyncio.StreamReader) -> int:
    async with asyncio.timeout(5):
        while True:
            opcode, payload = await next_frame(reader)
            if opcode == WSMsgType.CLOSE:
                return int(struct.unpack("!H", payload[:2])[0])


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame_of(b"\xff\xfe"), 1007),
        (frame_of(b'{"type": "\xed\xa0\x80"}'), 1007),
        (b"\x81\xff" + struct.pack("!Q", 2**63) + b"mask", 1009),
        (b"\x81\xff" + struct.pack("!Q", MAX_FRAME_BYTES + 1) + b"mask", 1009),
        (frame_of(b"x", opcode=3), 1002),
        (b"\xf1\x80mask", 1002),
    ],
)
async def test_bytes_that_are_no_proper_frame_close_with_their_code(client: TestClient, sent: bytes, code: int) -> None:
    reader, writer = await raw_socket(client)
    writer.write(sent)
    assert await raw_close_code(reader) == code
    writer.close()
    await writer.wait_closed()


async def test_a_thousand_pings_are_answered_and_hold_nobody_up(client: TestClient) -> None:
    reader, writer = await raw_socket(client)
    writer.write(frame_of(b"", opcode=9) * 1_000)
    async with asyncio.timeout(5):
        pongs = [(await next_frame(reader))[0] for _ in range(1_000)]
    assert set(pongs) == {WSMsgType.PONG}
    writer.close()
    await writer.wait_closed()


async def test_who_does_not_read_is_cut_off_and_keeps_the_claim(
    office: Office, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handoff_socket, "SEND_TIMEOUT_S", 0.2)
    monkeypatch.setattr(handoff_socket, "CLOSE_TIMEOUT_S", 0.2)
    await office.hear("cy", "hello")
    await office.desk.ask("cy")
    await office.desk.claim("cy", "ann")
    _, writer = await raw_socket(client)
    assert len(office.desk.feeds) == 1

    text = "x" * 4_000
    async with asyncio.timeout(20):
        while len(office.desk.feeds):
            await office.hear("cy", text)
            await asyncio.sleep(0)

    assert office.desk.seats()[0].handoff.by == "ann"
    assert (await office.desk.reply("cy", "ann", "Still me.")).handoff.state == "human"
    writer.transport.abort()


async def test_who_hangs_up_without_a_word_is_forgotten(office: Office, client: TestClient) -> None:
    _, writer = await raw_socket(client)
    await office.hear("cy", "hello")
    await office.desk.ask("cy")
    writer.transport.abort()
    async with asyncio.timeout(5):
        while len(office.desk.feeds):
            await office.hear("cy", "still there?")
    assert len(office.desk.seats()) == 1


async def test_half_a_character_can_be_told(office: Office, client: TestClient) -> None:
    await office.hear("cy", "hello")
    await office.desk.ask("cy")
    socket = await greeted(client)
    await office.hear("cy", "half \ud83d of an emoji")
    assert (await told(socket, "message"))["text"] == "half \ud83d of an emoji"
    await socket.close()
