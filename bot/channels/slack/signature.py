"""Whether a request comes from Slack."""

import hmac
from hashlib import sha256

from multidict import MultiMapping

SIGNATURE, TIMESTAMP = "X-Slack-Signature", "X-Slack-Request-Timestamp"
TOLERANCE_S = 300


def is_genuine(secret: str, headers: MultiMapping[str], body: bytes, now: float) -> bool:
    """Whether `body` was signed with `secret`, within five minutes of `now`.

    Source: https://docs.slack.dev/authentication/verifying-requests-from-slack/
    """
    signatures, timestamps = headers.getall(SIGNATURE, []), headers.getall(TIMESTAMP, [])
    if len(signatures) != 1 or len(timestamps) != 1:
        return False
    (timestamp,) = timestamps
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    expected = signature_of(secret, timestamp, body).encode("ascii")
    is_right = hmac.compare_digest(expected, signatures[0].encode("utf-8", "surrogateescape"))
    return is_right and abs(now - int(timestamp)) <= TOLERANCE_S


def signature_of(secret: str, timestamp: str, body: bytes) -> str:
    """The signature that belongs to a body."""
    signed = b"v0:" + timestamp.encode("ascii") + b":" + body
    return "v0=" + hmac.new(secret.encode("utf-8"), signed, sha256).hexdigest()
