"""Slash messages: what a button sends back. `/intent`, `/intent@0.9`, `/intent{"slot": "value"}`, and our own."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PAST_ANSWER = "kefu_answer"
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


def past_answer_payload(pair_id: str) -> str:
    """What a button that offers a stored answer sends back."""
    return f"/{PAST_ANSWER}{json.dumps({'pair': pair_id}, ensure_ascii=False)}"
