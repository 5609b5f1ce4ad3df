"""Whether a request comes from Discord."""

import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from multidict import MultiMapping

SIGNATURE, TIMESTAMP = "X-Signature-Ed25519", "X-Signature-Timestamp"
TOLERANCE_S = 300  # Discord names none; an interaction is answered within seconds or not at all
_SIGNATURE = re.compile(r"[0-9a-fA-F]{128}\Z")


def is_genuine(public_key: str, headers: MultiMapping[str], body: bytes, now: float) -> bool:
    """Whether `body` was signed with the key that belongs to `public_key`, within five minutes of `now`.

    Source: https://docs.discord.com/developers/interactions/overview
    """
    signatures, timestamps = headers.getall(SIGNATURE, []), headers.getall(TIMESTAMP, [])
    if len(signatures) != 1 or len(timestamps) != 1 or not _SIGNATURE.match(signatures[0]):
        return False
    (timestamp,) = timestamps
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signatures[0]), timestamp.encode("ascii") + body)
    except (InvalidSignature, ValueError):
        return False
    return abs(now - int(timestamp)) <= TOLERANCE_S
