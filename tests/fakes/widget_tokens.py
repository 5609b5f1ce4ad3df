"""Tokens of the widget's sessions: one as the server makes them, and those that it must not believe."""

import secrets
import time
from typing import Any

import jwt

SECRET = "a secret of the fake page, longer than sixty-four characters, as every hash wants it"  # noqa: S105
HOUR_S = 3_600


def claims() -> dict[str, Any]:
    """What a token says of a new session."""
    now = int(time.time())
    return {"sub": secrets.token_hex(16), "iat": now, "exp": now + HOUR_S, "aud": "widget", "locale": "", "page": ""}


def good_token() -> str:
    return _signed()


def bad_tokens() -> dict[str, str]:
    """What is wrong with each, and the token."""
    now, good = int(time.time()), good_token()
    said, _, signature = good.rpartition(".")
    return {
        "no algorithm": jwt.encode(claims(), None, algorithm="none"),
        "no signature": f"{said}.",
        "another algorithm": jwt.encode(claims(), SECRET, algorithm="HS512"),
        "another key": jwt.encode(claims(), SECRET[::-1], algorithm="HS256"),
        "expired": _signed(exp=now - 1),
        "no end": _signed(exp=None),
        "an end that is no time": _signed(exp="never"),
        "another audience": _signed(aud="socketio"),
        "no audience": _signed(aud=None),
        "not valid yet": _signed(nbf=now + HOUR_S),
        "a session of another form": _signed(sub="ann"),
        "no session": _signed(sub=None),
        "cut short": good[:-1],
        "the signature of another session": f"{good_token().rpartition('.')[0]}.{signature}",
        "empty": "",
        "no token at all": "let me in",
        "far too long": good + "x" * 5_000,
    }


def _signed(**changed: Any) -> str:
    kept = {name: value for name, value in (claims() | changed).items() if value is not None}
    return jwt.encode(kept, SECRET, algorithm="HS256")
