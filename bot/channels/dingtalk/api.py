"""Where replies go: to a session's address, which says its errors with status 200, or by the robot API with a token.

Source: https://open.dingtalk.com/document/orgapp/chatbots-send-one-on-one-chat-messages-in-batches
Source: https://open.dingtalk.com/document/orgapp/the-robot-sends-a-group-message
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from yarl import URL

from bot.channels.access_token import AccessToken, Granted
from bot.channels.posting import LATER as POSTING_LATER
from bot.channels.posting import JsonPoster, ServerAnswer
from bot.delivery import NotSent, Rejected, Uncertain

SESSION_GONE = frozenset({300001, 300005})
SESSION_LATER = frozenset({-1, 130101, 410100, 90002, 90018})
STALE_TOKEN = frozenset({"InvalidAuthentication"})
FIXES = {
    "Forbidden.AccessDenied.AccessTokenPermissionDenied": "Give the app the permission that DingTalk names.",
    "invalidParameter.robotCode.auth": "robot_code is not of this app.",
    "invalidParameter.robotCode.empty": "Write robot_code.",
    "invalidClientIdOrSecret": "client_id or client_secret is wrong.",
    "staffId.notExisted": "The customer is not in the company any more.",
}
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,80}\Z")


class SessionGone(Exception):
    """A session's address is not taken any more; nothing was sent."""


class DingTalkApi:
    """Sends messages.

    Args:
        now: Unix time.
    """

    def __init__(self, url: URL, client_id: str, secret: str, poster: JsonPoster, now: Callable[[], float]) -> None:
        self._url, self._client_id, self._secret, self._poster = url / "v1.0", client_id, secret, poster
        self._token = AccessToken(self._ask, now)

    async def send_to_session(self, address: URL, message: Mapping[str, Any]) -> None:
        """Posts to a session's address.

        Raises:
            SessionGone: The address is not taken any more.
            NotSent: DingTalk has not taken it, and may take it later.
            Rejected: DingTalk refuses it.
            Uncertain: Nobody can tell.
        """
        answer = await self._poster.ask("POST", address, {}, json=message)
        _check_status(answer, {})
        said = answer.json()
        code = said.get("errcode") if isinstance(said, dict) else None
        if type(code) is not int:
            raise Uncertain("DingTalk's answer is not what it should be")
        if code in SESSION_GONE:
            raise SessionGone
        if code in SESSION_LATER:
            raise NotSent(f"DingTalk answered {code}")  # it does not say when it takes the next one
        if code:
            raise Rejected(f"DingTalk answered {code}")

    async def send_to_person(self, robot: str, staff: str, message: Mapping[str, str]) -> None:
        """Sends to one person by the robot API.

        Raises:
            NotSent: DingTalk has not taken it, and may take it later.
            Rejected: DingTalk refuses it.
            Uncertain: Nobody can tell.
        """
        said = await self._call("robot/oToMessages/batchSend", {"robotCode": robot, "userIds": [staff], **message})
        if said.get("flowControlledStaffIdList"):
            raise NotSent("DingTalk sends this customer no more at present")
        if said.get("invalidStaffIdList") or said.get("filteredStaffIdList"):
            raise Rejected("DingTalk does not know the customer, or they do not want the robot's messages")

    async def send_to_group(self, robot: str, group: str, message: Mapping[str, str]) -> None:
        """Sends to a group by the robot API; raises as `send_to_person` does."""
        await self._call("robot/groupMessages/send", {"robotCode": robot, "openConversationId": group, **message})

    async def open_stream(self, subscriptions: list[dict[str, str]]) -> Mapping[str, Any]:
        """Asks for a connection of Stream mode: where it is, and a ticket for it.

        Raises:
            NotSent: There is none at present.
            Rejected: The app may have none.
            Uncertain: Nobody can tell.
        """
        asked = {
            "clientId": self._client_id,
            "clientSecret": self._secret,
            "subscriptions": subscriptions,
            "ua": "kefu",
        }
        answer = await self._poster.ask("POST", self._url / "gateway/connections/open", JSON, json=asked)
        return _object(answer)

    async def close(self) -> None:
        """Closes the connections."""
        await self._poster.close()

    async def _call(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Posts with a token; with a new one where the old one is not taken any more."""
        token = await self._token.get()
        answer = await self._post(path, body, token)
        if answer.status == 401 or _code(answer) in STALE_TOKEN:
            self._token.forget(token)
            answer = await self._post(path, body, await self._token.get())
        return _object(answer)

    async def _post(self, path: str, body: Mapping[str, Any], token: str) -> ServerAnswer:
        headers = {"x-acs-dingtalk-access-token": token}
        return await self._poster.ask("POST", self._url / path, headers, json=body)

    async def _ask(self) -> Granted:
        asked = {"appKey": self._client_id, "appSecret": self._secret}
        said = _object(await self._poster.ask("POST", self._url / "oauth2/accessToken", JSON, json=asked))
        token, lasts_s = said.get("accessToken"), said.get("expireIn")
        if not isinstance(token, str) or not token or type(lasts_s) is not int:
            raise NotSent("DingTalk answered without an access token")
        return Granted(token=token, lasts_s=lasts_s)


JSON = {"Accept": "application/json"}


def _object(answer: ServerAnswer) -> Mapping[str, Any]:
    _check_status(answer, FIXES)
    said = answer.json()
    if not isinstance(said, dict):
        raise Uncertain("DingTalk's answer is not what it should be")
    return said


def _check_status(answer: ServerAnswer, fixes: Mapping[str, str]) -> None:
    code = _code(answer)
    if answer.status in POSTING_LATER or answer.status >= 500 or code.startswith("Throttling"):
        raise NotSent(f"DingTalk answered {answer.status} {code}".rstrip(), answer.retry_after_s)
    if answer.status >= 300:
        raise Rejected(f"DingTalk answered {answer.status} {code} {fixes.get(code, '')}".rstrip())


def _code(answer: ServerAnswer) -> str:
    """DingTalk's word for an error; "" where there is none."""
    said = answer.json()
    code = said.get("code") if isinstance(said, dict) else None
    return code if isinstance(code, str) and _CODE.match(code) else ""
