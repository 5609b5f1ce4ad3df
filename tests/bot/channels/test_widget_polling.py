"""The widget over HTTP: sessions, who may have one, and frames where no WebSocket comes through."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from widget_page import SESSION, origin_of, page_of, session_of, until
from widget_world import MAX_TEXT_CHARS, SECRET, World, texts, world_of

from bot.channels.widget.frames import MAX_FRAME_BYTES
from bot.channels.widget.polling import MAX_FRAMES, PATH

SHOP = "https://shop.example"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_of(tmp_path, {"origins": [SHOP]}) as world:
        yield world


@pytest.fixture
async def token(world: World) -> str:
    return str((await session_of(world.client))["token"])


def bearer(token: str, **others: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **others}


async def post(world: World, token: str, *frames: Any) -> list[dict[str, Any]]:
    response = await world.client.post(PATH, json={"frames": frames}, headers=bearer(token))
    assert response.status == 200, await response.text()
    found: list[dict[str, Any]] = (await response.json())["frames"]
    return found


async def fetch(world: World, token: str, after: int = 0, wait: float = 0, **others: Any) -> list[dict[str, Any]]:
    query = {"after": str(after), "wait": str(wait), **others}
    response = await world.client.get(PATH, params=query, headers=bearer(token))
    assert response.status == 200, await response.text()
    assert response.headers["Cache-Control"] == "no-store"
    found: list[dict[str, Any]] = (await response.json())["frames"]
    return found


async def answered(world: World, token: str, count: int) -> list[dict[str, Any]]:
    """The events of a conversation, once there are so many."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        after = found[-1]["seq"] if found else 0
        found += [frame for frame in await fetch(world, token, after, wait=5) if frame["type"] == "event"]
    return found


# Sessions


async def test_a_page_gets_a_session_and_what_it_is_to_show(tmp_path: Path) -> None:
    config = {
        "title": "Shop",
        "locale": "zh",
        "greeting": "greet",
        "consent": "We keep what you write.",
        "survey": True,
        "uploads": {"max_bytes": 5_000, "types": ["png", "pdf"]},
        "theme": {"accent": "#0a6"},
    }
    async with world_of(tmp_path, config) as world:
        begun = await session_of(world.client, locale="en", page="https://shop.example/")

    assert begun["settings"] == {
        **config,
        "greeting": True,
        "uploads": {"max_bytes": 5_000, "types": ["image/png", "application/pdf"]},
        "max_text_chars": MAX_TEXT_CHARS,
        "max_frame_bytes": MAX_FRAME_BYTES,
    }
    assert len(begun["session"]) == 32
    assert begun["expires_at"] == pytest.approx(1_700_000_000 + 30 * 86_400, abs=100)


async def test_a_valid_token_is_renewed_and_another_begins_anew(world: World) -> None:
    first = await session_of(world.client, locale="en", page="https://a.example/")
    world.clock.now += 86_400

    renewed = await session_of(world.client, token=first["token"], locale="zh", page="https://b.example/")
    others = [await session_of(world.client, token=bad) for bad in ("", "x", first["token"][:-3])]

    assert renewed["session"] == first["session"]
    assert renewed["expires_at"] > first["expires_at"]
    claims = jwt.decode(renewed["token"], options={"verify_signature": False})
    assert (claims["locale"], claims["page"]) == ("zh", "https://a.example/")
    assert len({first["session"], *(other["session"] for other in others)}) == 4


async def test_a_session_that_has_expired_is_not_renewed(world: World) -> None:
    first = await session_of(world.client)
    world.clock.now += 31 * 86_400

    assert (await session_of(world.client, token=first["token"]))["session"] != first["session"]
    assert (await world.client.get(PATH, headers=bearer(first["token"]))).status == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[", 400),
        (b"[]", 422),
        (b'{"token": 5}', 422),
        (b'{"token": "' + b"x" * 5_000 + b'"}', 422),
        (b'{"locale": "<script>"}', 422),
        (b'{"page": ["a"]}', 422),
        (b"\xff\xfe", 400),
        (b'{"page": "' + b"x" * 70_000 + b'"}', 413),
        (b'{"page": "\\ud800", "more": 1}', 422),
        (b'{"page": "a", "more": 1}', 200),
    ],
)
async def test_what_is_no_session_request_is_refused(world: World, body: bytes, status: int) -> None:
    headers = {"Origin": SHOP, "Content-Type": "application/json"}
    assert (await world.client.post(SESSION, data=body, headers=headers)).status == status


# Who may


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (SHOP, True),
        (None, False),
        ("null", False),
        ("https://evil.example", False),
        ("https://shop.example.evil.example", False),
        ("https://shop.example@evil.example", False),
        ("http://[", False),
        ("file://", False),
    ],
)
async def test_only_pages_that_the_owner_names_get_a_session(world: World, origin: str | None, allowed: bool) -> None:
    headers = {} if origin is None else {"Origin": origin}
    response = await world.client.post(SESSION, json={}, headers=headers)

    assert response.status == (200 if allowed else 403)
    assert response.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert response.headers["Vary"] == "Origin"


