"""Whatever is sent to a route that takes a body, the answer is a documented 4xx, and the next message is answered."""

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT_BYTES, LIMIT_CHARS = 65_536, 4_000
ROUTES = [
    pytest.param("/webhooks/rest/webhook", "message", id="webhook"),
    pytest.param("/model/parse", "text", id="parse"),
]


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _a_good_message_is_answered_afterwards(shop: TestClient) -> AsyncIterator[None]:
    yield
    response = await shop.post("/webhooks/rest/webhook", json={"sender": "good", "message": "when are you open"})
    assert response.status == 200
    assert (await response.json())[0]["text"]


async def send(client: TestClient, path: str, raw: bytes, **headers: str) -> tuple[int, Any]:
    given_headers = {"Content-Type": "application/json", **{name.replace("_", "-"): v for name, v in headers.items()}}
    response = await client.post(path, data=raw, headers=given_headers)
    return response.status, await response.json()


def check_error(status: int, reply: Any, expected: int, field: str | None) -> None:
    """The whole of an error in the form of Rasa's server."""
    assert status == expected, reply
    assert reply == {
        "version": version("kefu"),
        "status": "failure",
        "message": reply["message"],
        "reason": reply["reason"],
        "details": {} if field is None else {"field": field},
        "help": None,
        "code": expected,
    }
    assert reply["message"]
    assert reply["reason"].isalpha()


def body(**values: Any) -> bytes:
    return json.dumps(values).encode()


def padded(size: int, field: str) -> bytes:
    """A good body of exactly `size` bytes."""
    empty = json.dumps({field: "hello", "unknown": ""}).encode()
    return json.dumps({field: "hello", "unknown": "x" * (size - len(empty))}).encode()


NOT_JSON = {
    "empty": b"",
    "blanks": b"  \n",
    "not UTF-8": b"\xff\xfe",
    "UTF-16": json.dumps({"message": "hi", "text": "hi"}).encode("utf-16"),
    "byte-order mark": b"\xef\xbb\xbf" + body(message="hi", text="hi"),
    "cut off": b'{"message": "hi", "text": "hi"',
    "form": b"message=hi&text=hi",
    "100,000 brackets": b"[" * 60_000,
    "60,000 braces": b'{"a":' * 13_000,
    "NaN": b'{"message": "hi", "text": "hi", "x": NaN}',
    "infinity": b'{"message": "hi", "text": "hi", "x": -Infinity}',
    "1e999": b'{"message": "hi", "text": "hi", "x": 1e999}',
    "a huge integer": b'{"message": "hi", "text": "hi", "x": ' + b"9" * 20_000 + b"}",
    "two values": b'{"message": "hi", "text": "hi"}{}',
    "metadata 50 deep": b'{"message": "hi", "text": "hi", "metadata": ' + b'{"a":' * 50 + b"1" + b"}" * 51,
}


@pytest.mark.parametrize(("path", "field"), ROUTES)
@pytest.mark.parametrize("raw", NOT_JSON.values(), ids=NOT_JSON.keys())
async def test_a_body_that_is_not_acceptable_json_is_a_400(shop: TestClient, path: str, field: str, raw: bytes) -> None:
    status, reply = await send(shop, path, raw)

    check_error(status, reply, 400, "body")
    assert reply["reason"] == "InvalidJson"


@pytest.mark.parametrize(("path", "field"), ROUTES)
@pytest.mark.parametrize("raw", [b"[]", b"null", b"3", b"true", b'"hello"', b'[{"message": "hi", "text": "hi"}]'])
async def test_json_that_is_no_object_is_a_422(shop: TestClient, path: str, field: str, raw: bytes) -> None:
    check_error(*await send(shop, path, raw), 422, "body")


@pytest.mark.parametrize(("path", "field"), ROUTES)
async def test_a_missing_text_is_a_422(shop: TestClient, path: str, field: str) -> None:
    check_error(*await send(shop, path, body(sender="ann")), 422, field)


