"""Rasa's callback channel: a message is taken in at once, and what the bot says to it is posted to a server.

The answer `success` says that the message is in the inbox for good; Rasa gives it after the bot has answered.
"""

import time
from collections.abc import Callable
from dataclasses import replace

from aiohttp import web
from yarl import URL

from bot.channels.posting import JsonPoster
from bot.channels.rest import parse_message, render
from bot.delivery import Rejected
from bot.new_id import new_id
from bot.request_body import MessageBody, read_body
from bot.stores.inbox_store import Inbox
from bot.stores.outbox import Part
from bot.timing import stage
from bot.turn_record import inbox_message, stored_reply

NAME = "callback"


def routes(
    inbox: Inbox, *, max_text_chars: int, on_accept: Callable[[], None], now: Callable[[], float] = time.time
) -> list[web.RouteDef]:
    """The channel's two routes.

    Args:
        on_accept: Told that there is one more message in the inbox.
        now: Unix time.
    """

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def webhook(request: web.Request) -> web.Response:
        with stage("parse"):
            message = parse_message(await read_body(request, MessageBody), max_text_chars)
            external_id = message.external_id or new_id()
            message = replace(message, channel=NAME, external_id=external_id)
        with stage("store"):
            await inbox.accept(inbox_message(message, now()))
        on_accept()
        return web.Response(text="success")

    return [web.get("/webhooks/callback/", health), web.post("/webhooks/callback/webhook", webhook)]


class CallbackReplies:
    """Posts what the bot says, one thing at a time, as an object in the form of the REST channel's items.

    Args:
        url: The server's address.
    """

    def __init__(self, url: str, poster: JsonPoster | None = None) -> None:
        self._url, self._poster = URL(url), poster or JsonPoster()

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
