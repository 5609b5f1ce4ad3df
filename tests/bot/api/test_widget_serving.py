"""The widget's files as browsers fetch them: from where, how long they are kept, and how large they are."""

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.api.widget_files import FOLDER, FOR_GOOD, WidgetFiles

MAX_ZIPPED_BYTES = 40_000


@pytest.fixture
async def browser() -> AsyncIterator[TestClient]:
    app = web.Application()
    app.add_routes(WidgetFiles().routes())
    async with TestClient(TestServer(app), auto_decompress=False) as client:
        yield client


async def modules_of(browser: TestClient) -> list[str]:
    text = await (await browser.get("/widget.js", headers={"Accept-Encoding": "identity"})).text()
    return [f"/{path}" for path in re.findall(r'"\./(widget/[0-9a-f]{16}/\w+\.js)"', text)]


async def test_the_script_names_every_module_so_that_all_are_fetched_at_once(browser: TestClient) -> None:
    named = [path.rpartition("/")[2] for path in await modules_of(browser)]
    assert sorted([*named, "widget.js"]) == sorted(path.name for path in FOLDER.glob("*.js"))


async def test_modules_are_kept_for_good_and_the_script_for_minutes(browser: TestClient) -> None:
    script = await browser.get("/widget.js")
    assert script.headers["Cache-Control"] == "public, max-age=300"
    for path in await modules_of(browser):
        module = await browser.get(path)
        assert module.headers["Cache-Control"] == FOR_GOOD == "public, max-age=31536000, immutable"


async def test_what_a_browser_has_is_not_sent_again(browser: TestClient) -> None:
    for path in ("/widget.js", "/chat", (await modules_of(browser))[0]):
        first = await browser.get(path)
        again = await browser.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status, await again.read()) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
        assert (await browser.get(path, headers={"If-None-Match": '"another"'})).status == 200


async def test_files_are_compressed_for_who_can_read_that(browser: TestClient) -> None:
    for path in ("/widget.js", "/chat", (await modules_of(browser))[0]):
        zipped = await browser.get(path, headers={"Accept-Encoding": "gzip, br"})
        plain = await browser.get(path, headers={"Accept-Encoding": "identity"})
        assert zipped.headers["Content-Encoding"] == "gzip"
        assert "Content-Encoding" not in plain.headers
        assert gzip.decompress(await zipped.read()) == await plain.read()
        assert zipped.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"


async def test_pages_of_any_origin_may_load_the_script_but_not_the_page(browser: TestClient) -> None:
    for path in ("/widget.js", *await modules_of(browser)):
        response = await browser.get(path, headers={"Origin": "https://shop.example"})
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.content_type == "text/javascript"
    page = await browser.get("/chat", headers={"Origin": "https://shop.example"})
    assert "Access-Control-Allow-Origin" not in page.headers


async def test_the_pages_policy_allows_its_own_scripts_alone(browser: TestClient) -> None:
    policy = (await browser.get("/chat")).headers["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["connect-src"] == "'self'"
    assert "style-src" not in rules, "no style sheet is fetched, and none stands in the page"
    assert rules["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in policy


async def test_a_module_of_another_version_is_todays_and_not_kept(browser: TestClient) -> None:
    today = (await modules_of(browser))[0]
    old = await browser.get(re.sub("[0-9a-f]{16}", "0" * 16, today))
    assert old.headers["Cache-Control"] == "no-cache"
    assert await old.read() == await (await browser.get(today)).read()


@pytest.mark.parametrize("name", ["widget.js", "chat.html", "nothing.js", "..%2Fwidget.js", "%2e%2e%2fapp.py"])
async def test_what_is_no_module_is_not_sent(browser: TestClient, name: str) -> None:
    assert (await browser.get(f"/widget/{WidgetFiles().version}/{name}")).status == 404


def test_the_version_differs_where_a_module_does(tmp_path: Path) -> None:
    for name, text in {"widget.js": 'import "./widget/a.js";', "a.js": "1", "chat.html": "x"}.items():
        (tmp_path / name).write_text(text)
    before = WidgetFiles(tmp_path)
    (tmp_path / "a.js").write_text("2")
    after = WidgetFiles(tmp_path)
    assert before.version != after.version
    assert before.entry.etag != after.entry.etag
    assert after.entry.raw == f'import "./widget/{after.version}/a.js";'.encode()


def test_all_files_together_are_small() -> None:
    files = WidgetFiles()
    sizes = [len(file.zipped) for file in (files.entry, *files.modules.values())]
    assert sum(sizes) < MAX_ZIPPED_BYTES


def test_the_source_holds_nothing_that_a_strict_policy_forbids() -> None:
    for path in FOLDER.iterdir():
        text = path.read_text("utf-8")
        for forbidden in (
            ".innerHTML = `",
            "insertAdjacentHTML",
            "outerHTML",
            "eval(",
            "new Function",
            'setAttribute("style"',
        ):
            assert forbidden not in text, path.name
        assert not re.search(r"https?://(?!www\.w3\.org|bot\.example)[a-z]", text), f"{path.name} names another host"
        assert text.count("innerHTML") == (path.name == "safe_html.js"), path.name
