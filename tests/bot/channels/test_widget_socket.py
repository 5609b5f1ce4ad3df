"""The widget's protocol over a real WebSocket: what a page sends, what it is told, and what closes a connection."""

import asyncio
import json
import os
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSServerHandshakeError
from widget_page import PATIENCE_S, PROTOCOL, SOCKET, Page, origin_of, page_of, session_of, until
from widget_world import MAX_TEXT_CHARS, World, texts, world_of

from bot.channels.widget import socket as widget_socket
from bot.channels.widget import socket_frames
from bot.channels.widget.frames import MAX_FRAME_BYTES
from bot.channels.widget.pace import BURST


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_of(tmp_path) as world:
        yield world


@pytest.fixture
async def page(world: World) -> AsyncIterator[Page]:
    async with page_of(world.client) as page:
        yield page


# What is said


async def test_a_message_is_acknowledged_and_answered(page: Page) -> None:
    assert {**page.welcome, "session": ""} == {
        "type": "welcome",
        "v": 1,
        "session": "",
        "seq": 0,
        "begun": None,
        "state": {"who": "bot", "open": True},
    }

    await page.say("m1", "hello")

    assert await page.next("ack") == {"type": "ack", "id": "m1"}
    mine, answer = await page.next("event"), await page.next("event")
    assert {**mine, "at": 0} == {
        "type": "event",
        "seq": mine["seq"],
        "at": 0,
        "from": "user",
        "id": "m1",
        "text": "hello",
    }
    assert {**answer, "at": 0} == {
        "type": "event",
        "seq": answer["seq"],
        "at": 0,
        "from": "bot",
        "html": "<p>Hello friend!</p>",
        "text": "Hello friend!",
        "buttons": [{"title": "Hours", "payload": "/hours"}, {"title": "Order", "payload": "/order"}],
        "turn": 1,
        "rate": True,
    }
    assert 0 < mine["seq"] < answer["seq"]


async def test_the_bot_seems_to_write_until_it_answers(page: Page) -> None:
    await page.say("m1", "hello")
    await page.next("event")

    typing = [frame for frame in page.frames if frame["type"] == "typing"]
    assert typing == [{"type": "typing", "from": "bot", "on": True}, {"type": "typing", "from": "bot", "on": False}]
    kinds = [frame["type"] for frame in page.frames]
    assert kinds.index("ack") < kinds.index("event")


async def test_a_button_is_shown_by_its_title(page: Page) -> None:
    await page.say("m1", "hello")
    await page.events_until(lambda event: event["from"] == "bot")

    await page.say("m2", "/hours", title="Hours")

    said = await page.events_until(lambda event: event["from"] == "bot")
    assert list(texts(said)) == [("user", "Hours"), ("bot", "We open at nine.\n\nWe close at five.")]


async def test_of_several_things_that_are_said_in_a_turn_the_last_is_rated(page: Page) -> None:
    await page.say("m1", "where is it")

    answers = [await page.next("event") for _ in range(3)][1:]

    assert [(one["text"], one["turn"], one.get("rate")) for one in answers] == [
        ("On its way.", 1, None),
        ("Here is the link.", 1, True),
    ]


async def test_what_the_bot_does_not_know_cannot_be_rated(page: Page) -> None:
    await page.say("m1", "xyz")

    answer = (await page.events_until(lambda event: event["from"] == "bot"))[-1]

    assert (answer["text"], answer["turn"], "rate" in answer) == ("I did not understand.", 1, False)


async def test_a_message_that_comes_again_is_acknowledged_again_and_answered_once(page: Page, world: World) -> None:
    for _ in range(3):
        await page.say("m1", "hello")
    await page.say("m1", "another text under the same id")
    await page.say("m2", "where is it")

    acks = [await page.next("ack") for _ in range(5)]
    assert acks == [{"type": "ack", "id": "m1"}, *[{"type": "ack", "id": "m1", "duplicate": True}] * 3, acks[-1]]
    told = [await page.next("event") for _ in range(5)]
    assert [event["text"] for event in told if event["from"] == "user"] == ["hello", "where is it"]
    await page.send(type="ping")
    assert await page.next("pong", "event") == {"type": "pong"}
    assert await world.store.inbox.count_waiting() == 0


