"""WeCom's API: messages of an app, and what each of its errors means.

Source: https://developer.work.weixin.qq.com/document/path/90236
"""

from collections.abc import Callable

from yarl import URL

from bot.channels.access_token import AccessToken, Granted
from bot.channels.posting import JsonPoster
from bot.channels.wechat.token_api import TokenApi, granted
from bot.delivery import Rejected

WHO = "WeCom"
FIXES = {
    40001: "secret in credentials.yml is wrong.",
    40013: "corp_id in credentials.yml is wrong.",
    40056: "agent_id in credentials.yml is wrong.",
    60020: "Add this server's address to the app's trusted addresses (企业可信IP).",
    81013: "The person is outside the app's range (可见范围).",
    82001: "The person is outside the app's range (可见范围).",
    301002: "secret and agent_id are of different apps.",
}


class WeComApi:
    """Sends messages of the app.

    Args:
        now: Unix time.
    """

    def __init__(self, url: URL, corp_id: str, secret: str, poster: JsonPoster, now: Callable[[], float]) -> None:
        self._url, self._corp_id, self._secret, self._poster = url / "cgi-bin", corp_id, secret, poster
        self._api = TokenApi(who=WHO, fixes=FIXES, poster=poster, token=AccessToken(self._ask, now))

    async def send(self, agent_id: int, person: str, text: str) -> None:
        """Sends a text to one person.

        Raises:
            NotSent: WeCom has not taken it, and may take it later.
            Rejected: WeCom refuses it.
            Uncertain: Nobody can tell.
        """
        message = {"touser": person, "msgtype": "text", "agentid": agent_id, "text": {"content": text}, "safe": 0}
        said = await self._api.post(self._url / "message/send", message)
        if said.get("invaliduser"):
            raise Rejected("WeCom has not sent it: the person is outside the app's range (可见范围)")

    async def close(self) -> None:
        """Closes the connections."""
        await self._poster.close()

    async def _ask(self) -> Granted:
        url = self._url / "gettoken" % {"corpid": self._corp_id, "corpsecret": self._secret}
        return granted(WHO, await self._poster.ask("GET", url, {}), FIXES)
