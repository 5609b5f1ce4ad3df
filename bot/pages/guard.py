"""Lets people through to the pages that they may see, and lets in forms that a page of ours has sent."""

from collections.abc import Callable
from functools import wraps
from urllib.parse import quote

import structlog
from aiohttp import web
from yarl import URL

from bot.errors import Refused
from bot.middlewares import Handler
from bot.pages.form import Form, read_form
from bot.pages.layout import FORM_TOKEN, error_page, is_htmx
from bot.pages.roles import Role
from bot.pages.visit import DOORS, VISIT, Visit
from configs.errors import KefuError

SIGN_IN = "/sign-in"
READING = ("GET", "HEAD")
FORM: web.RequestKey[Form] = web.RequestKey("form", dict)
_log = structlog.get_logger()


def needs(role: Role) -> Callable[[Handler], Handler]:
    """Lets to a handler who may do what `role` may; what is no GET must be a form of a page of ours.

    Whoever is not signed in is shown the way to the sign-in page, and nothing else.
    """

    def guard(handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            visit = request.app[DOORS].visit(request)
            if visit is None:
                return _sign_in_first(request)
            request[VISIT] = visit
            if request.method not in READING:
                await _check_form(request, visit)
            if not visit.person.may(role):
                said = f"This needs the role {role.word}; yours is {visit.person.role.word}."
                raise Refused(403, "NotAuthorized", said)
            return await handler(request)

        return as_page(guarded)

    return guard


def as_page(handler: Handler) -> Handler:
    """Shows as a page what is refused."""

    @wraps(handler)
    async def answered(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as error:
            return error_page(request, error)
        except KefuError as error:
            _log.error("request_failed", error=str(error))
            return error_page(request, Refused(503, "Unavailable", "The server cannot answer at present."))

    return answered


def form_of(request: web.Request) -> Form:
    """The form that was sent, in a handler behind `needs`."""
    return request[FORM]


def refuse_foreign(request: web.Request) -> None:
    """Makes sure that no page of another site has sent the request.

    Raises:
        Refused: 403; the browser says that one has.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    is_foreign = site not in ("same-origin", "none") if site is not None else False
    if site is None and origin is not None:
        is_foreign = _authority(origin) != request.host
    if is_foreign:
        raise Refused(403, "NotAuthorized", "A page of another site has sent this form.")


async def _check_form(request: web.Request, visit: Visit) -> None:
    refuse_foreign(request)
    form = await read_form(request)
    if not request.app[DOORS].sessions.is_form_token(visit.session_id, form.get(FORM_TOKEN, "")):
        raise Refused(403, "NotAuthorized", "This form is from another session. Open the page again.")
    request[FORM] = form


def _sign_in_first(request: web.Request) -> web.Response:
    """A page to read leads to the sign-in page and back; whatever else is asked is refused."""
    address = f"{SIGN_IN}?next={quote(request.path_qs, safe='')}"
    if request.method in READING and not is_htmx(request):
        return web.Response(status=303, headers={"Location": address, "Cache-Control": "no-store"})
    response = error_page(request, Refused(401, "NotAuthenticated", "Your session has ended. Sign in again."))
    response.headers["HX-Redirect"] = SIGN_IN
    return response


def _authority(origin: str) -> str:
    try:
        return URL(origin).authority
    except ValueError:
        return ""
