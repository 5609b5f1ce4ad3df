"""A page's session: a random id that names one conversation, in a token that only the server can make."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt

from bot.channels.channel import conversation_id

NAME = "widget"
ALGORITHM = "HS256"
MAX_TOKEN_CHARS = 4_000
MAX_UNIX_TIME_S = 1e11
_ID = re.compile(r"[0-9a-f]{32}")
_REQUIRED = ["sub", "iat", "exp", "aud"]
_ERRORS = (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Whose conversation a page may read and write.

    Attributes:
        id: 32 hexadecimal digits that nobody can guess.
        expires_at: Unix time.
        locale: The customer's language, such as `en`; empty where the page has not said.
        page: The address on which the session began; empty where the page has not said.
    """

    id: str
    expires_at: int
    locale: str = ""
    page: str = ""

    @property
    def conversation_id(self) -> str:
        """The session's only conversation."""
        return conversation_id(NAME, self.id)


class Sessions:
    """Begins and renews sessions; it keeps none of them, all is in their tokens.

    Args:
        secret: Signs the tokens.
        lasts_s: How long a session goes on after its token was renewed.
        now: Unix time.
    """

    def __init__(self, secret: str, lasts_s: float, now: Callable[[], float]) -> None:
        self._secret, self._lasts_s, self._now = secret, lasts_s, now

    def begin(self, *, locale: str = "", page: str = "") -> Session:
        """A new session."""
        return Session(id=secrets.token_hex(16), expires_at=self._end(), locale=locale, page=page)

    def renewed(self, session: Session, *, locale: str = "") -> Session:
        """The same, which lasts longer."""
        return Session(id=session.id, expires_at=self._end(), locale=locale or session.locale, page=session.page)

    def token(self, session: Session) -> str:
        """What the page keeps of a session."""
        claims: dict[str, Any] = {"sub": session.id, "iat": int(self._now()), "exp": session.expires_at, "aud": NAME}
        claims |= {"locale": session.locale, "page": session.page}
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def read(self, token: str) -> Session | None:
        """The session of a token; None where it is forged, has expired, or is none of ours."""
        if len(token) > MAX_TOKEN_CHARS:
            return None
        options: Any = {"require": _REQUIRED, "verify_exp": False, "verify_iat": False}  # by our own clock, below
        try:
            claims = jwt.decode(token, self._secret, algorithms=[ALGORITHM], audience=NAME, options=options)
        except _ERRORS:
            return None
        identity, ends = claims["sub"], claims["exp"]
        if not (isinstance(identity, str) and _ID.fullmatch(identity) and _is_time(ends) and ends > self._now()):
            return None
        locale, page = claims.get("locale"), claims.get("page")
        return Session(
            id=identity,
            expires_at=int(ends),
            locale=locale if isinstance(locale, str) else "",
            page=page if isinstance(page, str) else "",
        )

    def _end(self) -> int:
        return int(self._now() + self._lasts_s)


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < MAX_UNIX_TIME_S
