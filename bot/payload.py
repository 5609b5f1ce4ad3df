"""Slash messages: what a button sends back. `/intent`, `/intent@0.9`, `/intent{"slot": "value"}`, and our own."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

PAST_ANSWER = "kefu_answer"
SHORT = "/~"  # what a short payload begins with, and no intent's name
_SLASH = re.compile(r"/(?P<name>[^{\s@]+)(?:@(?P<confidence>[0-9.]+))?\s*(?P<entities>\{.*\})?\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A command instead of words.

    Attributes:
        name: An intent, or `kefu_answer`.
        entities: Values by entity name.
    """

    name: str
    entities: Mapping[str, Any]


def parse_payload(text: str) -> Payload | None:
    """The command in `text`, or None where it is ordinary words."""
    found = _SLASH.match(text.strip())
    if found is None:
        return None
    try:
        entities = json.loads(found["entities"] or "{}")
    except (ValueError, RecursionError):
        return None
    return Payload(name=found["name"], entities=entities)


def shortened(payload: str, max_bytes: int | None) -> str:
    """What stands for `payload` where a platform takes at most `max_bytes` of a button: itself, or a short form of it.

    Args:
        max_bytes: At least 26; None has no limit.
    """
    return payload if max_bytes is None or len(payload.encode("utf-8")) <= max_bytes else _short(payload)


def expanded(text: str, offered: Iterable[str]) -> str:
    """The offered payload that `text` is short for, or `text` itself."""
    if not text.startswith(SHORT):
        return text
    return next((payload for payload in offered if _short(payload) == text), text)


def past_answer_payload(pair_id: str) -> str:
    """What a button that offers a stored answer sends back."""
    return f"/{PAST_ANSWER}{json.dumps({'pair': pair_id}, ensure_ascii=False)}"


def _short(payload: str) -> str:
    return f"{SHORT}{sha256(payload.encode('utf-8')).hexdigest()[:24]}"
