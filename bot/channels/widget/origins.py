"""Which pages may speak to the widget's routes, told by the `Origin` that browsers send."""

from urllib.parse import urlsplit

from aiohttp import web

from bot.errors import Refused
from bot.middlewares import Handler

PREFIX = "/webhooks/widget/"
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "86400",
}


class Origins:
    """The pages of the server itself, and of the origins that the owner has named."""

    def __init__(self, allowed: tuple[str, ...] = ()) -> None:
        self._allowed = frozenset(allowed)

    def allows(self, request: web.Request) -> bool:
        """Whether the page may; what is no page of a browser has no origin, and may not."""
        given = request.headers.getall("Origin", [])
        if len(given) != 1 or given[0] == "null":
            return False
        return "*" in self._allowed or given[0] in self._allowed or is_own(given[0], request)

    def refuse_others(self, request: web.Request, *, without: bool = False) -> None:
        """Makes sure that the page may.

        Args:
            without: Whether a request may come that is of no page.

        Raises:
            Refused: 403; it may not.
        """
        if without and "Origin" not in request.headers:
            return
        if not self.allows(request):
            said = "This page may not embed the widget. Name its origin under `widget: origins:` in credentials.yml."
            raise Refused(403, "Forbidden", said, field="Origin")

    async def name_origin(self, request: web.Request, response: web.StreamResponse) -> None:
        """Lets such a page read the answer; told before the first byte."""
        if request.path.startswith(PREFIX):
            response.headers["Vary"] = "Origin"
            if self.allows(request):
                response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]

    @web.middleware
    async def answer_preflight(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answers the question of a browser whether such a page may call."""
        if request.method == "OPTIONS" and request.path.startswith(PREFIX) and self.allows(request):
            return web.Response(status=204, headers=PREFLIGHT)
        return await handler(request)


def is_own(origin: str, request: web.Request) -> bool:
    """Whether the page is the server's own; behind a proxy that speaks TLS only the host can be compared."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == request.host.lower()
