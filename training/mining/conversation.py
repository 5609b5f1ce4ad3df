"""A conversation as mining sees it: who said what, in order. Every reader of transcripts ends here."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

MAX_TEXT_CHARS = 20_000
MAX_ID_CHARS = 255
# What no message needs and a terminal or a database would stumble over; tab and line feed stay.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\ufeff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_END = re.compile("\r\n?|\u2028|\u2029")


class Role(StrEnum):
    """Who speaks."""

    CUSTOMER = "customer"
    AGENT = "agent"
    BOT = "bot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message.

    Attributes:
        text: Without control characters, never empty.
        answers: False where the source says that it is none: a bot's fallback, or its asking back.
    """

    role: Role
    text: str
    answers: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Messages in the order they were sent, of one customer and those who answered."""

    id: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRecord:
    """A record that was passed over.

    Attributes:
        number: From 1: the line of a file with an object a line, else the place in the list; 0 for the whole file.
        message: What is wrong with it, and the fix.
    """

    number: int
    message: str


Read: TypeAlias = Conversation | BadRecord


class RecordError(ValueError):
    """A record has not the shape that its format asks for; the message says what, and the fix."""


def clean_text(text: str) -> str:
    """`text` that every later step can hold: no control characters, no half characters, at most `MAX_TEXT_CHARS`."""
    text = _LINE_END.sub("\n", text[:MAX_TEXT_CHARS]).replace("\xa0", " ")
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", text)).strip()


def checked_id(value: object, name: str) -> str:
    """A conversation's id, which JSON may hold as text or as a number.

    Raises:
        RecordError: It is something else, empty or too long.
    """
    if isinstance(value, bool) or not isinstance(value, str | int) or not (text := clean_text(str(value))):
        raise RecordError(f"{name} is {_shown(value)}. Give each conversation an id, as text or as a whole number")
    if len(text) > MAX_ID_CHARS:
        raise RecordError(f"{name} has {len(text):,} characters. Shorten it to {MAX_ID_CHARS}")
    return text


def checked_list(value: object, name: str) -> list[dict[str, object]]:
    """A list of objects.

    Raises:
        RecordError: It is no list, or something in it is no object.
    """
    if not isinstance(value, list):
        raise RecordError(f"{name} is {_shown(value)}. Write a list")
    for place, item in enumerate(value, start=1):
        if not isinstance(item, dict):
            raise RecordError(f"{name}, number {place}, is {_shown(item)}. Write an object")
    return value


def checked_text(value: object, name: str) -> str:
    """A message's text, cleaned; "" where there is none, as in a message that is only a picture.

    Raises:
        RecordError: It is neither text nor null.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RecordError(f"{name} is {_shown(value)}. Write text in quotes")
    return clean_text(value)


def _shown(value: object) -> str:
    text = "missing" if value is None else ascii(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
