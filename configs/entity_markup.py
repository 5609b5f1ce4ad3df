"""Rasa's entity markup inside one example: `[Leeds](city)`, `[Leeds](city:LDS)`, `[Leeds]{...}`, `[Leeds][{...}]`.

Markup is a bracketed text with one of these directly behind it. Any other bracket is text, as in Rasa.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

_BRACKET = re.compile(r"[\[\]]")
_MARKUP_START = re.compile(r"\((?!\))|\{|\[\{")
_SURROGATE = re.compile("[\ud800-\udfff]")
_DECODER = json.JSONDecoder()
KEYS = ("entity", "role", "group", "value")
FIX = 'Write `[Leeds](city)`, `[Leeds](city:LDS)` or `[Leeds]{"entity": "city", "role": "to"}`.'


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One entity that an owner marked in an example.

    Attributes:
        start: First code point of the clean text, from 0.
        end: One behind its last code point.
        value: What the entity stands for: the marked text itself, unless another value was written.
    """

    start: int
    end: int
    entity: str
    value: str
    role: str | None = None
    group: str | None = None


class MarkupError(ValueError):
    """Markup that cannot be read; the message is the problem, without its place."""


def parse_markup(written: str) -> tuple[str, tuple[Annotation, ...]]:
    """The clean text of an example, and its annotations in the order of their places.

    Several mappings in `[text][{...}, {...}]` give several annotations of one span.

    Raises:
        MarkupError: Unbalanced or nested markup, JSON that cannot be read, an entity without a name, or a key or value
            that Rasa does not know.
    """
    clean: list[str] = []
    length = copied = position = 0
    opened: list[int] = []
    previous = -1  # where the last bracket or annotation ended: behind it the marked text is plain
    annotations: list[Annotation] = []
    while bracket := _BRACKET.search(written, position):
        at, position = bracket.start(), bracket.end()
        if bracket[0] == "[":
            opened.append(at)
        elif opened:
            start = opened.pop() + 1
            marked = written[start:at]
            if marked.strip() and _MARKUP_START.match(written, position):
                if start != previous:
                    raise MarkupError(f"the marked text {_short(marked)} holds brackets of its own")
                fields, position = _fields(written, position)
                clean += written[copied : start - 1], marked
                begin = length + start - 1 - copied
                length, copied = begin + len(marked), position
                annotations += (_annotation(begin, marked, values) for values in fields)
        previous = position
    return "".join([*clean, written[copied:]]), tuple(annotations)


def _fields(written: str, position: int) -> tuple[list[dict[str, Any]], int]:
    """What the markup at `position` says, one mapping an annotation, and where it ends."""
    if written[position] == "(":
        close = written.find(")", position)
        if close < 0:
            raise MarkupError(f"the markup {_short(written[position:])} has no closing parenthesis")
        entity, colon, value = written[position + 1 : close].partition(":")
        if colon and not value:
            raise MarkupError(f"the markup {_short(written[position : close + 1])} has no value behind its colon")
        return [{"entity": entity, "value": value} if colon else {"entity": entity}], close + 1
    try:
        found, end = _DECODER.raw_decode(written, position)
    except (ValueError, RecursionError) as error:
        raise MarkupError(f"the markup {_short(written[position:])} is not JSON") from error
    return (found if isinstance(found, list) else [found]), end


def _annotation(start: int, marked: str, fields: Any) -> Annotation:
    if not isinstance(fields, dict):
        raise MarkupError(f"{fields!r} in the markup of {_short(marked)} is not a mapping")
    for key, value in fields.items():
        if key not in KEYS:
            raise MarkupError(f"the key {key!r} in the markup of {_short(marked)} is not one of {', '.join(KEYS)}")
        if not isinstance(value, str) or not value.strip() or _SURROGATE.search(value):
            raise MarkupError(f"{key} is {value!r} in the markup of {_short(marked)}, not text")
    if "entity" not in fields:
        raise MarkupError(f"the markup of {_short(marked)} names no entity")
    return Annotation(
        start=start,
        end=start + len(marked),
        entity=fields["entity"].strip(),
        value=fields.get("value", marked),
        role=fields.get("role"),
        group=fields.get("group"),
    )


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}...")