@pytest.mark.parametrize(("path", "field"), ROUTES)
@pytest.mark.parametrize("value", [None, 3, 1.5, True, ["hello"], {"text": "hello"}])
async def test_a_text_of_another_type_is_a_422(shop: TestClient, path: str, field: str, value: Any) -> None:
    check_error(*await send(shop, path, body(**{field: value})), 422, field)


BAD_TEXTS = {
    "empty": "",
    "blanks": "  \t\r\n",
    "only zero-width characters": "\u200b\u200d\u2060\ufeff",
    "NUL": "hel\x00lo",
    "terminal escape": "\x1b]0;owned\x07",
    "lone surrogate": "hello \ud800",
    "one over the limit": "x" * (LIMIT_CHARS + 1),
    "far over the limit": "x" * 50_000,
}


@pytest.mark.parametrize(("path", "field"), ROUTES)
@pytest.mark.parametrize("text", BAD_TEXTS.values(), ids=BAD_TEXTS.keys())
async def test_a_text_that_nobody_types_is_a_422(shop: TestClient, path: str, field: str, text: str) -> None:
    check_error(*await send(shop, path, body(**{field: text})), 422, field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sender", ""),
        ("sender", " "),
        ("sender", 7),
        ("sender", ["ann"]),
        ("sender", "a" * 256),
        ("sender", "ann\x00"),
        ("sender", "ann\x1b[2J"),
        ("sender", "\ud800"),
        ("input_channel", 7),
        ("input_channel", "c" * 256),
        ("input_channel", "\x1b[2J"),
        ("metadata", "text"),
        ("metadata", ["a"]),
        ("metadata", 1),
        ("metadata", {"a": "\ud800"}),
        ("metadata", {"\udfff": {"b": 1}}),
    ],
)
async def test_other_wrong_fields_of_a_message_are_a_422(shop: TestClient, field: str, value: Any) -> None:
    raw = body(message="hello", **{field: value})

    check_error(*await send(shop, "/webhooks/rest/webhook", raw), 422, field)


@pytest.mark.parametrize("value", [7, ["a"], "m" * 256])
async def test_other_wrong_fields_of_a_parse_are_a_422(shop: TestClient, value: Any) -> None:
    check_error(*await send(shop, "/model/parse", body(text="hello", message_id=value)), 422, "message_id")


@pytest.mark.parametrize(("path", "field"), ROUTES)
@pytest.mark.parametrize(
    "text",
    [
        "x" * LIMIT_CHARS,
        "😀" * LIMIT_CHARS,
        "a" + "\u0301" * (LIMIT_CHARS - 1),
        "你" * LIMIT_CHARS,
        "😀",
        "?!...",
        "' OR 1=1; --",
        "{user.__class__} {0} %s ${jndi:x}",
        "\u202eabc\u2066",
        "/restart",
        '/greet{"a": ',
    ],
)
async def test_a_text_up_to_the_limit_is_answered_whatever_it_says(
    shop: TestClient, path: str, field: str, text: str
) -> None:
    status, reply = await send(shop, path, body(**{field: text, "sender": "odd"}))

    assert status == 200, reply
    assert reply


@pytest.mark.parametrize(("path", "field"), ROUTES)
async def test_a_body_exactly_at_the_limit_is_answered_and_one_byte_more_is_a_413(
    shop: TestClient, path: str, field: str
) -> None:
    assert (await send(shop, path, padded(LIMIT_BYTES, field)))[0] == 200

    status, reply = await send(shop, path, padded(LIMIT_BYTES + 1, field))

    check_error(status, reply, 413, "body")
    assert "65,536 bytes" in reply["message"]


@pytest.mark.parametrize(("path", "field"), ROUTES)
async def test_a_megabyte_is_a_413(shop: TestClient, path: str, field: str) -> None:
    check_error(*await send(shop, path, body(**{field: "x" * 1_000_000})), 413, "body")


