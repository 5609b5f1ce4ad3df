"""The WeChat channel: its webhook, the answer that a request waits for, and messages sent besides."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import structlog
from aiohttp import web
from yarl import URL

from bot.abilities import Abilities, TextUnit
from bot.channels.channel import WebhookChannel
from bot.channels.intake import Intake
from bot.channels.posting import JsonPoster
from bot.channels.wechat.api import MAX_BYTES, WeChatApi, rendered
from bot.channels.wechat.config import NAME, Config
from bot.channels.wechat.crypto import MessageCrypto, NotDecrypted, signature_of, signed_parts, single
from bot.channels.wechat.parse import parse_message
from bot.channels.wechat.passive import WAIT_S, PassiveReplies
from bot.channels.wechat.xml import TYPES, read_xml, written_xml
from bot.delivery import NotSent, Rejected
from bot.errors import Refused
from bot.request_body import read_bytes
from bot.stores.outbox import Part
from bot.timing import stage
from bot.turn_record import stored_reply

WINDOW_S = 48 * 3_600.0
MAX_MENU, MAX_MENU_TITLE, MAX_MENU_ID = 10, 128, 64
MAX_REMEMBERED = 10_000
MAX_ECHO_CHARS = 1_000
RECEIVED = "success"

_log = structlog.get_logger()


def make(config: Config, intake: Intake) -> "WeChat":
    """The channel."""
    return WeChat(config, intake)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """A genuine request.

    Attributes:
        signed: Its timestamp and nonce.
    """

    fields: Mapping[str, str]
    signed: Mapping[str, str]


class WeChat(WebhookChannel):
    """WeChat. The first texts of a reply go back in the answer to the request, all else by customer service message."""

    name = NAME

    def __init__(
        self, config: Config, intake: Intake, poster: JsonPoster | None = None, *, wait_s: float = WAIT_S
    ) -> None:
        self._config, self._intake = config, intake
        self._token = config.token.get_secret_value()
        key = config.encoding_aes_key
        self._crypto = None if key is None else MessageCrypto(key.get_secret_value(), config.app_id)
        self._passive = PassiveReplies(may_send=config.may_send, wait_s=wait_s)
        self._api = _api(config, poster or JsonPoster(now=intake.now), intake)
        self._seen: OrderedDict[str, bytes] = OrderedDict()
        self._held: set[str] = set()
        shows_menus = config.may_send and config.menus
        self.abilities = Abilities(
            max_text=MAX_BYTES,
            unit=TextUnit.UTF8_BYTES,
            max_buttons=MAX_MENU if shows_menus else 0,
            max_button_title=MAX_MENU_TITLE,
            max_payload_bytes=MAX_MENU_ID,
            link_buttons=shows_menus,
            reply_within_s=WINDOW_S,
        )

    def routes(self) -> list[web.RouteDef]:
        """The usual two, and the check of the address in WeChat's console."""
        return [*super().routes(), web.get(f"/webhooks/{NAME}/webhook", self.echo)]

    async def echo(self, request: web.Request) -> web.Response:
        """Returns `echostr` to who knows the token."""
        signed, echo = self._signed(request), single(request.query, "echostr")
        if echo is None or len(echo) > MAX_ECHO_CHARS:
            raise Refused(400, "InvalidField", "echostr is missing or too long.", field="echostr")
        self._refuse_reuse(signed, b"")
        return web.Response(text=echo, headers={"X-Content-Type-Options": "nosniff"})

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Takes in what WeChat brings, and answers with the reply where that is there in time."""
        with stage("parse"):
            brought = await self._brought(request)
            message = parse_message(brought.fields, self._config)
        if message is None:
            _log.info("wechat_ignored", type=brought.fields.get("MsgType", "")[:40])
            return web.Response(text=RECEIVED)
        with stage("store"):
            accepted = await self._intake.accept(message, {"customer": brought.fields["FromUserName"]})
        if accepted is None:
            return web.Response(text=RECEIVED)
        if message.conversation_id in self._held:
            self._held.discard(message.conversation_id)
            await self._intake.hurry(message.conversation_id, NAME)
        key = NAME, message.account, message.external_id or ""
        with stage("turn"):
            exchange = await self._passive.answer(accepted, lambda: self._intake.reply_of(*key))
        if exchange.text is None:
            return web.Response(text=RECEIVED)
        response = await _written(request, self._answer(brought, exchange.text))
        exchange.written.set()
        return response

    async def deliver(self, part: Part) -> None:
        """Brings one thing that the bot says to the customer, in the answer that waits for it or by a message.

        Raises:
            NotSent: WeChat has not taken it, and may take it later.
            Rejected: WeChat refuses it, or there is no way to the customer now.
            Uncertain: Nobody can tell.
        """
        if await self._passive.takes(part):
            return
        if self._api is None:
            raise Rejected("no request waits for it, and without app_secret there is no other way to the customer")
        customer = part.address.get("customer")
        if not isinstance(customer, str):
            raise Rejected("nobody has written in this conversation yet")
        (message,) = stored_reply([part.payload])
        try:
            await self._api.send(rendered(customer, message))
        except NotSent:
            self._held.add(part.conversation_id)
            raise

    async def close(self) -> None:
        """Closes the connections."""
        if self._api is not None:
            await self._api.close()

    def _signed(self, request: web.Request) -> Mapping[str, str]:
        signed = signed_parts(request.query, self._token, self._intake.now(), "signature")
        if signed is None:
            raise _forged()
        return signed

    async def _brought(self, request: web.Request) -> Brought:
        """What WeChat brought.

        Raises:
            Refused: 401; it is not from WeChat. 400; it is, and cannot be read.
        """
        signed = self._signed(request)
        body = await read_bytes(request, TYPES)
        if self._crypto is None:
            if "encrypt_type" in request.query and single(request.query, "encrypt_type") != "raw":
                raise Refused(401, "NotAuthenticated", "It is encrypted; write encoding_aes_key into credentials.yml.")
            self._refuse_reuse(signed, body)
            return Brought(fields=read_xml(body), signed=signed)
        return Brought(fields=read_xml(self._decrypted(self._crypto, request, read_xml(body))), signed=signed)

    def _decrypted(self, crypto: MessageCrypto, request: web.Request, outer: Mapping[str, str]) -> bytes:
        """The message within; what stands beside it in the open is not signed, and not read."""
        encrypted = outer.get("Encrypt", "")
        if signed_parts(request.query, self._token, self._intake.now(), "msg_signature", encrypted) is None:
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

    def _answer(self, brought: Brought, text: str) -> str:
        """The answer in WeChat's XML: the same for each try of a message, down to its time."""
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


def _api(config: Config, poster: JsonPoster, intake: Intake) -> WeChatApi | None:
    if config.app_secret is None:
        return None
    return WeChatApi(URL(str(config.api_url)), config.app_id, config.app_secret.get_secret_value(), poster, intake.now)


def _forged() -> Refused:
    return Refused(401, "NotAuthenticated", "The request is not signed with this account's token, or is old.")


async def _written(request: web.Request, xml: str) -> web.StreamResponse:
    """Writes an answer to its end, so that a connection that is gone is noticed.

    Raises:
        ConnectionError: It is gone; the platform has not got the answer.
    """
    response = web.Response(text=xml, content_type="application/xml")
    await response.prepare(request)
    await response.write_eof()
    return response