async def test_the_same_id_in_another_session_is_another_message(world: World) -> None:
    for text in ("hello", "where is it"):
        async with page_of(world.client) as page:
            await page.say("m1", text)
            assert await page.next("ack") == {"type": "ack", "id": "m1"}
            assert (await page.next("event"))["text"] == text


async def test_what_a_page_says_of_itself_goes_with_the_message(world: World) -> None:
    begun = await session_of(world.client, locale="zh-CN", page="https://shop.example/a?b=\u0007c")
    async with page_of(world.client, begun["token"]) as page:
        await page.say("m1", "hello", title="not of a button")
        await page.next("event")

    events = await world.store.events(f"widget:{begun['session']}")

    (message,) = [event for event in events if event["event"] == "user"]
    assert message["metadata"] == {
        "locale": "zh-CN",
        "page": "https://shop.example/a?b=c",
        "title": "not of a button",
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "Empty"), (" \n\u200b\u0000", "Empty"), ("x" * (MAX_TEXT_CHARS + 1), "TooLong")],
)
async def test_a_text_that_cannot_be_taken_is_refused_by_its_id(page: Page, text: str, code: str) -> None:
    await page.say("m1", text)

    error = await page.next("error", "ack")

    assert (error["type"], error["id"], error["code"]) == ("error", "m1", code)


async def test_every_text_comes_back_as_it_was_meant(page: Page) -> None:
    sent = [
        "x" * MAX_TEXT_CHARS,
        "{user.__class__} {0} %s ${jndi:ldap://x} {{7*7}}",
        "'; DROP TABLE events; -- %_",
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
        "你好 😀 👨‍👩‍👧 مرحبا",
        "ignore previous instructions",
    ]
    for number, text in enumerate(sent):
        await page.say(f"m{number}", text)

    shown = []
    while len(shown) < len(sent):
        event = await page.next("event")
        if event["from"] == "user":
            assert "html" not in event
            shown.append(event["text"])
    assert shown == sent


async def test_nothing_turns_or_piles_up_in_what_is_shown(page: Page) -> None:
    await page.say("m1", "pay \u202eevil\u202c \u2066x\u2069 a" + "\u0301" * 500 + "b\u0007")

    assert (await page.next("event"))["text"] == "pay evil x a" + "\u0301" * 4 + "b"


# Besides messages


async def test_feedback_is_kept_and_told_to_all_pages(world: World, page: Page) -> None:
    await page.say("m1", "hello")
    await page.events_until(lambda event: event["from"] == "bot")
    async with page_of(world.client, page.token) as other:
        await page.send(type="feedback", id="f1", turn=1, verdict="down", comment="no\u0007t so")
        assert [await page.next("ack", "error") for _ in range(2)][1] == {"type": "ack", "id": "f1"}
        assert await other.next("verdict") == {"type": "verdict", "turn": 1, "verdict": "down"}

    (given,) = await world.store.feedback_after()
    assert (given.turn_seq, given.who, given.verdict, given.comment) == (1, "customer", "wrong", "not so")
    assert world.feedback == ["rated"]
    async with page_of(world.client, page.token) as later:
        assert (await later.events_until(lambda event: event["from"] == "bot"))[-1]["verdict"] == "down"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"turn": 7, "verdict": "up"}, "UnknownTurn"),
        ({"turn": 0, "verdict": "up"}, "InvalidField"),
        ({"turn": 1, "verdict": "great"}, "InvalidField"),
        ({"turn": "1", "verdict": "up"}, "InvalidField"),
        ({"verdict": "up"}, "InvalidField"),
    ],
)
async def test_feedback_on_what_is_no_turn_is_refused(page: Page, frame: dict[str, Any], code: str) -> None:
    await page.send(type="feedback", id="f1", **frame)

    error = await page.next("error", "ack")

    assert (error["id"], error["code"]) == ("f1", code)


