"""Feishu's events and callbacks as our messages. What is not a customer's message to the bot is None.

Source: https://open.feishu.cn/document/server-docs/im-v1/message/events/receive
Source: https://open.feishu.cn/document/uAjLw4CM/ukzMukzMukzM/feishu-cards/card-callback-communication
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from bot.channels.channel import conversation_id
from bot.channels.feishu.config import NAME, Config
from bot.channels.feishu.content import Mention, content_of
from bot.messages import UserMessage

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
MESSAGE, CARD_ACTION = "im.message.receive_v1", "card.action.trigger"

Address = Mapping[str, Any]


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Header(_Read):
    """What stands around every event."""

    event_id: Id
    event_type: str
    token: str | None = None
    app_id: str | None = None


class Person(_Read):
    """A customer's ids; only this one is always there."""

    open_id: Id


class Sender(_Read):
    """Who has written; `sender_type` is `user` for a person."""

    sender_id: Person
    sender_type: str


class Message(_Read):
    """What was written; `content` is JSON in a text."""

    message_id: Id
    chat_id: Id
    chat_type: str
    thread_id: Id | None = None
    message_type: str
    content: Annotated[str, Field(max_length=1_000_000)] = "{}"
    mentions: tuple[Mention, ...] | None = None


class MessageEvent(_Read):
    """`event` of a message."""

    sender: Sender
    message: Message


class Action(_Read):
    """The button; `value` is what we gave it."""

    value: Mapping[str, Any] | str | None = None


class Where(_Read):
    """Where the card is."""

    open_message_id: Id
    open_chat_id: Id


class CardEvent(_Read):
    """`event` of a pressed button."""

    operator: Person
    action: Action
    context: Where


def parse_event(header: Header, event: Any, config: Config) -> tuple[UserMessage, Address] | None:
    """What a customer wrote or pressed, and the way back.

    Raises:
        ValidationError: A field is missing or wrong.
    """
    if header.event_type == MESSAGE:
        return _message(MessageEvent.model_validate(event), config)
    if header.event_type == CARD_ACTION:
        return _pressed(header, CardEvent.model_validate(event), config)
    return None


def _message(event: MessageEvent, config: Config) -> tuple[UserMessage, Address] | None:
    message, is_group = event.message, event.message.chat_type != "p2p"
    mentions = message.mentions or ()
    if event.sender.sender_type != "user" or (is_group and not _names_bot(mentions, config)):
        return None
    content = content_of(message.message_type, message.content, mentions, config.bot_open_id)
    if content is None:
        return None
    text, metadata = content
    return UserMessage(
        conversation_id=conversation_id(NAME, config.app_id, message.chat_id, event.sender.sender_id.open_id),
        text=text,
        channel=NAME,
        account=config.app_id,
        external_id=message.message_id,  # an event's id may differ for the same message, says Feishu
        metadata=metadata,
    ), {
        "chat": message.chat_id,
        "answers": message.message_id if is_group else None,
        "in_thread": message.thread_id is not None,
    }


def _pressed(header: Header, event: CardEvent, config: Config) -> tuple[UserMessage, Address] | None:
    value = event.action.value
    payload = value.get("payload") if isinstance(value, Mapping) else value
    if not isinstance(payload, str):
        return None
    return UserMessage(
        conversation_id=conversation_id(NAME, config.app_id, event.context.open_chat_id, event.operator.open_id),
        text=payload,
        channel=NAME,
        account=config.app_id,
        external_id=header.event_id,
    ), {"chat": event.context.open_chat_id, "answers": None, "in_thread": False}


def _names_bot(mentions: tuple[Mention, ...], config: Config) -> bool:
    return config.bot_open_id is None or any(one.open_id == config.bot_open_id for one in mentions)
