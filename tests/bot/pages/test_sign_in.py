"""Signing in and out, and what a page answers to whoever may not see it or has not sent a form of ours."""

import hashlib
from pathlib import Path
from typing import Any

import jwt
import pytest
from page_client import TOKENS, Connect, PageClient
from pydantic import SecretStr

from bot.pages import Role
from bot.pages.layout import HEADERS
from bot.pages.sign_in import own_path
from bot.pages.static_files import STATIC_FOLDERS, address_of, static_files

HTMX_SHA256 = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"  # htmx.org 2.0.11 as npm has it
OTHER_SITES: list[dict[str, str]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://["},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


async def test_a_token_opens_the_pages(connect: Connect) -> None:
    client = await connect(now=lambda: 1_800_000_000.0)
    answer = await client.post(
        "/sign-in", data={"token": f" {TOKENS[Role.VIEWER]} ", "next": "/told?a=1"}, allow_redirects=False
    )
    assert (answer.status, answer.headers["Location"]) == (303, "/told?a=1")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("kefu_pages=")
    for part in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"):
        assert part in cookie
    assert "Secure" not in cookie
    assert (await client.get("/told")).status == 200
    assert "viewer" in await (await client.get("/told")).text()


async def test_behind_tls_the_cookie_is_for_tls_alone(connect: Connect) -> None:
    client = await connect()
    answer = await client.post(
        "/sign-in",
        data={"token": TOKENS[Role.VIEWER]},
        headers={"X-Forwarded-Proto": "https"},
        allow_redirects=False,
    )
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-kefu_pages=")
    assert "Secure" in cookie
    value = cookie.split(";")[0].partition("=")[2]
    for name, status in (("__Host-kefu_pages", 200), ("kefu_pages", 303)):
        headers = {"X-Forwarded-Proto": "https", "Cookie": f"{name}={value}"}
        assert (await client.get("/told", headers=headers, allow_redirects=False)).status == status


@pytest.mark.parametrize("token", ["", "wrong", "\0", "<script>alert(1)</script>", "x" * 50_000])
async def test_another_token_opens_nothing(connect: Connect, token: str) -> None:
    client = await connect()
    answer = await client.post("/sign-in", data={"token": token}, allow_redirects=False)
    assert answer.status == 401
    assert "Set-Cookie" not in answer.headers
    text = await answer.text()
    assert "lets nobody in" in text
    assert "<script" not in text


async def test_whoever_has_not_signed_in_is_shown_the_way_and_nothing_else(connect: Connect) -> None:
    client = await connect()
    answer = await client.get("/told?a=b&c=/d", allow_redirects=False)
    assert (answer.status, await answer.read()) == (303, b"")
    assert answer.headers["Location"] == "/sign-in?next=%2Ftold%3Fa%3Db%26c%3D%2Fd"
    assert (await client.post("/changed", data={"value": "x"})).status == 401
    part = await client.get("/told", headers={"HX-Request": "true"}, allow_redirects=False)
    assert (part.status, part.headers["HX-Redirect"]) == (401, "/sign-in")


async def test_a_session_ends_by_the_clock_and_by_signing_out(connect: Connect) -> None:
    at = [1_800_000_000.0]
    client = await connect(now=lambda: at[0])
    await client.enter(Role.VIEWER)
    csrf = await client.token_of_forms()
    at[0] += 12 * 3600 - 1
    assert (await client.get("/told", allow_redirects=False)).status == 200
    at[0] += 1
    assert (await client.get("/told", allow_redirects=False)).status == 303
    at[0] -= 1
    left = await client.post("/sign-out", data={"csrf": csrf}, allow_redirects=False)
    assert (left.status, left.headers["Location"]) == (303, "/sign-in")
    assert (await client.get("/told", allow_redirects=False)).status == 303


async def test_a_signed_token_of_the_api_opens_the_pages(connect: Connect) -> None:
    secret = "a secret that is long enough for SHA-256"  # noqa: S105
    client = await connect(jwt_secret=SecretStr(secret))
    token = jwt.encode({"user": {"username": "mia", "role": "reviewer"}, "exp": 4e9}, secret, algorithm="HS256")
    assert (await client.post("/sign-in", data={"token": token}, allow_redirects=False)).status == 303
    assert "mia" in await (await client.get("/told")).text()


async def change(client: PageClient, csrf: str | None, **headers: str) -> tuple[int, str]:
    data = {"value": "done"} if csrf is None else {"value": "done", "csrf": csrf}
    answer = await client.post("/changed", data=data, headers=headers)
    return answer.status, await answer.text()


async def test_a_reviewer_changes_and_a_viewer_does_not(connect: Connect) -> None:
    client = await connect()
    for role, status in ((Role.VIEWER, 403), (Role.REVIEWER, 200), (Role.ADMIN, 200)):
        assert await client.enter(role) == 303
        got, text = await change(client, await client.token_of_forms())
        assert got == status
        assert (text == f"{role.word} done") is (status == 200)


async def test_a_form_must_be_of_this_session(connect: Connect) -> None:
    client = await connect()
    await client.enter(Role.REVIEWER)
    earlier = await client.token_of_forms()
    await client.enter(Role.REVIEWER)
    for forged in (None, "", "x", earlier, "\0"):
        status, text = await change(client, forged)
        assert (status, "another session" in text) == (403, True)
    assert (await change(client, await client.token_of_forms()))[0] == 200


@pytest.mark.parametrize("headers", OTHER_SITES)
async def test_no_page_of_another_site_can_send_a_form(connect: Connect, headers: dict[str, str]) -> None:
    client = await connect()
    await client.enter(Role.ADMIN)
    assert (await change(client, await client.token_of_forms(), **headers))[0] == 403
    assert await client.enter(Role.ADMIN, **headers) == 403


@pytest.mark.parametrize(
    "headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": "own"}]
)
async def test_a_page_of_this_site_can(connect: Connect, headers: dict[str, str]) -> None:
    client = await connect()
    given = {name: str(client.make_url("/").origin()) if value == "own" else value for name, value in headers.items()}
    await client.enter(Role.ADMIN)
    assert (await change(client, await client.token_of_forms(), **given))[0] == 200


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"a", "multipart/form-data; boundary=x", 415),
        (b"\xff=%ff", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a=b" for _ in range(60)), "application/x-www-form-urlencoded", 400),
        (b"a=" + b"x" * 140_000, "application/x-www-form-urlencoded", 413),
        (b"", "application/x-www-form-urlencoded", 403),
    ],
)
async def test_what_is_no_form_is_refused_as_a_page(connect: Connect, body: bytes, kind: str, status: int) -> None:
    client = await connect()
    await client.enter(Role.ADMIN)
    answer = await client.post("/changed", data=body, headers={"Content-Type": kind})
    assert (answer.status, answer.content_type) == (status, "text/html")


