"""A person's session: a cookie that only the server can make; nothing of it is kept."""

import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
from aiohttp import web

from bot.pages.roles import Admission, Person, Proof, Role

LASTS_S = 12 * 3600.0
ALGORITHM, AUDIENCE = "HS256", "pages"
COOKIE, SECURE_COOKIE = "kefu_pages", "__Host-kefu_pages"  # no other site can set the second, not even by a subdomain
MAX_COOKIE_CHARS = 4_000
_ID = re.compile(r"[0-9a-f]{32}")
_REQUIRED = ["sub", "exp", "aud", "jti", "role", "proof", "mark"]
_ERRORS = (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who is signed in.

    Attributes:
        id: 32 hexadecimal digits that nobody can guess; what forms prove themselves by is made of it.
        expires_at: Unix time.
    """

    id: str
    admission: Admission
    expires_at: float


class Sessions:
    """Begins and reads sessions.

    Args:
        key: Signs the cookies.
        now: Unix time.
    """

    def __init__(self, key: str, now: Callable[[], float], lasts_s: float = LASTS_S) -> None:
        self._key, self._now, self._lasts_s = key, now, lasts_s

    def begin(self, admission: Admission) -> Session:
        """A new session; it does not outlast what let the person in."""
        ends = self._now() + self._lasts_s
        ends = ends if admission.until is None else min(ends, float(admission.until))
        return Session(id=secrets.token_hex(16), admission=admission, expires_at=ends)

    def left_s(self, session: Session) -> float:
        """For how long it goes on."""
        return max(0.0, session.expires_at - self._now())

    def to_cookie(self, session: Session) -> str:
        """What the browser keeps."""
        admission = session.admission
        claims: dict[str, Any] = {"aud": AUDIENCE, "jti": session.id, "exp": int(session.expires_at)}
        claims |= {"sub": admission.person.name, "role": admission.person.role.word}
        claims |= {"proof": admission.proof.value, "mark": admission.mark}
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def read(self, cookie: str) -> Session | None:
        """The session of a cookie; None where it is forged or has expired."""
        if len(cookie) > MAX_COOKIE_CHARS:
            return None
        options: Any = {"require": _REQUIRED, "verify_exp": False}  # by our own clock, below
        try:
            claims = jwt.decode(cookie, self._key, algorithms=[ALGORITHM], audience=AUDIENCE, options=options)
            session = _session(claims)
        except _ERRORS:
            return None
        return session if _ID.fullmatch(session.id) and session.expires_at > self._now() else None

    def form_token(self, session_id: str) -> str:
        """What a form of this session must hold, so that no page of another site can send it."""
        return hmac.digest(self._key.encode(), f"form:{session_id}".encode(), "sha256").hex()

    def is_form_token(self, session_id: str, given: str) -> bool:
        """Whether `given` is the session's, found in a time that says nothing of how much of it is right."""
        return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), self.form_token(session_id).encode())


def _session(claims: dict[str, Any]) -> Session:
    person = Person(name=str(claims["sub"]), role=Role[str(claims["role"]).upper()])
    admission = Admission(person=person, proof=Proof(claims["proof"]), mark=str(claims["mark"]))
    return Session(id=str(claims["jti"]), admission=admission, expires_at=float(claims["exp"]))


def is_secure(request: web.Request) -> bool:
    """Whether the browser speaks TLS, with the server or with a proxy before it."""
    return request.secure or request.headers.get("X-Forwarded-Proto", "").split(",")[0].strip().lower() == "https"


def cookie_of(request: web.Request) -> str | None:
    """The session cookie that the browser has sent."""
    return request.cookies.get(SECURE_COOKIE if is_secure(request) else COOKIE)


def set_cookie(request: web.Request, response: web.StreamResponse, value: str, max_age_s: float) -> None:
    """Has the browser keep a session, out of reach of scripts and of other sites' pages."""
    secure = is_secure(request)
    response.set_cookie(
        SECURE_COOKIE if secure else COOKIE,
        value,
        path="/",
        max_age=int(max_age_s),
        secure=secure,
        httponly=True,
        samesite="Strict",
    )
