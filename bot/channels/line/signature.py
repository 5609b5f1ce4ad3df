"""Whether a request comes from LINE."""

import hmac
from base64 import b64encode
from hashlib import sha256

from multidict import MultiMapping

SIGNATURE = "X-Line-Signature"


def is_genuine(secret: str, headers: MultiMapping[str], body: bytes) -> bool:
    """Whether `body` was signed with `secret`. No time is signed, so a request may come again.

    Source: https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/
    """
    signatures = headers.getall(SIGNATURE, [])
    if len(signatures) != 1:
        return False
    return hmac.compare_digest(
        signature_of(secret, body).encode("ascii"), signatures[0].encode("utf-8", "surrogateescape")
    )


def signature_of(secret: str, body: bytes) -> str:
    """The signature that belongs to a body."""
    return b64encode(hmac.new(secret.encode("utf-8"), body, sha256).digest()).decode("ascii")