@pytest.mark.parametrize(("path", "field"), ROUTES)
@pytest.mark.parametrize(
    "content_type",
    [
        "application/xml",
        "text/xml",
        "text/html",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "image/png",
    ],
)
async def test_a_body_that_does_not_say_it_is_json_is_a_415(
    shop: TestClient, path: str, field: str, content_type: str
) -> None:
    status, reply = await send(shop, path, body(**{field: "hello"}), Content_Type=content_type)

    check_error(status, reply, 415, "Content-Type")


@pytest.mark.parametrize(("path", "field"), ROUTES)
async def test_a_compressed_body_counts_by_what_it_unpacks_to(shop: TestClient, path: str, field: str) -> None:
    small = gzip.compress(body(**{field: "hello"}))
    bomb = gzip.compress(b" " * 50_000_000)

    assert (await send(shop, path, small, Content_Encoding="gzip"))[0] == 200
    check_error(*await send(shop, path, bomb, Content_Encoding="gzip"), 413, "body")


@pytest.mark.parametrize(("path", "field"), ROUTES)
@pytest.mark.parametrize(
    ("encoding", "raw"),
    [("gzip", b"not gzip at all"), ("deflate", b'{"a": "not deflate"}'), ("gzip", zlib.compress(b"{}"))],
)
async def test_a_body_that_cannot_be_unpacked_is_a_400(
    shop: TestClient, path: str, field: str, encoding: str, raw: bytes
) -> None:
    check_error(*await send(shop, path, raw, Content_Encoding=encoding), 400, "body")


@pytest.mark.parametrize(("path", "field"), ROUTES)
async def test_unknown_fields_are_ignored(shop: TestClient, path: str, field: str) -> None:
    many = {f"unknown{number}": number for number in range(1000)}

    status, reply = await send(shop, path, body(**{field: "hello"}, **many))

    assert (status, bool(reply)) == (200, True)


async def test_metadata_of_ordinary_depth_and_kind_is_taken_along(shop: TestClient) -> None:
    metadata: dict[str, Any] = {"n": 10**300, "f": 1.5, "nul": "\x00", "深": ["😀", None, True]}
    for _ in range(28):
        metadata = {"in": metadata}

    for _ in range(2):  # the second message finds what the first one left
        status, reply = await send(
            shop, "/webhooks/rest/webhook", body(sender="deep", message="hello", metadata=metadata)
        )
        assert status == 200, reply


@pytest.mark.parametrize("value", ["maybe", "1", ""])
async def test_a_bad_stream_value_is_a_400(shop: TestClient, value: str) -> None:
    path = f"/webhooks/rest/webhook?stream={value}"

    check_error(*await send(shop, path, body(message="hello")), 400, "stream")


async def test_an_emulation_that_is_not_offered_is_a_400(shop: TestClient) -> None:
    check_error(*await send(shop, "/model/parse?emulation_mode=WIT", body(text="hi")), 400, "emulation_mode")


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/webhooks/rest/webhook", "GET", "POST"),
        ("/webhooks/rest/webhook", "PUT", "POST"),
        ("/webhooks/rest/webhook", "DELETE", "POST"),
        ("/webhooks/rest/webhook", "TRACE", "POST"),
        ("/webhooks/rest/webhook", "PROPFIND", "POST"),
        ("/webhooks/rest/webhook", "OPTIONS", "POST"),
        ("/model/parse", "GET", "POST"),
        ("/model/parse", "PATCH", "POST"),
        ("/webhooks/rest/", "POST", "GET,HEAD"),
        ("/status", "POST", "GET,HEAD"),
        ("/chat", "DELETE", "GET,HEAD"),
    ],
)
async def test_a_wrong_method_is_a_405_that_names_the_right_one(
    shop: TestClient, path: str, method: str, allowed: str
) -> None:
    response = await shop.request(method, path)

    check_error(response.status, await response.json(), 405, None)
    assert response.headers["Allow"] == allowed


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/webhooks/rest",
        "/webhooks/other/webhook",
        "/models",
        "/chat/",
        "/chat/../../etc/passwd",
        "/chat/%2e%2e/%2e%2e/etc/passwd",
        "/.%00",
        "/widget/chat.js",
        "/widget.js%00.css",
        "/x%0aforged%1b[2J",
    ],
)
async def test_a_path_that_is_not_there_is_a_404(shop: TestClient, path: str) -> None:
    response = await shop.get(path)

    check_error(response.status, await response.json(), 404, None)


