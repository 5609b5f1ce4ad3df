"""What the bot says as calls of Telegram's Bot API.

Source: https://core.telegram.org/bots/api#sendmessage
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from aiogram.methods import (
    SendAnimation,
    SendAudio,
    SendContact,
    SendDocument,
    SendLocation,
    SendMessage,
    SendPhoto,
    SendSticker,
    SendVenue,
    SendVideo,
    SendVideoNote,
    SendVoice,
    TelegramMethod,
)
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, ReplyParameters
from pydantic import ValidationError
from yarl import URL

from bot.degrade import NO_WORDS, address_of, is_link
from bot.delivery import Rejected
from bot.messages import BotMessage
from configs.domain import Button

Method: TypeAlias = TelegramMethod[Any]

MAX_IN_ROW, MAX_ROW_CHARS = 3, 30
FETCHED = frozenset({".gif", ".pdf", ".zip"})  # the documents that Telegram fetches from an address
BY_TYPE: Mapping[str, tuple[type[Method], str]] = {  # Rasa's types of attachments
    "audio": (SendAudio, "audio"),
    "image": (SendPhoto, "photo"),
    "video": (SendVideo, "video"),
}
BY_FIELDS: Sequence[tuple[tuple[str, ...], type[Method]]] = (  # as Rasa tells custom payloads apart
    (("text",), SendMessage),
    (("photo",), SendPhoto),
    (("audio",), SendAudio),
    (("document",), SendDocument),
    (("sticker",), SendSticker),
    (("video",), SendVideo),
    (("video_note",), SendVideoNote),
    (("animation",), SendAnimation),
    (("voice",), SendVoice),
    (("latitude", "longitude", "title", "address"), SendVenue),
    (("latitude", "longitude"), SendLocation),
    (("phone_number", "first_name"), SendContact),
)


def place_of(address: Mapping[str, Any]) -> dict[str, Any]:
    """Where a call goes: the chat, its topic, and in a group the message that is answered.

    Raises:
        Rejected: The way back is not known.
    """
    if not isinstance(address.get("chat"), int):
        raise Rejected("nobody has written in this conversation yet; a bot cannot begin one on Telegram")
    place: dict[str, Any] = {"chat_id": address["chat"]}
    if address.get("thread") is not None:
        place["message_thread_id"] = address["thread"]
    if address.get("reply_to") is not None:
        answered = ReplyParameters(message_id=address["reply_to"], allow_sending_without_reply=True)
        place["reply_parameters"] = answered
    return place


def rendered(message: BotMessage, place: Mapping[str, Any]) -> Method:
    """The call that sends a message which holds one thing. Texts are sent without markup, as they stand.

    Raises:
        Rejected: A custom payload is none of Telegram's.
    """
    if message.custom:
        return _custom(message.custom, place)
    if message.image:
        return SendPhoto(photo=message.image, **place)
    if message.attachment:
        return _attached(message.attachment, place)
    if message.buttons:
        return SendMessage(text=message.text or "", reply_markup=keyboard(message.buttons), **place)
    return SendMessage(text=message.text or "", **place)


def as_link(message: BotMessage, place: Mapping[str, Any]) -> Method | None:
    """The address of a picture or a file, for where Telegram cannot fetch it; None where there is none."""
    address = message.image or address_of(message.attachment)
    return SendMessage(text=address, **place) if address else None


def keyboard(buttons: Sequence[Button]) -> InlineKeyboardMarkup:
    """Buttons below a message, short ones beside one another."""
    rows: list[list[InlineKeyboardButton]] = []
    room = 0
    for button in buttons:
        length = len(button.title)
        if not rows or len(rows[-1]) == MAX_IN_ROW or length > room:
            rows.append([])
            room = MAX_ROW_CHARS
        rows[-1].append(_button(button))
        room -= length
    return InlineKeyboardMarkup(inline_keyboard=rows)


def _button(button: Button) -> InlineKeyboardButton:
    """A button that sends its payload back, or opens it where it is an address."""
    title = button.title or NO_WORDS
    if is_link(button):
        return InlineKeyboardButton(text=title, url=button.payload)
    return InlineKeyboardButton(text=title, callback_data=button.payload or title)


def _attached(attachment: Any, place: Mapping[str, Any]) -> Method:
    address = address_of(attachment)
    if address is None:
        raise Rejected("the attachment has no address; write it as payload.src, as in Rasa")
    kind = str(attachment.get("type")) if isinstance(attachment, Mapping) else ""
    if kind in BY_TYPE:
        method, field = BY_TYPE[kind]
        return method(**{field: address}, **place)
    if _ending(address) in FETCHED:
        return SendDocument(document=address, **place)
    return SendMessage(text=address, **place)


def _custom(custom: Any, place: Mapping[str, Any]) -> Method:
    """The call that a custom payload stands for, to this customer whatever it says."""
    fields = custom if isinstance(custom, Mapping) else {}
    for needed, method in BY_FIELDS:
        if all(fields.get(name) is not None for name in needed):
            try:
                return method(**{**fields, **place})
            except (ValidationError, TypeError) as error:
                raise Rejected(f"the custom payload is no {method.__api_method__}: {type(error).__name__}") from error
    raise Rejected("the custom payload is no message of Telegram's; see its how-to")


def _ending(address: str) -> str:
    try:
        return URL(address).suffix.lower()
    except ValueError:
        return ""