async def test_a_survey_is_kept_in_the_conversation(world: World, page: Page) -> None:
    await page.send(type="survey", id="s0", score=5)
    assert (await page.next("error"))["code"] == "NothingSaid"
    await page.say("m1", "hello")
    await page.events_until(lambda event: event["from"] == "bot")

    await page.send(type="survey", id="s1", score=4, comment="good")

    assert [await page.next("ack", "error") for _ in range(2)][1] == {"type": "ack", "id": "s1"}
    conversation = await world.bot.dialogue.tracker(f"widget:{page.welcome['session']}")
    assert conversation.slots["kefu_survey"] == {"score": 4, "comment": "good"}


@pytest.mark.parametrize("frame", [{"type": "end"}, {"type": "survey", "score": 3}])
async def test_what_is_sent_again_happens_once(world: World, page: Page, frame: dict[str, Any]) -> None:
    await page.say("m1", "hello")
    await page.events_until(lambda event: event["from"] == "bot")
    conversation = f"widget:{page.welcome['session']}"

    counts = [len(await world.store.events(conversation))]
    for frame_id in ("x1", "x1", "x2"):
        await page.send(**frame, id=frame_id)
        while (await page.next("ack"))["id"] != frame_id:
            pass
        counts.append(len(await world.store.events(conversation)))

    assert [after - before for before, after in pairwise(counts)] == [1, 0, 1]


@pytest.mark.parametrize("score", [0, 6, 2.5, "3", True, None])
async def test_a_score_lies_between_1_and_5(page: Page, score: Any) -> None:
    await page.send(type="survey", id="s1", score=score)

    assert (await page.next("error", "ack"))["code"] == "InvalidField"


async def test_an_ended_conversation_says_so_and_goes_on_with_the_next_message(page: Page) -> None:
    await page.send(type="end", id="e0")
    assert await page.next("ack", "error") == {"type": "ack", "id": "e0"}
    await page.say("m1", "hello")
    await page.events_until(lambda event: event["from"] == "bot")

    await page.send(type="end")

    note = await page.next("event")
    assert (note["from"], note["note"], "text" in note) == ("note", "ended", False)
    await page.say("m2", "where is it")
    assert (await page.events_until(lambda event: event["from"] == "bot"))[-1]["text"] == "On its way."


async def test_what_one_page_has_seen_the_others_are_told(world: World, page: Page) -> None:
    async with page_of(world.client, page.token) as other:
        await page.send(type="seen", seq=3)
        assert await other.next("seen", "error") == {"type": "seen", "seq": 3}
    await page.send(type="ping")
    assert await page.next("pong", "seen") == {"type": "pong"}


