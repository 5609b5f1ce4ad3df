"""What is let in from WeChat: requests that are signed, fresh and, where there is a key, encrypted; and the way out."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from aiohttp import web

from bot.channels.wechat.config import Config
from bot.channels.wechat.crypto import MessageCrypto, NotDecrypted, signature_of, signed_parts, single
from bot.channels.wechat.xml import TYPES, read_xml, written_xml
from bot.errors import Refused
from bot.request_body import read_bytes

MAX_REMEMBERED = 10_000
MAX_ECHO_CHARS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What a genuine request brought.

    Attributes:
        signed: Its timestamp and nonce.
    """

    fields: Mapping[str, str]
    signed: Mapping[str, str]


class Gate:
    """Believes a request or refuses it.

    Args:
        now: Unix time.
    """

    def __init__(self, config: Config, now: Callable[[], float]) -> None:
        self._token, self._now = config.token.get_secret_value(), now
        key = config.encoding_aes_key
        self._crypto = None if key is None else MessageCrypto(key.get_secret_value(), config.app_id)
        self._seen: OrderedDict[str, bytes] = OrderedDict()

    def echo(self, request: web.Request) -> str:
        """What WeChat wants to hear again from who knows the token.

        Raises:
            Refused: 401; it is not from WeChat. 400; there is nothing to say.
        """
        signed, word = self._signed(request), single(request.query, "echostr")
        if word is None or len(word) > MAX_ECHO_CHARS:
            raise Refused(400, "InvalidField", "echostr is missing or too long.", field="echostr")
        self._refuse_reuse(signed, b"")
        return word

    async def brought(self, request: web.Request) -> Brought:
        """What WeChat brought.

        Raises:
            Refused: 401; it is not from WeChat. 400; it is, and cannot be read.
        """
        signed = self._signed(request)
        body = await read_bytes(request, TYPES)
        if self._crypto is not None:
            body = self._decrypted(self._crypto, request, read_xml(body))
        elif "encrypt_type" in request.query and single(request.query, "encrypt_type") != "raw":
            raise Refused(401, "NotAuthenticated", "It is encrypted; write encoding_aes_key into credentials.yml.")
        else:
            self._refuse_reuse(signed, body)
        return Brought(fields=read_xml(body), signed=signed)

    def answer(self, brought: Brought, text: str) -> str:
        """A text as the answer to a request: the same for each try of a message, down to its time."""
        fields = brought.fields
        plain = written_xml(
            {
                "ToUserName": fields["FromUserName"],
                "FromUserName": fields.get("ToUserName", ""),
                "CreateTime": int(fields["CreateTime"]),
                "MsgType": "text",
                "Content": text,
            }
        )
        return plain if self._crypto is None else sealed(self._crypto, self._token, plain, brought.signed)

    def _signed(self, request: web.Request) -> Mapping[str, str]:
        signed = signed_parts(request.query, self._token, self._now(), "signature")
        if signed is None:
            raise _forged()
        return signed

    def _decrypted(self, crypto: MessageCrypto, request: web.Request, outer: Mapping[str, str]) -> bytes:
        """The message within; what stands beside it in the open is not signed, and not read."""
        encrypted = outer.get("Encrypt", "")
        if signed_parts(request.query, self._token, self._now(), "msg_signature", encrypted) is None:
            raise _forged()
        try:
            return crypto.decrypt(encrypted)
        except NotDecrypted as error:
            raise Refused(401, "NotAuthenticated", f"The message cannot be decrypted: {error}.") from error

    def _refuse_reuse(self, signed: Mapping[str, str], body: bytes) -> None:
        """In the open the signature does not cover the body: one that was seen may not bring another body."""
        key, digest = ":".join(signed.values()), sha256(body).digest()
        if self._seen.setdefault(key, digest) != digest:
            raise _forged()
        while len(self._seen) > MAX_REMEMBERED:
            self._seen.popitem(last=False)


def sealed(crypto: MessageCrypto, token: str, plain: str, signed: Mapping[str, str]) -> str:
    """An answer, encrypted and signed with the request's own timestamp and nonce."""
    timestamp, nonce = signed["timestamp"], signed["nonce"]
    start = sha256(f"{token}:{timestamp}:{nonce}:{plain}".encode()).digest()[:16]
    encrypted = crypto.encrypt(plain.encode("utf-8"), start)
    return written_xml(
        {
            "Encrypt": encrypted,
            "MsgSignature": signature_of(token, timestamp, nonce, encrypted),
            "TimeStamp": int(timestamp),
            "Nonce": nonce,
        }
    )


def _forged() -> Refused:
    return Refused(401, "NotAuthenticated", "The request is not signed with this account's token, or is old.")
