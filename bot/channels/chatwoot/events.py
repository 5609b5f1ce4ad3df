"""Chatwoot's events: what a customer wrote or chose, and who answers. What says nothing of either is None.

Sources: https://www.chatwoot.com/docs/product/others/webhook-events, and in the repository chatwoot/chatwoot
`app/listeners/agent_bot_listener.rb`, `app/models/message.rb` and
`app/presenters/conversations/event_data_presenter.rb`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from bot.channels.channel import conversation_id
from bot.channels.chatwoot.config import NAME
from bot.channels.chatwoot.payload import Attachment, ConversationData, MessageData, Meta, Person
from bot.channels.intake import MEDIA, readable
from bot.messages import Standing, UserMessage

MAX_NAME = 100
BOTS = frozenset({"pending", "resolved"})  # conversations with this status are the bot's
TELL_WHO_ANSWERS = frozenset(
    f"conversation_{what}" for what in ("created", "opened", "resolved", "status_changed", "updated")
)
MEDIA_KINDS = frozenset({"image", "audio", "video", "file", "location"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Who answers a customer, where no message of his comes with it."""

    conversation_id: str
    account: str
    external_id: str
    standing: Standing


def parse_event(payload: Mapping[str, Any], account_id: int | None, now: float) -> UserMessage | Told | None:
    """What an event says.

    Args:
        account_id: The account where the event does not name it.
        now: Unix time, for events that do not say when they were.

    Raises:
        ValidationError: It is none of Chatwoot's.
    """
    event = str(payload.get("event"))
    if event in TELL_WHO_ANSWERS:
        return _standing_told(event, ConversationData.model_validate(payload), account_id, now)
    if event == "message_created":
        message = MessageData.model_validate(payload)
        return _written(message, now) if message.type == "incoming" else _answered(message, now)
    if event == "message_updated":
        return _chosen(MessageData.model_validate(payload), now)
    return None


def account_of(payload: Mapping[str, Any]) -> int | None:
    """The account that an event names; one of a conversation names it only with its last message."""
    match payload:
        case {"account": {"id": int(number)}} | {"messages": [{"account_id": int(number)}, *_]}:
            return number
    return None


def _written(message: MessageData, now: float) -> UserMessage | None:
    media = [_media(one) for one in message.attachments or ()]
    found = _user_message(message, message.content or "", str(message.id), now)
    return None if message.private else replace(found, metadata={MEDIA: media} if media else {})


def _chosen(message: MessageData, now: float) -> UserMessage | None:
    """What a customer chose below one of our messages: Chatwoot writes it into the message itself."""
    if message.content_type != "input_select" or message.type != "outgoing":
        return None
    match message.content_attributes:
        case {"submitted_values": [{"value": str(value)}, *_]} if value:
            chosen = sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:16]
            return _user_message(message, value, f"{message.id}:{chosen}", now)
    return None


def _answered(message: MessageData, now: float) -> Told | None:
    """A person has answered: the words are Chatwoot's own, that he is there is not."""
    is_person = message.sender is not None and message.sender.type == "user"
    if message.type != "outgoing" or message.private or not is_person:
        return None
    standing = _standing(message.conversation, now)
    if not standing.is_held:
        return None
    standing = replace(standing, by=_name(message.sender) or standing.by)
    return _told(message.conversation.id, message.account.id, f"{message.id}:standing", standing)


def _standing_told(event: str, conversation: ConversationData, account_id: int | None, now: float) -> Told | None:
    named = conversation.account.id if conversation.account else None
    account = (
        named or next((one.account_id for one in conversation.messages or () if one.account_id), None) or account_id
    )
    if account is None:
        return None
    standing = _standing(conversation, now)
    return _told(conversation.id, account, f"{event}:{conversation.id}:{standing.at}", standing)


def _told(conversation: int, account: int, external_id: str, standing: Standing) -> Told:
    return Told(
        conversation_id=conversation_id(NAME, str(account), str(conversation)),
        account=str(account),
        external_id=external_id,
        standing=standing,
    )


def _user_message(message: MessageData, text: str, external_id: str, now: float) -> UserMessage:
    account = str(message.account.id)
    return UserMessage(
        conversation_id=conversation_id(NAME, account, str(message.conversation.id)),
        text=text,
        channel=NAME,
        account=account,
        external_id=external_id,
        standing=_standing(message.conversation, now),
    )


def _standing(conversation: ConversationData, now: float) -> Standing:
    """Who answers: an assignee of a conversation that is the bot's is left from before."""
    is_held, meta = conversation.status not in BOTS, conversation.meta or Meta()
    assignee = meta.assignee if meta.assignee_type in (None, "User") else None
    return Standing(
        is_held=is_held,
        by=_name(assignee) if is_held else "",
        at=now if conversation.updated_at is None else conversation.updated_at,
        is_final=conversation.status == "resolved",
    )


def _name(person: Person | None) -> str:
    return "" if person is None else readable(person.name or person.available_name or "", MAX_NAME)


def _media(attachment: Attachment) -> dict[str, Any]:
    kind = attachment.file_type if attachment.file_type in MEDIA_KINDS else "file"
    return {"kind": kind, **({"url": attachment.data_url} if attachment.data_url else {})}
