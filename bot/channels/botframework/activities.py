"""Activities of the Bot Framework as our messages. What is not a customer's message is None.

Source: https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference
"""

import html
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from bot.channels.botframework.config import NAME
from bot.channels.channel import conversation_id
from bot.channels.intake import MEDIA
from bot.messages import UserMessage

Id = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,1024}$")]
KINDS = frozenset({"image", "audio", "video"})
NO_FILES = ("text/", "application/vnd.microsoft.card.", "application/vnd.microsoft.teams.card.")

_AT = re.compile(r"</?at(?: [^<>]*)?>")


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Account(_Read):
    """A customer, or the bot."""

    id: Id
    name: str | None = None
    aad_object_id: str | None = None
    role: str | None = None


class Conversation(_Read):
    """Where it is said."""

    id: Id
    is_group: bool | None = None
    conversation_type: str | None = None
    tenant_id: str | None = None


class Attachment(_Read):
    """A file, or a copy of the text in another form."""

    content_type: str = ""
    name: str | None = None


class Entity(_Read):
    """Something that is named in the text."""

    type: str = ""
    text: str | None = None
    mentioned: Account | None = None


class Activity(_Read):
    """What a server brings."""

    type: str
    id: Id
    service_url: str
    channel_id: Id
    sender: Annotated[Account, Field(alias="from")]
    recipient: Account
    conversation: Conversation
    text: str | None = None
    text_format: str | None = None
    value: Any = None
    locale: str | None = None
    attachments: tuple[Attachment, ...] | None = None
    entities: tuple[Entity, ...] | None = None


def parse_activity(activity: Activity) -> tuple[UserMessage, Mapping[str, Any]] | None:
    """What a customer wrote, and the way back."""
    if activity.type != "message" or activity.sender.role == "bot" or activity.sender.id == activity.recipient.id:
        return None
    message = UserMessage(
        conversation_id=conversation_of(activity),
        text=_said(activity),
        channel=NAME,
        account=activity.recipient.id,
        external_id=f"{activity.conversation.id}:{activity.id}",
        metadata=_metadata(activity) | _media(activity.attachments or ()),
    )
    return message, address_of(activity)


def conversation_of(activity: Activity) -> str:
    """The conversation that an activity belongs to; in a group each customer has one of their own."""
    where = activity.conversation
    is_shared = where.is_group or where.conversation_type in ("channel", "groupChat")
    parts = (activity.channel_id, where.id, activity.sender.id) if is_shared else (activity.channel_id, where.id)
    return conversation_id(NAME, *parts)


def address_of(activity: Activity) -> dict[str, Any]:
    """The way back to a customer."""
    return {
        "service_url": activity.service_url,
        "channel": activity.channel_id,
        "conversation": activity.conversation.id,
        "activity": activity.id,
        "bot": _named(activity.recipient),
        "customer": _named(activity.sender),
    }


def _named(account: Account) -> dict[str, str]:
    return {"id": account.id} | ({"name": account.name} if account.name else {})


def _said(activity: Activity) -> str:
    """The words without the bot's name, or what a pressed button stands for."""
    text = activity.text or ""
    for entity in activity.entities or ():
        if entity.text and entity.mentioned and entity.mentioned.id == activity.recipient.id:
            text = text.replace(entity.text, "", 1)
    text = _AT.sub("", text)
    text = html.unescape(text) if activity.text_format == "xml" else text
    value = activity.value
    chosen = value.get("payload") if isinstance(value, dict) else value
    return text.strip() or (chosen if isinstance(chosen, str) else "")


def _metadata(activity: Activity) -> dict[str, Any]:
    known = {
        "channel": activity.channel_id,
        "locale": activity.locale,
        "tenant": activity.conversation.tenant_id,
        "aad_object_id": activity.sender.aad_object_id,
    }
    return {key: value for key, value in known.items() if value is not None}


def _media(attachments: Iterable[Attachment]) -> dict[str, Any]:
    files = [one for one in attachments if not one.content_type.startswith(NO_FILES)]
    found = [{"kind": _kind(one.content_type), "name": one.name, "mime": one.content_type} for one in files]
    return {MEDIA: found} if found else {}


def _kind(mime: str) -> str:
    kind = mime.partition("/")[0]
    return kind if kind in KINDS else "file"
