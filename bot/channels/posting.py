"""Posts to another server, and tells apart what it surely did not take, what it refused and what nobody knows."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from yarl import URL

from bot.delivery import NotSent, Rejected, Uncertain

CONNECT_S = 5.0
ANSWER_S = 10.0  # for all of one post
MAX_CONNECTIONS = 32
MAX_ANSWER_BYTES = 65_536
LATER = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAnswer:
    """What a server said.

    Attributes:
        body: How it begins; see `JsonPoster`.
        retry_after_s: When it wants to be asked again; None where it has not said.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    retry_after_s: float | None

    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class JsonPoster:
    """Posts JSON, and reads no more of the answer than it needs.

    It follows no redirect, keeps no cookie and takes nothing from the environment. Each post has a connection of its
    own: on one that was kept, the other side may hang up in the very moment of a post, and then nobody could tell
    whether it arrived.

    Args:
        now: Unix time, for answers that say when to come again.
        answer_s: How long all of one post may take.
        max_answer_bytes: How much of an answer is read.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.time,
        answer_s: float = ANSWER_S,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._now, self._answer_s, self._most = now, answer_s, max_answer_bytes
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: URL, body: Any, headers: Mapping[str, str]) -> None:
        """Returns once the other side has taken `body`.

        Raises:
            NotSent: It could not be reached, or answered 408, 425, 429 or 5xx.
            Rejected: It answered with a redirect or another error.
            Uncertain: It did not answer after all was sent.
        """
        async with self._asking("POST", url, json=body, headers=headers) as response:
            self._check(response)  # what else it says is not read

    async def ask(self, method: str, url: URL, headers: Mapping[str, str], **sent: Any) -> ServerAnswer:
        """What the other side says to a request, whatever its status; judge it before you go on.

        Args:
            sent: `json`, `data` or `params`, as aiohttp takes them.

        Raises:
            NotSent: It could not be reached.
            Uncertain: It did not answer after all was sent.
        """
        async with self._asking(method, url, headers=headers, **sent) as response:
            body = await response.content.read(self._most)
            while len(body) < self._most and (more := await response.content.read(self._most - len(body))):
                body += more
            waits_s = retry_after_s(response.headers, self._now())
            return ServerAnswer(status=response.status, headers=response.headers, body=body, retry_after_s=waits_s)

    @asynccontextmanager
    async def _asking(self, method: str, url: URL, **sent: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._session is None:
            self._session = _session()
        try:
            async with (
                asyncio.timeout(self._answer_s),
                self._session.request(method, url, allow_redirects=False, **sent) as response,
            ):
                yield response
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotSent(f"{_shown(url)} cannot be reached: {type(error).__name__}") from error
        except TimeoutError as error:
            raise Uncertain(f"{_shown(url)} did not answer within {self._answer_s:g} s") from error
        except aiohttp.ClientError as error:
            raise Uncertain(f"{_shown(url)} did not answer: {type(error).__name__}") from error

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _check(self, response: aiohttp.ClientResponse) -> None:
        status, where = response.status, _shown(response.url)
        if status in LATER or status >= 500:
            raise NotSent(f"{where} answered {status}", retry_after_s(response.headers, self._now()))
        if 300 <= status < 400:
            raise Rejected(f"{where} answered {status}; redirects are not followed, write the right address")
        if status >= 400:
            raise Rejected(f"{where} answered {status}")


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """After how many seconds to come again, of seconds or a date; None where neither is said, or it makes no sense."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit() and len(value) <= 12:
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS, force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_S),
        auto_decompress=False,
        trust_env=False,
        headers={"Accept-Encoding": "identity", "User-Agent": "kefu"},
    )


def _shown(url: URL) -> str:
    """The server without a user's name, a password or a token."""
    return str(url.origin())
