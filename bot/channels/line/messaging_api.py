"""LINE's Messaging API: a message sent by a reply token or pushed, and what each answer means.

Source: https://developers.line.biz/en/reference/messaging-api/#send-reply-message,
https://developers.line.biz/en/docs/messaging-api/retrying-api-request/
"""

from collections.abc import Mapping

from yarl import URL

from bot.channels.line.rendering import Message
from bot.channels.posting import LATER, JsonPoster, ServerAnswer
from bot.delivery import NotSent, Rejected

RETRY_KEY, ACCEPTED = "X-Line-Retry-Key", "x-line-accepted-request-id"
MAX_REASON_CHARS = 200
FIXES = {
    401: "channel_access_token in credentials.yml is wrong, or was issued anew.",
    403: "The account's plan does not allow it.",
}


class TokenUsed(Rejected):
    """The reply token was used before, or is too old."""


class MessagingApi:
    """Sends messages.

    Args:
        url: Where the API is.
    """

    def __init__(self, url: URL, token: str, poster: JsonPoster) -> None:
        self._url, self._poster = url / "v2" / "bot" / "message", poster
        self._headers = {"Authorization": f"Bearer {token}"}

    async def reply(self, token: str, message: Message) -> None:
        """Sends a message by a reply token, of which there is one use.

        Raises:
            TokenUsed: It is of no use any more.
            NotSent: LINE has not taken it, or says that it has a fault.
            Rejected: LINE refuses the message.
            Uncertain: Nobody can tell.
        """
        body = {"replyToken": token, "messages": [message]}
        check(await self._poster.ask("POST", self._url / "reply", self._headers, json=body))

    async def push(self, to: str, message: Message, key: str) -> None:
        """Sends a message; one with the same key is sent once, however often it is pushed within 24 hours.

        Raises:
            NotSent: LINE has not taken it, or says that it has a fault.
            Rejected: LINE refuses the message.
            Uncertain: Nobody can tell.
        """
        body = {"to": to, "messages": [message]}
        answer = await self._poster.ask("POST", self._url / "push", {**self._headers, RETRY_KEY: key}, json=body)
        if answer.status != 409 or ACCEPTED not in answer.headers:
            check(answer)

    async def close(self) -> None:
        """Closes the connections."""
        await self._poster.close()


def check(answer: ServerAnswer) -> None:
    """Nothing where the message was taken.

    Raises:
        TokenUsed: The reply token is of no use any more.
        NotSent: It is to be tried again.
        Rejected: It is refused for good.
    """
    if answer.status < 300:
        return
    words = words_of(answer)
    if "monthly limit" in words:
        raise Rejected(f"{words} Take a larger plan, or wait for the next month.")
    if answer.status in LATER or answer.status >= 500:
        raise NotSent(words, answer.retry_after_s)
    if answer.status == 400 and "reply token" in words.lower():
        raise TokenUsed(words)
    raise Rejected(f"{words} {FIXES.get(answer.status, '')}".rstrip())


def words_of(answer: ServerAnswer) -> str:
    """What an answer says of an error."""
    said = answer.json()
    message = str(said.get("message") or "") if isinstance(said, Mapping) else ""
    shown = "".join(one for one in message if one.isprintable())[:MAX_REASON_CHARS]
    return f"LINE answered {answer.status}, {shown}" if shown else f"LINE answered {answer.status}."
