"""Meta's Graph API: one POST, and what each of its errors means.

Source: https://developers.facebook.com/docs/graph-api/guides/error-handling/
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from yarl import URL

from bot.channels.posting import JsonPoster, retry_after_s
from bot.delivery import NotSent, Rejected

BUSY_STATUS = frozenset({408, 425, 429})


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
        now: Unix time.
    """

    def __init__(
        self,
        url: URL,
        who: str,
        codes: ErrorCodes,
        *,
        poster: JsonPoster | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._url, self._who, self._codes, self._now = url, who, codes, now
        self._poster = poster or JsonPoster(now=now)

    async def post(self, path: str, body: Mapping[str, Any], token: str) -> None:
        """Returns once Meta has taken `body`.

        Raises:
            NotSent: It has not, and may later.
            GraphRejected: It never will.
            Uncertain: Nobody can tell.
        """
        answer = await self._poster.post_json(self._url / path, body, {"Authorization": f"Bearer {token}"})
        check(self._who, self._codes, answer.status, answer.body, retry_after_s(answer.headers, self._now()))

    async def close(self) -> None:
        """Closes the connections."""
        await self._poster.close()


def check(who: str, codes: ErrorCodes, status: int, body: bytes, wait_s: float | None) -> None:
    """Nothing where the answer is 2xx: Meta says in the status whether it has taken something.

    Raises:
        NotSent: Another try may help.
        GraphRejected: No other try will.
    """
    if 200 <= status < 300:
        return
    code, subcode, is_transient = _error(body)
    meaning = codes.meanings.get(code, "")
    reason = f"{who} answered {status}" + (f", error {code}" if code else "") + (f": {meaning}" if meaning else "")
    if code in codes.later:
        raise NotSent(reason, wait_s if wait_s is not None else codes.later[code])
    is_final = code in codes.meanings or 300 <= status < 400
    if not is_final and (is_transient or status in BUSY_STATUS or status >= 500):
        raise NotSent(reason, wait_s)
    raise GraphRejected(reason, code, subcode)


def _error(body: bytes) -> tuple[int, int, bool]:
    """Number, further number, and whether Meta says that it will pass; 0 where it says nothing that can be read."""
    try:
        error = json.loads(body)["error"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return 0, 0, False
    if not isinstance(error, dict):
        return 0, 0, False
    return _number(error.get("code")), _number(error.get("error_subcode")), error.get("is_transient") is True


def _number(value: Any) -> int:
    return value if type(value) is int else 0
