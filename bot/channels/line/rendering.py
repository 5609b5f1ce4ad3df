"""What the bot says as LINE's message objects.

Source: https://developers.line.biz/en/reference/messaging-api/#message-objects
"""

from collections.abc import Mapping
from typing import Any

from bot.degrade import NO_WORDS, is_link
from bot.delivery import Rejected
from bot.messages import BotMessage
from configs.domain import Button

MAX_TEXT, MAX_LABEL, MAX_DATA = 5_000, 20, 300
MAX_BUTTONS = 13  # as quick replies
MAX_TEMPLATE_BUTTONS, MAX_TEMPLATE_TEXT = 4, 160
MAX_ALTERNATIVE, MAX_URL, MAX_LINK = 400, 2_000, 1_000

Message = Mapping[str, Any]


def rendered(message: BotMessage) -> Message:
    """A message that holds one thing.

    Raises:
        Rejected: A custom payload is no message object.
    """
    if message.custom:
        return _custom(message.custom)
    if message.image:
        return _picture(message.image)
    if message.buttons:
        return _with_buttons(message)
    return _text(message.text or "")


def _text(text: str) -> Message:
    return {"type": "text", "text": text}


def _with_buttons(message: BotMessage) -> Message:
    """A few buttons stay below a short text; more are offered above the keyboard until the customer writes."""
    text, actions = message.text or "", [_action(button) for button in message.buttons]
    if len(actions) <= MAX_TEMPLATE_BUTTONS and len(text.encode("utf-16-le")) // 2 <= MAX_TEMPLATE_TEXT:
        template = {"type": "buttons", "text": text, "actions": actions}
        return {"type": "template", "altText": text[:MAX_ALTERNATIVE], "template": template}
    items = [{"type": "action", "action": action} for action in actions]
    return {**_text(text), "quickReply": {"items": items}}


def _action(button: Button) -> Message:
    """What a button does: send its payload, while its title is shown as the customer's words, or open an address."""
    title = button.title or NO_WORDS
    if is_link(button):
        return {"type": "uri", "label": title, "uri": button.payload[:MAX_LINK]}
    return {"type": "postback", "label": title, "data": button.payload or title, "displayText": title}


def _picture(address: str) -> Message:
    if not address.startswith("https://") or len(address) > MAX_URL:
        return _text(address)
    return {"type": "image", "originalContentUrl": address, "previewImageUrl": address}


def _custom(custom: Any) -> Message:
    """A message object that the owner has written, such as a Flex message."""
    if not isinstance(custom, Mapping) or not isinstance(custom.get("type"), str):
        raise Rejected("the custom payload is no message object of LINE's; it has a `type`")
    return custom
