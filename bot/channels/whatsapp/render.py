"""What the bot says as WhatsApp's messages.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from yarl import URL

from bot.abilities import TextUnit
from bot.channels.meta.links import links_as_lines
from bot.channels.whatsapp.config import MAX_BUTTON_CHARS, Template
from bot.channels.whatsapp.markup import marked
from bot.degrade import address_of, is_link
from bot.delivery import Rejected
from bot.messages import BotMessage
from configs.domain import Button

UNIT = TextUnit.UTF16_UNITS  # WhatsApp does not say what a character is; this counts most
MAX_TEXT = 4_096
MAX_TEXT_ABOVE_BUTTONS = 1_024  # a list has room for all of `MAX_TEXT`
MAX_BUTTONS, MAX_ROWS = 3, 10
MAX_ROW_CHARS = 24
MAX_ID_BYTES = 200  # of a row; a button has room for 256
MAX_FILE_NAME = 240
MEDIA_TYPES = frozenset({"image", "audio", "video", "document"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A message of one of WhatsApp's types.

    Attributes:
        content: What stands under the type's name.
    """

    type: str
    content: Mapping[str, Any]


def render(message: BotMessage, list_button: str) -> Rendered:
    """One thing that the bot says.

    Args:
        list_button: What the button says that opens a list.

    Raises:
        Rejected: WhatsApp has no message for it.
    """
    if message.custom is not None:
        return _custom(message.custom)
    if message.image is not None:
        return Rendered(type="image", content={"link": _link(message.image)})
    if message.attachment is not None:
        return _attachment(message.attachment)
    return _with_buttons(marked(message.text or ""), message.buttons, list_button)


def render_template(template: Template, message: BotMessage) -> Rendered:
    """The template, where nothing else may be sent any more; with what the bot would have said in it, if it has room.

    Raises:
        Rejected: The bot's words belong into it, and there are none.
    """
    content: dict[str, Any] = {"name": template.name, "language": {"code": template.language}}
    if template.text:
        words = " ".join(marked(message.text or "").split())  # a variable takes no new line
        if not words:
            raise Rejected("over 24 hours have passed, and only a text can be put into the template")
        content["components"] = [{"type": "body", "parameters": [{"type": "text", "text": words}]}]
    return Rendered(type="template", content=content)


def envelope(rendered: Rendered, way: Mapping[str, str], key: str) -> dict[str, Any]:
    """The body of the request that sends it.

    Args:
        way: `to` with a phone number, or `recipient` with Meta's id of the customer.
        key: Comes back with the news of what became of it.
    """
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **way,
        "type": rendered.type,
        rendered.type: rendered.content,
        "biz_opaque_callback_data": key,
    }


def _text(text: str) -> Rendered:
    return Rendered(type="text", content={"body": text, "preview_url": False})


def _with_buttons(text: str, buttons: Sequence[Button], list_button: str) -> Rendered:
    """Three buttons where they fit, else a list; one that opens an address stands alone, or is a line of the text."""
    if len(buttons) == 1 and is_link(buttons[0]) and _is_short(text, [buttons[0].title]):
        parameters = {"display_text": buttons[0].title.strip(), "url": buttons[0].payload}
        return _interactive("cta_url", text, {"name": "cta_url", "parameters": parameters})
    text, others = links_as_lines(text, buttons, lambda lines: UNIT.length(lines) <= MAX_TEXT)
    choices = _choices(others)
    if not choices:
        return _text(text)
    if _is_short(text, choices) and len(choices) <= MAX_BUTTONS:
        replies = [{"type": "reply", "reply": {"id": id_, "title": title}} for title, id_ in choices.items()]
        return _interactive("button", text, {"buttons": replies})
    rows = [{"id": id_, "title": title} for title, id_ in choices.items()]
    return _interactive("list", text, {"button": list_button, "sections": [{"title": list_button, "rows": rows}]})


def _is_short(text: str, titles: Iterable[str]) -> bool:
    """Whether there is room for buttons below the text."""
    has_titles = all(title.strip() and UNIT.length(title) <= MAX_BUTTON_CHARS for title in titles)
    return has_titles and UNIT.length(text) <= MAX_TEXT_ABOVE_BUTTONS


def _choices(buttons: Iterable[Button]) -> Mapping[str, str]:
    """What comes back by title. WhatsApp wants each title and each id once, and a title counts as its button."""
    choices: dict[str, str] = {}
    for button in buttons:
        title, payload = button.title.strip(), button.payload.strip()
        free = [one for one in (payload, title) if one and one not in choices.values()]
        if title and title not in choices and free:
            choices[title] = free[0]
    return choices


def _interactive(kind: str, text: str, action: Mapping[str, Any]) -> Rendered:
    return Rendered(type="interactive", content={"type": kind, "body": {"text": text}, "action": action})


def _attachment(attachment: Any) -> Rendered:
    link = _link(address_of(attachment))
    kind = attachment.get("type") if isinstance(attachment, Mapping) else None
    if kind in MEDIA_TYPES - {"document"}:
        return Rendered(type=str(kind), content={"link": link})
    name = PurePosixPath(URL(link).path).name[-MAX_FILE_NAME:]
    return Rendered(type="document", content={"link": link} | ({"filename": name} if name else {}))


def _custom(custom: Any) -> Rendered:
    """A message in WhatsApp's own form: `{"type": "location", "location": {…}}`."""
    if isinstance(custom, Mapping):
        kind = custom.get("type")
        if isinstance(kind, str) and isinstance(custom.get(kind), Mapping):
            return Rendered(type=kind, content=custom[kind])
        if isinstance(custom.get("text"), str) and custom["text"].strip():
            return _text(marked(custom["text"]))
    raise Rejected("`custom` is no message of WhatsApp: it needs `type`, and what belongs to it under that name")


def _link(address: str | None) -> str:
    """The address of a file that WhatsApp is to fetch."""
    try:
        url = URL(address or "")
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise Rejected("a picture or a file has no address that begins with https://")
    return str(address)