# Bad frames


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({}, "UnknownType"),
        ({"type": "dance"}, "UnknownType"),
        ({"type": None}, "UnknownType"),
        ({"type": ["message"]}, "UnknownType"),
        ({"type": "message"}, "InvalidField"),
        ({"type": "message", "id": "m1", "text": None}, "InvalidField"),
        ({"type": "message", "id": "m1", "text": 5}, "InvalidField"),
        ({"type": "message", "id": "m1", "text": ["a"]}, "InvalidField"),
        ({"type": "message", "id": "m1", "text": {"a": 1}}, "InvalidField"),
        ({"type": "message", "id": "m1", "text": True}, "InvalidField"),
        ({"type": "message", "id": "", "text": "a"}, "InvalidField"),
        ({"type": "message", "id": "x" * 65, "text": "a"}, "InvalidField"),
        ({"type": "message", "id": "the greeting", "text": "a"}, "InvalidField"),
        ({"type": "message", "id": "a\ud800", "text": "a"}, "InvalidField"),
        ({"type": "message", "id": "m1", "text": "a", "title": "t" * 201}, "InvalidField"),
        ({"type": "message", "id": "m1", "text": "", "file": "../../etc/passwd"}, "UnknownFile"),
        ({"type": "message", "id": "m1", "text": "", "file": 5}, "InvalidField"),
        ({"type": "typing"}, "InvalidField"),
        ({"type": "typing", "on": "yes"}, "InvalidField"),
        ({"type": "seen", "seq": -1}, "InvalidField"),
        ({"type": "seen", "seq": 2**53}, "InvalidField"),
        ({"type": "hello", "token": "again"}, "InvalidField"),
    ],
)
async def test_a_frame_that_cannot_be_taken_is_answered_and_the_connection_goes_on(
    page: Page, frame: dict[str, Any], code: str
) -> None:
    await page.socket.send_str(json.dumps(frame))
    error = await page.next("error", "ack")
    assert error["code"] == code

    await page.say("m9", "hello", sender="somebody else", conversation_id="widget:0", extra={"a": [1]})

    assert await page.next("ack", "error") == {"type": "ack", "id": "m9"}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", 1007),
        ("no JSON", 1007),
        ("[]", 1007),
        ('"text"', 1007),
        ("null", 1007),
        ("{", 1007),
        ('{"type": "ping", "n": NaN}', 1007),
        ('{"type": "ping", "n": 1e999}', 1007),
        ("[" * 30_000, 1007),
        ('{"type":"ping","a":' + "[" * 40 + "]" * 40 + "}", 1007),
        ("x" * (MAX_FRAME_BYTES + 1), 1009),
        (b"\x00\x01", 1003),
        (b'{"type": "ping"}', 1003),
    ],
)
async def test_what_is_no_json_object_closes_the_connection(page: Page, raw: str | bytes, code: int) -> None:
    if isinstance(raw, bytes):
        await page.socket.send_bytes(raw)
    else:
        await page.socket.send_str(raw)

    assert await page.close_code() == code


async def test_a_frame_of_the_largest_size_is_taken(page: Page) -> None:
    frame = json.dumps({"type": "ping", "pad": ""})
    await page.socket.send_str(frame[:-2] + "x" * (MAX_FRAME_BYTES - len(frame)) + frame[-2:])

    assert await page.next("pong") == {"type": "pong"}


# Hello


@pytest.mark.parametrize(
    "first",
    [
        {"type": "message", "id": "m1", "text": "hello"},
        {"type": "ping"},
        {"type": "hello"},
        {"type": "hello", "token": 5},
        {"type": "hello", "token": "x", "after": -1},
        {"type": "hello", "token": "x", "after": "0"},
        {"type": "dance"},
        {},
    ],
)
async def test_whoever_does_not_say_hello_first_is_let_go(world: World, first: dict[str, Any]) -> None:
    headers = {"Origin": origin_of(world.client)}
    async with world.client.ws_connect(SOCKET, protocols=(PROTOCOL,), headers=headers) as socket:
        await socket.send_json(first)
        page = Page(socket=socket, token="")
        assert await page.close_code() == 1008
        assert page.frames == []
    assert await world.store.inbox.count_waiting() == 0


async def test_a_wrong_token_is_told_to_get_another(world: World) -> None:
    good = (await session_of(world.client))["token"]
    for token in ("", "x", good[:-2], f"{good}x", "a" * 10_000):
        headers = {"Origin": origin_of(world.client)}
        async with world.client.ws_connect(SOCKET, protocols=(PROTOCOL,), headers=headers) as socket:
            await socket.send_json({"type": "hello", "token": token})
            page = Page(socket=socket, token=token)
            assert await page.close_code() == 1008
            assert page.frames == [{"type": "bye", "reason": "expired"}]


async def test_whoever_says_nothing_is_let_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(widget_socket, "HELLO_TIMEOUT_S", 0.05)
    async with world.client.ws_connect(
        SOCKET, protocols=(PROTOCOL,), headers={"Origin": origin_of(world.client)}
    ) as socket:
        assert await Page(socket=socket, token="").close_code() == 1008


