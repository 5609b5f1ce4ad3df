"""The LINE channel: its webhook, and its replies."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import structlog
from aiohttp import web
from pydantic import ValidationError
from yarl import URL

from bot.abilities import Abilities, TextUnit
from bot.channels.channel import WebhookChannel
from bot.channels.intake import Intake
from bot.channels.line.config import NAME, Config
from bot.channels.line.events import Address, Event, parse_event
from bot.channels.line.messaging_api import MessagingApi
from bot.channels.line.rendering import MAX_BUTTONS, MAX_DATA, MAX_LABEL, MAX_TEXT, rendered
from bot.channels.line.replying import Replies
from bot.channels.line.signature import SIGNATURE, is_genuine
from bot.channels.posting import JsonPoster
from bot.errors import Refused
from bot.messages import UserMessage
from bot.request_body import parse_json, read_bytes
from bot.stores.outbox import Part
from bot.timing import stage
from bot.turn_record import stored_reply
from configs.errors import KefuError

MAX_BODY_BYTES = 1024 * 1024
ANSWER_S = 7.0  # three tries by a reply token fit into the time that the sender gives a part

_log = structlog.get_logger()


def make(config: Config, intake: Intake) -> "Line":
    """The channel."""
    return Line(config, intake)


class Line(WebhookChannel):
    """LINE. An event that is delivered again is taken in once.

    Args:
        wait: Lets so many seconds pass.
    """

    name = NAME

    def __init__(
        self, config: Config, intake: Intake, wait: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._config, self._intake = config, intake
        token = config.channel_access_token.get_secret_value()
        self._api = MessagingApi(URL(str(config.api_url)), token, JsonPoster(now=intake.now, answer_s=ANSWER_S))
        self._replies = Replies(self._api, uses_tokens=config.reply_tokens, now=intake.now, wait=wait)
        self.abilities = Abilities(
            max_text=MAX_TEXT,
            unit=TextUnit.UTF16_UNITS,
            max_buttons=MAX_BUTTONS,
            max_button_title=MAX_LABEL,
            max_payload_bytes=MAX_DATA,
            link_buttons=True,
            images=True,
            custom=True,
            resends=not config.reply_tokens,
        )

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Answers once every event that could be read is stored.

        Raises:
            Refused: It is not from LINE; 503 where LINE should bring it again.
        """
        body = await read_bytes(request, max_bytes=MAX_BODY_BYTES)
        if not is_genuine(self._config.channel_secret.get_secret_value(), request.headers, body):
            raise Refused(401, "NotAuthenticated", f"{SIGNATURE} is not the body's signature.")
        with stage("parse"):
            data = parse_json(body)
        if not isinstance(data, Mapping) or not isinstance(data.get("events"), list):
            raise Refused(400, "InvalidBody", "The body holds no events of LINE's.", field="body")
        with stage("store"):
            await self._accept_all(self._messages(data))
        return web.Response()

    async def deliver(self, part: Part) -> None:
        """Sends one thing that the bot says.

        Raises:
            NotSent: LINE has not taken it, and may take it later.
            Rejected: LINE refuses it.
            Uncertain: Nobody can tell.
        """
        (message,) = stored_reply([part.payload])
        await self._replies.send(part, rendered(message))

    async def close(self) -> None:
        """Closes the connections."""
        await self._api.close()

    def _messages(self, data: Mapping[str, Any]) -> Iterator[tuple[UserMessage, Address]]:
        """The customers' messages among the events; an event that cannot be read is passed over."""
        account = str(data.get("destination"))
        account = account if account.isascii() and account.isalnum() and len(account) <= 64 else ""
        for event in data["events"]:
            try:
                found = parse_event(Event.model_validate(event), account, self._config, self._intake.now())
            except ValidationError as error:
                fields = [".".join(map(str, one["loc"])) for one in error.errors(include_input=False)[:3]]
                _log.warning("webhook_item_skipped", channel=NAME, fields=fields)
                continue
            if found is not None:
                yield found

    async def _accept_all(self, messages: Iterator[tuple[UserMessage, Address]]) -> None:
        """Takes in all that can be stored, and of a conversation nothing behind what could not: it comes again."""
        failed: dict[str, KefuError] = {}
        for message, address in messages:
            if message.conversation_id not in failed:
                try:
                    await self._intake.accept(message, address)
                except KefuError as error:
                    failed[message.conversation_id] = error
        for failure in failed.values():
            raise failure
