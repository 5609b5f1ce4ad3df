"""Telegram's updates as our messages. What is not a customer's message to the bot is None.

Source: https://core.telegram.org/bots/api#update
"""

import re
from collections.abc import Mapping
from typing import Any

from aiogram.types import CallbackQuery, Message, MessageEntity, Update

from bot.channels.channel import conversation_id
from bot.channels.intake import MEDIA
from bot.channels.telegram.config import NAME, Config
from bot.messages import UserMessage

ALLOWED = ("message", "callback_query")  # the kinds of updates that are asked for
KINDS = {  # an animation comes as a document too
    "voice": "audio",
    "audio": "audio",
    "animation": "video",
    "video": "video",
    "video_note": "video",
    "document": "file",
    "sticker": "sticker",
}
_START = re.compile(r"/start(?:\s+(?P<parameter>\S{1,64}))?\s*\Z")

Address = Mapping[str, Any]


def parse_update(update: Update, config: Config) -> tuple[UserMessage, Address] | None:
    """What a customer sent to the bot, and the way back."""
    if update.message is not None:
        return _parse_message(update.update_id, update.message, config)
    if update.callback_query is not None:
        return _parse_button(update.update_id, update.callback_query, config)
    return None


def conversation_of(chat: int, user: int, *, private: bool) -> str:
    """The conversation of a customer: in a group each has one."""
    return conversation_id(NAME, str(chat)) if private else conversation_id(NAME, str(chat), str(user))


def _parse_message(update_id: int, message: Message, config: Config) -> tuple[UserMessage, Address] | None:
    sender, private = message.from_user, message.chat.type == "private"
    if sender is None or sender.is_bot or not (private or _is_meant(message, config)):
        return None
    address: dict[str, Any] = {"chat": message.chat.id}
    if message.is_topic_message and message.message_thread_id is not None:
        address["thread"] = message.message_thread_id
    if not private:
        address["reply_to"] = message.message_id
    text, metadata = _content(message, config)
    told = UserMessage(
        conversation_id=conversation_of(message.chat.id, sender.id, private=private),
        text=text,
        channel=NAME,
        account=str(config.bot_id),
        external_id=str(update_id),
        metadata=metadata,
    )
    return told, address


def _parse_button(update_id: int, pressed: CallbackQuery, config: Config) -> tuple[UserMessage, Address] | None:
    if pressed.message is None or pressed.data is None or pressed.from_user.is_bot:
        return None
    chat, private = pressed.message.chat, pressed.message.chat.type == "private"
    address: dict[str, Any] = {"chat": chat.id}
    if isinstance(pressed.message, Message) and pressed.message.is_topic_message:
        address["thread"] = pressed.message.message_thread_id
    told = UserMessage(
        conversation_id=conversation_of(chat.id, pressed.from_user.id, private=private),
        text=pressed.data,
        channel=NAME,
        account=str(config.bot_id),
        external_id=str(update_id),
    )
    return told, address


def _is_meant(message: Message, config: Config) -> bool:
    """Whether a message in a group is for the bot: it names the bot, or replies to it."""
    answered = message.reply_to_message
    if answered is not None and answered.from_user is not None and answered.from_user.id == config.bot_id:
        return True
    text, name = message.text or message.caption or "", f"@{config.verify}".lower()
    for entity in message.entities or message.caption_entities or ():
        named = _words_of(entity, text).lower()
        if entity.type == "mention" and named == name:
            return True
        if entity.type == "bot_command" and named.endswith(name):
            return True
        if entity.type == "text_mention" and entity.user is not None and entity.user.id == config.bot_id:
            return True
    return False


def _words_of(entity: MessageEntity, text: str) -> str:
    """The words that an entity is about; Telegram counts in UTF-16 units."""
    units = text.encode("utf-16-le", "surrogatepass")
    start, end = 2 * max(entity.offset, 0), 2 * max(entity.offset + entity.length, 0)
    return units[start:end].decode("utf-16-le", "replace")


def _content(message: Message, config: Config) -> tuple[str, dict[str, Any]]:
    """The words of a message, and what came with it."""
    text = message.text or message.caption or (message.contact.phone_number if message.contact else "")
    text = re.sub(rf"@{config.verify}\b", "", text, flags=re.IGNORECASE).strip()
    if start := _START.match(text):
        return config.start_text, {"start": start["parameter"]} if start["parameter"] else {}
    media = _media(message)
    return text, {MEDIA: media} if media else {}


def _media(message: Message) -> list[dict[str, Any]]:
    if message.photo:
        return [{"kind": "image", "id": message.photo[-1].file_id}]  # the largest comes last
    if message.location is not None:
        place = message.location
        return [{"kind": "location", "latitude": place.latitude, "longitude": place.longitude}]
    for name, kind in KINDS.items():
        if (file := getattr(message, name)) is not None:
            said = {"name": getattr(file, "file_name", None), "mime": getattr(file, "mime_type", None)}
            told = {key: value for key, value in said.items() if value is not None}
            return [{"kind": kind, "id": file.file_id, **told}]
    return []
