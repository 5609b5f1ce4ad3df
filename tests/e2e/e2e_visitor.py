"""A customer in front of a browser: what she does, and what she sees of the chat."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Locator, Page, expect

PICTURES = Path(__file__).parents[2] / "build" / "widget"
BROWSER_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"viewport": {"width": 375, "height": 667}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
MANNERS: dict[str, dict[str, Any]] = {  # how a page is looked at
    "light": {},
    "dark": {"color_scheme": "dark"},
    "phone": PHONE,
    "right-to-left": {},
    "high-contrast": {"forced_colors": "active"},
}
WATCH = """
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
  console.error(`policy: ${violatedDirective} ${blockedURI}`));
"""
SEEN = """(list) => [...list.querySelectorAll(":scope > .message, :scope > .pendings > .message")].map((node) => {
  const words = [...node.querySelectorAll(":scope > .bubble")].map((bubble) => bubble.innerText.trim()).join(" | ");
  return [["user", "person", "bot"].find((name) => node.classList.contains(name)), words];
})"""


class Visitor:
    """One tab.

    Attributes:
        wrong: What the page complained about: errors, violated policies.
        asked: The addresses that the page has asked for.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.asked: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda message: self.wrong.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: self.asked.append(request.url))
        self.launcher = page.locator("kefu-chat .launcher")
        self.panel = page.locator("kefu-chat .panel")
        self.log = page.get_by_role("log")
        self.field = page.locator("kefu-chat .composer textarea")
        self.badge = page.locator("kefu-chat .badge")
        self.notice = page.locator("kefu-chat .notice")
        self.choices = page.locator("kefu-chat .choice")

    async def open(self) -> None:
        """Opens the chat, and waits until it can be written in."""
        await self.launcher.click()
        await expect(self.field).to_be_enabled()

    async def say(self, text: str) -> None:
        await self.field.fill(text)
        await self.field.press("Enter")

    async def ask(self, text: str, answer: str) -> Locator:
        """Says `text` and waits for an answer that holds `answer`."""
        await self.say(text)
        return await self.sees(answer)

    async def sees(self, words: str, *, by: str = "bot") -> Locator:
        """Waits for words in the conversation."""
        found = self.log.locator(f".message.{by}:not(.typing)").filter(has_text=words).last
        await expect(found).to_be_visible(timeout=15_000)
        return found

    async def conversation(self) -> list[tuple[str, str]]:
        """Who said what, as it is shown."""
        return [(who, words) for who, words in await self.log.evaluate(SEEN)]

    async def own_words(self) -> list[str]:
        return [words for who, words in await self.conversation() if who == "user"]

    async def kept(self) -> dict[str, Any]:
        """What the chat keeps in the browser, by the last word of its key."""
        items: dict[str, str] = await self.page.evaluate("({ ...localStorage })")
        return {name.split("/:")[1]: json.loads(text) for name, text in items.items() if name.startswith("kefu:")}

    async def conversation_id(self) -> str:
        return f"widget:{(await self.kept())['session']}"

    async def focused(self) -> str:
        """The class and name of what has the focus inside the chat."""
        script = """() => { const at = document.querySelector("kefu-chat").shadowRoot.activeElement;
            return at ? `${at.className || at.tagName.toLowerCase()}` : ""; }"""
        return str(await self.page.evaluate(script))

    async def settled(self) -> None:
        """Waits until nothing moves any more."""
        await self.page.evaluate(
            "() => Promise.allSettled(document.querySelector('kefu-chat').shadowRoot.getAnimations()"
            ".filter((one) => one.effect.getTiming().iterations !== Infinity).map((one) => one.finished))"
        )

    async def picture(self, name: str) -> None:
        """Keeps a picture of the tab for people to look at."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        await self.settled()
        await self.page.screenshot(path=PICTURES / f"{name}.png")

    async def violations(self) -> list[str]:
        """What axe finds wrong, by rule and place."""
        await self.settled()
        await self.page.evaluate(AXE_SCRIPT)
        found = await self.page.evaluate("() => axe.run(document)")
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    async def spills(self) -> list[str]:
        """What sticks out of the chat at its sides."""
        script = """() => {
          const root = document.querySelector("kefu-chat").shadowRoot;
          const box = root.querySelector(".panel").getBoundingClientRect();
          const shown = ".bubble, .choice, .picture, .note, .meta, .title, .notice, .file, .send";
          const parts = [...root.querySelectorAll(shown)].filter((part) => !part.closest(".cards"));
          const out = parts.filter((part) => {
            const at = part.getBoundingClientRect();
            return at.width && (at.left < box.left - 1 || at.right > box.right + 1);
          });
          const isPageWider = document.documentElement.scrollWidth > innerWidth;
          return [...out.map((part) => part.className), ...(isPageWider ? ["page"] : [])];
        }"""
        return list(await self.page.evaluate(script))


async def until(holds: Callable[[], bool]) -> None:
    """Waits for what happens in a server of the test's own."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - the other side is a browser
            await asyncio.sleep(0.02)


Visit: TypeAlias = Callable[..., Awaitable[Visitor]]
