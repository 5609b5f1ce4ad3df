"""The stylesheet, the scripts and the icon of the pages; anyone may have them, they hold no secret."""

from functools import cache
from pathlib import Path

from aiohttp import web

from bot.api.widget_files import File, sending
from bot.errors import Refused
from bot.middlewares import Handler

BOT = Path(__file__).parents[1]
STATIC_FOLDERS = (BOT / "pages" / "static", BOT / "measures" / "static")
PREFIX = "/pages/"
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "public, max-age=604800",  # an address names the content, too
}


@cache
def static_files() -> dict[str, File]:
    """The files by name, as they were when they were first asked for."""
    return {
        path.relative_to(folder).as_posix(): File.of(path.read_bytes(), KINDS[path.suffix])
        for folder in STATIC_FOLDERS
        for path in sorted(folder.rglob("*"))
        if path.suffix in KINDS
    }


def address_of(name: str) -> str:
    """Where a page finds a file; another address where its content is another."""
    return f"{PREFIX}{name}?v={static_files()[name].etag}"


def routes() -> list[web.RouteDef]:
    """The route."""
    answers: dict[str, Handler] = {name: sending(file, HEADERS) for name, file in static_files().items()}

    async def send(request: web.Request) -> web.StreamResponse:
        answer = answers.get(request.match_info["name"])
        if answer is None:
            raise Refused(404, "NotFound", "There is no such file.")
        return await answer(request)

    return [web.get(PREFIX + "{name:.+}", send)]