async def test_a_browser_is_told_which_pages_may_call(world: World) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    for path in (SESSION, PATH, "/webhooks/widget/files"):
        good = await world.client.options(path, headers={"Origin": SHOP, **asked})
        assert (good.status, good.headers["Access-Control-Allow-Origin"]) == (204, SHOP)
        assert "Authorization" in good.headers["Access-Control-Allow-Headers"]
        bad = await world.client.options(path, headers={"Origin": "https://evil.example", **asked})
        assert (bad.status, bad.headers.get("Access-Control-Allow-Origin")) == (405, None)


async def test_errors_can_be_read_by_a_page_that_may(world: World) -> None:
    response = await world.client.get(PATH, headers={"Origin": SHOP})
    assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (401, SHOP)


async def test_a_page_that_may_not_cannot_use_a_token_either(world: World, token: str) -> None:
    evil = bearer(token, Origin="https://evil.example")
    assert (await world.client.get(PATH, headers=evil)).status == 403
    assert (await world.client.post(PATH, json={"frames": []}, headers=evil)).status == 403
    renewed = await world.client.post(SESSION, json={"token": token}, headers={"Origin": "https://evil.example"})
    assert renewed.status == 403


def forged(**changed: Any) -> dict[str, Any]:
    claims = {"sub": "a" * 32, "iat": 1_700_000_000, "exp": 1_800_000_000, "aud": "widget", **changed}
    return {name: value for name, value in claims.items() if value is not ...}


def signed(claims: dict[str, Any], key: str = SECRET, algorithm: str = "HS256") -> str:
    """As PyJWT signs it, without what it checks before."""
    header = {"alg": algorithm, "typ": "JWT"}
    return jwt.PyJWS().encode(json.dumps(claims).encode(), key, algorithm=algorithm, headers=header)


async def test_a_forged_token_opens_nothing(world: World) -> None:
    good = signed(forged())
    assert (await world.client.get(PATH, headers=bearer(good))).status == 200
    head, body, signature = good.split(".")
    none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"  # {"alg":"none","typ":"JWT"}
    forgeries = {
        "another key": signed(forged(), "another secret, of more than 32 characters, and no less random"),
        "another algorithm": signed(forged(), SECRET, "HS512"),
        "none": f"{none}.{body}.",
        "none with a signature": f"{none}.{body}.{signature}",
        "no signature": f"{head}.{body}.",
        "signature cut": good[:-4],
        "body changed": f"{head}.{body[:-2]}AA.{signature}",
        "another audience": signed(forged(aud="admin")),
        "several audiences": signed(forged(aud=["x", "y"])),
        "no audience": signed(forged(aud=...)),
        "no end": signed(forged(exp=...)),
        "ended": signed(forged(exp=1_600_000_000)),
        "end as text": signed(forged(exp="1800000000")),
        "endless": signed(forged(exp=1e308)),
        "end is no number": signed(forged(exp=None)),
        "not yet": signed(forged(nbf=9_999_999_999)),
        "nobody's": signed(forged(sub=...)),
        "a short name": signed(forged(sub="ann")),
        "another's conversation": signed(forged(sub="a" * 32 + ":rest")),
        "a number": signed(forged(sub=5)),
        "upper case": signed(forged(sub="A" * 32)),
        "empty": "",
        "huge": "a" * 7_000,
        "dots": "." * 100,
    }
    for name, token in forgeries.items():
        for headers in (bearer(token), {"Authorization": token}):
            assert (await world.client.get(PATH, headers=headers)).status == 401, name
        assert (await world.client.post(PATH, json={"frames": []}, headers=bearer(token))).status == 401, name
    two = [("Authorization", f"Bearer {good}"), ("Authorization", f"Bearer {good}")]
    assert (await world.client.get(PATH, headers=two)).status == 401
    assert (await world.client.get(f"{PATH}?token={good}")).status == 401


# Frames


async def test_a_conversation_goes_over_requests_alone(world: World, token: str) -> None:
    assert await post(world, token, {"type": "message", "id": "m1", "text": "hello"}, {"type": "ping"}) == [
        {"type": "ack", "id": "m1"},
        {"type": "pong"},
    ]
    told = await answered(world, token, 2)
    assert list(texts(told)) == [("user", "hello"), ("bot", "Hello friend!")]

    assert await post(world, token, {"type": "message", "id": "m1", "text": "hello"}) == [
        {"type": "ack", "id": "m1", "duplicate": True}
    ]
    await post(world, token, {"type": "message", "id": "m2", "text": "where is it"})
    assert list(texts(await answered(world, token, 5)))[2] == ("user", "where is it")