mutations = st.lists(
    st.tuples(
        st.integers(0, 200), st.sampled_from([b"", b"\x00", b'"', b"{", b"[", b"\\", b"\xff", b"\\ud800", b"9" * 400])
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize(("path", "field"), ROUTES)
@settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=mutations)
async def test_mutated_bodies_never_break_the_server(
    shop: TestClient, path: str, field: str, changes: list[tuple[int, bytes]]
) -> None:
    raw = body(**{field: "hello", "sender": "fuzz", "metadata": {"a": [1, "x"]}, "message_id": "1"})
    for place, put in changes:
        raw = raw[: place % len(raw)] + put + raw[place % len(raw) + 1 :]

    status, reply = await send(shop, path, raw)

    assert status in (200, 400, 422)
    if status != 200:
        check_error(status, reply, status, reply["details"]["field"])


HEAD = b"POST /webhooks/rest/webhook HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
RAW = {
    "a header of 64 KB": (HEAD + b"X: " + b"a" * 65_536 + b"\r\nContent-Length: 2\r\n\r\n{}", 400),
    "an endless URL": (b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: shop\r\n\r\n", 400),
    "no HTTP": (b"hello there, is this the shop?\r\n\r\n", 400),
    "two lengths": (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    "a length and chunks": (HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 400),
    "a negative length": (HEAD + b"Content-Length: -2\r\n\r\n{}", 400),
    "chunks that are none": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nhello\r\n\r\n", 400),
    "a chunk longer than it says": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}{}{}\r\n0\r\n\r\n", 400),
    "an encoding that nobody has": (HEAD + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{}", 400),
}


async def first_line(client: TestClient, raw: bytes) -> bytes:
    """The status line of what comes back; b"" where the connection was just closed."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    try:
        async with asyncio.timeout(10):
            writer.write(raw)
            return await reader.readline()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(("raw", "status"), RAW.values(), ids=RAW.keys())
async def test_what_is_hardly_http_is_refused_or_cut_off(shop: TestClient, raw: bytes, status: int) -> None:
    line = await first_line(shop, raw)

    assert line == b"" or int(line.split()[1]) == status


@pytest.mark.parametrize("path", ["//", "//webhooks/rest/", "/webhooks//rest/", "http://other.example/nothing"])
async def test_odd_paths_are_404s_too(shop: TestClient, path: str) -> None:
    line = await first_line(shop, f"GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())

    assert line == b"HTTP/1.1 404 Not Found\r\n"


async def test_a_body_shorter_than_it_says_harms_nobody(shop: TestClient) -> None:
    for _ in range(20):
        _, writer = await asyncio.open_connection(shop.host, shop.port)
        writer.write(HEAD + b'Content-Length: 1000\r\n\r\n{"sender": "liar", "message": "hel')
        await writer.drain()
        writer.close()

    status, reply = await send(shop, "/model/parse", body(text="hello"))

    assert (status, reply["text"]) == (200, "hello")


async def test_many_requests_in_one_go_are_answered_in_order(shop: TestClient) -> None:
    reader, writer = await asyncio.open_connection(shop.host, shop.port)
    texts = [f"hello {number}" for number in range(20)]
    for text in texts:
        raw = body(text=text)
        writer.write(
            b"POST /model/parse HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: " + str(len(raw)).encode() + b"\r\n\r\n" + raw
        )
    answered = []
    async with asyncio.timeout(20):
        while len(answered) < len(texts):
            length = 0
            while (line := await reader.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split()[1])
            answered.append(json.loads(await reader.readexactly(length))["text"])
    writer.close()

    assert answered == texts
