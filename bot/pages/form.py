"""Forms that a page has sent: small, in time, and text throughout."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import web

from bot.errors import Refused
from bot.request_body import read_limited

FORM_TYPE = "application/x-www-form-urlencoded"
MAX_FORM_BYTES = 131_072
MAX_FIELDS = 50

Form = Mapping[str, str]


async def read_form(request: web.Request) -> Form:
    """The fields of the form in the body; of a field that stands twice, the last.

    Raises:
        Refused: 400, 408, 413 or 415; it is no form that a page of ours can have sent.
    """
    if request.content_type != FORM_TYPE:
        said = f"Content-Type is {request.content_type[:40]}; send a form as {FORM_TYPE}."
        raise Refused(415, "UnsupportedMediaType", said, field="Content-Type")
    raw = await read_limited(request, MAX_FORM_BYTES)
    try:
        fields = parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:  # also of bytes that are no text
        raise Refused(400, "InvalidBody", "The body is not a form in UTF-8.", field="body") from error
    return dict(fields)
