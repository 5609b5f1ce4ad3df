"""The keys with which Microsoft signs what it brings: fetched, kept for a day, and fetched again when they change."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
import structlog
from yarl import URL

from bot.channels.posting import JsonPoster
from bot.delivery import NotSent, Uncertain
from bot.errors import Refused

MAX_AGE_S = 24 * 3_600.0
MIN_GAP_S = 600.0  # between two looks for a key that is not known; anybody can name one
RETRY_S = 5.0  # between two looks that failed

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A public key.

    Attributes:
        endorsements: The channels that may sign with it.
    """

    key: jwt.PyJWK
    endorsements: frozenset[str]


class OpenIdKeys:
    """The keys that an OpenID document names.

    Args:
        url: The document.
        clock: Seconds that only grow.
    """

    def __init__(self, url: URL, poster: JsonPoster, clock: Callable[[], float] = time.monotonic) -> None:
        self._url, self._poster, self._clock = url, poster, clock
        self._keys: dict[str, SigningKey] = {}
        self._fetched_at, self._looked_at = -math.inf, -math.inf
        self._lock = asyncio.Lock()

    async def key(self, key_id: str) -> SigningKey | None:
        """The key with this id, or None.

        Raises:
            Refused: 503; no key is known, and none can be fetched.
        """
        if not self._is_enough(key_id):
            async with self._lock:
                if not self._is_enough(key_id):
                    await self._fetch()
        if not self._keys:
            raise Refused(503, "Unavailable", "The keys of the sender cannot be fetched.", retry_after_s=5)
        return self._keys.get(key_id)

    def _is_enough(self, key_id: str) -> bool:
        """Whether there is nothing to gain by looking again."""
        now = self._clock()
        if not self._keys or now - self._fetched_at > MAX_AGE_S:
            return now - self._looked_at < RETRY_S
        return key_id in self._keys or now - self._looked_at < MIN_GAP_S

    async def _fetch(self) -> None:
        """Takes over the keys; those that are known stay where none can be fetched."""
        try:
            told = await self._document(self._url)
            url = URL(str(told.get("jwks_uri")))
            if url.origin() != self._url.origin():
                raise ValueError("the keys are said to be on another server")
            keys = _signing_keys(await self._document(url))
        except (NotSent, Uncertain, ValueError) as error:
            _log.error("signing_keys_not_fetched", server=str(self._url.origin()), reason=str(error))
        else:
            self._keys, self._fetched_at = keys, self._clock()
        finally:
            self._looked_at = self._clock()  # not before: who asks meanwhile waits

    async def _document(self, url: URL) -> dict[str, Any]:
        answer = await self._poster.ask("GET", url, {})
        found = answer.json()
        if answer.status != 200 or not isinstance(found, dict):
            raise ValueError(f"{url.path} was answered with {answer.status} and no JSON object")
        return found


def _signing_keys(document: Mapping[str, Any]) -> dict[str, SigningKey]:
    """The RSA keys by their ids.

    Raises:
        ValueError: There is none.
    """
    found = {}
    for entry in document.get("keys") or ():
        if not isinstance(entry, dict) or entry.get("kty") != "RSA" or not isinstance(entry.get("kid"), str):
            continue
        try:
            key = jwt.PyJWK(entry, algorithm="RS256")
        except jwt.PyJWTError:
            continue
        endorsements = frozenset(one for one in entry.get("endorsements") or () if isinstance(one, str))
        found[entry["kid"]] = SigningKey(key=key, endorsements=endorsements)
    if not found:
        raise ValueError("there is no RSA key among the keys")
    return found
