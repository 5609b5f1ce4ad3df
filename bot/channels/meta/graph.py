"""Meta's Graph API: one POST, and what each of its errors means.

Source: https://developers.facebook.com/docs/graph-api/guides/error-handling/
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from aiohttp import web
from yarl import URL

from bot.channels.posting import LATER, JsonPoster, ServerAnswer
from bot.delivery import NotSent, Rejected


class GraphRejected(Rejected):
    """Meta refuses it for good.

    Args:
        code: Meta's number of the error; 0 where it named none.
    """

    def __init__(self, reason: str, code: int = 0, subcode: int = 0) -> None:
        super().__init__(reason)
        self.code, self.subcode = code, subcode


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCodes:
    """What a product's errors mean.

    Attributes:
        later: Errors after which another try may help, and after how many seconds; None where Meta does not say.
        meanings: What is wrong and what to do, by error.
    """

    later: Mapping[int, float | None]
    meanings: Mapping[int, str] = field(default_factory=dict)


class GraphApi:
    """Posts to the Graph API with a token.

    Args:
        url: The API with its version.
        who: The product, for messages of errors.
    """

    def __init__(self, url: URL, who: str, codes: ErrorCodes, poster: JsonPoster) -> None:
        self._url, self._who, self._codes, self._poster = url, who, codes, poster

    async def post(self, path: str, body: Mapping[str, Any], token: str, proof: str | None = None) -> None:
        """Returns once Meta has taken `body`.

        Args:
            proof: That whoever has the token has the app's secret too; see `proof_of`.

        Raises:
            NotSent: It has not, and may later.
            GraphRejected: It never will.
            Uncertain: Nobody can tell.
        """
        headers = {"Authorization": f"Bearer {token}"}
        url = self._url / path if proof is None else self._url / path % {"appsecret_proof": proof}
        check(await self._poster.ask("POST", url, headers, json=body), self._who, self._codes)

    async def close(self) -> None:
        """Closes the connections."""
        await self._poster.close()


def proof_of(secret: str, token: str) -> str:
    """The proof that belongs to a token.

    Source: https://developers.facebook.com/docs/graph-api/guides/secure-requests/
    """
    return hmac.new(secret.encode("utf-8"), token.encode("utf-8"), sha256).hexdigest()


def check(answer: ServerAnswer, who: str, codes: ErrorCodes) -> None:
    """Nothing where the status is 2xx: by it Meta says whether it has taken something.

    Raises:
        NotSent: Another try may help.
        GraphRejected: No other try will.
    """
    status = answer.status
    if 200 <= status < 300:
        return
    code, subcode, is_transient = _error(answer.json())
    meaning = codes.meanings.get(code, "") if code or status == web.HTTPUnauthorized.status_code else ""
    reason = f"{who} answered {status}" + (f", error {code}" if code else "") + (f": {meaning}" if meaning else "")
    if code in codes.later:
        wait_s = answer.retry_after_s
        raise NotSent(reason, codes.later[code] if wait_s is None else wait_s)
    is_final = bool(meaning) or 300 <= status < 400
    if not is_final and (is_transient or status in LATER or status >= 500):
        raise NotSent(reason, answer.retry_after_s)
    raise GraphRejected(reason, code, subcode)


def _error(answer: Any) -> tuple[int, int, bool]:
    """Number, further number, and whether Meta says that it will pass; 0 where it says nothing that can be read."""
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict):
        return 0, 0, False
    return _number(error.get("code")), _number(error.get("error_subcode")), error.get("is_transient") is True


def _number(value: Any) -> int:
    return value if type(value) is int else 0
