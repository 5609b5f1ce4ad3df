"""Has an action server run an owner's actions, by the protocol of rasa_sdk's `/webhook`.

The server is trusted to do what it does, not to answer well: its answer is read up to a limit, all within one deadline,
and no redirect of it is followed.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import aiohttp
from yarl import URL

from bot.actions.circuit import Circuit, CircuitState
from bot.actions.domain_json import DomainJson
from bot.actions.result import MAX_RESULT_BYTES, ActionFailed, ActionRejected, ActionResult, parse_result
from bot.errors import Refused
from bot.request_body import parse_json
from configs.errors import SettingsError

MAX_CONNECTIONS = 32
CHUNK_BYTES = 65_536
DOMAIN_WANTED = 449  # rasa_sdk does not hold the domain of this digest
EXAMPLE = "http://localhost:5055/webhook"


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes


class _Unusable(Exception):
    """The server, not one of its actions, has failed."""


class RemoteActions:
    """The actions of an action server.

    Args:
        url: Where it is asked, such as `http://localhost:5055/webhook`.
        timeout_s: How long it may take to answer, a second asking with the domain included.
        now: Unix time, for events that come without.
        spare_domain: Leaves the domain out once it was sent. Servers that know no digests, such as rasa_sdk 3.6, run
            actions without one then.
        circuit: When the server is no longer asked. A crash of one action (status 500) does not count against it.
        clock: Seconds that only ever grow.

    Raises:
        SettingsError: `url` is no address to ask.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float,
        now: Callable[[], float],
        spare_domain: bool = False,
        circuit: Circuit | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = checked_url(url)
        self._timeout_s, self._now, self._clock = timeout_s, now, clock
        self._spare_domain = spare_domain
        self._circuit = circuit or Circuit()
        self._domain = DomainJson()
        self._sent_digest: str | None = None
        self._version = version("rasa-sdk")
        self._session: aiohttp.ClientSession | None = None

    async def run(self, name: str, tracker: Mapping[str, Any], domain: Mapping[str, Any]) -> ActionResult:
        """Has the action `name` run.

        Raises:
            ActionRejected: It would not run.
            ActionFailed: The server did not answer well, or has failed so often that it is not asked now.
        """
        if self._circuit.state(self._clock()) is CircuitState.OPEN:
            raise ActionFailed(name, f"not asked: {self._shown} has failed {self._circuit.failures} times in a row")
        self._circuit = self._circuit.asked(self._clock())
        try:
            payload = await self._payload(name, tracker, domain)
        except (_Unusable, TimeoutError, aiohttp.ClientError) as error:
            self._circuit = self._circuit.failed(self._clock())
            raise ActionFailed(name, self._reason(error)) from error
        except (ActionRejected, ActionFailed):
            self._circuit = self._circuit.succeeded()
            raise
        except BaseException:
            self._circuit = self._circuit.given_up()
            raise
        self._circuit = self._circuit.succeeded()
        return parse_result(payload, action=name, now=self._now())

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def _shown(self) -> str:
        """The server without a user's name, a password or a token."""
        return str(self._url.origin())

    def _reason(self, error: Exception) -> str:
        if isinstance(error, _Unusable):
            return f"{self._shown} {error}"
        if isinstance(error, aiohttp.ClientConnectorError):
            return f"{self._shown} cannot be reached: {type(error.os_error).__name__}"
        if isinstance(error, TimeoutError):
            return f"{self._shown} did not answer within {self._timeout_s:g} s"
        return f"{self._shown} did not answer: {type(error).__name__}"

    async def _payload(self, name: str, tracker: Mapping[str, Any], domain: Mapping[str, Any]) -> Any:
        async with asyncio.timeout(self._timeout_s):
            answer = await self._asked(name, tracker, domain)
        match answer.status:
            case 200:
                return _json(answer)
            case 400 if "action_name" in _object(answer):
                raise ActionRejected(name)
            case 404:
                raise ActionFailed(name, f"{self._shown} answered 404: it has no action of this name, or another path")
            case 500:
                raise ActionFailed(name, f"crashed on {self._shown}, whose log says why")
            case status if status == DOMAIN_WANTED:
                raise _Unusable("asks for the domain again and again")
            case status if 300 <= status < 400:
                raise _Unusable(f"answered {status}; redirects are not followed, write the right address")
            case status:
                raise _Unusable(f"answered {status}")

    async def _asked(self, name: str, tracker: Mapping[str, Any], domain: Mapping[str, Any]) -> _Answer:
        text = self._domain.of(domain)
        call = {
            "next_action": name,
            "sender_id": tracker.get("sender_id"),
            "tracker": tracker,
            "version": self._version,
            "domain_digest": text.digest,
        }
        bare = json.dumps(call)
        whole = f'{bare[:-1]}, "domain": {text.text}}}'
        leaves_out = self._spare_domain and self._sent_digest == text.digest
        answer = await self._post(bare if leaves_out else whole)
        if answer.status == DOMAIN_WANTED:
            answer = await self._post(whole)
        if answer.status == 200:
            self._sent_digest = text.digest
        return answer

    async def _post(self, body: str) -> _Answer:
        if self._session is None:
            self._session = _session()
        async with self._session.post(
            self._url, data=body.encode(), headers={"Content-Type": "application/json"}, allow_redirects=False
        ) as response:
            return _Answer(response.status, await _read(response))


def checked_url(url: str) -> URL:
    """The address of an action server.

    Raises:
        SettingsError: It is none that can be asked.
    """
    try:
        parsed = URL(url)
        (parsed.host or "").encode("idna")
    except ValueError as error:
        raise SettingsError(f"The action endpoint is no web address. Write one such as {EXAMPLE}.") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise SettingsError(
            f"The action endpoint has the scheme {parsed.scheme!r} and the host {parsed.host!r}. "
            f"Write an address such as {EXAMPLE}."
        )
    return parsed


def _session() -> aiohttp.ClientSession:
    """Keeps no cookies, takes nothing from the environment and unpacks nothing."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=False,
        trust_env=False,
        headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "kefu"},
    )


async def _read(response: aiohttp.ClientResponse) -> bytes:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise _Unusable("answered in a compressed form that it was not asked for")
    body = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_RESULT_BYTES:
            response.close()
            raise _Unusable(f"answered more than {MAX_RESULT_BYTES:,} bytes")
    return bytes(body)


def _json(answer: _Answer) -> Any:
    try:
        return parse_json(answer.body)
    except Refused as error:
        raise _Unusable(f"answered {answer.status} with what is not JSON") from error


def _object(answer: _Answer) -> Mapping[str, Any]:
    try:
        value = parse_json(answer.body)
    except Refused:
        return {}
    return value if isinstance(value, dict) else {}
