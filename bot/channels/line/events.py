"""LINE's webhook events as our messages. What is not a customer's message to the bot is None.

Source: https://developers.line.biz/en/reference/messaging-api/#webhook-event-objects
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from bot.channels.channel import conversation_id
from bot.channels.intake import MEDIA
from bot.channels.line.config import NAME, Config
from bot.messages import UserMessage

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
KINDS = {"image": "image", "video": "video", "audio": "audio", "file": "file", "sticker": "sticker"}

Address = Mapping[str, Any]


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Source(_Read):
    """Where an event happened."""

    type: Literal["user", "group", "room"]
    user_id: Id | None = None
    group_id: Id | None = None
    room_id: Id | None = None


class Mentionee(_Read):
    """Somebody whom a message names; `index` and `length` are UTF-16 units."""

    index: Annotated[int, Field(ge=0)]
    length: Annotated[int, Field(ge=0)]
    is_self: bool = False


class Mention(_Read):
    """Those whom a message names."""

    mentionees: tuple[Mentionee, ...] = ()


class Content(_Read):
    """What a customer sent."""

    type: str
    id: Id
    text: str | None = None
    mention: Mention | None = None
    file_name: str | None = None
    latitude: float | None = None
    longitude: float | None = None

    @property
    def mentions_of_bot(self) -> Sequence[Mentionee]:
        """Where it names the bot."""
        return [one for one in (self.mention.mentionees if self.mention else ()) if one.is_self]


class Postback(_Read):
    """What a button sends."""

    data: str


class Event(_Read):
    """One thing that happened."""

    type: str
    mode: str = "active"
    webhook_event_id: Id
    reply_token: Id | None = None
    source: Source | None = None
    message: Content | None = None
    postback: Postback | None = None


def parse_event(event: Event, destination: str, config: Config, now: float) -> tuple[UserMessage, Address] | None:
    """What a customer sent to the bot, and the way back.

    Args:
        destination: The account's own id.
        now: When it came, in Unix time; the reply token does not live long.
    """
    source, said = event.source, _said(event, config)
    if source is None or said is None or event.mode != "active":  # in standby another service answers
        return None
    to = {"user": source.user_id, "group": source.group_id, "room": source.room_id}[source.type]
    if to is None:
        return None
    text, metadata = said
    message = UserMessage(
        conversation_id=conversation_of(to, source.user_id),
        text=text,
        channel=NAME,
        account=destination,
        external_id=event.webhook_event_id,
        metadata=metadata,
    )
    return message, {"to": to, "reply_token": event.reply_token, "at": now}


def conversation_of(to: str, user: str | None) -> str:
    """The conversation of a customer: in a group each has one."""
    return conversation_id(NAME, to) if user in (None, to) else conversation_id(NAME, to, str(user))


def _said(event: Event, config: Config) -> tuple[str, dict[str, Any]] | None:
    """The words of an event, and what came with them; None where it is not meant for the bot."""
    match event.type:
        case "message" if event.message is not None:
            is_meant = event.source is not None and (event.source.type == "user" or event.message.mentions_of_bot)
            return _content(event.message) if is_meant else None
        case "postback" if event.postback is not None:
            return event.postback.data, {}
        case "follow" if config.follow_text is not None:
            return config.follow_text, {}
    return None


def _content(content: Content) -> tuple[str, dict[str, Any]]:
    if content.type == "text":
        return without(content.text or "", content.mentions_of_bot).strip(), {}
    if content.type == "location" and content.latitude is not None and content.longitude is not None:
        place = {"kind": "location", "latitude": content.latitude, "longitude": content.longitude}
        return "", {MEDIA: [place]}
    named = {"name": content.file_name} if content.file_name else {}
    return "", {MEDIA: [{"kind": KINDS.get(content.type, "file"), "id": content.id, **named}]}


def without(text: str, mentions: Sequence[Mentionee]) -> str:
    """`text` without the words that name somebody."""
    units = text.encode("utf-16-le", "surrogatepass")
    for one in sorted(mentions, key=lambda mention: mention.index, reverse=True):
        units = units[: 2 * one.index] + units[2 * (one.index + one.length) :]
    return units.decode("utf-16-le", "replace")