async def test_an_answer_begins_with_how_things_stand(world: World, token: str) -> None:
    (welcome,) = await fetch(world, token)
    assert (welcome["type"], welcome["seq"], welcome["state"]) == ("welcome", 0, {"who": "bot", "open": True})
    await post(world, token, {"type": "message", "id": "m1", "text": "hello"})
    told = await answered(world, token, 2)

    again = await fetch(world, token, told[-1]["seq"], begun=str(told[0]["at"]))
    assert [frame["type"] for frame in again] == ["welcome"]
    anew = await fetch(world, token, told[-1]["seq"], begun="1.5")
    assert anew[0]["reset"] is True
    assert [frame["type"] for frame in anew] == ["welcome", "event", "event"]


async def test_a_request_waits_until_there_is_something_new(world: World, token: str) -> None:
    waiting = asyncio.create_task(fetch(world, token, wait=20))
    await until(lambda: bool(world.widget._lines.conversations))
    assert not waiting.done()

    await post(world, token, {"type": "message", "id": "m1", "text": "hello"})

    told = await waiting
    assert told[0]["type"] == "welcome"
    assert any(frame["type"] in ("event", "typing") for frame in told)


async def test_a_request_that_waits_is_let_go_when_its_time_is_over(world: World, token: str) -> None:
    assert [frame["type"] for frame in await fetch(world, token, wait=0.05)] == ["welcome"]
    assert world.widget._lines.conversations == []


async def test_a_request_that_waits_is_let_go_when_the_server_ends(world: World, token: str) -> None:
    waiting = asyncio.create_task(fetch(world, token, wait=20))
    await until(lambda: bool(world.widget._lines.conversations))

    world.widget.stop()

    assert (await waiting)[-1] == {"type": "bye", "reason": "restart"}


async def test_both_ways_lead_to_the_same_conversation(world: World, token: str) -> None:
    async with page_of(world.client, token) as page:
        await post(world, token, {"type": "message", "id": "m1", "text": "hello"})
        by_socket = [await page.next("event") for _ in range(2)]
    assert await answered(world, token, 2) == by_socket


async def test_a_frame_that_cannot_be_taken_does_not_spoil_the_others(world: World, token: str) -> None:
    replies = await post(
        world,
        token,
        {"type": "dance", "id": "d1"},
        {"type": "message", "id": "m1", "text": "hello"},
        {"type": "message", "id": "m2", "text": ""},
        {"type": "hello", "token": token},
    )

    assert [(reply["type"], reply.get("id"), reply.get("code")) for reply in replies] == [
        ("error", "d1", "UnknownType"),
        ("ack", "m1", None),
        ("error", "m2", "Empty"),
        ("error", None, "InvalidField"),
    ]


async def test_the_pace_is_one_for_all_ways_of_a_session(world: World, token: str) -> None:
    for _ in range(2):
        replies = await post(world, token, *[{"type": "ping"}] * MAX_FRAMES)
    assert [reply.get("code") for reply in replies][-10:] == ["TooFast"] * 10
    other = (await session_of(world.client))["token"]
    assert await post(world, other, {"type": "ping"}) == [{"type": "pong"}]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{}", 422),
        (b'{"frames": {}}', 422),
        (b'{"frames": ["a"]}', 422),
        (b'{"frames": [null]}', 422),
        (json.dumps({"frames": [{"type": "ping"}] * (MAX_FRAMES + 1)}).encode(), 422),
        (b'{"frames": [' + b"[" * 20_000, 400),
        (b'{"frames": [{"type": "ping", "a": NaN}]}', 400),
        (b'{"frames": [{"a": "' + b"x" * 70_000 + b'"}]}', 413),
    ],
)
async def test_a_body_that_cannot_be_taken_is_refused(world: World, token: str, body: bytes, status: int) -> None:
    headers = bearer(token, **{"Content-Type": "application/json"})
    assert (await world.client.post(PATH, data=body, headers=headers)).status == status


@pytest.mark.parametrize("content_type", ["text/html", "multipart/form-data; boundary=x", "application/xml"])
async def test_a_body_of_another_type_is_refused(world: World, token: str, content_type: str) -> None:
    headers = bearer(token, **{"Content-Type": content_type})
    assert (await world.client.post(PATH, data=b"{}", headers=headers)).status == 415


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=9e99", "after=nan", "wait=26", "wait=-1", "begun=x"])
async def test_a_query_that_makes_no_sense_is_refused(world: World, token: str, query: str) -> None:
    assert (await world.client.get(f"{PATH}?{query}", headers=bearer(token))).status == 400


async def test_the_channel_says_that_it_is_there(world: World) -> None:
    response = await world.client.get("/webhooks/widget/")
    assert (response.status, await response.json()) == (200, {"status": "ok"})
    assert origin_of(world.client).startswith("http://")
