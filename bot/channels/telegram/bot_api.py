"""Telegram's Bot API: one method called, and what each of its answers means.

Source: https://core.telegram.org/bots/api#making-requests
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from aiogram.methods import TelegramMethod
from yarl import URL

from bot.channels.posting import LATER, JsonPoster, ServerAnswer
from bot.delivery import NotSent, Rejected, Uncertain

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 300.0
MAX_REASON_CHARS = 200
FIXES = {
    401: "access_token in credentials.yml is wrong, or BotFather has given a new one.",
    403: "The customer has blocked the bot, or it was removed from the group.",
    404: "access_token in credentials.yml is wrong.",
}

_log = structlog.get_logger()


class Conflict(NotSent):
    """Messages cannot be fetched: a webhook is set, or another process fetches them."""


class BadRequest(Rejected):
    """Telegram cannot use what it was told, such as the address of a picture."""


class Moved(Rejected):
    """The group has become a supergroup, with another id.

    Args:
        chat_id: The new one.
    """

    def __init__(self, chat_id: int) -> None:
        super().__init__("the group has become a supergroup with another id")
        self.chat_id = chat_id


class BotApi:
    """Calls methods of the Bot API.

    Args:
        url: Where they are.
        wait: Lets so many seconds pass.
    """

    def __init__(
        self, url: URL, token: str, poster: JsonPoster, wait: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._url, self._poster, self._wait = url / f"bot{token}", poster, wait

    async def call(self, method: TelegramMethod[Any]) -> Any:
        """What the method gives.

        Raises:
            NotSent: Telegram has not taken it, and may take it later.
            Rejected: Telegram refuses it.
            Uncertain: Nobody can tell.
        """
        body = method.model_dump(mode="json", exclude_unset=True, exclude_none=True)
        return result_of(await self._poster.ask("POST", self._url / method.__api_method__, {}, json=body))

    async def insist(self, method: TelegramMethod[Any]) -> Any:
        """What the method gives, after as many tries as it takes.

        Raises:
            Rejected: Telegram refuses it.
        """
        wait_s = FIRST_WAIT_S
        while True:
            try:
                return await self.call(method)
            except (NotSent, Uncertain) as error:
                _log.warning("telegram_not_reached", method=method.__api_method__, reason=str(error))
                asked_s = getattr(error, "retry_after_s", None) or 0.0
                await self._wait(max(wait_s, min(asked_s, LONGEST_WAIT_S)))
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def close(self) -> None:
        """Closes the connections."""
        await self._poster.close()


def result_of(answer: ServerAnswer) -> Any:
    """The result in an answer that says `ok`.

    Raises:
        NotSent: It is to be tried again.
        Rejected: It is refused for good; what can be done about it stands beside the code.
        Uncertain: The answer is not Telegram's.
    """
    said, status = answer.json(), answer.status
    said = said if isinstance(said, Mapping) else {}
    parameters = said.get("parameters")
    parameters = parameters if isinstance(parameters, Mapping) else {}
    if status in LATER or status >= 500:
        raise NotSent(_shown(status, said), _seconds(parameters.get("retry_after")) or answer.retry_after_s)
    if status == 409:
        raise Conflict(_shown(status, said))
    if isinstance(parameters.get("migrate_to_chat_id"), int):
        raise Moved(parameters["migrate_to_chat_id"])
    if status >= 300:
        raise BadRequest(_shown(status, said)) if status == 400 else Rejected(_shown(status, said))
    if said.get("ok") is not True:
        raise Uncertain("Telegram's answer cannot be read")
    return said.get("result")


def _seconds(value: Any) -> float | None:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < 10**9 else None


def _shown(status: int, said: Mapping[str, Any]) -> str:
    """What an error says of itself, and what to do about it."""
    described = "".join(one for one in str(said.get("description") or "") if one.isprintable())[:MAX_REASON_CHARS]
    words = f"Telegram answered {status}" + (f", {described}" if described else "")
    return f"{words}. {FIXES[status]}" if status in FIXES else words
