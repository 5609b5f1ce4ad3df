"""Posts activities to the Bot Connector, with a token that is fetched once an hour or so.

Source: https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from yarl import URL

from bot.channels.botframework.config import Config
from bot.channels.posting import JsonPoster, ServerAnswer
from bot.delivery import NotSent, Rejected, Uncertain

EARLY_S = 300.0  # a token counts as expired so long before it does
LATER = frozenset({408, 412, 425, 429})  # 412 as well, says Microsoft
_CODE = re.compile(r"[A-Za-z_]{1,60}\Z")


class Connector:
    """Posts activities.

    Args:
        now: Unix time.
    """

    def __init__(self, config: Config, poster: JsonPoster, now: Callable[[], float]) -> None:
        self._config, self._poster, self._now = config, poster, now
        self._token, self._expires_at = "", 0.0
        self._lock = asyncio.Lock()

    async def reply(self, address: Mapping[str, Any], activity: Mapping[str, Any]) -> None:
        """Posts an activity into a conversation.

        Raises:
            NotSent: It was not taken; later it may be.
            Rejected: It was refused, or the server is not one of Microsoft's.
            Uncertain: Nobody can tell.
        """
        if not self._config.may_be_called(address["service_url"]):
            raise Rejected(
                "the conversation's server is not one of Microsoft's; name it in service_urls if it is yours"
            )
        url = _url(address)
        answer = await self._post(url, activity)
        if answer.status == 401:  # the token may have been taken back
            self._expires_at = 0.0
            answer = await self._post(url, activity)
        _check(answer)

    async def _post(self, url: URL, activity: Mapping[str, Any]) -> ServerAnswer:
        headers = {"Authorization": f"Bearer {await self._bearer()}"}
        return await self._poster.ask("POST", url, headers, json=activity)

    async def _bearer(self) -> str:
        async with self._lock:
            if self._now() >= self._expires_at:
                await self._fetch_token()
            return self._token

    async def _fetch_token(self) -> None:
        config = self._config
        form = {
            "grant_type": "client_credentials",
            "client_id": config.app_id,
            "client_secret": config.app_password.get_secret_value(),
            "scope": config.scope,
        }
        try:
            answer = await self._poster.ask(
                "POST", URL(str(config.login_url)) / config.tenant_id / "oauth2/v2.0/token", {}, data=form
            )
        except Uncertain as error:  # nothing has been said to the customer
            raise NotSent(str(error)) from error
        said = answer.json() if isinstance(answer.json(), dict) else {}
        token, lasts_s = said.get("access_token"), said.get("expires_in")
        if answer.status in LATER or answer.status >= 500:
            raise NotSent(f"Microsoft's login answered {answer.status}", answer.retry_after_s)
        if answer.status != 200 or not isinstance(token, str) or not isinstance(lasts_s, int):
            raise Rejected(
                f"Microsoft's login answered {answer.status} {_code(said.get('error'))}. "
                "Compare app_id, app_password and tenant_id of credentials.yml with the bot's registration"
            )
        self._token, self._expires_at = token, self._now() + max(0.0, lasts_s - EARLY_S)


def _url(address: Mapping[str, Any]) -> URL:
    """Where a reply goes; the ids hold characters that a path does not."""
    place = (
        f"{address['service_url'].rstrip('/')}/v3/conversations/{quote(address['conversation'], safe='')}/activities"
    )
    return URL(f"{place}/{quote(address['activity'], safe='')}", encoded=True)


def _check(answer: ServerAnswer) -> None:
    if answer.status in LATER or answer.status >= 500:
        raise NotSent(f"the Bot Connector answered {answer.status}", answer.retry_after_s)
    if answer.status >= 300:
        said = answer.json()
        error = said.get("error") if isinstance(said, dict) else None
        code = _code(error.get("code") if isinstance(error, dict) else None)
        raise Rejected(f"the Bot Connector answered {answer.status} {code}".rstrip())


def _code(code: Any) -> str:
    return code if isinstance(code, str) and _CODE.match(code) else ""
