"""For everyone: by keyboard, by screen reader, in the dark, on phones, from right to left, without motion."""

from typing import Any

import pytest
from e2e_servers import BotSite, ScriptedBot, Shop
from e2e_visitor import MANNERS, PHONE, Visit, Visitor
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def talking(visit: Visit, address: str, **options: Any) -> Visitor:
    ann = await visit(address, **options)
    await ann.open()
    await ann.ask("Show me the price list of delivery", "SPRING-10")
    return ann


@pytest.mark.parametrize("manner", MANNERS)
async def test_axe_finds_nothing_wrong(visit: Visit, shop: Shop, bot: BotSite, manner: str) -> None:
    direction = "rtl" if manner == "right-to-left" else "ltr"
    ann = await visit(f"{shop.origin}/?dir={direction}", **MANNERS[manner])
    await expect(ann.launcher).to_be_visible()
    assert await ann.violations() == []
    await ann.open()
    await expect(ann.choices).to_have_count(3)
    assert await ann.violations() == []
    await ann.ask("Show me the price list of delivery", "SPRING-10")
    await ann.picture(manner)
    await ann.ask("thanks", "Here are some ideas")
    await ann.log.locator(".rating").last.get_by_role("button", name="Not helpful").click()
    await ann.page.get_by_role("button", name="End chat").click()
    await expect(ann.page.locator("kefu-chat .survey")).to_be_visible()
    assert await ann.violations() == []
    assert await ann.spills() == []
    assert ann.wrong == []


async def test_the_keyboard_reaches_everything_and_escape_goes_back(visit: Visit, shop: Shop, bot: BotSite) -> None:
    ann = await visit(shop.origin)
    await expect(ann.launcher).to_be_visible()
    await ann.page.keyboard.press("Tab")
    assert await ann.focused() == "launcher"
    await ann.page.keyboard.press("Enter")
    await expect(ann.choices).to_have_count(3)
    assert await ann.focused() == "textarea"
    order = []
    for _ in range(6):
        await ann.page.keyboard.press("Shift+Tab")
        order.append(await ann.focused())
    assert order == ["icon", "choice", "choice", "choice", "list", "icon"]
    await ann.page.keyboard.press("Escape")
    await expect(ann.panel).to_be_hidden()
    assert await ann.focused() == "launcher"
    await ann.page.keyboard.press("Space")
    await expect(ann.panel).to_be_visible()


async def test_enter_sends_and_shift_enter_begins_a_line(visit: Visit, scripted: ScriptedBot) -> None:
    ann = await visit(f"{scripted.origin}/chat")
    await expect(ann.field).to_be_enabled()
    await ann.field.press_sequentially("one")
    height = await ann.field.evaluate("(field) => field.offsetHeight")
    await ann.field.press("Shift+Enter")
    await ann.field.press_sequentially("two")
    assert await ann.field.evaluate("(field) => field.offsetHeight") > height
    await ann.field.press("Enter")
    await ann.sees("one\ntwo", by="user")
    assert await ann.own_words() == ["one\ntwo"]
    await expect(ann.field).to_have_value("")


async def test_screen_readers_are_told_what_comes(visit: Visit, shop: Shop, bot: BotSite) -> None:
    ann = await talking(visit, shop.origin)
    await expect(ann.log).to_have_attribute("aria-live", "polite")
    await expect(ann.page.get_by_role("log", name="Conversation")).to_be_visible()
    await expect(ann.log).to_have_attribute("aria-busy", "false")
    first = ann.log.locator(".message").first
    assert str(await first.text_content()).startswith("Assistant")
    await expect(first.locator(".unseen").first).to_have_text("Assistant: ")
    await expect(ann.log.locator(".message.user .unseen").first).to_have_text("You: ")
    await expect(ann.page.locator("kefu-chat .pendings")).to_have_attribute("aria-live", "off")
    await expect(ann.page.get_by_role("textbox", name="Your message")).to_be_focused()


async def test_history_is_not_read_out(visit: Visit, scripted: ScriptedBot) -> None:
    for number in range(40):
        await scripted.event(**{"from": "bot", "text": f"old {number}"})
    ann = await visit("about:blank")
    await ann.page.add_init_script(
        """window.busy = new Set(); setInterval(() => {
        const log = document.querySelector("kefu-chat")?.shadowRoot?.querySelector("[role=log]");
        if (log?.querySelector(".message")) busy.add(log.ariaBusy); }, 5);"""
    )
    await ann.page.goto(f"{scripted.origin}/chat")
    await ann.sees("old 39")
    await expect(ann.log).to_have_attribute("aria-busy", "false")
    assert await ann.page.evaluate("[...busy]") == ["true", "false"]


