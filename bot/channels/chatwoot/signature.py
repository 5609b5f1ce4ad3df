"""Whether a request comes from Chatwoot: its signature of time and body.

Source: https://github.com/chatwoot/chatwoot/blob/develop/lib/webhooks/trigger.rb
"""

import hashlib
import hmac

from multidict import CIMultiDictProxy

SIGNATURE, TIMESTAMP = "X-Chatwoot-Signature", "X-Chatwoot-Timestamp"
WINDOW_S = 300


def is_genuine(secret: str, headers: CIMultiDictProxy[str], body: bytes, now: float) -> bool:
    """Whether `body` is signed with `secret`, once, and not long ago."""
    signatures, timestamps = headers.getall(SIGNATURE, []), headers.getall(TIMESTAMP, [])
    if len(signatures) != 1 or len(timestamps) != 1 or not _is_recent(timestamps[0], now):
        return False
    given = signatures[0].encode("utf-8", "surrogateescape")
    return hmac.compare_digest(signature(secret, timestamps[0], body).encode(), given)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What Chatwoot writes into the header."""
    return "sha256=" + hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def _is_recent(timestamp: str, now: float) -> bool:
    is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12
    return is_number and abs(now - int(timestamp)) <= WINDOW_S
