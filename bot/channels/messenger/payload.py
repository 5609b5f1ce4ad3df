"""The items of the webhook, as far as they are read.

Source: https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events
"""

from typing import Annotated, Any

from pydantic import Field

from bot.request_body import MAX_ID_CHARS, Body

Id = Annotated[str, Field(pattern=rf"^[!-~]{{1,{MAX_ID_CHARS}}}$")]
Short = Annotated[str, Field(max_length=64)]
Address = Annotated[str, Field(max_length=4_096)]
ScopedId = Annotated[str, Field(pattern=r"^[0-9]{1,32}$")]
MAX_DIGITS = 15
MILLISECONDS_FROM = 1e11  # a smaller number is of seconds


class Party(Body):
    """A page, an account or a customer."""

    id: ScopedId


class Choice(Body):
    """A quick reply that was chosen."""

    payload: str


class FilePlace(Body):
    """Where a file is."""

    url: Address | None = None
    sticker_id: Any = None


class Attachment(Body):
    """Something that was sent besides words."""

    type: Short
    payload: FilePlace | None = None


class ReplyTo(Body):
    """The message that is answered; none where it is a story."""

    mid: Id | None = None


class Message(Body):
    """What a customer, or the page itself, wrote."""

    mid: Id
    text: str | None = None
    quick_reply: Choice | None = None
    attachments: list[Attachment] = Field(default_factory=list)
    reply_to: ReplyTo | None = None
    is_echo: bool = False
    is_self: bool = False
    is_deleted: bool = False
    is_unsupported: bool = False


class Postback(Body):
    """A button that was pressed; old ones have no id."""

    mid: Id | None = None
    payload: str | None = None
    title: str | None = None


class Event(Body):
    """One event of a conversation; without message and postback it is a receipt or the like."""

    sender: Party
    recipient: Party
    timestamp: Any = None
    message: Message | None = None
    postback: Postback | None = None

    @property
    def written_at(self) -> float | None:
        """When it happened, in Unix time; None where that makes no sense. Meta sends texts too, and both units."""
        said = str(self.timestamp) if type(self.timestamp) in (int, str) else ""
        if not (said.isascii() and said.isdigit() and len(said) <= MAX_DIGITS):
            return None
        return float(said) / 1_000 if float(said) >= MILLISECONDS_FROM else float(said)
