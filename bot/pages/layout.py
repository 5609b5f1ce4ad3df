"""How every page is made: from a template, every value escaped, with nothing of another site and no script inside."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.errors import Refused
from bot.pages.roles import Role
from bot.pages.shown import language_of, moment, shown
from bot.pages.static_files import address_of
from bot.pages.visit import DOORS, VISIT

BOT = Path(__file__).parents[1]
TEMPLATE_FOLDERS = (BOT / "pages" / "templates", BOT / "measures" / "templates")
FORM_TOKEN = "csrf"  # noqa: S105 - the name of a form's field
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An entry of the navigation; shown where the server has the page, and the person may see it."""

    path: str
    title: str
    role: Role = Role.VIEWER


NAVIGATION = (
    Link(path="/review", title="Review"),
    Link(path="/review/clusters", title="Clusters"),
    Link(path="/review/disagreements", title="Disagreements"),
    Link(path="/review/history", title="History"),
    Link(path="/dashboard", title="Dashboard"),
)


@cache
def environment() -> Environment:
    """The templates; what they show is text unless a template itself says otherwise."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATE_FOLDERS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {"shown": shown, "language": language_of, "moment": moment}
    made.globals["asset"] = address_of
    return made


def render(request: web.Request, template: str, *, status: int = 200, **values: Any) -> web.Response:
    """The page that `template` makes of `values`; it knows who asks, and what a form must hold."""
    known = {
        "person": request[VISIT].person if VISIT in request else None,
        "may_leave": VISIT in request and request[VISIT].may_leave,
        "csrf": form_token(request),
        "links": _links(request),
        "path": request.path,
        "Role": Role,
    }
    text = environment().get_template(template).render({**known, **values})
    return web.Response(text=text, status=status, content_type="text/html", headers={**HEADERS, "Vary": "HX-Request"})


def form_token(request: web.Request) -> str:
    """What the forms on a page for this visitor must hold in the field `csrf`."""
    return request.app[DOORS].sessions.form_token(request[VISIT].session_id) if VISIT in request else ""


def is_htmx(request: web.Request) -> bool:
    """Whether a page asks for a part of itself."""
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


def see_other(path: str) -> web.Response:
    """Sends a browser on to a page, which it reads."""
    return web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})


def error_page(request: web.Request, error: Refused) -> web.Response:
    """A page, or a part of one, that says what is wrong."""
    if is_htmx(request):
        response = render(request, "error_part.html", status=error.status, error=error)
        response.headers.update({"HX-Retarget": "#notice", "HX-Reswap": "innerHTML", "HX-Push-Url": "false"})
    else:
        response = render(request, "error.html", status=error.status, error=error)
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _links(request: web.Request) -> list[Link]:
    if VISIT not in request:
        return []
    served = {resource.canonical for resource in request.app.router.resources()}
    return [link for link in NAVIGATION if link.path in served and request[VISIT].person.may(link.role)]
