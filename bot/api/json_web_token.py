"""Reads the JSON Web Tokens of Rasa's HTTP API: `{"user": {"username": ..., "role": "admin" | "user"}}`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from pydantic import SecretStr

from configs.errors import SettingsError
from configs.settings import JwtMethod, Settings

MAX_TOKEN_CHARS = 4_000
MAX_UNIX_TIME_S = 1e11
ADMIN, USER = "admin", "user"
_ERRORS = (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls; `name` is the only conversation that one who is no admin may touch."""

    name: str | None = None
    is_admin: bool = False

    def may_touch(self, conversation_id: str) -> bool:
        """Whether this conversation may be read and changed."""
        return self.is_admin or self.name == conversation_id


class JsonWebTokens:
    """Checks tokens that are signed in one way, whatever a token says of itself.

    Args:
        secret: The key that both sides know, or the public key in PEM.
        audience: What `aud` must hold; without one, no token may have an `aud`.
        require_exp: Refuse tokens that never expire.

    Raises:
        SettingsError: The secret is no key for the method.
    """

    def __init__(self, secret: SecretStr, method: JwtMethod, *, audience: str | None, require_exp: bool) -> None:
        self._secret = secret.get_secret_value()
        self._method = method.value
        self._audience = audience
        self._options: Any = {"require": ["exp"] if require_exp else [], "enforce_minimum_key_length": True}
        algorithm = jwt.get_algorithm_by_name(self._method)
        try:
            weakness = algorithm.check_key_length(algorithm.prepare_key(self._secret))
        except _ERRORS as error:
            raise SettingsError(
                f"KEFU_JWT_SECRET is no key for {self._method}, which KEFU_JWT_METHOD names. "
                "HS256 takes a random text, RS256 and ES256 a public key in PEM."
            ) from error
        if weakness:
            raise SettingsError(f"KEFU_JWT_SECRET is too short for {self._method}. {weakness}")

    def caller(self, token: str) -> Caller | None:
        """Who the token says is calling; None where it is forged, has expired, is not valid yet, or says nobody."""
        claims = self.claims(token)
        return None if claims is None else _caller(claims)

    def claims(self, token: str) -> Mapping[str, Any] | None:
        """What the token says; None where it is forged, has expired, or is not valid yet."""
        if len(token) > MAX_TOKEN_CHARS:
            return None
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token, self._secret, algorithms=[self._method], audience=self._audience, options=self._options
            )
        except _ERRORS:
            return None
        return claims if _has_plain_times(claims) else None


def json_web_tokens(settings: Settings) -> JsonWebTokens | None:
    """The check of the tokens that the settings name; None where they name none.

    Raises:
        SettingsError: The secret is no key for the method.
    """
    if settings.jwt_secret is None:
        return None
    return JsonWebTokens(
        settings.jwt_secret,
        settings.jwt_method,
        audience=settings.jwt_audience,
        require_exp=settings.jwt_require_exp,
    )


def _has_plain_times(claims: Mapping[str, Any]) -> bool:
    times = [claims[name] for name in ("exp", "nbf", "iat") if name in claims]
    return all(
        isinstance(time, int | float) and not isinstance(time, bool) and 0 <= time < MAX_UNIX_TIME_S for time in times
    )


def _caller(claims: Mapping[str, Any]) -> Caller | None:
    user = claims.get("user")
    if not isinstance(user, dict):
        return None
    name, role = user.get("username"), user.get("role")
    if role == ADMIN:
        return Caller(name=name if isinstance(name, str) else None, is_admin=True)
    return Caller(name=name) if role == USER and isinstance(name, str) and name else None