async def test_a_session_that_ends_while_it_is_connected_says_so(tmp_path: Path) -> None:
    async with world_of(tmp_path, {"session_days": 0.01}) as world, page_of(world.client) as page:
        world.clock.now += 900

        await page.send(type="ping")

        assert await page.close_code() == 1008
        assert page.frames[-1] == {"type": "bye", "reason": "expired"}


# Who may connect


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://evil.example", 403),
        ("null", 403),
        ("https://shop.example.evil.example", 403),
        ("http://shop.example", 403),
        ("https://shop.example:8443", 403),
        ("", 403),
        ("https://shop.example", 101),
    ],
)
async def test_only_pages_that_the_owner_names_may_connect(tmp_path: Path, origin: str, status: int) -> None:
    async with world_of(tmp_path, {"origins": ["https://shop.example"]}) as world:
        try:
            async with world.client.ws_connect(SOCKET, protocols=(PROTOCOL,), headers={"Origin": origin}):
                found = 101
        except WSServerHandshakeError as error:
            found = error.status
        assert found == status


async def test_a_program_without_a_page_may_connect_with_a_token(world: World) -> None:
    token = (await session_of(world.client))["token"]
    async with world.client.ws_connect(SOCKET, protocols=(PROTOCOL,)) as socket:
        await socket.send_json({"type": "hello", "token": token})
        assert (await socket.receive_json())["type"] == "welcome"


@pytest.mark.parametrize("protocols", [(), ("kefu.widget.v2",), ("x", "kefu.widget.v10")])
async def test_another_protocol_is_refused(world: World, protocols: tuple[str, ...]) -> None:
    with pytest.raises(WSServerHandshakeError) as caught:
        await world.client.ws_connect(SOCKET, protocols=protocols, headers={"Origin": origin_of(world.client)})
    assert caught.value.status == 400


async def test_what_is_no_websocket_is_refused(world: World) -> None:
    headers = {"Origin": origin_of(world.client), "Sec-WebSocket-Protocol": PROTOCOL}
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    for others in (
        {},
        upgrade,
        {**upgrade, "Sec-WebSocket-Key": "short"},
        {**upgrade, **key, "Sec-WebSocket-Version": "5"},
        {**key, "Sec-WebSocket-Version": "13"},
    ):
        response = await world.client.get(SOCKET, headers={**headers, **others})
        assert response.status in (400, 426), others


# Limits


async def test_who_sends_too_fast_is_told_to_wait_and_loses_nothing(page: Page, world: World) -> None:
    count = int(BURST) + 10
    for number in range(count):
        await page.say(f"m{number}", "hello")

    replies = [await page.next("ack", "error") for _ in range(count)]

    refused = [reply for reply in replies if reply["type"] == "error"]
    assert 1 <= len(refused) <= 10
    assert all(reply["code"] == "TooFast" and 0 < reply["retry_after_s"] <= 0.2 for reply in refused)
    assert {reply["id"] for reply in replies} == {f"m{number}" for number in range(count)}


async def test_pings_without_end_close_the_connection(page: Page) -> None:
    for _ in range(1_000):
        await page.socket.ping()

    assert await page.close_code() == 1008


async def test_a_few_pings_are_answered(page: Page) -> None:
    await page.socket.ping(b"there?")
    await page.send(type="ping")

    assert await page.next("pong") == {"type": "pong"}


async def test_the_oldest_of_too_many_pages_of_a_session_gives_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.channels.widget.lines.MAX_OF_ONE", 2)
    token = (await session_of(world.client))["token"]
    async with (
        page_of(world.client, token) as first,
        page_of(world.client, token),
        page_of(world.client, token) as last,
    ):
        assert await first.close_code() == 1013
        assert first.frames[-1] == {"type": "bye", "reason": "lost"}
        await last.send(type="ping")
        assert await last.next("pong")


async def test_more_pages_than_the_server_holds_are_told_to_come_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.channels.widget.lines.MAX_LINES", 1)
    async with page_of(world.client) as page:
        token = (await session_of(world.client))["token"]
        headers = {"Origin": origin_of(world.client)}
        async with world.client.ws_connect(SOCKET, protocols=(PROTOCOL,), headers=headers) as socket:
            await socket.send_json({"type": "hello", "token": token})
            other = Page(socket=socket, token=token)
            assert await other.close_code() == 1013
            assert other.frames[0]["code"] == "Overloaded"
        await page.send(type="ping")
        assert await page.next("pong")


