"""The widget's files: the script that puts it on a page, the modules it loads, and the page /chat.

Pages of any origin may load the script and its modules, which hold no secret; who may talk to the bot is the channel's
to say. A module's address changes with its content, so that browsers may keep it for good.
"""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from bot.middlewares import Handler

FOLDER = Path(__file__).parents[1] / "widget"
ENTRY, PAGE = "widget.js", "chat.html"
JAVASCRIPT, HTML = "text/javascript; charset=utf-8", "text/html; charset=utf-8"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' https: data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types kefu-chat"
)
FOR_GOOD = "public, max-age=31536000, immutable"
FOR_MINUTES = "public, max-age=300"
ASK_AGAIN = "no-cache"
_EVERYWHERE = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": ASK_AGAIN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What is sent under one name, as it is and compressed."""

    kind: str
    raw: bytes
    zipped: bytes
    etag: str

    @classmethod
    def of(cls, raw: bytes, kind: str) -> "File":
        """The file that holds `raw`."""
        return cls(kind=kind, raw=raw, zipped=gzip.compress(raw, mtime=0), etag=digest_of(raw))


class WidgetFiles:
    """The files as they were when the server started.

    Attributes:
        version: Differs where any module does; it is part of the modules' addresses.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        sources = {path.name: path.read_bytes() for path in sorted(folder.glob("*.js"))}
        entry = sources.pop(ENTRY)
        self.version = digest_of(b"".join(name.encode() + source for name, source in sources.items()))
        self.modules = {name: File.of(source, JAVASCRIPT) for name, source in sources.items()}
        self.entry = File.of(entry.replace(b'"./widget/', f'"./widget/{self.version}/'.encode()), JAVASCRIPT)
        self.page = File.of((folder / PAGE).read_bytes(), HTML)

    def routes(self) -> list[web.RouteDef]:
        """The page, the script and its modules; anyone may have them."""
        return [
            web.get("/chat", _sending(self.page, _PAGE)),
            web.get("/widget.js", _sending(self.entry, {**_EVERYWHERE, "Cache-Control": FOR_MINUTES})),
            web.get("/widget/{version}/{name}", self._module),
        ]

    async def _module(self, request: web.Request) -> web.StreamResponse:
        """A module; one of another version is today's, and not kept, as a page may hold the script of yesterday."""
        file = self.modules.get(request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound
        is_today = request.match_info["version"] == self.version
        return send(request, file, {**_EVERYWHERE, "Cache-Control": FOR_GOOD if is_today else ASK_AGAIN})


def _sending(file: File, headers: dict[str, str]) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return send(request, file, headers)

    return answer


def send(request: web.Request, file: File, headers: dict[str, str]) -> web.Response:
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


def digest_of(raw: bytes) -> str:
    """A short name for this content and no other."""
    return hashlib.sha256(raw).hexdigest()[:16]
