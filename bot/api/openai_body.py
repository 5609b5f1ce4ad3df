"""What a client of OpenAI's chat completions sends, and what of it the bot is asked."""

from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from pydantic import Field

from bot.channels.intake import MEDIA
from bot.errors import Refused
from bot.request_body import Body, checked_text

MAX_MESSAGES = 5_000
MAX_NAME_CHARS = 200  # with its prefix a conversation's id stays within what other routes take
MAX_ADDRESS_CHARS = 2_000
ASKS, ANSWERS = "user", "assistant"

_MEDIA_KINDS = {"image_url": "image", "input_audio": "audio", "file": "file"}

Said: TypeAlias = tuple[str, str]  # who, and what


class ContentPart(Body):
    """A piece of a message: text, or something that the bot cannot read."""

    type: str = "text"
    text: str | None = None
    image_url: Any = None


class ChatMessage(Body):
    """A message of the conversation so far."""

    role: str
    content: str | list[ContentPart] | None = None


class StreamOptions(Body):
    """What a stream holds besides."""

    include_usage: bool = False


class ChatBody(Body):
    """Body of `POST /v1/chat/completions`; whatever else a client sends is taken and not used."""

    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MAX_MESSAGES)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the bot is asked.

    Attributes:
        text: The last message of the customer; empty where it holds only what the bot cannot read.
        metadata: Names what it cannot read.
        history: What was said before, as the client tells it.
    """

    text: str
    metadata: dict[str, Any]
    history: tuple[Said, ...]


def question_of(body: ChatBody, max_text_chars: int) -> Question:
    """The last message of the customer; what a system, a developer or a tool says is left out.

    Raises:
        Refused: 422; there is none, or it is empty, too long or holds characters that cannot be kept.
    """
    spoken = [message for message in body.messages if message.role in (ASKS, ANSWERS)]
    while spoken and spoken[-1].role != ASKS:  # the beginning of an answer, for the model to go on with
        spoken.pop()
    if not spoken:
        raise Refused(422, "InvalidField", "messages holds none of the role `user`.", field="messages")
    *before, last = spoken
    text, media = text_of(last), _media_of(last)
    if text.strip() or not media:
        text = checked_text(text, "messages", max_text_chars)
    return Question(
        text=text.strip(),
        metadata={MEDIA: media} if media else {},
        history=tuple((message.role, text_of(message)) for message in before),
    )


def text_of(message: ChatMessage) -> str:
    """What a message says in words."""
    if isinstance(message.content, list):
        return "\n".join(part.text for part in message.content if part.type == "text" and part.text)
    return message.content or ""


def _media_of(message: ChatMessage) -> list[dict[str, str]]:
    if not isinstance(message.content, list):
        return []
    return [
        {"kind": _MEDIA_KINDS[part.type], **_address_of(part)} for part in message.content if part.type in _MEDIA_KINDS
    ]


def _address_of(part: ContentPart) -> dict[str, str]:
    """The address of a picture, unless the picture itself stands in it."""
    match part.image_url:
        case {"url": str(url)} if url.startswith(("http://", "https://")) and len(url) <= MAX_ADDRESS_CHARS:
            return {"url": url} if url.isprintable() else {}
    return {}
