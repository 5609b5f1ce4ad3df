"""Names of turns in addresses: which conversation is meant only the server can read, for it may be a phone number."""

import base64
import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from bot.errors import Refused
from bot.review import Key

MAX_CHARS = 2_000


class SealedTurns:
    """Seals turns, the same one always the same way.

    Args:
        key: What they are sealed with.
    """

    def __init__(self, key: str) -> None:
        self._cipher = AESSIV(hashlib.sha512(f"turns:{key}".encode()).digest())

    def seal(self, turn: Key) -> str:
        """The turn's name in an address."""
        sealed = self._cipher.encrypt(f"{turn[1]} {turn[0]}".encode("utf-8", "surrogatepass"), None)
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, name: str) -> Key:
        """The turn of a name.

        Raises:
            Refused: 404; it is no name that was given here.
        """
        try:
            if len(name) > MAX_CHARS:
                raise ValueError(name)
            sealed = base64.b64decode(name + "=" * (-len(name) % 4), b"-_", validate=True)
            seq, _, conversation = self._cipher.decrypt(sealed, None).decode("utf-8", "surrogatepass").partition(" ")
            return (conversation, int(seq))
        except (ValueError, InvalidTag):
            raise Refused(404, "NotFound", "There is no such message. Open the review again.") from None
