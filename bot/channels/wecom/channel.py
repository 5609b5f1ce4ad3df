"""The WeCom channel: its webhook, and its replies."""

import structlog
from aiohttp import web
from yarl import URL

from bot.abilities import Abilities, TextUnit
from bot.channels.channel import WebhookChannel
from bot.channels.intake import Intake
from bot.channels.posting import JsonPoster
from bot.channels.wechat.crypto import MessageCrypto, NotDecrypted, signed_parts, single
from bot.channels.wechat.xml import TYPES, read_xml
from bot.channels.wecom.api import WeComApi
from bot.channels.wecom.config import NAME, Config
from bot.channels.wecom.parse import parse_message
from bot.delivery import Rejected
from bot.errors import Refused
from bot.request_body import read_bytes
from bot.stores.outbox import Part
from bot.timing import stage
from bot.turn_record import stored_reply

MAX_TEXT_BYTES = 2_048  # what is longer is cut off without a word
A_MINUTE, MOST_A_MINUTE = 60.0, 30  # to one person; what is more is dropped without a word

_log = structlog.get_logger()


def make(config: Config, intake: Intake) -> "WeCom":
    """The channel."""
    return WeCom(config, intake)


class WeCom(WebhookChannel):
    """WeCom. A message is acknowledged at once, and answered by a message of the app."""

    name = NAME
    abilities = Abilities(
        max_text=MAX_TEXT_BYTES, unit=TextUnit.UTF8_BYTES, per_conversation_s=A_MINUTE / MOST_A_MINUTE
    )

    def __init__(self, config: Config, intake: Intake, poster: JsonPoster | None = None) -> None:
        self._config, self._intake = config, intake
        self._token = config.token.get_secret_value()
        self._crypto = MessageCrypto(config.encoding_aes_key.get_secret_value(), config.corp_id)
        secret = config.secret.get_secret_value()
        self._api = WeComApi(
            URL(str(config.api_url)), config.corp_id, secret, poster or JsonPoster(now=intake.now), intake.now
        )

    def routes(self) -> list[web.RouteDef]:
        """The usual two, and the check of the address in WeCom's console."""
        return [*super().routes(), web.get(f"/webhooks/{NAME}/webhook", self.echo)]

    async def echo(self, request: web.Request) -> web.Response:
        """Returns what `echostr` holds, to who knows token and key."""
        word = self._opened(request, single(request.query, "echostr") or "")
        return web.Response(body=word, content_type="text/plain", headers={"X-Content-Type-Options": "nosniff"})

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Takes in what WeCom brings; an empty answer says that it is kept, or is nothing to keep."""
        with stage("parse"):
            outer = read_xml(await read_bytes(request, TYPES))
            fields = read_xml(self._opened(request, outer.get("Encrypt", "")))
            message = parse_message(fields, self._config)
        if message is None:
            _log.info("wecom_ignored", type=fields.get("MsgType", "")[:40])
            return web.Response()
        with stage("store"):
            await self._intake.accept(message, {"person": fields["FromUserName"]})
        return web.Response()

    async def deliver(self, part: Part) -> None:
        """Sends one thing that the bot says.

        Raises:
            NotSent: WeCom has not taken it, and may take it later.
            Rejected: WeCom refuses it, or nobody has written yet.
            Uncertain: Nobody can tell.
        """
        person = part.address.get("person")
        if not isinstance(person, str):
            raise Rejected("nobody has written in this conversation yet")
        (message,) = stored_reply([part.payload])
        await self._api.send(self._config.agent_id, person, message.text or "")

    async def close(self) -> None:
        """Closes the connections."""
        await self._api.close()

    def _opened(self, request: web.Request, encrypted: str) -> bytes:
        """What is encrypted in a request.

        Raises:
            Refused: 401; it is not signed, is old, or is not for this company.
        """
        if signed_parts(request.query, self._token, self._intake.now(), "msg_signature", encrypted) is None:
            raise Refused(401, "NotAuthenticated", "The request is not signed with this app's token, or is old.")
        try:
            return self._crypto.decrypt(encrypted)
        except NotDecrypted as error:
            raise Refused(401, "NotAuthenticated", f"The message cannot be decrypted: {error}.") from error