async def test_a_phone_shows_the_chat_alone(visit: Visit, shop: Shop, bot: BotSite) -> None:
    ann = await talking(visit, shop.origin, **PHONE)
    assert await ann.panel.bounding_box() == {"x": 0, "y": 0, "width": 375, "height": 667}
    await expect(ann.panel).to_have_attribute("aria-modal", "true")
    assert await ann.page.evaluate("getComputedStyle(document.documentElement).overflow") == "hidden"
    assert await ann.spills() == []
    size = float((await ann.field.evaluate("(field) => getComputedStyle(field).fontSize"))[:-2])
    assert size >= 16, "a smaller field makes iPhones zoom in"

    seen = set()
    for _ in range(25):
        await ann.page.keyboard.press("Tab")
        seen.add(await ann.focused())
    assert "" not in seen, "the focus does not leave the chat while it covers the page"
    assert {"textarea", "list"} <= seen

    await ann.page.set_viewport_size({"width": 375, "height": 360})  # the keyboard has come up
    await expect(ann.field).to_be_in_viewport(ratio=1)
    await ann.picture("phone-keyboard")
    await ann.page.set_viewport_size({"width": 667, "height": 375})
    await expect(ann.field).to_be_in_viewport(ratio=1)
    await ann.page.get_by_role("button", name="Close chat").click()
    assert await ann.page.evaluate("getComputedStyle(document.documentElement).overflow") != "hidden"


async def test_everything_that_is_pressed_is_large_enough(visit: Visit, shop: Shop, bot: BotSite) -> None:
    ann = await talking(visit, shop.origin, **PHONE)
    await ann.ask("thanks", "Here are some ideas")
    sizes = await ann.panel.evaluate(
        """(panel) => [...panel.querySelectorAll("button, textarea")]
          .filter((one) => one.checkVisibility())
          .map((one) => [one.className || one.tagName, one.getBoundingClientRect()])
          .map(([name, { width, height }]) => [name, Math.min(width, height)])"""
    )
    assert [(name, size) for name, size in sizes if size < 24] == []
    assert len(sizes) > 6


async def test_from_right_to_left_everything_is_the_other_way_round(visit: Visit, shop: Shop, bot: BotSite) -> None:
    ann = await talking(visit, f"{shop.origin}/?dir=rtl")
    panel, own = await ann.panel.bounding_box(), await ann.log.locator(".message.user .bubble").last.bounding_box()
    answer = await ann.log.locator(".message.bot .bubble").last.bounding_box()
    assert panel is not None
    assert own is not None
    assert answer is not None
    assert panel["x"] < 100
    assert own["x"] < answer["x"]
    assert await ann.spills() == []


async def test_who_wants_no_motion_gets_none(visit: Visit, shop: Shop, bot: BotSite) -> None:
    ann = await talking(visit, shop.origin, reduced_motion="reduce")
    running = await ann.page.evaluate("document.querySelector('kefu-chat').shadowRoot.getAnimations().length")
    names = await ann.panel.evaluate(
        "(panel) => [panel, ...panel.querySelectorAll('*')].map((one) => getComputedStyle(one).animationName)"
    )
    assert running == 0
    assert set(names) == {"none"}


async def test_large_text_does_not_cut_anything_off(visit: Visit, bot: BotSite) -> None:
    ann = await visit(f"{bot.origin}/chat", viewport={"width": 320, "height": 640})
    await ann.page.evaluate("document.documentElement.style.fontSize = '200%'")
    await ann.ask("Show me the price list of delivery", "SPRING-10")
    assert await ann.spills() == []
    box = await ann.field.bounding_box()
    assert box is not None
    assert box["width"] > 250
    await expect(ann.page.get_by_role("heading", level=1)).to_be_in_viewport(ratio=0.9)
    await ann.picture("large-text")


async def test_the_page_can_ask_for_the_dark(visit: Visit, shop: Shop, bot: BotSite) -> None:
    dark = await talking(visit, f"{shop.origin}/?data-scheme=dark")
    light = await talking(visit, f"{shop.origin}/?data-scheme=light", color_scheme="dark")
    await expect(dark.panel).to_have_css("background-color", "rgb(23, 27, 35)")
    await expect(light.panel).to_have_css("background-color", "rgb(255, 255, 255)")
