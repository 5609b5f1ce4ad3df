"""Whether a request comes from Meta."""

import hmac
from hashlib import sha256

from multidict import MultiMapping

SIGNATURE = "X-Hub-Signature-256"


def is_genuine(secret: str, headers: MultiMapping[str], body: bytes) -> bool:
    """Whether `body`, as it came, was signed with the app's secret.

    Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/create-webhook-endpoint
    """
    signatures = headers.getall(SIGNATURE, [])
    if len(signatures) != 1:
        return False
    return is_same(signature_of(secret, body), signatures[0])


def signature_of(secret: str, body: bytes) -> str:
    """The signature that belongs to a body."""
    return "sha256=" + hmac.new(secret.encode("utf-8"), body, sha256).hexdigest()


def is_same(expected: str, given: str) -> bool:
    """Whether two secrets are the same; how long that takes does not tell where they differ."""
    return hmac.compare_digest(expected.encode("utf-8"), given.encode("utf-8", "surrogatepass"))
