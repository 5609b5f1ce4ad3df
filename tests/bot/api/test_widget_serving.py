"""The widget's files as browsers fetch them: from where, how long they are kept, and how large they are."""

import gzip
import re
from collections.abc import AsyncIterator
from graphlib import CycleError
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.api.joined_modules import joined
from bot.api.widget_files import FOLDER, WidgetFiles

MAX_ZIPPED_BYTES = 40_000
PATHS = ("/widget.js", "/chat")


@pytest.fixture
async def browser() -> AsyncIterator[TestClient]:
    app = web.Application()
    app.add_routes(WidgetFiles().routes())
    async with TestClient(TestServer(app), auto_decompress=False) as client:
        yield client


async def test_the_script_is_kept_for_minutes_and_asked_for_meanwhile(browser: TestClient) -> None:
    script, page = await browser.get("/widget.js"), await browser.get("/chat")
    assert script.headers["Cache-Control"] == "public, max-age=300, stale-while-revalidate=604800"
    assert page.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", PATHS)
async def test_what_a_browser_has_is_not_sent_again(browser: TestClient, path: str) -> None:
    first = await browser.get(path)
    again = await browser.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, await again.read()) == (304, b"")
    assert {name: again.headers[name] for name in ("ETag", "Cache-Control", "Vary")} == {
        name: first.headers[name] for name in ("ETag", "Cache-Control", "Vary")
    }
    assert (await browser.get(path, headers={"If-None-Match": '"another"'})).status == 200


@pytest.mark.parametrize("path", PATHS)
async def test_files_are_compressed_for_who_can_read_that(browser: TestClient, path: str) -> None:
    zipped = await browser.get(path, headers={"Accept-Encoding": "gzip, br"})
    plain = await browser.get(path, headers={"Accept-Encoding": "identity"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(await zipped.read()) == await plain.read()
    assert zipped.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"


async def test_pages_of_any_origin_may_load_the_script_but_not_the_page(browser: TestClient) -> None:
    script = await browser.get("/widget.js", headers={"Origin": "https://shop.example"})
    assert script.headers["Access-Control-Allow-Origin"] == "*"
    assert script.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert script.headers["X-Content-Type-Options"] == "nosniff"
    assert script.content_type == "text/javascript"
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


def test_what_is_sent_changes_with_any_module(tmp_path: Path) -> None:
    texts = {"widget.js": 'import { a } from "./a.js";\n', "a.js": "export const a = 1;\n", "chat.html": "x"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    before = WidgetFiles(tmp_path)
    (tmp_path / "a.js").write_text("export const a = 2;\n")
    after = WidgetFiles(tmp_path)
    assert before.script.etag != after.script.etag
    assert before.page.etag == after.page.etag


def test_the_script_is_small() -> None:
    assert len(WidgetFiles().script.zipped) < MAX_ZIPPED_BYTES


def test_the_source_holds_nothing_that_a_strict_policy_forbids() -> None:
    for path in FOLDER.iterdir():
        text = path.read_text("utf-8")
        for forbidden in ("insertAdjacentHTML", "outerHTML", "eval(", "new Function", 'setAttribute("style"'):
            assert forbidden not in text, path.name
        assert not re.search(r"https?://(?!www\.w3\.org|bot\.example)[a-z]", text), f"{path.name} names another host"
        assert text.count("innerHTML") == (path.name == "safe_html.js"), path.name


def test_modules_become_one_script_in_which_each_keeps_its_names() -> None:
    modules = {
        "entry": 'import { b, C } from "./b.js";\nb(C);\n',
        "b": 'import {\n  a,\n} from "./a.js";\nconst own = 1;\nexport function b() {}\nexport class C {}\n',
        "a": "const own = 2;\nexport const a = own;\nexport async function unused() {}\n",
    }
    assert joined(modules, "entry").split("\n\n") == [
        "const $a = (() => {\nconst own = 2;\nconst a = own;\nasync function unused() {}\nreturn { a, unused };\n})();",
        "const $b = (() => {\nconst {\n  a,\n} = $a;\nconst own = 1;\n"
        "function b() {}\nclass C {}\nreturn { b, C };\n})();",
        "const { b, C } = $b;\nb(C);\n",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('import * as a from "./a.js";\n', "cannot join"),
        ('import a from "./a.js";\n', "cannot join"),
        ('import { a } from "elsewhere";\n', "cannot join"),
        ("export default 1;\n", "cannot join"),
        ("export { a };\n", "cannot join"),
        ('import { a } from "./gone.js";\n', "no such module"),
    ],
)
def test_modules_that_are_written_in_another_way_are_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        joined({"entry": text, "a": ""}, "entry")


def test_modules_that_need_each_other_are_refused() -> None:
    with pytest.raises(CycleError):
        joined({"a": 'import { b } from "./b.js";', "b": 'import { a } from "./a.js";'}, "a")
