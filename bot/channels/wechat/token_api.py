"""What the APIs of WeChat and WeCom share: a token in the query, and errors as a number in a body with status 200."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from yarl import URL

from bot.channels.access_token import AccessToken, Granted
from bot.channels.posting import LATER as POSTING_LATER
from bot.channels.posting import JsonPoster, ServerAnswer
from bot.delivery import NotSent, Rejected, Uncertain

STALE_TOKEN = frozenset({40001, 40014, 42001})
LATER = frozenset({-1, 45009, 45011})
JSON = {"Content-Type": "application/json; charset=utf-8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenApi:
    """Posts with a token.

    Attributes:
        who: The platform, for messages of errors.
        fixes: What can be done about an error, by its number.
    """

    who: str
    fixes: Mapping[int, str]
    poster: JsonPoster
    token: AccessToken

    async def post(
        self, url: URL, message: Mapping[str, Any], waits: Mapping[int, float] | None = None
    ) -> Mapping[str, Any]:
        """Posts, with a new token where the old one is not taken any more; what the platform says.

        Args:
            waits: After how long what these errors refuse is worth another try.

        Raises:
            NotSent: It has not been taken, and may be later.
            Rejected: It never will be.
            Uncertain: Nobody can tell.
        """
        token = await self.token.get()
        answer = await self._post(url, message, token)
        if error_code(answer) in STALE_TOKEN:
            self.token.forget(token)
            answer = await self._post(url, message, await self.token.get())
        code = error_code(answer)
        if waits and code in waits:
            raise NotSent(f"{self.who} answered {code}. {self.fixes.get(code, '')}", waits[code])
        check(self.who, code, self.fixes, LATER | STALE_TOKEN)
        said: Mapping[str, Any] = answer.json()
        return said

    async def _post(self, url: URL, message: Mapping[str, Any], token: str) -> ServerAnswer:
        return await self.poster.ask("POST", url % {"access_token": token}, JSON, data=as_bytes(message))


def error_code(answer: ServerAnswer) -> int:
    """The number that the platform answers; 0 is success.

    Raises:
        NotSent: The status says that it has not taken anything.
        Rejected: The status says that it never will.
        Uncertain: The answer is not the platform's.
    """
    if answer.status in POSTING_LATER or answer.status >= 500:
        raise NotSent(f"the API answered {answer.status}", answer.retry_after_s)
    if answer.status >= 300:
        raise Rejected(f"the API answered {answer.status}")
    said = answer.json()
    code = said.get("errcode", 0) if isinstance(said, dict) else None
    if type(code) is not int:
        raise Uncertain("the API's answer is not what it should be")
    return code


def check(who: str, code: int, fixes: Mapping[int, str], later: frozenset[int]) -> None:
    """Nothing where `code` is 0.

    Raises:
        NotSent: Another try may help.
        Rejected: No other try will; what can be done about it stands beside the number.
    """
    if code in later:
        raise NotSent(f"{who} answered {code}")
    if code:
        raise Rejected(f"{who} answered {code}. {fixes.get(code, '')}".rstrip())


def granted(who: str, answer: ServerAnswer, fixes: Mapping[int, str]) -> Granted:
    """The token in an answer; nothing has been sent where there is none.

    Raises:
        NotSent: There may be one later.
        Rejected: It is refused.
    """
    check(who, error_code(answer), fixes, LATER)
    said = answer.json()
    token, lasts_s = said.get("access_token"), said.get("expires_in")
    if not isinstance(token, str) or not token or type(lasts_s) is not int:
        raise NotSent(f"{who} answered without an access token")
    return Granted(token=token, lasts_s=lasts_s)


def as_bytes(body: Mapping[str, Any]) -> bytes:
    r"""JSON with the characters themselves: WeChat shows `\uXXXX` as it stands, or refuses it."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8")
