"""Files that customers send: which are taken, where they go, who may fetch them, and when they are gone."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, FormData
from widget_page import page_of, session_of, until
from widget_world import World, world_of

from bot.channels.widget.file_kinds import KINDS, LOOKED_AT_BYTES, kind_of
from bot.channels.widget.file_names import disposition, file_name
from bot.channels.widget.uploads import ADDRESS_LASTS_S, PATH

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
MAX_BYTES, MAX_FILES = 5_000, 3
Session = dict[str, Any]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    config = {"uploads": {"max_bytes": MAX_BYTES, "max_files": MAX_FILES}}
    async with world_of(tmp_path, config) as world:
        yield world


@pytest.fixture
async def session(world: World) -> Session:
    return await session_of(world.client)


async def send(
    world: World, session: Session, content: bytes, name: str = "a.png", field: str = "file"
) -> ClientResponse:
    form = FormData(quote_fields=False)
    form.add_field("note", "passed over")
    form.add_field(field, content, filename=name, content_type="text/html")
    return await world.client.post(PATH, data=form, headers={"Authorization": f"Bearer {session['token']}"})


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "uploads").rglob("*") if path.is_file())


async def test_a_file_is_sent_shown_and_fetched(world: World, session: Session) -> None:
    sent = await send(world, session, PNG, "../../my \u202egnp.exe")
    assert sent.status == 201
    about = await sent.json()
    assert {**about, "id": ""} == {"id": "", "name": "my gnp.png", "bytes": len(PNG), "mime": "image/png"}

    async with page_of(world.client, session["token"]) as page:
        await page.send(type="message", id="m1", text="", file=about["id"])
        assert await page.next("ack", "error") == {"type": "ack", "id": "m1"}
        event = await page.next("event")
    assert {**event["file"], "url": ""} == {"url": "", "name": "my gnp.png", "bytes": len(PNG), "mime": "image/png"}
    assert "text" not in event

    fetched = await world.client.get(event["file"]["url"])
    assert (fetched.status, await fetched.read()) == (200, PNG)
    expected = {
        "Content-Type": "image/png",
        "Content-Disposition": "attachment; filename*=UTF-8''my%20gnp.png",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    assert {name: fetched.headers[name] for name in expected} == expected


async def test_whoever_takes_over_is_told_of_the_file(world: World, session: Session) -> None:
    about = await (await send(world, session, PNG)).json()
    async with page_of(world.client, session["token"]) as page:
        await page.send(type="message", id="m1", text="look", file=about["id"])
        shown = await page.next("event")
    assert (shown["text"], "file" in shown) == ("look", True)

    events = await world.store.events(f"widget:{session['session']}")
    (media,) = next(event for event in events if event["event"] == "user")["metadata"]["media"]
    assert {**media, "url": ""} == {"kind": "image", **about, "url": ""}
    assert (await world.client.get(media["url"])).status == 200


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0" + b"x" * 600, "image/jpeg"),
        (b"GIF89a" + b"x" * 600, "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBP" + b"x", "image/webp"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"my order is late\r\n", "text/plain"),
        ("我的订单在哪里？".encode() * 100, "text/plain"),
        (SVG, None),
        (b"\xef\xbb\xbf  \n<html><script>alert(1)</script>", None),
        (b"<!DOCTYPE html>", None),
        (b"MZ\x90\x00" + b"\x00" * 100, None),
        (b"PK\x03\x04" + b"\x00" * 100, None),
        (b"RIFF\x00\x00\x00\x00AVI ", None),
        (b"", None),
        (b"caf\xe9", None),
        (b"a\x00b", None),
    ],
)
async def test_a_file_is_what_it_begins_with_whatever_it_is_called(
    world: World, session: Session, content: bytes, mime: str | None
) -> None:
    response = await send(world, session, content, "picture.png")

    if mime is None:
        assert response.status == 415
        assert files_in(world.widget.uploads._folder.parent) == []
    else:
        assert (response.status, (await response.json())["mime"]) == (201, mime)


async def test_an_owner_may_take_fewer_kinds(tmp_path: Path) -> None:
    async with world_of(tmp_path, {"uploads": {"types": ["pdf"]}}) as world:
        session = await session_of(world.client)
        assert (await send(world, session, PNG)).status == 415
        assert (await send(world, session, b"%PDF-1")).status == 201


async def test_the_size_is_limited_to_the_byte(world: World, session: Session) -> None:
    exact = b"a" * MAX_BYTES
    assert (await send(world, session, exact)).status == 201
    assert (await send(world, session, exact + b"a")).status == 413
    assert (await send(world, session, exact * 50)).status == 413
    assert len(files_in(world.widget.uploads._folder.parent)) == 2  # the file, and what is known of it


async def test_a_session_may_send_so_many_files_and_another_as_many(world: World, session: Session) -> None:
    for _ in range(MAX_FILES):
        assert (await send(world, session, PNG)).status == 201
    assert (await send(world, session, PNG)).status == 409
    assert (await send(world, await session_of(world.client), PNG)).status == 201


async def test_what_all_sessions_send_is_limited(world: World, session: Session) -> None:
    world.widget.uploads._max_total_bytes = 10
    assert (await send(world, session, PNG)).status == 201
    refused = await send(world, session, PNG)
    assert (refused.status, refused.headers["Retry-After"]) == (503, "3600")


async def test_where_files_are_not_taken_none_is(tmp_path: Path) -> None:
    async with world_of(tmp_path) as world:
        session = await session_of(world.client)
        assert session["settings"]["uploads"] is None
        assert (await send(world, session, PNG)).status == 404


async def test_a_file_needs_a_session(world: World, session: Session) -> None:
    assert (await send(world, {"token": "x"}, PNG)).status == 401
    form = FormData()
    form.add_field("file", PNG, filename="a.png")
    evil = {"Authorization": f"Bearer {session['token']}", "Origin": "https://evil.example"}
    assert (await world.client.post(PATH, data=form, headers=evil)).status == 403
    assert files_in(world.widget.uploads._folder.parent) == []


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{}", "application/json", 415),
        (b"x", "multipart/form-data", 400),
        (b"x", "multipart/form-data; boundary=b", 400),
        (b"--b\r\n\r\n", "multipart/form-data; boundary=b", 400),
        (b"--b--\r\n", "multipart/form-data; boundary=b", 400),
        (
            b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nno name\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
            400,
        ),
        (
            b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c--\r\n--b--\r\n",
            "multipart/form-data; boundary=b",
            400,
        ),
        (
            b"".join(b'--b\r\nContent-Disposition: form-data; name="n"\r\n\r\nx\r\n' for _ in range(200))
            + b"--b--\r\n",
            "multipart/form-data; boundary=b",
            400,
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="n"\r\n\r\n' + b"x" * 20_000,
            "multipart/form-data; boundary=b",
            413,
        ),
        (b"--b\r\nX: " + b"x" * 20_000, "multipart/form-data; boundary=b", 400),
    ],
)
async def test_what_is_no_form_with_a_file_is_refused(
    world: World, session: Session, body: bytes, content_type: str, status: int
) -> None:
    headers = {"Authorization": f"Bearer {session['token']}", "Content-Type": content_type}
    response = await world.client.post(PATH, data=body, headers=headers)

    assert response.status == status, await response.text()
    assert files_in(world.widget.uploads._folder.parent) == []


async def test_a_file_that_breaks_off_leaves_nothing(world: World, session: Session) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    reader, writer = await asyncio.open_connection(world.client.host, world.client.port)
    request = (
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {session['token']}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 4000\r\n\r\n"
    )
    writer.write(request.encode() + head + PNG)
    await writer.drain()
    folder = world.widget.uploads._folder.parent
    await until(lambda: bool(files_in(folder)))

    writer.transport.abort()

    await until(lambda: not files_in(folder))
    del reader


async def test_what_broke_off_long_ago_is_swept_away(world: World, session: Session) -> None:
    folder = world.widget.uploads._folder / ("0" * 32)
    folder.mkdir(parents=True)
    for name, age_s in (("old.part", 7_200), ("new.part", 60), ("kept", 10**7)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (world.clock.now - age_s, world.clock.now - age_s))

    await send(world, session, PNG)

    assert sorted(path.name for path in folder.iterdir()) == ["kept", "new.part"]


async def test_a_file_belongs_to_its_session(world: World, session: Session) -> None:
    about = await (await send(world, session, PNG)).json()
    async with page_of(world.client) as stranger:
        await stranger.send(type="message", id="m1", text="", file=about["id"])
        assert (await stranger.next("error", "ack"))["code"] == "UnknownFile"


async def test_an_address_that_the_server_has_not_made_opens_nothing(world: World, session: Session) -> None:
    one = await (await send(world, session, PNG)).json()
    two = await (await send(world, session, b"another")).json()
    uploads = world.widget.uploads
    good = uploads.address(one["id"])
    ends, _, signature = good.partition("?t=")[2].partition(".")
    wrong = [
        f"{PATH}/{one['id']}",
        f"{PATH}/{one['id']}?t=",
        f"{PATH}/{one['id']}?t={ends}.",
        f"{PATH}/{one['id']}?t={int(ends) + 1}.{signature}",
        f"{PATH}/{one['id']}?t={ends}.{signature.upper()}",
        f"{PATH}/{one['id']}?t={'9' * 400}.{signature}",
        f"{PATH}/{one['id']}?t=%D9%A3.{signature}",
        f"{PATH}/{two['id']}?t={ends}.{signature}",
        f"{PATH}/..%2F..%2Fwidget_secret?t={ends}.{signature}",
        good.replace(one["id"], "x"),
    ]
    for address in wrong:
        assert (await world.client.get(address)).status == 403, address
    assert (await world.client.get(good)).status == 200
    world.clock.now += ADDRESS_LASTS_S + 100
    assert (await world.client.get(good)).status == 403


async def test_erasing_a_conversation_removes_its_files_and_no_others(world: World, session: Session) -> None:
    other = await session_of(world.client)
    mine, theirs = [await (await send(world, one, PNG)).json() for one in (session, other)]

    await world.bot.dialogue.erase(f"widget:{session['session']}")
    await world.bot.dialogue.erase("rest:someone")

    uploads = world.widget.uploads
    assert (await world.client.get(uploads.address(mine["id"]))).status == 404
    assert (await world.client.get(uploads.address(theirs["id"]))).status == 200
    assert len(files_in(uploads._folder.parent)) == 2


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("invoice.pdf", "invoice.png"),
        ("invoice", "invoice.png"),
        ("", "file.png"),
        (".", "file.png"),
        ("..", "file.png"),
        (".htaccess", "htaccess.png"),
        ("/etc/passwd", "passwd.png"),
        ("C:\\a\\b.exe", "b.png"),
        ("a\r\nSet-Cookie: x.png", "aSet-Cookie_ x.png"),
        ("a\u202egnp.exe", "agnp.png"),
        ("订单.jpg", "订单.png"),
        ("x" * 300 + ".png", "x" * 80 + ".png"),
        ('a"b<c>.png', "a_b_c_.png"),
    ],
)
def test_a_name_is_made_plain_and_ends_as_its_kind_does(given: str, name: str) -> None:
    assert file_name(given, KINDS["png"]) == name
    assert disposition(name).isascii()
    assert "\r" not in disposition(name)


def test_a_character_that_is_cut_at_the_end_of_what_is_looked_at_is_still_text() -> None:
    for shift in range(4):
        text = (b"a" * shift + "😀".encode() * 200)[:LOOKED_AT_BYTES]
        assert kind_of(text) == KINDS["txt"]
    assert kind_of(b"a" * (LOOKED_AT_BYTES - 5) + b"\xff" * 5) is None
