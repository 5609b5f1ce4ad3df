"""Slack's Web API: one method called, and what each of its errors means.

Source: https://docs.slack.dev/reference/methods/chat.postMessage/
"""

import re
from collections.abc import Mapping
from typing import Any

from yarl import URL

from bot.channels.posting import LATER as POSTING_LATER
from bot.channels.posting import JsonPoster, ServerAnswer
from bot.delivery import NotSent, Rejected, Uncertain
from configs.errors import KefuError

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
    """

    def __init__(self, url: URL, poster: JsonPoster) -> None:
        self._url, self._poster = url, poster

    async def post_message(self, token: str, message: Mapping[str, Any]) -> None:
        """Calls `chat.postMessage`.

        Raises:
            NotSent: Slack has not taken it, and may take it later.
            Rejected: Slack refuses it.
            Uncertain: Nobody can tell.
        """
        headers = {"Authorization": f"Bearer {token}"}
        check(await self._poster.ask("POST", self._url / "chat.postMessage", headers, json=message))

    async def close(self) -> None:
        """Closes the connections."""
        await self._poster.close()


def check(answer: ServerAnswer) -> None:
    """Nothing where the answer says `ok`; with status 200 it may be an error too.

    Raises:
        NotSent: Slack asks for another try.
        Rejected: It is refused for good; what can be done about it stands beside the code.
        Uncertain: The answer is not Slack's, or says that part of it may have been done.
    """
    if answer.status in POSTING_LATER or answer.status >= 500:
        raise NotSent(f"Slack answered {answer.status}", answer.retry_after_s)
    if answer.status >= 300:
        raise Rejected(f"Slack answered {answer.status}")
    said = answer.json()
    if not isinstance(said, dict):
        raise Uncertain("Slack's answer is not a JSON object")
    if said.get("ok") is not True:
        raise _error(str(said.get("error")), answer.retry_after_s)


def _error(code: str, wait_s: float | None) -> KefuError:
    if code in LATER:
        return NotSent(f"Slack answered {code}", wait_s)
    if code in UNKNOWN:
        return Uncertain(f"Slack answered {code}")
    kind = InvalidBlocks if code == "invalid_blocks" else Rejected
    shown = code if _CODE.match(code) else "an error that cannot be read"
    return kind(f"Slack answered {shown}. {FIXES.get(code, '')}".rstrip())
