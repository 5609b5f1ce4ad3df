"""The Telegram channel: what comes in by its webhook or by polling, and its replies."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from aiogram.methods import AnswerCallbackQuery, GetMe, SetWebhook
from aiogram.types import Update
from aiohttp import web
from pydantic import ValidationError
from yarl import URL

from bot.abilities import Abilities, TextUnit
from bot.channels.channel import WebhookChannel
from bot.channels.intake import Intake
from bot.channels.posting import JsonPoster
from bot.channels.telegram.bot_api import BadRequest, BotApi, Moved
from bot.channels.telegram.config import NAME, Config
from bot.channels.telegram.methods import as_link, place_of, rendered
from bot.channels.telegram.polling import POLL_S, Polling
from bot.channels.telegram.updates import ALLOWED, parse_update
from bot.delivery import NotSent, Rejected, Uncertain
from bot.errors import Refused
from bot.messages import BotMessage
from bot.request_body import parse_json, read_bytes
from bot.stores.outbox import Part
from bot.timing import stage
from bot.turn_record import stored_reply

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name
MAX_BODY_BYTES = 1024 * 1024
MAX_BATCH_BYTES = 8 * 1024 * 1024  # a hundred updates
MAX_ANSWERING = 100  # buttons whose press is being acknowledged

_log = structlog.get_logger()


def make(config: Config, intake: Intake) -> "Telegram":
    """The channel."""
    return Telegram(config, intake)


class Telegram(WebhookChannel):
    """Telegram. Each update is taken in once, however it comes.

    Args:
        wait: Lets so many seconds pass.
    """

    name = NAME
    abilities = Abilities(
        max_text=4_096,
        unit=TextUnit.UTF16_UNITS,
        max_buttons=50,  # more fit; nobody would read them
        max_button_title=64,  # longer ones are cut off on phones
        max_payload_bytes=64,
        link_buttons=True,
        images=True,
        attachments=True,
        custom=True,
        per_second=30,
        per_conversation_s=1.0,
        burst=3,
    )

    def __init__(
        self, config: Config, intake: Intake, wait: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._config, self._intake = config, intake
        url, token = URL(str(config.api_url)), config.access_token.get_secret_value()
        fetching = JsonPoster(now=intake.now, answer_s=POLL_S + 10.0, max_answer_bytes=MAX_BATCH_BYTES)
        self._api = BotApi(url, token, JsonPoster(now=intake.now), wait)
        self._fetching = BotApi(url, token, fetching, wait)
        self._polling = Polling(self._fetching, self.take, wait)
        self._answering: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        """The health route, and the webhook unless messages are fetched."""
        routes = super().routes()
        return routes[:1] if self._config.polls else routes

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Takes an update in; the answer is empty, as Telegram would execute a method in it.

        Raises:
            Refused: It is not from Telegram, or no update; 503 where Telegram should bring it again.
        """
        if not _is_genuine(self._config.secret, request.headers.getall(SECRET_HEADER, [])):
            raise Refused(401, "NotAuthenticated", f"{SECRET_HEADER} is not the secret of this bot.")
        with stage("parse"):
            update = parse_json(await read_bytes(request, max_bytes=MAX_BODY_BYTES))
        if not isinstance(update, Mapping) or "update_id" not in update:
            raise Refused(400, "InvalidBody", "The body is no update of Telegram's.", field="body")
        await self.take(update)
        return web.Response()

    async def take(self, data: Mapping[str, Any]) -> None:
        """Takes an update in. It is durable when this returns; one that cannot be read is passed over.

        Raises:
            Refused: Too many messages wait.
            StoreError: The database cannot be written.
        """
        try:
            update = Update.model_validate(data)
            found = parse_update(update, self._config)
        except ValidationError as error:
            fields = [".".join(map(str, one["loc"])) for one in error.errors(include_input=False)[:3]]
            _log.warning("webhook_item_skipped", channel=NAME, fields=fields)
            return
        if found is not None:
            with stage("store"):
                await self._intake.accept(*found)
        if update.callback_query is not None:
            self._acknowledge(update.callback_query.id)

    async def run(self) -> None:
        """Tells Telegram where to bring messages, or fetches them until it is cancelled."""
        try:
            await self._introduce()
        except Rejected as error:
            _log.error("telegram_refused", reason=str(error))
            return
        if self._config.polls:
            _log.info("telegram_polls", bot=self._config.verify)
            await self._polling.run()

    async def deliver(self, part: Part) -> None:
        """Sends one thing that the bot says.

        Raises:
            NotSent: Telegram has not taken it, and may take it later.
            Rejected: Telegram refuses it.
            Uncertain: Nobody can tell.
        """
        (message,) = stored_reply([part.payload])
        try:
            await self._send(message, place_of(part.address))
        except Moved as moved:
            await self._send(message, place_of({"chat": moved.chat_id}))

    async def close(self) -> None:
        """Closes the connections."""
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)
        await self._api.close()
        await self._fetching.close()

    async def _introduce(self) -> None:
        me = await self._api.insist(GetMe())
        name = me.get("username") if isinstance(me, Mapping) else None
        if str(name).lower() != self._config.verify.lower():
            _log.error("telegram_other_bot", verify=self._config.verify, name=name, fix="Write its name at `verify`.")
        if self._config.webhook_url is not None:
            url, secret = str(self._config.webhook_url), self._config.secret
            await self._api.insist(SetWebhook(url=url, secret_token=secret, allowed_updates=list(ALLOWED)))
            _log.info("telegram_webhook_set", url=url)

    async def _send(self, message: BotMessage, place: Mapping[str, Any]) -> None:
        method = rendered(message, place)
        try:
            await self._api.call(method)
        except BadRequest:
            link = as_link(message, place)  # a picture that Telegram could not fetch
            if link is None or link == method:
                raise
            await self._api.call(link)

    def _acknowledge(self, query_id: str) -> None:
        """Ends the waiting sign on a button, by and by."""
        if len(self._answering) < MAX_ANSWERING:
            task = asyncio.create_task(self._answer(query_id))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def _answer(self, query_id: str) -> None:
        try:
            await self._api.call(AnswerCallbackQuery(callback_query_id=query_id))
        except (NotSent, Rejected, Uncertain) as error:  # the sign ends by itself
            _log.info("telegram_button_not_acknowledged", reason=str(error))


def _is_genuine(secret: str, given: list[str]) -> bool:
    if len(given) != 1:
        return False
    return hmac.compare_digest(secret.encode("ascii"), given[0].encode("utf-8", "surrogateescape"))
