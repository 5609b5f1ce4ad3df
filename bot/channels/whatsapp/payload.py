"""The items of WhatsApp's webhook, as far as they are read.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
"""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from bot.request_body import MAX_ID_CHARS, Body

Id = Annotated[str, Field(pattern=rf"^[!-~]{{1,{MAX_ID_CHARS}}}$")]
Short = Annotated[str, Field(max_length=1_024)]
PhoneNumber = Annotated[str, Field(pattern=r"^[0-9]{1,32}$")]
UserId = Annotated[str, Field(pattern=r"^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$")]
EmptyIsNone = BeforeValidator(lambda value: None if value == "" else value)
MAX_DIGITS = 12
NEEDED = frozenset({"text", "button", "interactive"})  # types without which a message of that type is none


class Numbers(Body):
    """The business's number that a message came to."""

    phone_number_id: PhoneNumber


class Words(Body):
    """What was typed."""

    body: str


class TemplateButton(Body):
    """A button of a template that was pressed."""

    payload: str | None = None
    text: str


class Choice(Body):
    """A button or a row of a list."""

    id: str
    title: str


class Interactive(Body):
    """What was chosen; neither of the two where it is something else, such as a form."""

    button_reply: Choice | None = None
    list_reply: Choice | None = None


class Context(Body):
    """The message that this one answers."""

    id: Id | None = None


class Media(Body):
    """A file or a place; each has some of these."""

    id: Short | None = None
    caption: str | None = None
    filename: Short | None = None
    name: Short | None = None
    mime_type: Short | None = None
    latitude: float | None = None
    longitude: float | None = None


class Unsupported(Body):
    """What Meta does not pass on."""

    type: Short | None = None


class Message(Body):
    """A message of a customer.

    Attributes:
        from_: The phone number, unless it is kept from us.
        from_user_id: Meta's id of the customer for this business; older accounts have none.
        group_id: The group that it was written in.
    """

    id: Id
    from_: Annotated[PhoneNumber | None, EmptyIsNone] = Field(default=None, alias="from")
    from_user_id: Annotated[UserId | None, EmptyIsNone] = None
    group_id: str | None = None
    timestamp: Any = None
    type: Short
    text: Words | None = None
    button: TemplateButton | None = None
    interactive: Interactive | None = None
    context: Context | None = None
    image: Media | None = None
    audio: Media | None = None
    video: Media | None = None
    document: Media | None = None
    sticker: Media | None = None
    location: Media | None = None
    unsupported: Unsupported | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.from_ and not self.from_user_id:
            raise ValueError("it has no sender")
        if self.type in NEEDED and getattr(self, self.type) is None:
            raise ValueError(f"it has no {self.type}")
        return self

    @property
    def chosen(self) -> Choice | None:
        """The button or the row that was chosen."""
        return (self.interactive.button_reply or self.interactive.list_reply) if self.interactive else None

    @property
    def media(self) -> Media | None:
        """The file or the place in it."""
        found = (self.image, self.audio, self.video, self.document, self.sticker, self.location)
        return next((one for one in found if one is not None), None)

    @property
    def written_at(self) -> float | None:
        """When it was written, in Unix time; None where that makes no sense."""
        said = self.timestamp
        is_time = isinstance(said, str) and said.isascii() and said.isdigit() and len(said) <= MAX_DIGITS
        return float(said) if is_time else None


class Error(Body):
    """Why something was not delivered."""

    code: int


class Status(Body):
    """What became of something that we sent."""

    id: Id
    status: Short
    biz_opaque_callback_data: Annotated[str, Field(pattern=r"^[!-~]{1,512}$")] | None = None
    errors: list[Error] = Field(default_factory=list)
