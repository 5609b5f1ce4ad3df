"""The three calls of Chatwoot's Application API that a bot needs, and what its answers mean."""

from typing import Any

from yarl import URL

from bot.channels.posting import LATER, JsonPoster, ServerAnswer
from bot.delivery import NotSent, Rejected, Uncertain


class ChatwootApi:
    """Writes into conversations and gives them a status.

    Args:
        token: Of the agent bot.
    """

    def __init__(self, url: URL, token: str, poster: JsonPoster) -> None:
        self._url, self._poster = url, poster
        self._headers = {"api_access_token": token}

    async def add_message(self, account: str, conversation: str, body: dict[str, Any]) -> None:
        """Adds a message, or a note.

        Raises:
            NotSent: It was not taken, and may be later.
            Rejected: It never will be.
            Uncertain: Nobody can tell: Chatwoot knows a repeated message by nothing.
        """
        await self._post(account, conversation, "messages", body)

    async def set_status(self, account: str, conversation: str, status: str) -> None:
        """Gives a conversation a status; twice is as good as once, so that what is uncertain is done again.

        Raises:
            NotSent: It was not taken, and may be later.
            Rejected: It never will be.
        """
        try:
            await self._post(account, conversation, "toggle_status", {"status": status})
        except Uncertain as error:
            raise NotSent(str(error)) from error

    async def close(self) -> None:
        """Closes the connections."""
        await self._poster.close()

    async def _post(self, account: str, conversation: str, action: str, body: dict[str, Any]) -> None:
        url = self._url / "api/v1/accounts" / account / "conversations" / conversation / action
        _check(await self._poster.ask("POST", url, self._headers, json=body), action)


def _check(answer: ServerAnswer, action: str) -> None:
    if answer.status in LATER or answer.status >= 500:
        raise NotSent(f"Chatwoot answered {answer.status} to {action}", answer.retry_after_s)
    if answer.status == 401:
        raise Rejected("Chatwoot answered 401: access_token is not that of a bot of this account")
    if not 200 <= answer.status < 300:
        raise Rejected(f"Chatwoot answered {answer.status} to {action}")
