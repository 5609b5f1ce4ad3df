"""`/sign-in` and `/sign-out`."""

import re

import structlog
from aiohttp import web

from bot.pages.form import read_form
from bot.pages.guard import SIGN_IN, as_page, needs, refuse_foreign
from bot.pages.layout import render, see_other
from bot.pages.roles import Role
from bot.pages.session import set_cookie
from bot.pages.visit import DOORS, Doors, person_of

HOME = "/review"
SIGN_OUT = "/sign-out"
_OWN_PATH = re.compile(r"/(?![/\\])[\w\-./?=&%:+~@]*", re.ASCII)
_log = structlog.get_logger()


def routes() -> list[web.RouteDef]:
    """The routes."""
    return [
        web.get(SIGN_IN, as_page(show)),
        web.post(SIGN_IN, as_page(sign_in)),
        web.post(SIGN_OUT, needs(Role.VIEWER)(sign_out)),
    ]


async def show(request: web.Request) -> web.StreamResponse:
    """The page that asks for a token."""
    doors = request.app[DOORS]
    wanted = own_path(request.query.get("next", ""))
    if doors.visit(request) is not None:
        return see_other(wanted)
    return _page(request, doors, wanted)


async def sign_in(request: web.Request) -> web.StreamResponse:
    """Begins a session for whoever has a token."""
    refuse_foreign(request)
    doors = request.app[DOORS]
    form = await read_form(request)
    wanted = own_path(form.get("next", ""))
    admission = doors.people.admit(form.get("token", "").strip())
    if admission is None:
        _log.warning("sign_in_failed")
        return _page(request, doors, wanted, status=401)
    session = doors.sessions.begin(admission)
    _log.info("signed_in", person=admission.person.name, role=admission.person.role.word)
    response = see_other(wanted)
    set_cookie(request, response, doors.sessions.to_cookie(session), doors.sessions.left_s(session))
    return response


async def sign_out(request: web.Request) -> web.StreamResponse:
    """Has the browser forget the session."""
    _log.info("signed_out", person=person_of(request).name)
    response = see_other(SIGN_IN)
    set_cookie(request, response, "", 0)
    return response


def own_path(given: str) -> str:
    """Where a page of this server is meant, and no other, that; else the first page."""
    return given if _OWN_PATH.fullmatch(given) and not given.startswith((SIGN_IN, SIGN_OUT)) else HOME


def _page(request: web.Request, doors: Doors, wanted: str, status: int = 200) -> web.Response:
    comes_from_elsewhere = request.headers.get("Sec-Fetch-Site") == "cross-site"  # then a session's cookie stays behind
    return render(
        request,
        "sign_in.html",
        status=status,
        wanted=wanted,
        is_wrong=status != 200,
        is_anybody=doors.people.is_anybody,
        comes_from_elsewhere=comes_from_elsewhere,
    )
