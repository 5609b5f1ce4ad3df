"""Files over HTTP: one is sent as a form, and fetched by an address that the server has signed."""

import asyncio
from collections.abc import AsyncIterator, Callable

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from bot.channels.widget.file_names import disposition
from bot.channels.widget.origins import Origins
from bot.channels.widget.session import Session
from bot.channels.widget.uploads import PATH, Uploads
from bot.errors import Refused

FORM = "multipart/form-data"
FIELD = "file"
AROUND_BYTES = 16_384  # of a form around its file
CHUNK_BYTES = 65_536
TIMEOUT_S = 120.0
MAX_PARTS = 10
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, max-age=3600",
}


def routes(uploads: Uploads, origins: Origins, session_of: Callable[[web.Request], Session]) -> list[web.RouteDef]:
    """The two routes.

    Args:
        session_of: The session of a request, by its bearer token.
    """

    async def take(request: web.Request) -> web.Response:
        origins.refuse_others(request, without=True)
        session = session_of(request)
        _refuse_unfit(request, uploads)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                part = await _file_part(request)
                kept = await uploads.take(session, part.filename or "", _chunks(part))
        except TimeoutError as error:
            said = f"The file did not come within {TIMEOUT_S:g} s."
            raise Refused(408, "RequestTimeout", said, field=FIELD) from error
        except (
            ValueError,
            AssertionError,
            web.RequestPayloadError,
            HttpProcessingError,
        ) as error:  # whatever is wrong with the form
            raise Refused(400, "InvalidBody", "The body is no form with a file in it.", field="body") from error
        shown = {"id": kept.id, "name": kept.name, "bytes": kept.bytes, "mime": kept.mime}
        return web.json_response(shown, status=201)

    async def send(request: web.Request) -> web.StreamResponse:
        file_id = request.match_info["id"]
        if not uploads.is_address(file_id, request.query.get("t", "")):
            raise Refused(403, "Forbidden", "This address was not made here, or is too old.", field="t")
        file = await uploads.about(file_id)
        if file is None:
            raise Refused(404, "NotFound", "There is no such file any more.", field="id")
        mime = f"{file.mime}; charset=utf-8" if file.mime.startswith("text/") else file.mime
        about = {"Content-Type": mime, "Content-Disposition": disposition(file.name)}
        return web.FileResponse(uploads.path(file_id), headers={**HEADERS, **about})

    return [web.post(PATH, take), web.get(f"{PATH}/{{id}}", send)]


def _refuse_unfit(request: web.Request, uploads: Uploads) -> None:
    if request.content_type != FORM:
        raise Refused(415, "UnsupportedMediaType", f"Send the file as {FORM}.", field="Content-Type")
    limit = uploads.config.max_bytes if uploads.config else 0
    if uploads.config and (request.content_length or 0) > limit + AROUND_BYTES:
        raise Refused(413, "BodyTooLarge", f"The file is over {limit:,} bytes.", field=FIELD)


async def _file_part(request: web.Request) -> BodyPartReader:
    """The part of the form that is the file; what comes before it is passed over."""
    reader = await request.multipart()
    for _ in range(MAX_PARTS):
        part = await reader.next()
        if not isinstance(part, BodyPartReader):
            break
        if part.name == FIELD and part.filename is not None:
            return part
        await _pass_over(part)
    raise Refused(400, "InvalidBody", f"The form has no file in a field `{FIELD}`.", field=FIELD)


async def _pass_over(part: BodyPartReader) -> None:
    passed = 0
    async for chunk in _chunks(part):
        passed += len(chunk)
        if passed > AROUND_BYTES:
            raise Refused(413, "BodyTooLarge", f"A field of the form is over {AROUND_BYTES:,} bytes.", field="body")


async def _chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    while chunk := await part.read_chunk(CHUNK_BYTES):
        yield bytes(chunk)
