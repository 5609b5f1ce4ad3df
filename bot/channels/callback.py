"""Rasa's callback channel: a message is taken in at once, and what the bot says to it is posted to a server.

The answer `success` says that the message is in the inbox for good; Rasa gives it after the bot has answered.
"""

from dataclasses import replace

from aiohttp import web
from pydantic import AnyHttpUrl
from yarl import URL

from bot.abilities import EVERYTHING
from bot.channels.channel import ChannelConfig, WebhookChannel
from bot.channels.intake import Intake
from bot.channels.posting import JsonPoster
from bot.channels.rest import parse_message, refuse_other_channels, render
from bot.delivery import Rejected
from bot.new_id import new_id
from bot.request_body import MessageBody, read_body
from bot.stores.outbox import Part
from bot.timing import stage
from bot.turn_record import stored_reply

NAME = "callback"


class Config(ChannelConfig):
    """`callback:` of `credentials.yml`.

    Attributes:
        url: Where what the bot says is posted.
    """

    url: AnyHttpUrl


class Callback(WebhookChannel):
    """Posts what the bot says, one thing at a time, as an object in the form of the REST channel's items."""

    name = NAME
    abilities = EVERYTHING

    def __init__(self, config: Config, intake: Intake, poster: JsonPoster | None = None) -> None:
        self._url, self._intake, self._poster = URL(str(config.url)), intake, poster or JsonPoster()

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Takes a message in."""
        with stage("parse"):
            message = parse_message(await read_body(request, MessageBody), self._intake.max_text_chars)
            refuse_other_channels(message)
            message = replace(message, channel=NAME, external_id=message.external_id or new_id())
        with stage("store"):
            await self._intake.accept(message)
        return web.Response(text="success")

    async def deliver(self, part: Part) -> None:
        """Posts one thing that the bot says, with a key that is the same however often it is sent.

        Raises:
            NotSent: It was not taken; later it may be.
            Rejected: It was refused.
            Uncertain: Nobody can tell.
        """
        items = render(part.conversation_id, stored_reply([part.payload]))
        if len(items) > 1:
            raise Rejected("the part holds several messages; one key cannot stand for them")
        for item in items:
            await self._poster.post(self._url, item, {"Idempotency-Key": part.key})

    async def close(self) -> None:
        """Closes the connections."""
        await self._poster.close()


make = Callback
