"""How WeChat and WeCom sign requests and encrypt messages; both do it in the same way.

Source: https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/Technical_Plan.html
"""

import base64
import hmac
import secrets
from collections.abc import Mapping
from hashlib import sha1
from typing import Annotated

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from multidict import MultiMapping
from pydantic import AfterValidator, SecretStr

TOLERANCE_S = 300
MAX_QUERY_CHARS = 8_192  # of one value; an encrypted echo is the longest
BLOCK = 32  # to which the plain text is filled up, though AES has 16
RANDOM = 16
FIRST = RANDOM + 4  # where the message begins, behind random bytes and its length


class NotDecrypted(ValueError):
    """It is not encrypted with this key, or not for this account."""


def _aes_key(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if len(text) != 43 or not (text.isascii() and text.isalnum()):
        raise ValueError("write the 43 letters and digits of EncodingAESKey")
    return value


AesKey = Annotated[SecretStr, AfterValidator(_aes_key)]


class MessageCrypto:
    """Encrypts and decrypts messages of one account.

    Args:
        encoding_aes_key: EncodingAESKey of the console.
        receiver: Whom the messages are for: the app id, or the corp id.
    """

    def __init__(self, encoding_aes_key: str, receiver: str) -> None:
        self._key = base64.b64decode(encoding_aes_key + "=")
        self._receiver = receiver.encode("utf-8")

    def decrypt(self, encrypted: str) -> bytes:
        """The message in `encrypted`.

        Raises:
            NotDecrypted: It is of another key or for another account.
        """
        try:
            raw = base64.b64decode(encrypted, validate=True)
        except ValueError as error:
            raise NotDecrypted("it is not base64") from error
        if not raw or len(raw) % RANDOM:
            raise NotDecrypted("its length is wrong")
        decryptor = self._cipher().decryptor()
        return self._message(decryptor.update(raw) + decryptor.finalize())

    def encrypt(self, message: bytes, start: bytes | None = None) -> str:
        """`message` for the platform.

        Args:
            start: The random bytes that it begins with.
        """
        start = start or secrets.token_bytes(RANDOM)
        plain = start + len(message).to_bytes(4, "big") + message + self._receiver
        missing = BLOCK - len(plain) % BLOCK
        encryptor = self._cipher().encryptor()
        return base64.b64encode(encryptor.update(plain + bytes([missing]) * missing) + encryptor.finalize()).decode()

    def _cipher(self) -> Cipher[CBC]:
        return Cipher(AES(self._key), CBC(self._key[:RANDOM]))

    def _message(self, plain: bytes) -> bytes:
        """What stands between the random bytes and the receiver, whose name must be ours."""
        filling = plain[-1]
        if not 1 <= filling <= BLOCK or plain[-filling:] != bytes([filling]) * filling:
            raise NotDecrypted("its end is wrong")
        plain = plain[:-filling]
        end = FIRST + int.from_bytes(plain[RANDOM:FIRST], "big")
        if len(plain) < FIRST or end > len(plain):
            raise NotDecrypted("its length is wrong")
        if not hmac.compare_digest(plain[end:], self._receiver):
            raise NotDecrypted("it is for another account")
        return plain[FIRST:end]


def signature_of(token: str, *parts: str) -> str:
    """The signature that belongs to timestamp, nonce and, where there is one, the encrypted message."""
    return sha1("".join(sorted((token, *parts))).encode("utf-8", "surrogatepass")).hexdigest()  # noqa: S324 - theirs


def is_signed(token: str, signature: str, *parts: str) -> bool:
    """Whether `signature` belongs to `parts`; how long that takes does not tell where it differs."""
    return hmac.compare_digest(signature_of(token, *parts).encode("ascii"), signature.encode("utf-8", "surrogatepass"))


def single(query: MultiMapping[str], name: str) -> str | None:
    """A value of the query that stands there once; None where it stands there twice, or not at all."""
    values = query.getall(name, [])
    return values[0] if len(values) == 1 and len(values[0]) <= MAX_QUERY_CHARS else None


def is_fresh(timestamp: str, now: float) -> bool:
    """Whether a request was signed within five minutes of `now`; the platform itself sets no limit."""
    is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12
    return is_number and abs(now - int(timestamp)) <= TOLERANCE_S


def signed_parts(query: MultiMapping[str], token: str, now: float, name: str, *more: str) -> Mapping[str, str] | None:
    """Timestamp and nonce of a request whose signature is right and fresh, or None.

    Args:
        name: What the signature is called in the query.
        more: What is signed besides.
    """
    signature, timestamp, nonce = (single(query, one) for one in (name, "timestamp", "nonce"))
    if signature is None or timestamp is None or nonce is None:
        return None
    if not is_fresh(timestamp, now) or not is_signed(token, signature, timestamp, nonce, *more):
        return None
    return {"timestamp": timestamp, "nonce": nonce}
