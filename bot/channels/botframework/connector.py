"""Posts activities to the Bot Connector, with a token that is fetched once an hour or so.

Source: https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from yarl import URL

from bot.channels.access_token import AccessToken, Granted
from bot.channels.botframework.config import Config
from bot.channels.posting import JsonPoster, ServerAnswer
from bot.delivery import NotSent, Rejected

LATER = frozenset({408, 412, 425, 429})  # 412 as well, says Microsoft
_CODE = re.compile(r"[A-Za-z_]{1,60}\Z")


class Connector:
    """Posts activities.

    Args:
        now: Unix time.
    """

    def __init__(self, config: Config, poster: JsonPoster, now: Callable[[], float]) -> None:
        self._config, self._poster = config, poster
        self._token = AccessToken(self._ask_for_token, now)

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
        token = await self._token.get()
        answer = await self._post(url, activity, token)
        if answer.status == 401:  # the token may have been taken back
            self._token.forget(token)
            answer = await self._post(url, activity, await self._token.get())
        _check(answer)

    async def _post(self, url: URL, activity: Mapping[str, Any], token: str) -> ServerAnswer:
        return await self._poster.ask("POST", url, {"Authorization": f"Bearer {token}"}, json=activity)

    async def _ask_for_token(self) -> Granted:
        config = self._config
        form = {
            "grant_type": "client_credentials",
            "client_id": config.app_id,
            "client_secret": config.app_password.get_secret_value(),
            "scope": config.scope,
        }
        url = URL(str(config.login_url)) / config.tenant_id / "oauth2/v2.0/token"
        answer = await self._poster.ask("POST", url, {}, data=form)
        said = answer.json() if isinstance(answer.json(), dict) else {}
        token, lasts_s = said.get("access_token"), said.get("expires_in")
        if answer.status in LATER or answer.status >= 500:
            raise NotSent(f"Microsoft's login answered {answer.status}", answer.retry_after_s)
        if answer.status != 200 or not isinstance(token, str) or not isinstance(lasts_s, int):
            raise Rejected(
                f"Microsoft's login answered {answer.status} {_code(said.get('error'))}. "
                "Compare app_id, app_password and tenant_id of credentials.yml with the bot's registration"
            )
        return Granted(token=token, lasts_s=float(lasts_s))


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