async def test_without_people_and_secrets_only_this_machine_sees_anything(connect: Connect) -> None:
    client = await connect(people=None)
    assert "local" in await (await client.get("/told")).text()
    assert (await change(client, None))[0] == 403
    assert (await change(client, await client.token_of_forms()))[0] == 200
    assert (await client.get("/sign-in", allow_redirects=False)).headers["Location"] == "/review"
    for headers in ({"Host": "rebound.example"}, {"X-Forwarded-For": "1.2.3.4"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await client.get("/told", headers=headers, allow_redirects=False)).status == 403
        assert (await client.get("/sign-in", headers=headers, allow_redirects=False)).status == 403


@pytest.mark.parametrize("settings", [{"enable_api": False}, {"host": "0.0.0.0", "enable_api": False}])  # noqa: S104
async def test_with_the_api_off_and_nobody_named_the_pages_are_shut(connect: Connect, settings: dict[str, Any]) -> None:
    client = await connect(people=None, **settings)
    assert (await client.get("/told", allow_redirects=False)).status == 303
    page = await (await client.get("/sign-in")).text()
    assert "KEFU_PEOPLE" in page
    assert "<form" not in page
    assert (await client.post("/sign-in", data={"token": ""})).status == 401


async def test_every_page_says_what_it_may_hold(connect: Connect) -> None:
    client = await connect()
    await client.enter(Role.VIEWER)
    stranger = await connect()
    for answer in (await client.get("/told"), await stranger.get("/sign-in"), await client.post("/changed")):
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert HEADERS["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/review", "/review"),
        ("/review/item?kind=uncertain&page=2", "/review/item?kind=uncertain&page=2"),
        ("", "/review"),
        ("//evil.example", "/review"),
        ("/\\evil.example", "/review"),
        ("https://evil.example", "/review"),
        ("javascript:alert(1)", "/review"),
        ("/a\r\nSet-Cookie: x=y", "/review"),
        ("/sign-out", "/review"),
        ("/sign-in?next=/sign-in", "/review"),
    ],
)
def test_one_is_led_to_a_page_of_this_server_only(given: str, path: str) -> None:
    assert own_path(given) == path


async def test_the_files_are_kept_by_browsers_until_they_change(connect: Connect) -> None:
    client = await connect()
    assert {"pages.css", "icon.svg", "vendor/htmx.min.js"} <= set(static_files())
    for name, file in static_files().items():
        answer = await client.get(address_of(name))
        assert (answer.status, answer.content_type) == (200, file.kind.split(";")[0])
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        again = await client.get(address_of(name), headers={"If-None-Match": f'"{file.etag}"'})
        assert again.status == 304


@pytest.mark.parametrize(
    "name", ["../people.py", "..%2Fpeople.py", "vendor/htmx.LICENSE", "nothing.css", "%2e%2e/app.py"]
)
async def test_no_other_file_is_sent(connect: Connect, name: str) -> None:
    assert (await (await connect()).get(f"/pages/{name}")).status == 404


def test_htmx_is_what_its_makers_have_published() -> None:
    folder = STATIC_FOLDERS[0] / "vendor"
    assert hashlib.sha256((folder / "htmx.min.js").read_bytes()).hexdigest() == HTMX_SHA256
    assert (folder / "htmx.LICENSE").read_text("utf-8").startswith("Zero-Clause BSD")


def test_no_template_has_a_script_or_a_style_inside() -> None:
    for path in sorted(Path(STATIC_FOLDERS[0]).parent.joinpath("templates").rglob("*.html")):
        text = path.read_text("utf-8")
        for forbidden in (
            " style=",
            "<style",
            " onclick=",
            " onload=",
            "hx-on",
            "|safe",
            "javascript:",
            "http://",
            "https://",
        ):
            assert forbidden not in text, f"{path.name} holds {forbidden}"
        assert text.count("<script") == text.count('<script src="{{ asset(')
