"""The channel `botframework`: its webhook and its replies."""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog
from aiohttp import web
from pydantic import ValidationError
from yarl import URL

from bot.abilities import Abilities, TextUnit
from bot.channels.botframework.activities import Activity, address_of, parse_activity
from bot.channels.botframework.bearer import BearerCheck
from bot.channels.botframework.config import NAME, Config
from bot.channels.botframework.connector import Connector
from bot.channels.botframework.keys import OpenIdKeys
from bot.channels.botframework.rendering import MAX_BUTTONS, MAX_TEXT, MAX_TITLE, rendered, typing_sign
from bot.channels.channel import WebhookChannel
from bot.channels.intake import Intake
from bot.channels.posting import JsonPoster
from bot.delivery import NotSent, Rejected, Uncertain
from bot.errors import Refused
from bot.request_body import parse_json, read_bytes
from bot.stores.outbox import Part
from bot.timing import stage
from bot.turn_record import stored_reply

MAX_ANSWER_BYTES = 1_048_576  # the list of keys is long

_log = structlog.get_logger()


def make(config: Config, intake: Intake) -> "BotFramework":
    """The channel."""
    return BotFramework(config, intake)


class BotFramework(WebhookChannel):
    """Teams and the other channels of the Azure Bot Service."""

    name = NAME
    abilities = Abilities(
        max_text=MAX_TEXT,
        unit=TextUnit.UTF16_UNITS,
        max_buttons=MAX_BUTTONS,
        max_button_title=MAX_TITLE,
        images=True,
        attachments=True,
        custom=True,
        typing=True,
        threads=True,
        per_conversation_s=0.5,  # 1,800 an hour
        burst=5,
    )

    def __init__(self, config: Config, intake: Intake, poster: JsonPoster | None = None) -> None:
        self._config, self._intake = config, intake
        self._poster = poster or JsonPoster(now=intake.now, max_answer_bytes=MAX_ANSWER_BYTES)
        keys = OpenIdKeys(URL(str(config.openid_url)), self._poster)
        self._bearer = BearerCheck(config.app_id, config.issuer, keys, intake.now)
        self._connector = Connector(config, self._poster, intake.now)
        self._under_way: set[asyncio.Task[None]] = set()

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Takes an activity in; 200 says that it is kept, or is nothing to keep."""
        body = await read_bytes(request)
        identity = await self._bearer.identity(request.headers)
        if identity is None:
            raise Refused(401, "NotAuthenticated", "The token is not one of the Bot Connector for this bot.")
        with stage("parse"):
            raw = parse_json(body)
        try:
            activity = Activity.model_validate(raw)
        except ValidationError as error:  # activities about other things have other fields
            _log.info("activity_ignored", fields=[str(one["loc"]) for one in error.errors()[:3]])
            return self._ignored(raw, identity.service_url)
        if not identity.stands_for(activity.service_url, activity.channel_id):
            raise Refused(403, "NotAuthorized", "The token does not stand for the activity's serviceUrl and channel.")
        await self._take(activity)
        return web.Response()

    async def _take(self, activity: Activity) -> None:
        found = parse_activity(activity)
        if found is None:
            _log.info("activity_ignored", type=activity.type[:40])
            return
        with stage("store"):
            accepted = await self._intake.accept(*found)
        if accepted is not None and accepted.is_new and self._config.typing:
            self._show_typing(address_of(activity))

    def _ignored(self, raw: Any, service_url: str) -> web.Response:
        """Nothing to keep; but what another server has signed is refused whatever it is."""
        if isinstance(raw, dict) and raw.get("serviceUrl") != service_url:
            raise Refused(403, "NotAuthorized", "The token does not stand for the activity's serviceUrl and channel.")
        return web.Response()

    async def deliver(self, part: Part) -> None:
        """Posts one thing that the bot says into the conversation.

        Raises:
            NotSent: It was not taken; later it may be.
            Rejected: It was refused.
            Uncertain: Nobody can tell.
        """
        if not part.address:
            raise Rejected("nobody has written in this conversation yet, so its server is not known")
        (message,) = stored_reply([part.payload])
        await self._connector.reply(part.address, rendered(message, part.address))

    async def close(self) -> None:
        """Closes the connections."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._poster.close()

    def _show_typing(self, address: Mapping[str, Any]) -> None:
        task = asyncio.create_task(self._typing(address))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _typing(self, address: Mapping[str, Any]) -> None:
        try:
            await self._connector.reply(address, typing_sign(address))
        except (NotSent, Rejected, Uncertain) as error:
            _log.info("typing_not_shown", reason=str(error))
