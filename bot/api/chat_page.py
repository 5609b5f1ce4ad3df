"""The chat page: a page to try the bot on, which may run no script but its own."""

from pathlib import Path

from aiohttp import web

from bot.middlewares import Handler

FOLDER = Path(__file__).parents[1] / "pages"
FILES = {
    "/chat": ("chat.html", "text/html; charset=utf-8"),
    "/chat/chat.css": ("chat.css", "text/css; charset=utf-8"),
    "/chat/chat.js": ("chat.js", "text/javascript; charset=utf-8"),
}
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' https: data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def routes() -> list[web.RouteDef]:
    """The page, its style sheet and its script."""
    return [web.get(path, _page(FOLDER / name, kind)) for path, (name, kind) in FILES.items()]


def _page(path: Path, kind: str) -> Handler:
    async def send(_: web.Request) -> web.FileResponse:
        return web.FileResponse(path, headers={**HEADERS, "Content-Type": kind})

    return send