# Raw bytes


def frame_of(payload: bytes, opcode: int = 1, *, masked: bool = True) -> bytes:
    """A frame as clients send it."""
    size = bytes([(0x80 if masked else 0) | len(payload)])
    if not masked:
        return bytes([0x80 | opcode]) + size + payload
    mask = os.urandom(4)
    return bytes([0x80 | opcode]) + size + mask + bytes(b ^ mask[n % 4] for n, b in enumerate(payload))


async def connected(world: World) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that has become a WebSocket."""
    reader, writer = await asyncio.open_connection(world.client.host, world.client.port)
    request = (
        f"GET {SOCKET} HTTP/1.1\r\nHost: {world.client.host}:{world.client.port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Sec-WebSocket-Protocol: {PROTOCOL}\r\n\r\n"
    )
    writer.write(request.encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"101" in head.split(b"\r\n")[0]
    assert f"Sec-WebSocket-Protocol: {PROTOCOL}".lower().encode() in head.lower()
    return reader, writer


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (frame_of(b"\xff\xfe"), 1007),
        (frame_of(b'{"type": "\xed\xa0\x80"}'), 1007),
        (b"\x81\xff" + struct.pack("!Q", 2**63) + b"mask", 1009),
        (b"\x81\xff" + struct.pack("!Q", MAX_FRAME_BYTES + 1) + b"mask", 1009),
        (frame_of(b"x", opcode=3), 1002),
        (b"\xf1\x80mask", 1002),
    ],
    ids=["not UTF-8", "surrogate", "2^63 bytes", "too large", "unknown opcode", "reserved bits"],
)
async def test_bytes_that_are_no_frame_close_with_the_protocols_code(world: World, raw: bytes, code: int) -> None:
    reader, writer = await connected(world)
    writer.write(raw)

    answer = await asyncio.wait_for(reader.read(), PATIENCE_S)

    assert answer[0] == 0x88
    assert struct.unpack("!H", answer[2:4])[0] == code
    writer.close()


async def test_who_reads_nothing_is_let_go_and_the_others_are_served(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_frames, "SEND_TIMEOUT_S", 0.2)
    monkeypatch.setattr(socket_frames, "CLOSE_TIMEOUT_S", 0.2)
    begun = await session_of(world.client)
    conversation = f"widget:{begun['session']}"
    event = {"event": "bot", "timestamp": 1.0, "text": "word " * 4_000, "data": {}}
    await world.bot.dialogue.change(conversation, lambda _: [event] * 900)
    reader, writer = await connected(world)
    hello = json.dumps({"type": "hello", "token": begun["token"]}).encode()
    mask = os.urandom(4)
    masked = bytes(b ^ mask[n % 4] for n, b in enumerate(hello))
    writer.write(bytes([0x81, 0x80 | 126]) + struct.pack("!H", len(hello)) + mask + masked)

    await until(lambda: bool(world.widget._lines.conversations))
    await until(lambda: not world.widget._lines.conversations)

    async with page_of(world.client) as page:
        await page.say("m1", "hello")
        assert await page.next("ack")
    writer.transport.abort()
    del reader


async def test_many_pages_from_one_address_are_served_side_by_side(world: World) -> None:
    tokens = [(await session_of(world.client))["token"] for _ in range(90)]
    async with AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(page_of(world.client, token)) for token in tokens]
        await asyncio.gather(*(page.say("m1", "hello") for page in pages))
        answers = await asyncio.gather(*(page.events_until(lambda event: event["from"] == "bot") for page in pages))
    assert [list(texts(answer)) for answer in answers] == [[("user", "hello"), ("bot", "Hello friend!")]] * 90
    await until(lambda: world.widget._lines.conversations == [])
