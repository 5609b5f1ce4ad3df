"""WeChat's API: customer service messages, and what each of its errors means.

Source: https://developers.weixin.qq.com/doc/service/api/customer/message/api_sendcustommessage
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from yarl import URL

from bot.abilities import TextUnit
from bot.channels.access_token import AccessToken, Granted
from bot.channels.posting import JsonPoster
from bot.channels.wechat.token_api import JSON, TokenApi, as_bytes, granted
from bot.degrade import is_link
from bot.messages import BotMessage
from bot.text_split import split_text

WHO = "WeChat"
MAX_BYTES = 2_048  # of a text
TOO_MANY = 45047  # since the customer wrote last
WAITS_S = 3_600.0
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
        self._url, self._app_id, self._secret, self._poster = url / "cgi-bin", app_id, secret, poster
        self._api = TokenApi(who=WHO, fixes=FIXES, poster=poster, token=AccessToken(self._ask, now))

    async def send(self, message: Mapping[str, Any]) -> None:
        """Sends a customer service message.

        Raises:
            NotSent: WeChat has not taken it, and may take it later.
            Rejected: WeChat refuses it.
            Uncertain: Nobody can tell.
        """
        url = self._url / "message/custom/send"
        await self._api.post(url, message, waits={TOO_MANY: WAITS_S})

    async def close(self) -> None:
        """Closes the connections."""
        await self._poster.close()

    async def _ask(self) -> Granted:
        """The token that all processes of the app share: asked for again, it stays the same."""
        asked = {"grant_type": "client_credential", "appid": self._app_id, "secret": self._secret}
        answer = await self._poster.ask("POST", self._url / "stable_token", JSON, data=as_bytes(asked))
        return granted(WHO, answer, FIXES)


def told(message: BotMessage) -> str:
    """A message as one text; its buttons are numbered lines, and one that opens an address tells it."""
    lines = (
        f"{number}. {button.title}{': ' + button.payload if is_link(button) else ''}"
        for number, button in enumerate(message.buttons, 1)
    )
    return split_text("\n".join((message.text or "", *lines)), MAX_BYTES, TextUnit.UTF8_BYTES)[0]


def rendered(customer: str, message: BotMessage) -> dict[str, Any]:
    """A text, or a text with buttons, as a customer service message; no entry of a menu can open an address."""
    to = {"touser": customer}
    if not message.buttons or any(map(is_link, message.buttons)):
        return to | {"msgtype": "text", "text": {"content": told(message)}}
    choices = [
        {"id": button.payload if _MENU_ID.match(button.payload) else str(number), "content": button.title}
        for number, button in enumerate(message.buttons, 1)
    ]
    return to | {
        "msgtype": "msgmenu",
        "msgmenu": {"head_content": message.text or "", "list": choices, "tail_content": ""},
    }
