"""WeChat's API: access tokens and customer service messages. Errors come with status 200, as a number in the body.

Source: https://developers.weixin.qq.com/doc/service/api/customer/message/api_sendcustommessage
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from yarl import URL

from bot.channels.access_token import AccessToken, Granted
from bot.channels.posting import LATER as POSTING_LATER
from bot.channels.posting import JsonPoster, ServerAnswer
from bot.delivery import NotSent, Rejected, Uncertain
from bot.messages import BotMessage

STALE_TOKEN = frozenset({40001, 40014, 42001})
LATER = frozenset({-1, 45009, 45011})
FIXES = {
    40003: "The customer is not known to this account; is app_id the right one?",
    40013: "app_id in credentials.yml is wrong.",
    40125: "app_secret in credentials.yml is wrong.",
    40164: "Add this server's address to the account's IP whitelist (IP白名单).",
    40200: "This kind of account has no menu messages; set `menus: false`.",
    43004: "The customer does not follow the account any more.",
    43019: "The customer is on the account's blacklist.",
    45015: "The customer has not written for 48 hours.",
    45047: "Too many messages since the customer wrote last; they have to write again.",
    48001: "The account may not send customer service messages; leave app_secret out of credentials.yml.",
}
_MENU_ID = re.compile(r"/[A-Za-z0-9_~/.-]{1,63}\Z")


class WeChatApi:
    """Sends customer service messages.

    Args:
        now: Unix time.
    """

    def __init__(self, url: URL, app_id: str, secret: str, poster: JsonPoster, now: Callable[[], float]) -> None:
        self._url, self._app_id, self._secret, self._poster = url, app_id, secret, poster
        self._token = AccessToken(self._ask, now)

    async def send(self, message: Mapping[str, Any]) -> None:
        """Sends a customer service message; with a new token where the old one is not taken any more.

        Raises:
            NotSent: WeChat has not taken it, and may take it later.
            Rejected: WeChat refuses it.
            Uncertain: Nobody can tell.
        """
        for is_last in (False, True):
            token = await self._token.get()
            url = self._url / "cgi-bin/message/custom/send"
            answer = await self._poster.ask("POST", url % {"access_token": token}, JSON, data=_bytes(message))
            code = error_code(answer)
            if code not in STALE_TOKEN or is_last:
                break
            self._token.forget(token)
        check("WeChat", code, FIXES)

    async def close(self) -> None:
        """Closes the connections."""
        await self._poster.close()

    async def _ask(self) -> Granted:
        asked = {"grant_type": "client_credential", "appid": self._app_id, "secret": self._secret}
        answer = await self._poster.ask("POST", self._url / "cgi-bin/stable_token", JSON, data=_bytes(asked))
        return granted("WeChat", answer, FIXES)


JSON = {"Content-Type": "application/json; charset=utf-8"}


def rendered(customer: str, message: BotMessage) -> dict[str, Any]:
    """A text, or a text with buttons, as a customer service message."""
    to = {"touser": customer}
    if not message.buttons:
        return to | {"msgtype": "text", "text": {"content": message.text or ""}}
    choices = [
        {"id": button.payload if _MENU_ID.match(button.payload) else str(number), "content": button.title}
        for number, button in enumerate(message.buttons, 1)
    ]
    return to | {
        "msgtype": "msgmenu",
        "msgmenu": {"head_content": message.text or "", "list": choices, "tail_content": ""},
    }


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


def check(who: str, code: int, fixes: Mapping[int, str], later: frozenset[int] = LATER | STALE_TOKEN) -> None:
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


def _bytes(body: Mapping[str, Any]) -> bytes:
    r"""JSON with the characters themselves: WeChat shows `\uXXXX` as it stands, or refuses it."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8")
