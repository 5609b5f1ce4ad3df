"""Request bodies are hostile until checked: size, time, type, JSON, depth, fields, characters."""

import asyncio
import json
import math
import unicodedata
from collections.abc import AsyncIterator, Set
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.errors import Refused

MAX_NESTING = 32
MAX_ID_CHARS = 255
# Rasa's widgets send JSON as text/plain to avoid a CORS preflight, so that is taken as JSON too.
JSON_TYPES = frozenset({"application/json", "text/plain", "application/octet-stream", ""})
JSON_LINES_TYPES = JSON_TYPES | {"application/x-ndjson", "application/jsonl"}
MIB = 1024 * 1024
MAX_BODY_BYTES: web.AppKey[int] = web.AppKey("max_body_bytes", int)
BODY_TIMEOUT_S: web.AppKey[float] = web.AppKey("body_timeout_s", float)
DEFAULT_TIMEOUT_S = 20.0

Model = TypeVar("Model", bound=BaseModel)


class Body(BaseModel):
    """A request body; unknown fields are ignored, types are strict."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class MessageBody(Body):
    """Body of Rasa's REST channel; `message_id` is Kefu's own: a message that comes again is answered once."""

    sender: Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS)] | None = None
    message: str
    message_id: Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS)] | None = None
    input_channel: Annotated[str, Field(max_length=MAX_ID_CHARS)] | None = None
    metadata: dict[str, Any] | None = None


class ParseBody(Body):
    """Body of `/model/parse`."""

    text: str
    message_id: Annotated[str, Field(max_length=MAX_ID_CHARS)] | None = None


async def read_body(request: web.Request, model: type[Model]) -> Model:
    """The request's body as `model`.

    Raises:
        Refused: 413 too large, 415 not JSON by its type, 400 not JSON, 422 a field is missing or wrong.
    """
    return checked_body(parse_json(await read_bytes(request)), model)


def checked_body(data: Any, model: type[Model]) -> Model:
    """`data` as `model`.

    Raises:
        Refused: 422; a field is missing or wrong.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(key) for key in first["loc"]) or "body"
        raise Refused(422, "InvalidField", f"{field}: {first['msg']}.", field=field) from error


async def read_bytes(request: web.Request, types: Set[str] = JSON_TYPES, *, max_bytes: int | None = None) -> bytes:
    """The request's body, of one of `types` or of one that ends in `+json`.

    Args:
        max_bytes: What the route takes at most, where that is not what the server takes.

    Raises:
        Refused: 408 too slow, 413 too large, 415 of another type, 400 not what its headers say.
    """
    preferred = "application/json" if types >= JSON_TYPES else "application/json or application/x-yaml"
    if request.content_type not in types and not request.content_type.endswith("+json"):
        raise Refused(
            415,
            "UnsupportedMediaType",
            f"Content-Type is {request.content_type}; send {preferred}.",
            field="Content-Type",
        )
    return await read_limited(request, request.app[MAX_BODY_BYTES] if max_bytes is None else max_bytes)


async def read_limited(request: web.Request, max_bytes: int) -> bytes:
    """The whole body; no more of it is held than may come, and none is waited for longer than is fair.

    Raises:
        Refused: 408 too slow, 413 over `max_bytes`, 400 not what its headers say.
    """
    if (request.content_length or 0) > max_bytes:
        raise too_large(max_bytes)
    body = bytearray()
    try:
        async with in_time(request, max_bytes):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > max_bytes:
                    raise too_large(max_bytes)
    except web.RequestPayloadError as error:
        raise Refused(400, "InvalidBody", "The body is not what its headers say.", field="body") from error
    return bytes(body)


def too_large(max_bytes: int) -> Refused:
    """The refusal of a body over `max_bytes`."""
    return Refused(413, "BodyTooLarge", f"The body is over {max_bytes:,} bytes.", field="body")


@asynccontextmanager
async def in_time(request: web.Request, max_bytes: int) -> AsyncIterator[None]:
    """Gives a body the time that the server allows: so long for each MiB that it may have.

    Raises:
        Refused: 408; it has passed.
    """
    allowed_s = request.app.get(BODY_TIMEOUT_S, DEFAULT_TIMEOUT_S) * max(1.0, max_bytes / MIB)
    try:
        async with asyncio.timeout(allowed_s):
            yield
    except TimeoutError as error:
        said = f"The body did not come within {allowed_s:g} s."
        raise Refused(408, "RequestTimeout", said, field="body") from error


def parse_json(raw: bytes) -> Any:
    """The JSON value in `raw`.

    Raises:
        Refused: 400; not UTF-8, not JSON, not finite numbers, or nested too deeply.
    """
    try:
        data = json.loads(raw.decode("utf-8"), parse_constant=_no_constant, parse_float=_finite)
    except UnicodeDecodeError as error:
        raise Refused(400, "InvalidJson", "The body is not UTF-8 text.", field="body") from error
    except RecursionError as error:
        raise Refused(400, "InvalidJson", f"The body is nested over {MAX_NESTING} levels.", field="body") from error
    except ValueError as error:
        raise Refused(400, "InvalidJson", f"The body is not JSON: {error}.", field="body") from error
    if _depth_over(data, MAX_NESTING):
        raise Refused(400, "InvalidJson", f"The body is nested over {MAX_NESTING} levels.", field="body")
    return data


def checked_text(text: str, field: str, max_chars: int) -> str:
    """`text` without white space around it.

    Raises:
        Refused: 422; it is empty, too long, or holds characters that no keyboard sends.
    """
    if len(text) > max_chars:
        raise Refused(
            422,
            "InvalidField",
            f"{field} has {len(text):,} characters; send at most {max_chars:,}.",
            field=field,
        )
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs") and character not in "\t\n\r":
            raise Refused(
                422,
                "InvalidField",
                f"{field} holds the control character U+{ord(character):04X}.",
                field=field,
            )
    stripped = text.strip()
    if not any(unicodedata.category(character)[0] not in "ZC" for character in stripped):
        raise Refused(422, "InvalidField", f"{field} is empty.", field=field)
    return stripped


def checked_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """`metadata` as it stands.

    Raises:
        Refused: 422; a text in it holds half of a surrogate pair, which no file can keep.
    """
    try:
        json.dumps(metadata, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise Refused(422, "InvalidField", "metadata holds half of a surrogate pair.", field="metadata") from error
    return metadata


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _depth_over(value: Any, limit: int) -> bool:
    """Whether lists and objects are nested deeper than `limit`, found level by level without recursion."""
    level = [value]
    for _ in range(limit):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return any(isinstance(item, dict | list) for item in level)
