"""A browser without a window, and the people who sit before it."""

import re
from collections.abc import Awaitable, Callable

from aiohttp.test_utils import TestClient

from bot.pages import Role

TOKENS = {role: f"the token of the {role.word}" for role in Role}
PEOPLE = {role.word: {"role": role.word, "token": token} for role, token in TOKENS.items()}
_FORM_TOKEN = re.compile(r'name="csrf" value="(\w+)"')


class PageClient(TestClient):
    """Asks for pages, and sends their forms."""

    async def enter(self, role: Role, **headers: str) -> int:
        """Signs in as somebody with this role."""
        answer = await self.post("/sign-in", data={"token": TOKENS[role]}, headers=headers, allow_redirects=False)
        return answer.status

    async def page(self, path: str, **headers: str) -> str:
        """The text of a page that there is."""
        answer = await self.get(path, headers=headers)
        text = await answer.text()
        assert answer.status == 200, text
        return text

    async def send(self, path: str, page: str, **fields: str) -> tuple[int, str]:
        """Sends a form of `page`; the status, and the text or where it leads."""
        found = _FORM_TOKEN.search(page)
        data = {"csrf": found[1] if found else "", **fields}
        answer = await self.post(path, data=data, allow_redirects=False)
        return answer.status, answer.headers.get("Location") or await answer.text()

    async def token_of_forms(self, path: str = "/told") -> str:
        """What the forms of this session hold."""
        found = _FORM_TOKEN.search(await (await self.get(path)).text())
        return found[1] if found else ""


Connect = Callable[..., Awaitable[PageClient]]
Browse = Callable[[Role | None], Awaitable[PageClient]]
