"""The widget's files: the script that puts it on a page, and the page /chat.

Pages of any origin may load the script, which holds no secret; who may talk to the bot is the channel's to say.
"""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from bot.api.joined_modules import joined
from bot.middlewares import Handler

FOLDER = Path(__file__).parents[1] / "widget"
ENTRY, PAGE = "widget", "chat.html"
JAVASCRIPT, HTML = "text/javascript; charset=utf-8", "text/html; charset=utf-8"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' https: data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types kefu-chat"
)
# For five minutes as it is; for a week a browser shows what it has, and asks meanwhile whether it has changed.
KEPT = "public, max-age=300, stale-while-revalidate=604800"
_EVERYWHERE = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": KEPT,
}
_PAGE = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What is sent under one name, as it is and compressed.

    Attributes:
        etag: Differs where the content does.
    """

    kind: str
    raw: bytes
    zipped: bytes
    etag: str

    @classmethod
    def of(cls, raw: bytes, kind: str) -> "File":
        """The file that holds `raw`."""
        etag = hashlib.sha256(raw).hexdigest()[:16]
        return cls(kind=kind, raw=raw, zipped=gzip.compress(raw, mtime=0), etag=etag)


class WidgetFiles:
    """The files as they were when the server started."""

    def __init__(self, folder: Path = FOLDER) -> None:
        modules = {path.stem: path.read_text("utf-8") for path in sorted(folder.glob("*.js"))}
        self.script = File.of(joined(modules, ENTRY).encode("utf-8"), JAVASCRIPT)
        self.page = File.of((folder / PAGE).read_bytes(), HTML)

    def routes(self) -> list[web.RouteDef]:
        """The page and the script; anyone may have them."""
        return [
            web.get("/chat", sending(self.page, _PAGE)),
            web.get("/widget.js", sending(self.script, _EVERYWHERE)),
        ]


def sending(file: File, headers: dict[str, str]) -> Handler:
    """Answers with the file, to whoever asks."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return _answer(request, file, headers)

    return answer


def _answer(request: web.Request, file: File, headers: dict[str, str]) -> web.Response:
    """The file, or 304 where the browser has it; compressed where the browser can read that."""
    known = {tag.value for tag in request.if_none_match or ()}
    if file.etag in known or "*" in known:
        response = web.Response(status=304, headers=headers)
    elif "gzip" in request.headers.get("Accept-Encoding", ""):
        zipped = {"Content-Type": file.kind, "Content-Encoding": "gzip"}
        response = web.Response(body=file.zipped, headers={**headers, **zipped})
    else:
        response = web.Response(body=file.raw, headers={**headers, "Content-Type": file.kind})
    response.headers["Vary"] = "Accept-Encoding"
    response.etag = file.etag
    return response
