"""Whether a request comes from the Bot Connector, by the token in its header.

Source: https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
from multidict import MultiMapping

from bot.channels.botframework.keys import OpenIdKeys

SKEW_S = 300
MAX_TOKEN_CHARS = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who has signed a request.

    Attributes:
        service_url: The server that the request comes from, and the only one that replies may go to.
        endorsements: The channels for which the key may sign; none where it is not restricted.
    """

    service_url: str
    endorsements: frozenset[str]

    def stands_for(self, service_url: str, channel: str) -> bool:
        """Whether what it signed may come from this server and this channel."""
        return service_url == self.service_url and (not self.endorsements or channel in self.endorsements)


class BearerCheck:
    """Checks tokens.

    Args:
        app_id: For whom they must be.
        issuer: By whom they must be.
        now: Unix time.
    """

    def __init__(self, app_id: str, issuer: str, keys: OpenIdKeys, now: Callable[[], float]) -> None:
        self._app_id, self._issuer, self._keys, self._now = app_id, issuer, keys, now

    async def identity(self, headers: MultiMapping[str]) -> Identity | None:
        """Who has signed a request; None where nobody has, or it cannot be believed.

        Raises:
            Refused: 503; the keys cannot be fetched.
        """
        token = _token(headers)
        key_id = None if token is None else _key_id(token)
        if token is None or key_id is None or (key := await self._keys.key(key_id)) is None:
            return None
        claims = self._claims(token, key.key)
        if claims is None:
            return None
        return Identity(service_url=claims["serviceurl"], endorsements=key.endorsements)

    def _claims(self, token: str, key: jwt.PyJWK) -> dict[str, Any] | None:
        """What the token claims, if it is signed with `key`, for this bot and in force."""
        options: Any = {
            "require": ["exp", "iss", "aud", "serviceurl"],
            "verify_exp": False,  # below, by our own clock
            "verify_nbf": False,
            "verify_iat": False,
        }
        try:
            claims = jwt.decode(
                token, key, algorithms=["RS256"], audience=self._app_id, issuer=self._issuer, options=options
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            return None
        expires, begins = claims["exp"], claims.get("nbf", 0)
        if type(expires) is not int or type(begins) is not int or not isinstance(claims["serviceurl"], str):
            return None
        return claims if begins - SKEW_S <= self._now() <= expires + SKEW_S else None


def _token(headers: MultiMapping[str]) -> str | None:
    """The token of the only `Authorization` header."""
    found = headers.getall("Authorization", [])
    kind, _, token = found[0].partition(" ") if len(found) == 1 else ("", "", "")
    is_one = kind.lower() == "bearer" and token.isascii() and 0 < len(token) <= MAX_TOKEN_CHARS
    return token if is_one else None


def _key_id(token: str) -> str | None:
    """The id of the key that a token says it is signed with."""
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None
    key_id = header.get("kid")
    return key_id if header.get("alg") == "RS256" and isinstance(key_id, str) else None
