"""Twilio's REST API: a message created, and what each of its errors means.

Source: https://www.twilio.com/docs/messaging/api/message-resource, https://www.twilio.com/docs/api/errors
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence

from yarl import URL

from bot.channels.posting import LATER, JsonPoster, ServerAnswer
from bot.delivery import NotSent, Rejected

Fields = Sequence[tuple[str, str]]

LATER_CODES = frozenset({14107, 20429, 21611})  # too many requests, or too many messages wait at Twilio
FIXES = {
    20003: "account_sid or auth_token in credentials.yml is wrong.",
    21211: "It is no number that can be written to.",
    21408: "Switch the customer's country on under Messaging, Settings, Geo permissions.",
    21606: "twilio_number is not a number of this account that can send.",
    21608: "A trial account writes only to numbers that are verified in the console.",
    21610: "The customer has written STOP; they have to write START before they get anything again.",
    21617: "The text is over 1,600 characters.",
    21620: "The address of a picture or a file is not open to everybody.",
    63007: "There is no WhatsApp sender with this number in the account.",
    63016: "The customer wrote over 24 hours ago; only a template reaches them.",
}


class RestApi:
    """Creates messages.

    Args:
        url: Where the API is.
    """

    def __init__(self, url: URL, account_sid: str, auth_token: str, poster: JsonPoster) -> None:
        self._url = url / "2010-04-01" / "Accounts" / account_sid / "Messages.json"
        password = b64encode(f"{account_sid}:{auth_token}".encode()).decode("ascii")
        self._headers = {"Authorization": f"Basic {password}"}
        self._poster = poster

    async def create_message(self, fields: Fields) -> None:
        """Returns once Twilio has taken a message.

        Raises:
            NotSent: Twilio has not taken it, and may take it later.
            Rejected: Twilio refuses it.
            Uncertain: Nobody can tell.
        """
        check(await self._poster.ask("POST", self._url, self._headers, data=list(fields)))

    async def close(self) -> None:
        """Closes the connections."""
        await self._poster.close()


def check(answer: ServerAnswer) -> None:
    """Nothing where the message was taken.

    Raises:
        NotSent: It is to be tried again.
        Rejected: It is refused for good; what can be done about it stands beside the code.
    """
    if answer.status < 300:
        return
    code = code_of(answer)
    words = f"Twilio answered {answer.status}" + (f", error {code}" if code else "")
    if answer.status in LATER or answer.status >= 500 or code in LATER_CODES:
        raise NotSent(words, answer.retry_after_s)
    raise Rejected(f"{words}. {FIXES[code]}" if code in FIXES else words)


def code_of(answer: ServerAnswer) -> int:
    """Twilio's own code of an error; 0 where there is none."""
    said = answer.json()
    code = said.get("code") if isinstance(said, Mapping) else None
    return code if type(code) is int and 0 < code < 10**6 else 0
