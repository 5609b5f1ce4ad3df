"""What travels between channels and the dialogue: no vendor's types, no HTTP."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from configs.domain import Button


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Who answers a customer, as a platform with an inbox for persons says.

    Attributes:
        is_held: Whether persons do.
        by: Which one; empty where nobody has been named.
        at: When it was so, by the platform's clock: an older word does not count against a newer one.
        is_final: Whether the conversation has ended there.
    """

    is_held: bool
    by: str = ""
    at: float
    is_final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMessage:
    """What a customer sent.

    Attributes:
        conversation_id: Whom it comes from, unique within the channel's accounts.
        channel: The channel's name, such as `rest`.
        account: Which of the channel's accounts it came to.
        external_id: The sender's own id of it: sent again under the same one, it is answered once.
        metadata: Whatever the front end sent along.
        standing: Who answers, where the platform says so.
    """

    conversation_id: str
    text: str
    channel: str
    account: str = ""
    external_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    standing: Standing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BotMessage:
    """One thing the bot says, before a channel gives it its form."""

    text: str | None = None
    buttons: tuple[Button, ...] = ()
    image: str | None = None
    attachment: Any = None
    custom: Any = None
    elements: tuple[Mapping[str, Any], ...] = ()


def one_by_one(messages: Iterable[BotMessage]) -> Iterator[BotMessage]:
    """The same in messages that hold one thing each, so that each is sent, and known for what became of it, by itself.

    A text is split at empty lines, but not when buttons belong to it; then come custom, image, attachment and elements.
    """
    for message in messages:
        if message.buttons:
            yield BotMessage(text=message.text, buttons=message.buttons)
        elif message.text:
            yield from (BotMessage(text=part) for part in message.text.strip().split("\n\n"))
        if message.custom:
            yield BotMessage(custom=message.custom)
        if message.image:
            yield BotMessage(image=message.image)
        if message.attachment:
            yield BotMessage(attachment=message.attachment)
        yield from (BotMessage(elements=(element,)) for element in message.elements)
