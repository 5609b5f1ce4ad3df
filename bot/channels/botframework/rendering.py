"""What the bot says as activities.

Source: https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference
"""

import mimetypes
import re
from collections.abc import Mapping
from typing import Any

from yarl import URL

from bot.degrade import address_of
from bot.messages import BotMessage
from configs.domain import Button

MAX_TEXT, MAX_BUTTONS, MAX_TITLE = 10_000, 6, 50
HERO_CARD = "application/vnd.microsoft.card.hero"
SHOWS_TITLES = frozenset({"msteams", "webchat", "directline", "emulator"})  # of a button that was pressed
_CODE = re.compile(r"(```.+?```|`[^`\n]+`)", re.DOTALL)
OURS = ("from", "recipient", "conversation", "replyToId")  # what a custom payload may not decide


def rendered(message: BotMessage, address: Mapping[str, Any]) -> dict[str, Any]:
    """A message that holds one thing, as the activity that answers in the conversation of `address`."""
    envelope = {
        "type": "message",
        "from": address["bot"],
        "recipient": address["customer"],
        "conversation": {"id": address["conversation"]},
        "replyToId": address["activity"],
    }
    return envelope | _content(message, address["channel"])


def typing_sign(address: Mapping[str, Any]) -> dict[str, Any]:
    """Shows that the bot is writing."""
    return rendered(BotMessage(), address) | {"type": "typing"}


def _content(message: BotMessage, channel: str) -> dict[str, Any]:
    if isinstance(message.custom, Mapping):
        return {key: value for key, value in message.custom.items() if key not in OURS}
    if message.image:
        return {"attachments": [_picture(message.image)]}
    if message.attachment:
        return _attached(message.attachment)
    words = _words(message.text or "") if message.text else {}
    if message.buttons:
        buttons = [_button(button, channel) for button in message.buttons[:MAX_BUTTONS]]
        return words | {"attachments": [{"contentType": HERO_CARD, "content": {"buttons": buttons}}]}
    return words


def _words(text: str) -> dict[str, Any]:
    """Markdown, in which a line ends where it ends in `text`, and nothing is a tag."""
    words = "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in _CODE.split(text))
    lines = words if "```" in words else words.replace("\n", "  \n")
    return {"text": lines, "textFormat": "markdown"}


def _button(button: Button, channel: str) -> dict[str, Any]:
    """Pressing it sends the payload; where the channel can, the customer sees the title said instead."""
    title = button.title or "…"
    if channel not in SHOWS_TITLES:
        return {"type": "imBack", "title": title, "value": button.payload}
    shown = {"displayText": title, "text": button.payload, "value": {"payload": button.payload}}
    return {"type": "messageBack", "title": title, **shown}


def _picture(address: str) -> dict[str, Any]:
    kind, _ = mimetypes.guess_type(address.partition("?")[0])
    found = {"contentType": kind if kind and kind.startswith("image/") else "image/png", "contentUrl": address}
    return found | ({"name": name} if (name := _file_name(address)) else {})


def _file_name(address: str) -> str:
    try:
        return URL(address).name
    except ValueError:
        return ""


def _attached(attachment: Any) -> dict[str, Any]:
    """Rasa's form as its address; an object with `contentType` is an attachment of the Bot Framework."""
    if isinstance(attachment, Mapping) and "contentType" in attachment:
        return {"attachments": [dict(attachment)]}
    address = address_of(attachment)
    return _words(str(attachment) if address is None else address)
