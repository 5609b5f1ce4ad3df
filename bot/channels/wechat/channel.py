"""The WeChat channel: its webhook, the answer that a request waits for, and messages sent besides."""

import structlog
from aiohttp import web
from yarl import URL

from bot.abilities import Abilities, TextUnit
from bot.channels.channel import WebhookChannel
from bot.channels.intake import Intake
from bot.channels.posting import JsonPoster
from bot.channels.wechat.api import MAX_BYTES, WeChatApi, rendered
from bot.channels.wechat.config import NAME, Config
from bot.channels.wechat.gate import Gate
from bot.channels.wechat.parse import parse_message
from bot.channels.wechat.passive import WAIT_S, PassiveReplies
from bot.delivery import NotSent, Rejected
from bot.stores.outbox import Part
from bot.timing import stage
from bot.turn_record import stored_reply

WINDOW_S = 48 * 3_600.0
MAX_MENU, MAX_MENU_TITLE, MAX_MENU_ID = 10, 128, 64
RECEIVED = "success"

_log = structlog.get_logger()


def make(config: Config, intake: Intake) -> "WeChat":
    """The channel."""
    return WeChat(config, intake)


class WeChat(WebhookChannel):
    """WeChat. The first texts of a reply go back in the answer to the request, all else by customer service message."""

    name = NAME

    def __init__(
        self, config: Config, intake: Intake, poster: JsonPoster | None = None, *, wait_s: float = WAIT_S
    ) -> None:
        self._config, self._intake = config, intake
        self._gate = Gate(config, intake.now)
        self._passive = PassiveReplies(may_send=config.may_send, wait_s=wait_s)
        self._api = _api(config, poster or JsonPoster(now=intake.now), intake)
        self._held: set[str] = set()
        self.abilities = _abilities(shows_menus=config.may_send and config.menus)

    def routes(self) -> list[web.RouteDef]:
        """The usual two, and the check of the address in WeChat's console."""
        return [*super().routes(), web.get(f"/webhooks/{NAME}/webhook", self.echo)]

    async def echo(self, request: web.Request) -> web.Response:
        """Returns `echostr` to who knows the token."""
        return web.Response(text=self._gate.echo(request), headers={"X-Content-Type-Options": "nosniff"})

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Takes in what WeChat brings, and answers with the reply where that is there in time."""
        with stage("parse"):
            brought = await self._gate.brought(request)
            message = parse_message(brought.fields, self._config)
        if message is None:
            _log.info("wechat_ignored", type=brought.fields.get("MsgType", "")[:40])
            return web.Response(text=RECEIVED)
        with stage("store"):
            accepted = await self._intake.accept(message, {"customer": brought.fields["FromUserName"]})
            await self._hurry(message.conversation_id)
        if accepted is None:
            return web.Response(text=RECEIVED)
        key = NAME, message.account, message.external_id or ""
        with stage("turn"):
            exchange = await self._passive.answer(accepted, lambda: self._intake.reply_of(*key))
        if exchange.text is None:
            return web.Response(text=RECEIVED)
        response = await _written(request, self._gate.answer(brought, exchange.text))
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

    async def _hurry(self, conversation_id: str) -> None:
        """Sends what was too much: now that the customer has written, WeChat takes more."""
        if conversation_id in self._held:
            self._held.discard(conversation_id)
            await self._intake.hurry(conversation_id, NAME)


def _abilities(*, shows_menus: bool) -> Abilities:
    return Abilities(
        max_text=MAX_BYTES,
        unit=TextUnit.UTF8_BYTES,
        max_buttons=MAX_MENU if shows_menus else 0,
        max_button_title=MAX_MENU_TITLE,
        max_payload_bytes=MAX_MENU_ID,
        link_buttons=shows_menus,
        reply_within_s=WINDOW_S,
    )


def _api(config: Config, poster: JsonPoster, intake: Intake) -> WeChatApi | None:
    if config.app_secret is None:
        return None
    return WeChatApi(URL(str(config.api_url)), config.app_id, config.app_secret.get_secret_value(), poster, intake.now)


async def _written(request: web.Request, xml: str) -> web.StreamResponse:
    """Writes an answer to its end, so that a connection that is gone is noticed.

    Raises:
        ConnectionError: It is gone; the platform has not got the answer.
    """
    response = web.Response(text=xml, content_type="application/xml")
    await response.prepare(request)
    await response.write_eof()
    return response
