"""The conversation that an address names."""

from aiohttp import web

from bot.errors import Refused
from bot.request_body import MAX_ID_CHARS, checked_text

ADDRESS = "/conversations/{id:.+}"


def conversation_id(request: web.Request) -> str:
    """The id in the address, which may hold slashes.

    Raises:
        Refused: 422; it is too long, holds control characters, or begins or ends with white space.
    """
    given = str(request.match_info["id"])
    if checked_text(given, "id", MAX_ID_CHARS) != given:  # whoever may touch `ann ` may not touch `ann`
        raise Refused(422, "InvalidField", "id begins or ends with white space.", field="id")
    return given
