"""Whether a request comes from Feishu, and what is encrypted in it.

Source: https://open.feishu.cn/document/ukTMukTMukTM/uYDNxYjL2QTM24iN0EjN/event-subscription-configure-/encrypt-key-encryption-configuration-case
"""

import base64
import hmac
from hashlib import sha256

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from multidict import MultiMapping

SIGNATURE, TIMESTAMP, NONCE = "X-Lark-Signature", "X-Lark-Request-Timestamp", "X-Lark-Request-Nonce"
BLOCK = 16
# Feishu sets no limit, and tries again for more than six hours; whether those tries are signed anew it does not say.
TOLERANCE_S = 8 * 3_600


class NotDecrypted(ValueError):
    """It is not encrypted with this key."""


def is_genuine(key: str, headers: MultiMapping[str], body: bytes, now: float) -> bool:
    """Whether `body`, as it came, was signed with the Encrypt Key, and not too long ago."""
    timestamp, nonce, signature = (_single(headers, name) for name in (TIMESTAMP, NONCE, SIGNATURE))
    if timestamp is None or nonce is None or signature is None:
        return False
    expected = signature_of(key, timestamp, nonce, body)
    is_right = hmac.compare_digest(expected.encode("ascii"), signature.encode("utf-8", "surrogateescape"))
    return is_right and _is_fresh(timestamp, now)


def signature_of(key: str, timestamp: str, nonce: str, body: bytes) -> str:
    """The signature that belongs to a body: a plain hash, over the key too."""
    return sha256(f"{timestamp}{nonce}{key}".encode("utf-8", "surrogateescape") + body).hexdigest()


def is_same(expected: str, given: object) -> bool:
    """Whether a token is the right one; how long that takes does not tell where it differs."""
    return isinstance(given, str) and hmac.compare_digest(
        expected.encode("utf-8"), given.encode("utf-8", "surrogatepass")
    )


def decrypted(key: str, encrypted: str) -> bytes:
    """What `encrypted` holds.

    Raises:
        NotDecrypted: It is not encrypted with this key.
    """
    try:
        raw = base64.b64decode(encrypted, validate=True)
    except ValueError as error:
        raise NotDecrypted("it is not base64") from error
    if len(raw) < 2 * BLOCK or len(raw) % BLOCK:
        raise NotDecrypted("its length is wrong")
    decryptor = Cipher(AES(sha256(key.encode("utf-8")).digest()), CBC(raw[:BLOCK])).decryptor()
    plain = decryptor.update(raw[BLOCK:]) + decryptor.finalize()
    filling = plain[-1]
    if not 1 <= filling <= BLOCK or plain[-filling:] != bytes([filling]) * filling:
        raise NotDecrypted("its end is wrong")
    return plain[:-filling]


def _single(headers: MultiMapping[str], name: str) -> str | None:
    values = headers.getall(name, [])
    return values[0] if len(values) == 1 else None


def _is_fresh(timestamp: str, now: float) -> bool:
    """Seconds as a rule; more digits are milliseconds or microseconds, as elsewhere in Feishu's events."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 16):
        return False
    at_s = int(timestamp) / (1 if len(timestamp) <= 11 else 10 ** (len(timestamp) - 10))
    return abs(now - at_s) <= TOLERANCE_S
