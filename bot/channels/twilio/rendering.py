"""What the bot says as fields of Twilio's message resource."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bot.channels.twilio.rest_api import Fields
from bot.degrade import address_of
from bot.delivery import Rejected
from bot.messages import BotMessage

OURS = frozenset({"to", "from", "from_"})  # what a custom payload may not decide


def rendered(message: BotMessage) -> Fields:
    """A message that holds one thing, without where it goes.

    Raises:
        Rejected: A custom payload or an attachment is none that Twilio could take.
    """
    if message.custom:
        return _custom(message.custom)
    if message.image:
        return [("MediaUrl", message.image)]
    if message.attachment:
        address = address_of(message.attachment)
        if address is None:
            raise Rejected("the attachment has no address; write it as payload.src, as in Rasa")
        return [("MediaUrl", address)]
    return [("Body", message.text or "")]


def _custom(custom: Any) -> Fields:
    """Arguments that the owner has written, under the names of Twilio's Python library, as in Rasa."""
    if not isinstance(custom, Mapping):
        raise Rejected("the custom payload is no object; see the channel's how-to")
    fields = [field for name, value in custom.items() if name not in OURS for field in _fields(str(name), value)]
    if not {"Body", "MediaUrl", "ContentSid"}.intersection(name for name, _ in fields):
        raise Rejected("the custom payload has neither body, nor media_url, nor content_sid")
    return fields


def _fields(name: str, value: Any) -> Iterator[tuple[str, str]]:
    field = "".join(word.capitalize() for word in name.split("_"))
    match value:
        case None:
            return
        case list():
            yield from ((field, str(one)) for one in value)
        case bool():
            yield field, str(value).lower()
        case Mapping():
            yield field, json.dumps(value, ensure_ascii=False)
        case _:
            yield field, str(value)
