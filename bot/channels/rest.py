"""Rasa's REST channel, to the letter: `POST /webhooks/rest/webhook`.

A stream, too, begins when its turn is on disk, not as its actions say something as in Rasa: what a customer has seen is
never taken back, and a message that was not answered to the end may be sent again.
"""

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict
from typing import Any, TypeAlias

from aiohttp import web

from bot.dialogue import DialogueManager
from bot.errors import Refused
from bot.messages import BotMessage, UserMessage, one_by_one
from bot.reply_addresses import without_unfit
from bot.request_body import MessageBody, checked_metadata, checked_text, read_body
from bot.timing import stage
from configs.credentials import CHANNELS

NAME = "rest"
DEFAULT_SENDER = "default"
# Channels whose conversations begin with their name. Those of the callback channel are its senders, as here.
PREFIXES = tuple(f"{name}:" for name in sorted((CHANNELS | {"openai"}) - {"callback"}))

MayName: TypeAlias = Callable[[web.Request, str], bool]


def routes(
    dialogue: DialogueManager,
    *,
    max_text_chars: int,
    served: Collection[str] = (),
    may_name: MayName = lambda *_: False,
) -> list[web.RouteDef]:
    """The channel's two routes.

    Args:
        served: The other channels that are served: a customer of this one cannot write as if on one of them.
        may_name: Whether who asks has shown that this conversation is his to name, whatever channel it is of.
    """

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def webhook(request: web.Request) -> web.StreamResponse:
        with stage("parse"):
            stream = is_stream(request)
            message = parse_message(await read_body(request, MessageBody), max_text_chars)
            if not may_name(request, message.conversation_id):
                refuse_other_channels(message, served)
        turn = await dialogue.handle(message)
        with stage("render"):
            items = render(message.conversation_id, turn.messages)
        if stream:
            return await _streamed(request, items)
        return web.json_response(items)

    return [web.get("/webhooks/rest/", health), web.post("/webhooks/rest/webhook", webhook)]


def parse_message(body: MessageBody, max_text_chars: int) -> UserMessage:
    """The body as our own message.

    Raises:
        Refused: 422; a text is empty, too long or holds characters that cannot be kept.
    """
    sender = DEFAULT_SENDER if body.sender is None else checked_text(body.sender, "sender", max_text_chars)
    channel = NAME if not body.input_channel else checked_text(body.input_channel, "input_channel", max_text_chars)
    return UserMessage(
        conversation_id=sender,
        text=checked_text(body.message, "message", max_text_chars),
        channel=channel,
        account=sender,  # an id is its sender's own: nobody gets the reply that another was given
        external_id=None if body.message_id is None else checked_text(body.message_id, "message_id", max_text_chars),
        metadata=checked_metadata(body.metadata or {}),
    )


def refuse_other_channels(message: UserMessage, served: Collection[str] = ()) -> None:
    """Makes sure that a sender, who may call himself as he likes, does not call himself a customer of another channel.

    Raises:
        Refused: 403; he does.
    """
    name, colon, _ = message.conversation_id.partition(":")
    is_own = bool(colon) and name in served and name != "callback"  # of a channel that an owner has written
    if is_own or message.conversation_id.startswith(PREFIXES):
        said = f"Conversations that begin with `{name}:` are those of the channel {name}. Choose another sender."
        raise Refused(403, "NotAuthorized", said, field="sender")
    if message.channel in served:
        said = f"Messages of the channel {message.channel} do not come this way. Choose another input_channel."
        raise Refused(403, "NotAuthorized", said, field="input_channel")


def render(recipient_id: str, messages: Iterable[BotMessage]) -> list[dict[str, Any]]:
    """Our messages as Rasa's items, one for each thing that is said."""
    kept = (without_unfit(message, own_page=True) for message in messages)
    return [
        {"recipient_id": recipient_id, **{key: value for key, value in _item(one).items() if value is not None}}
        for one in one_by_one(kept)
    ]


def is_stream(request: web.Request) -> bool:
    """Whether `?stream=true` was asked for.

    Raises:
        Refused: 400; it has another value than true or false.
    """
    value = request.query.get("stream", "false").lower()
    if value not in ("true", "false"):
        raise Refused(400, "InvalidField", f"stream is {value[:40]!r}; write true or false.", field="stream")
    return value == "true"


def _item(message: BotMessage) -> dict[str, Any]:
    """A message that holds one thing."""
    if message.elements:
        return _element(message.elements[0])
    if message.buttons:
        return {"text": message.text, "buttons": [asdict(button) for button in message.buttons]}
    return {
        "text": message.text,
        "custom": message.custom,
        "image": message.image,
        "attachment": message.attachment,
    }


def _element(element: Any) -> dict[str, Any]:
    """A card as text with buttons, as Rasa sends it where a channel has no cards."""
    text = f"{element.get('title', '')} : {element.get('subtitle', '')}"
    return {"text": text, "buttons": list(element.get("buttons") or [])}


async def _streamed(request: web.Request, items: Iterable[dict[str, Any]]) -> web.StreamResponse:
    """Newline-delimited JSON under `text/event-stream`, as Rasa sends it: no `data:` before the objects."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for item in items:
        await response.write(json.dumps(item).encode("utf-8") + b"\n")
    await response.write_eof()
    return response
