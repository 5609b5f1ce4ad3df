"""Bodies that hold training data: YAML or JSON, and larger than a message."""

from typing import Final

from aiohttp import web

from bot.errors import Refused
from bot.request_body import read_bytes

YAML_TYPES: Final = frozenset(
    {
        "application/x-yaml",
        "application/x-yml",
        "application/yaml",
        "text/x-yaml",
        "text/x-yml",
        "text/yaml",
        "text/yml",
    }
)
JSON_TYPE = "application/json"


async def read_data(request: web.Request, max_bytes: int) -> tuple[bytes, bool]:
    """The body, and whether it is JSON rather than YAML.

    Raises:
        Refused: 400 empty, 413 over `max_bytes`, 415 of another type.
    """
    raw = await read_bytes(request, YAML_TYPES | {JSON_TYPE}, max_bytes=max_bytes)
    if not raw.strip():
        raise Refused(400, "InvalidBody", "The body is empty; send YAML or JSON.", field="body")
    return raw, request.content_type == JSON_TYPE or request.content_type.endswith("+json")
