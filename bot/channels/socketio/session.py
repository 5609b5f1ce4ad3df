"""Whose conversation a page may go on with: who knows the session's id, and with tokens only who it was begun by.

An id is a secret between one page and the server. The server makes ids that nobody can guess, and takes from a page
only what is as hard to guess: RasaHQ's widget makes its own and never learns of another. A conversation is named by a
hash, so who reads a log, a tracker or the desk cannot join it.
"""

import json
import re
import uuid
from hashlib import sha256

import jwt

from bot.channels.channel import conversation_id
from bot.channels.socketio.config import NAME, Config
from bot.request_body import MAX_ID_CHARS

MAX_TOKEN_CHARS = 4_000
_RANDOM = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}", re.IGNORECASE)
_ERRORS = (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError, RecursionError)


def new_session_id() -> str:
    """A session's id as Rasa's server makes it."""
    return uuid.uuid4().hex


def may_claim(session_id: str | None, owner: str) -> bool:
    """Whether a page may go on with the session of this id.

    Args:
        owner: Whom the page's token names; the sessions of each are apart, so that theirs may have plain names.
    """
    if not session_id or len(session_id) > MAX_ID_CHARS:
        return False
    return bool(owner) or _RANDOM.fullmatch(session_id) is not None


def conversation_of(session_id: str, owner: str = "") -> str:
    """The conversation of a session; nobody can tell the session from it."""
    plain = session_id if _RANDOM.fullmatch(session_id) is None else session_id.replace("-", "").lower()
    return conversation_id(NAME, sha256(json.dumps([owner, plain]).encode("ascii")).hexdigest()[:32])


class Gate:
    """Lets pages connect: each, or those whose token is signed with the owner's key."""

    def __init__(self, config: Config) -> None:
        self._key = None if config.jwt_key is None else config.jwt_key.get_secret_value()
        self._method = config.jwt_method.value

    def owner(self, auth: object) -> str | None:
        """Whom the token names, "" where it names nobody or none is wanted; None where the page may not connect."""
        if self._key is None:
            return ""
        token = auth.get("token") if isinstance(auth, dict) else None
        if not isinstance(token, str) or len(token) > MAX_TOKEN_CHARS:
            return None
        try:
            claims = jwt.decode(token.removeprefix("Bearer ").strip(), self._key, algorithms=[self._method])
        except _ERRORS:
            return None
        subject = claims.get("sub")
        return subject if isinstance(subject, str) else ""
