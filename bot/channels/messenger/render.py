"""What the bot says as messages of the Send API.

Source: https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from yarl import URL

from bot.abilities import TextUnit
from bot.channels.messenger.product import MAX_BUTTON_CHARS, MAX_PAYLOAD_BYTES, Product
from bot.channels.meta.links import links_as_lines
from bot.degrade import address_of, is_link
from bot.delivery import Rejected
from bot.messages import BotMessage
from bot.rich_text import plain_text
from bot.text_split import split_text
from configs.domain import Button

UNIT = TextUnit.UTF16_UNITS  # Meta does not say what a character is; this counts most
MAX_TEXT_ABOVE_BUTTONS = 640  # of a template
MAX_TEMPLATE_BUTTONS = 3
MAX_CARD_CHARS = 80
FILE_TYPES = frozenset({"image", "audio", "video", "file"})
OWN = ("text", "attachment", "attachments")  # one of these makes `custom` a message of the Send API


def render(message: BotMessage, product: Product) -> dict[str, Any]:
    """One thing that the bot says, as `message` of the Send API.

    Raises:
        Rejected: There is no message for it.
    """
    if message.custom is not None:
        return _custom(message.custom)
    if message.image is not None:
        return _file("image", message.image)
    if message.attachment is not None:
        return _attachment(message.attachment)
    if message.elements:
        return _card(message.elements[0])
    return _with_buttons(plain_text(message.text or ""), message.buttons, product)


def _with_buttons(text: str, buttons: Iterable[Button], product: Product) -> dict[str, Any]:
    """Quick replies; with one that opens an address, buttons that stay, or lines of the text if there is no room."""
    shown = [button for button in buttons if button.title.strip()]
    if any(map(is_link, shown)):
        if len(shown) <= MAX_TEMPLATE_BUTTONS and UNIT.length(text) <= MAX_TEXT_ABOVE_BUTTONS:
            made = [_button(button.title.strip(), button.payload) for button in shown]
            return _template({"template_type": "button", "text": text, "buttons": made})
        text, others = links_as_lines(text, shown, lambda lines: product.unit.length(lines) <= product.max_text)
        shown = list(others)
    replies = [_quick_reply(button.title.strip(), button.payload.strip()) for button in shown]
    return {"text": text, "quick_replies": replies} if replies else {"text": text}


def _card(card: Mapping[str, Any]) -> dict[str, Any]:
    """A card with a title and something more; what has only one of these is a text."""
    title, subtitle = _words(card.get("title")), _words(card.get("subtitle"))
    buttons = list(_card_buttons(card))
    image = str(card["image_url"]) if _is_address(card.get("image_url")) else None
    more = {"subtitle": subtitle, "image_url": image, "default_action": _tapped(card), "buttons": buttons}
    element = {name: value for name, value in more.items() if value}
    if title and element:
        return _template({"template_type": "generic", "elements": [{"title": title, **element}]})
    if not (title or subtitle):
        raise Rejected("a card has no title")
    return {"text": title or subtitle}


def _card_buttons(card: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The first three that can be shown, in Rasa's form or Meta's."""
    given = card.get("buttons")
    shown = 0
    for button in given if isinstance(given, list | tuple) else ():
        payload = str(button.get("payload") or button.get("url") or "") if isinstance(button, Mapping) else ""
        title = _words(button.get("title"), MAX_BUTTON_CHARS) if isinstance(button, Mapping) else ""
        if title and payload and len(payload.encode("utf-8", "replace")) <= MAX_PAYLOAD_BYTES:
            yield _button(title, payload)
            shown += 1
        if shown == MAX_TEMPLATE_BUTTONS:
            return


def _tapped(card: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a tap on the card opens."""
    action = card.get("default_action")
    address = action.get("url") if isinstance(action, Mapping) else None
    return {"type": "web_url", "url": address} if _is_address(address) else None


def _quick_reply(title: str, payload: str) -> dict[str, Any]:
    return {"content_type": "text", "title": title, "payload": payload or title}


def _button(title: str, payload: str) -> dict[str, Any]:
    if _is_address(payload):
        return {"type": "web_url", "title": title, "url": payload}
    return {"type": "postback", "title": title, "payload": payload.strip() or title}


def _attachment(attachment: Any) -> dict[str, Any]:
    """A file, or a template in Meta's own form."""
    kind = attachment.get("type") if isinstance(attachment, Mapping) else None
    if kind == "template" and isinstance(attachment.get("payload"), Mapping):
        return {"attachment": dict(attachment)}
    return _file(str(kind) if kind in FILE_TYPES else "file", address_of(attachment))


def _file(kind: str, address: str | None) -> dict[str, Any]:
    if not _is_address(address):
        raise Rejected("a picture or a file has no address that begins with https://")
    return {"attachment": {"type": kind, "payload": {"url": address}}}


def _template(payload: dict[str, Any]) -> dict[str, Any]:
    return {"attachment": {"type": "template", "payload": payload}}


def _custom(custom: Any) -> dict[str, Any]:
    """A message in Meta's own form, as in Rasa; to whom it goes is not for it to say."""
    if isinstance(custom, Mapping) and any(custom.get(name) for name in OWN):
        return {str(name): value for name, value in custom.items() if name not in ("sender", "recipient")}
    raise Rejected("`custom` is no message of the Send API: it needs `text` or `attachment`")


def _words(value: Any, most: int = MAX_CARD_CHARS) -> str:
    """A short text on a card, cut where it is too long."""
    text = plain_text(value).strip() if isinstance(value, str) else ""
    return text if UNIT.length(text) <= most else split_text(text, most - 1, UNIT)[0].rstrip() + "…"


def _is_address(value: Any) -> bool:
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        return False
    try:
        return bool(URL(value).host)
    except ValueError:
        return False
