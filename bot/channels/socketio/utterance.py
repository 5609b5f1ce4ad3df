"""What a page brings as `user_uttered`, checked."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from bot.errors import Refused
from bot.request_body import MAX_ID_CHARS, Body, checked_body, checked_metadata, checked_text, parse_json

MESSAGE_ID = "message_id"


class Utterance(Body):
    """A message; what else stands beside it is not read, but for the metadata."""

    message: str
    session_id: Annotated[str, Field(max_length=MAX_ID_CHARS)] | None = None
    message_id: Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS)] | None = None


def parse_utterance(data: object) -> Utterance:
    """The message in what a page brings.

    Raises:
        Refused: 422; it is none.
    """
    return checked_body(data, Utterance)


def parse_metadata(data: object, key: str) -> dict[str, Any]:
    """The metadata of a message, an object or the JSON of one; empty where there is none.

    Raises:
        Refused: 400 or 422; it is no JSON that can be kept.
    """
    given = data.get(key) if isinstance(data, Mapping) else None
    if given is None or given == "":
        return {}
    text = given if isinstance(given, str) else json.dumps(given)
    metadata = parse_json(text.encode("utf-8", "surrogatepass"))
    if not isinstance(metadata, dict):
        raise Refused(422, "InvalidField", f"{key} is no JSON object.", field=key)
    return checked_metadata(metadata)


def message_id(utterance: Utterance, metadata: Mapping[str, Any]) -> str | None:
    """The page's own id of the message, beside it or in its metadata.

    Raises:
        Refused: 422; it holds what no id holds.
    """
    given = utterance.message_id or metadata.get(MESSAGE_ID)
    return checked_text(given, MESSAGE_ID, MAX_ID_CHARS) if isinstance(given, str) and given else None
