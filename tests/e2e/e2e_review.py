"""A bot with people who review, and messages that wait for them."""

import asyncio
import json
import re
from pathlib import Path

import aiohttp
from aiohttp import web
from axe_playwright_python.base import AXE_SCRIPT
from e2e_servers import HOST, BotSite
from e2e_visitor import Visit, Visitor
from playwright.async_api import Locator, expect
from pydantic import SecretStr

from bot.app import create_app
from configs import Settings
from training.releases import Releases

PICTURES = Path(__file__).parents[2] / "build" / "pages"
ROLES = ("viewer", "reviewer", "admin")
TOKENS = {role: f"the token of the {role}" for role in ROLES}
THINGS = ("zebra", "cello", "tractor", "igloo", "comet", "saddle", "kayak", "walnut", "piano", "turtle")
ASKED = ("Can I hire a {} on Mars", "Does the {} like jazz", "Who painted the {} green", "Why would a {} sing")
ALIKE = (
    "Do you repair umbrellas",
    "Can you repair my umbrella",
    "My umbrella is broken, do you repair it",
    "Is there an umbrella repair",
    "I need my umbrella repaired",
    "Who repairs umbrellas with you",
    "Could you mend an umbrella",
    "Umbrella repair please",
)
HOSTILE = (
    "<script>window.ran = 1</script><img src=x onerror='window.ran = 2'> \" onfocus=window.ran=3 autofocus x=\"",
    "\u202e gnp.exe \u202c" + "Z\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308" * 40,
    "W" * 3_900,
)
OTHER_SCRIPTS = ("你们在火星上租斑马吗？斑马喜欢爵士乐吗？", "هل يمكنني استئجار حمار وحشي على المريخ؟")


class ReviewSite(BotSite):
    """A bot whose pages want a token, as its API does."""

    def make(self) -> web.Application:
        people = {role: {"role": role, "token": token} for role, token in TOKENS.items()}
        settings = Settings(
            host=HOST,
            port=self.port,
            people=SecretStr(json.dumps(people)),
            api_token=SecretStr("the token of the server"),
            admin_token=SecretStr("the token of the owner"),
        )
        self.app = create_app(settings, Releases(self.data))
        return self.app

    async def hear(self, texts: list[str]) -> None:
        """Each of these is said by another customer."""
        async with aiohttp.ClientSession(self.origin) as client:

            async def say(number: int, text: str) -> None:
                body = {"sender": f"ann.{number}", "message": text}
                async with client.post("/webhooks/rest/webhook", json=body) as answer:
                    assert answer.status == 200, await answer.text()

            await asyncio.gather(*(say(number, text) for number, text in enumerate(texts)))

    async def have_two_disagree(self) -> None:
        """Two people say different things of the first message."""
        turn = ""
        for role, said in (("admin", "ignore:"), ("reviewer", "new_intent:races_on_mars")):
            jar = aiohttp.CookieJar(unsafe=True)  # else it keeps nothing of a host without a name
            async with aiohttp.ClientSession(self.origin, cookie_jar=jar) as client:
                await client.post("/sign-in", data={"token": TOKENS[role]})
                async with client.get("/review") as answer:
                    page = await answer.text()
                turn = turn or field_in(page, "turn")
                form = {"csrf": field_in(page, "csrf"), "turn": turn, "say": said}
                async with client.post("/review/label", data=form) as answer:
                    assert answer.status == 200, await answer.text()


def field_in(page: str, name: str) -> str:
    """What the first field with this name holds."""
    found = re.search(rf'name="{name}" value="([\w-]+)"', page)
    assert found is not None, page
    return found[1]


def messages() -> list[str]:
    """What customers ask: nothing that the bot was taught."""
    plain = [form.format(thing) for form in ASKED for thing in THINGS]
    more = [f"Would a {one} race a {other}" for one in THINGS[:4] for other in THINGS[4:]]
    return [*plain, *more, *ALIKE, *HOSTILE, *OTHER_SCRIPTS]


class Reviewer:
    """Somebody who reviews, by the keyboard alone."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.page, self.keys = visitor, visitor.page, visitor.page.keyboard
        self.message: Locator = self.page.locator("#message")
        self.kept: Locator = self.page.locator(".kept p")

    async def enter(self, role: str) -> "Reviewer":
        """Signs in: the field has the focus."""
        await expect(self.page.locator("#token")).to_be_focused()
        await self.keys.insert_text(TOKENS[role])
        await self.keys.press("Enter")
        await expect(self.page.get_by_role("button", name="Sign out")).to_be_visible()
        return self

    async def press(self, *strokes: str) -> None:
        """Presses keys, and waits until the next message has the focus."""
        before = await self.message.text_content()
        for stroke in strokes:
            await self.keys.press(stroke)
        await self.comes_after(before)

    async def comes_after(self, before: str | None) -> None:
        """Waits for another message than `before`."""
        await expect(self.message).not_to_have_text(before or "")
        await expect(self.page.locator("#item")).to_be_focused()

    async def write(self, key: str, text: str, end: str = "Enter") -> None:
        """Goes to a field by its key, writes into it, and sends it."""
        before = await self.message.text_content()
        await self.keys.press(key)
        await expect(self.page.locator(f"[data-key='{key}']")).to_be_focused()
        await self.keys.insert_text(text)
        await self.keys.press(end)
        await self.comes_after(before)

    async def violations(self) -> list[str]:
        """What axe finds wrong, by rule and place."""
        await self.page.evaluate(AXE_SCRIPT)
        found = (await self.page.evaluate("() => axe.run(document)"))["violations"]
        return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]

    async def picture(self, name: str) -> None:
        """Keeps a picture of the page for people to look at."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=PICTURES / f"{name}.png")


async def reviewer(visit: Visit, site: ReviewSite, role: str, path: str = "/review", **manner: object) -> Reviewer:
    """Somebody who has signed in and sees `path`."""
    return await Reviewer(await visit(f"{site.origin}{path}", **manner)).enter(role)
