"""Signatures of Standard Webhooks.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hmac
from collections.abc import Iterable


def signed_headers(keys: Iterable[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of a webhook; each key signs.

    Args:
        message_id: The same however often it is sent.
        timestamp: Unix time of this try.
    """
    content = f"{message_id}.{timestamp}.".encode() + body
    digests = (base64.b64encode(hmac.digest(key, content, "sha256")).decode("ascii") for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{digest}" for digest in digests),
    }
