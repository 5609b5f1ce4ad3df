"""Feishu's API: access tokens and messages, and what each error means.

Source: https://open.feishu.cn/document/server-docs/im-v1/message/create
Source: https://open.feishu.cn/document/ukTMukTMukTM/uUzN04SN3QjL1cDN
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from yarl import URL

from bot.channels.access_token import AccessToken, Granted
from bot.channels.posting import LATER as POSTING_LATER
from bot.channels.posting import JsonPoster, ServerAnswer
from bot.degrade import is_link
from bot.delivery import NotSent, Rejected, Uncertain
from bot.messages import BotMessage

STALE_TOKEN = frozenset({99991661, 99991663, 99991664, 99991665, 99991668})
LATER = frozenset({99991400, 230020, 230049, 11232})
GONE = frozenset({230011, 231003})  # the message that is answered was taken back
FIXES = {
    10003: "app_id in credentials.yml is wrong.",
    10014: "app_secret in credentials.yml is wrong.",
    230002: "The bot is not in the chat any more.",
    230006: "Give the app the ability bot (机器人), and publish a version.",
    230013: "The customer is outside the app's range (可用范围).",
    230018: "The group lets only some members write.",
    230022: "Feishu finds something sensitive in it.",
    230027: "The app lacks a permission: im:message:send_as_bot.",
    230028: "The company's leak prevention stops it.",
    230053: "The customer does not want the bot's messages.",
    232009: "The group is dissolved.",
    99991672: "The app lacks a permission: im:message:send_as_bot.",
}
_AT = re.compile(r"<(?=/?at\b)", re.IGNORECASE)
WIDTHLESS = "\u2060"
JSON = {"Content-Type": "application/json; charset=utf-8"}
RESET = "x-ogw-ratelimit-reset"


class FeishuApi:
    """Sends messages.

    Args:
        now: Unix time.
    """

    def __init__(self, url: URL, app_id: str, secret: str, poster: JsonPoster, now: Callable[[], float]) -> None:
        self._url, self._app_id, self._secret, self._poster = url / "open-apis", app_id, secret, poster
        self._token = AccessToken(self._ask, now)

    async def send(self, chat: str, message: Mapping[str, Any]) -> None:
        """Sends a message to a chat.

        Raises:
            NotSent: Feishu has not taken it, and may take it later.
            Rejected: Feishu refuses it.
            Uncertain: Nobody can tell.
        """
        url = self._url / "im/v1/messages" % {"receive_id_type": "chat_id"}
        check(await self._call(url, {"receive_id": chat, **message}))

    async def answer(self, message_id: str, message: Mapping[str, Any], *, in_thread: bool) -> bool:
        """Sends a message that quotes another; False where that was taken back.

        Raises:
            NotSent: Feishu has not taken it, and may take it later.
            Rejected: Feishu refuses it.
            Uncertain: Nobody can tell.
        """
        url = self._url / "im/v1/messages" / message_id / "reply"
        answer = await self._call(url, {**message, "reply_in_thread": in_thread})
        if _code(answer) in GONE:
            return False
        check(answer)
        return True

    async def close(self) -> None:
        """Closes the connections."""
        await self._poster.close()

    async def _call(self, url: URL, body: Mapping[str, Any]) -> ServerAnswer:
        """Posts with a token; with a new one where the old one is not taken any more."""
        token = await self._token.get()
        answer = await self._post(url, body, token)
        if _code(answer) in STALE_TOKEN:
            self._token.forget(token)
            answer = await self._post(url, body, await self._token.get())
        return answer

    async def _post(self, url: URL, body: Mapping[str, Any], token: str) -> ServerAnswer:
        return await self._poster.ask("POST", url, JSON | {"Authorization": f"Bearer {token}"}, json=body)

    async def _ask(self) -> Granted:
        asked = {"app_id": self._app_id, "app_secret": self._secret}
        answer = await self._poster.ask("POST", self._url / "auth/v3/tenant_access_token/internal", JSON, json=asked)
        check(answer)
        said = answer.json()
        token, lasts_s = said.get("tenant_access_token"), said.get("expire")
        if not isinstance(token, str) or not token or type(lasts_s) is not int:
            raise NotSent("Feishu answered without an access token")
        return Granted(token=token, lasts_s=lasts_s)


def rendered(message: BotMessage, key: str) -> dict[str, Any]:
    """A text, or a text with buttons as a card, without where it goes.

    Args:
        key: By which Feishu knows a message that is sent again within an hour.
    """
    if message.buttons:
        return {"msg_type": "interactive", "content": _json(_card(message)), "uuid": key}
    # what a text names in `<at …>` would be told, and `all` would be everybody
    text = _AT.sub(f"<{WIDTHLESS}", message.text or "")
    return {"msg_type": "text", "content": _json({"text": text}), "uuid": key}


def check(answer: ServerAnswer) -> None:
    """Nothing where the answer's code is 0.

    Raises:
        NotSent: Another try may help.
        Rejected: No other try will; what can be done about it stands beside the code.
        Uncertain: The answer is not Feishu's.
    """
    code = _code(answer)
    if code in LATER or code in STALE_TOKEN or answer.status in POSTING_LATER or answer.status >= 500:
        raise NotSent(f"Feishu answered {code if code is not None else answer.status}", _wait_s(answer))
    if code is None:
        if answer.status >= 300:
            raise Rejected(f"Feishu answered {answer.status}")
        raise Uncertain("Feishu's answer is not what it should be")
    if code:
        raise Rejected(f"Feishu answered {code}. {FIXES.get(code, '')}".rstrip())


def _card(message: BotMessage) -> dict[str, Any]:
    buttons = [
        {
            "tag": "button",
            "text": {"tag": "plain_text", "content": button.title or "…"},
            "type": "default",
            **({"url": button.payload} if is_link(button) else {"value": {"payload": button.payload}}),
        }
        for button in message.buttons
    ]
    words = {"tag": "div", "text": {"tag": "plain_text", "content": message.text or "…"}}
    return {"config": {"wide_screen_mode": True}, "elements": [words, {"tag": "action", "actions": buttons}]}


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False)


def _code(answer: ServerAnswer) -> int | None:
    """Feishu's number, which says more than the status; None where there is none."""
    said = answer.json()
    code = said.get("code") if isinstance(said, dict) else None
    return code if type(code) is int else None


def _wait_s(answer: ServerAnswer) -> float | None:
    """When Feishu wants to be asked again; None where it has not said."""
    reset = answer.headers.get(RESET, "")
    if reset.isascii() and reset.isdigit() and len(reset) <= 9:
        return float(reset)
    return answer.retry_after_s
