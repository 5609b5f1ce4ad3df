"""Discord's REST API: where messages go, and what its errors mean.

Source: https://docs.discord.com/developers/reference
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from yarl import URL

from bot.channels.discord.config import Config
from bot.channels.posting import LATER, JsonPoster, ServerAnswer
from bot.delivery import NotSent, Rejected, Uncertain

GONE = frozenset({10_008, 10_015, 10_062, 50_027})  # of an interaction: its token, message or webhook
FIXES = {
    50_001: "Invite the bot to the server, and let it see the channel.",
    50_007: "The customer takes no messages of the bot.",
    50_013: "Let the bot write in the channel.",
}


class TokenGone(Rejected):
    """An interaction can be answered no more."""


class RestApi:
    """Calls the API."""

    def __init__(self, config: Config, poster: JsonPoster) -> None:
        self._url, self._poster, self._application = URL(str(config.api_url)), poster, config.application_id
        self._bot = {"Authorization": f"Bot {config.bot_token.get_secret_value()}"}

    async def post_message(self, channel: str, message: Mapping[str, Any], key: str) -> None:
        """Posts into a channel. Where no answer comes it is repeated at once: for some minutes Discord knows the key.

        Raises:
            NotSent: It was not taken; later it may be.
            Rejected: It was refused.
            Uncertain: Nobody can tell.
        """
        nonce = hashlib.sha256(key.encode("utf-8")).hexdigest()[:25]  # the longest that Discord takes
        body = dict(message) | {"nonce": nonce, "enforce_nonce": True}
        url = self._url / "channels" / channel / "messages"
        try:
            answer = await self._poster.ask("POST", url, self._bot, json=body)
        except Uncertain:
            answer = await self._poster.ask("POST", url, self._bot, json=body)
        check(answer)

    async def follow_up(self, token: str, message: Mapping[str, Any]) -> None:
        """Answers an interaction; Discord knows no key here.

        Raises:
            TokenGone: It can be answered no more.
            NotSent: It was not taken; later it may be.
            Rejected: It was refused.
            Uncertain: Nobody can tell.
        """
        check(await self._poster.ask("POST", self._url / "webhooks" / self._application / token, {}, json=message))

    async def answer(self, interaction: str, token: str, kind: int) -> None:
        """Tells what the customer sees at once.

        Raises:
            NotSent, Rejected, Uncertain: It may not be seen.
        """
        url = self._url / "interactions" / interaction / token / "callback"
        check(await self._poster.ask("POST", url, {}, json={"type": kind}))

    async def gateway_url(self) -> str:
        """Where the gateway is.

        Raises:
            NotSent, Rejected, Uncertain: It is not told.
        """
        answer = await self._poster.ask("GET", self._url / "gateway/bot", self._bot)
        check(answer)
        return str((answer.json() or {}).get("url"))

    async def close(self) -> None:
        """Closes the connections."""
        await self._poster.close()


def check(answer: ServerAnswer) -> None:
    """Nothing where it was taken.

    Raises:
        NotSent: Discord asks for another try.
        TokenGone: An interaction can be answered no more.
        Rejected: It is refused for good.
    """
    if 200 <= answer.status < 300:
        return
    said: dict[str, Any] = answer.json() if isinstance(answer.json(), dict) else {}
    if answer.status in LATER or answer.status >= 500:
        wait_s: Any = said.get("retry_after")  # more precise than the header
        is_precise = type(wait_s) in (int, float) and 0 <= wait_s < 86_400
        raise NotSent(f"Discord answered {answer.status}", wait_s if is_precise else answer.retry_after_s)
    code = said.get("code") if type(said.get("code")) is int else 0
    kind = TokenGone if code in GONE else Rejected
    hint = "bot_token in credentials.yml is wrong." if answer.status == 401 else FIXES.get(code or 0, "")
    raise kind(f"Discord answered {answer.status} with code {code}. {hint}".rstrip())
