"""The review in a real browser: fifty messages by keyboard alone, for everyone, and for nobody without a token."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from data_folders import linked
from e2e_review import TOKENS, Reviewer, ReviewSite, messages, reviewer
from e2e_visitor import MANNERS, Visit
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGES = ("review", "review/clusters", "review/history", "review/disagreements")
OPEN = re.compile(r"/|/version|/health|/ready|/chat|/widget\.js|/sign-in|/pages/\{name\}|/webhooks/.*")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site(trained_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ReviewSite]:
    """A bot that knows little of what it was asked."""
    site = ReviewSite(linked(trained_dir, tmp_path_factory.mktemp("review") / "data"), Path())
    await site.start()
    try:
        await site.hear(messages())
        yield site
    finally:
        await site.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def quarrel(site: ReviewSite) -> None:
    """Two people who do not agree."""
    await site.have_two_disagree()


async def test_fifty_messages_are_reviewed_by_keyboard_alone(visit: Visit, site: ReviewSite) -> None:
    anna = await reviewer(visit, site, "reviewer")
    seen = []
    for number in range(50):
        seen.append(await anna.message.text_content())
        match number % 7:
            case 0 | 4:
                await anna.press("x")
            case 1:
                await anna.press("1")
            case 2:
                await anna.write("i", "track")
                await expect(anna.kept).to_contain_text("Intent: ")
            case 3:
                await anna.write("n", f"wants_thing_{number}")
                await expect(anna.kept).to_contain_text(f"New intent: wants_thing_{number}")
            case 5:
                await anna.write("a", "We only sell *bowls*.", end="Control+Enter")
                await expect(anna.kept).to_contain_text("Answer: We only sell *bowls*.")
            case 6:
                before = await anna.message.text_content()
                await anna.keys.press("p")
                await anna.keys.insert_text("which cards do you accept")
                await expect(anna.page.locator("#pairs button").first).to_be_visible()
                await anna.keys.press("Enter")
                await anna.comes_after(before)
                await expect(anna.kept).to_contain_text("Past answer to: ")
    assert len(set(seen)) == 50
    await anna.picture("fifty-reviewed")
    assert anna.visitor.wrong == []
    await anna.page.goto(f"{site.origin}/review/history?who=reviewer")
    await expect(anna.page.locator("tbody tr")).to_have_count(50)  # a page of them


async def test_what_was_kept_last_is_taken_back_by_a_key_and_the_queue_is_walked(
    visit: Visit, site: ReviewSite
) -> None:
    anna = await reviewer(visit, site, "admin")
    first = await anna.message.text_content()
    await anna.press("j")
    second = await anna.message.text_content()
    await anna.press("k")
    await expect(anna.message).to_have_text(first or "")
    await anna.press("x")
    await expect(anna.message).to_have_text(second or "")
    await expect(anna.page.get_by_role("status")).to_contain_text(["Kept. Nothing to be learned"])
    await anna.press("u")
    await expect(anna.message).to_have_text(first or "")
    await anna.keys.press("?")
    await expect(anna.page.get_by_role("dialog", name="Keys")).to_be_visible()
    await anna.keys.press("Escape")
    await anna.keys.press("n")
    await anna.keys.insert_text("xjk")  # in a field keys are letters
    await anna.keys.press("Escape")
    await expect(anna.page.locator("#item")).to_be_focused()
    await expect(anna.message).to_have_text(first or "")
    await anna.keys.press("n")
    await anna.keys.insert_text("two words")
    await anna.keys.press("Enter")
    await expect(anna.page.get_by_role("alert")).to_contain_text("An intent cannot be called")
    await expect(anna.message).to_have_text(first or "")


@pytest.mark.parametrize(
    ("manner", "tried"),
    [("light", ("sign-in", *PAGES)), ("dark", ("review", "review/disagreements")), ("phone", ("review",))],
)
async def test_axe_finds_nothing_wrong(
    visit: Visit, site: ReviewSite, quarrel: None, manner: str, tried: tuple[str, ...]
) -> None:
    anna = await visit(f"{site.origin}/sign-in", **MANNERS[manner])
    look, found = Reviewer(anna), []
    for page in ("sign-in", *PAGES):
        if page != "sign-in":
            await anna.page.goto(f"{site.origin}/{page}")
        await look.picture(f"{page.replace('/', '-')}-{manner}")
        if page in tried:
            found += await look.violations()
        if await anna.page.evaluate("() => document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{page} is wider than the window")
        if page == "sign-in":
            await look.enter("reviewer")
    assert found == []
    assert anna.wrong == []


async def test_hostile_words_do_nothing(visit: Visit, site: ReviewSite) -> None:
    anna = await reviewer(visit, site, "viewer")
    for path in ("review/history", "review"):
        await anna.page.goto(f"{site.origin}/{path}")
        assert await anna.page.evaluate("() => window.ran") is None
    while await anna.page.locator("a[data-key=j]").count():
        await anna.press("j")
        assert await anna.page.evaluate("() => window.ran") is None
        assert await anna.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert anna.visitor.wrong == []


async def test_a_viewer_changes_nothing(visit: Visit, site: ReviewSite) -> None:
    bob = await reviewer(visit, site, "viewer")
    for page in PAGES:
        await bob.page.goto(f"{site.origin}/{page}")
        assert await bob.page.locator("main button:not([type=button]):not(dialog button)").count() == 0
        assert await bob.page.locator("main form:not(dialog form)").count() == 0
    await bob.page.goto(f"{site.origin}/review")
    before = await bob.message.text_content()
    for key in ("x", "r", "1", "u"):
        await bob.keys.press(key)
    await expect(bob.message).to_have_text(before or "")
    csrf = await bob.page.locator("input[name=csrf]").first.input_value()
    for path in ("label", "undo", "clusters", "disagreements"):
        forged = {"csrf": csrf, "say": "ignore:", "turn": "x", "labels": "1", "label": "1", "cluster": "x"}
        answer = await bob.page.request.post(f"{site.origin}/review/{path}", form=forged)
        assert answer.status == 403


async def test_nobody_without_a_token_sees_anything(site: ReviewSite) -> None:
    routes = {(one.method, one.resource.canonical) for one in site.app.router.routes() if one.resource is not None}
    shut = sorted((method, path) for method, path in routes if not OPEN.fullmatch(path) and method != "HEAD")
    assert {("GET", f"/{page}") for page in PAGES} < set(shut)
    async with aiohttp.ClientSession(site.origin) as stranger:
        for method, path in shut:
            address = re.sub(r"\{\w+\}", "ann.1", path)
            async with stranger.request(method, address, allow_redirects=False) as answer:
                is_led_away = answer.status == 303 and answer.headers["Location"].startswith("/sign-in?")
                says_who_it_is_later = path == "/handoff/ws"  # in the first frame, once it is a WebSocket
                assert is_led_away or says_who_it_is_later or answer.status in (401, 403), (method, path)
                assert "Mars" not in await answer.text()
        async with stranger.post("/sign-in", data={"token": TOKENS["viewer"][:-1]}) as answer:
            assert answer.status == 401


async def test_without_scripts_the_forms_do_the_same(visit: Visit, site: ReviewSite) -> None:
    anna = await reviewer(visit, site, "admin", java_script_enabled=False)
    first = await anna.message.text_content()
    await anna.page.locator("#intent").fill("track")
    await anna.page.get_by_role("button", name="Take", exact=True).click()
    await expect(anna.kept).to_contain_text("Intent: ")
    await expect(anna.message).not_to_have_text(first or "")
    await anna.page.get_by_role("button", name="Undo").click()
    await expect(anna.message).to_have_text(first or "")
    await anna.page.locator("#pair").fill("which cards do you accept")
    await anna.page.get_by_role("button", name="Search").click()
    await anna.page.locator("#pairs button").first.click()
    await expect(anna.kept).to_contain_text("Past answer to: ")
    await anna.page.get_by_role("button", name="Undo").click()
    await expect(anna.message).to_have_text(first or "")
