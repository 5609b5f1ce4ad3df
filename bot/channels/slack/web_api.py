"""Slack's Web API: one method called, and what each of its errors means.

Source: https://docs.slack.dev/reference/methods/chat.postMessage/
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from yarl import URL

from bot.channels.posting import JsonPoster, retry_after_s
from bot.delivery import NotSent, Rejected, Uncertain

LATER = frozenset({"ratelimited", "rate_limited", "service_unavailable", "team_added_to_org", "request_timeout"})
UNKNOWN = frozenset({"internal_error", "fatal_error"})  # part of it may have been done, says Slack
FIXES = {
    "account_inactive": "The token is of a deleted user or workspace; install the app again.",
    "channel_not_found": "The channel is gone, or is private and the bot is not in it.",
    "invalid_auth": "slack_token in credentials.yml is wrong.",
    "invalid_blocks": "Slack could not use a block; the address of a picture must be open to everybody.",
    "is_archived": "The channel is archived.",
    "missing_scope": "Give the app the scope chat:write and install it again.",
    "not_in_channel": "Invite the bot: /invite @its-name in the channel.",
    "token_expired": "slack_token in credentials.yml has expired.",
    "token_revoked": "Install the app again and write the new slack_token into credentials.yml.",
}
_CODE = re.compile(r"[a-z_]{1,60}\Z")


class InvalidBlocks(Rejected):
    """Slack could not use a block."""


class WebApi:
    """Calls methods of the Web API.

    Args:
        url: Where they are.
        now: Unix time.
    """

    def __init__(self, url: URL, poster: JsonPoster | None = None, now: Callable[[], float] = time.time) -> None:
        self._url, self._poster, self._now = url, poster or JsonPoster(now=now), now

    async def post_message(self, token: str, message: Mapping[str, Any]) -> None:
        """Calls `chat.postMessage`.

        Raises:
            NotSent: Slack has not taken it, and may take it later.
            Rejected: Slack refuses it.
            Uncertain: Nobody can tell.
        """
        headers = {"Authorization": f"Bearer {token}"}
        answer = await self._poster.post_json(self._url / "chat.postMessage", message, headers)
        wait_s = retry_after_s(answer.headers, self._now())
        check_status("Slack", answer.status, wait_s)
        check_answer(answer.body, wait_s)

    async def close(self) -> None:
        """Closes the connections."""
        await self._poster.close()


def check_status(who: str, status: int, wait_s: float | None) -> None:
    """Nothing where it is 2xx.

    Raises:
        NotSent: 408, 425, 429 or 5xx.
        Rejected: Another one.
    """
    if status in (408, 425, 429) or status >= 500:
        raise NotSent(f"{who} answered {status}", wait_s)
    if status >= 300:
        raise Rejected(f"{who} answered {status}")


def check_answer(body: bytes, wait_s: float | None) -> None:
    """Nothing where the answer says `ok`; it is an error with status 200 otherwise.

    Raises:
        NotSent: Slack asks for another try.
        Rejected: It is refused for good; what can be done about it stands beside the code.
        Uncertain: The answer is not Slack's, or says that part of it may have been done.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Uncertain("Slack's answer is not JSON") from error
    if not isinstance(answer, dict):
        raise Uncertain("Slack's answer is not an object")
    if answer.get("ok") is True:
        return
    code = str(answer.get("error"))
    code = code if _CODE.match(code) else "an error that cannot be read"
    if code in LATER:
        raise NotSent(f"Slack answered {code}", wait_s)
    if code in UNKNOWN:
        raise Uncertain(f"Slack answered {code}")
    kind = InvalidBlocks if code == "invalid_blocks" else Rejected
    raise kind(f"Slack answered {code}. {FIXES.get(code, '')}".rstrip())
