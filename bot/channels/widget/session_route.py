"""`POST /webhooks/widget/session`: a page gets a token, and what it must know to show the widget."""

from collections.abc import Callable
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from bot.channels.intake import readable
from bot.channels.widget.config import Config
from bot.channels.widget.file_kinds import KINDS
from bot.channels.widget.frames import MAX_FRAME_BYTES
from bot.channels.widget.origins import Origins
from bot.channels.widget.session import MAX_TOKEN_CHARS, Session, Sessions
from bot.errors import Refused
from bot.request_body import Body, read_body

PATH = "/webhooks/widget/session"
MAX_PAGE_CHARS = 500


class SessionBody(Body):
    """What a page says of itself."""

    token: Annotated[str, Field(max_length=MAX_TOKEN_CHARS)] | None = None
    locale: Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z0-9-]*$")] = ""
    page: Annotated[str, Field(max_length=2_000)] = ""


def routes(config: Config, sessions: Sessions, origins: Origins, *, max_text_chars: int) -> list[web.RouteDef]:
    """The route."""

    async def begin(request: web.Request) -> web.Response:
        body = await read_body(request, SessionBody)
        known = sessions.read(body.token) if body.token else None
        origins.refuse_others(request, without=known is not None)
        if known is None:
            session = sessions.begin(locale=body.locale, page=readable(body.page, MAX_PAGE_CHARS))
        else:
            session = sessions.renewed(known, locale=body.locale)
        shown = {"token": sessions.token(session), "session": session.id, "expires_at": session.expires_at}
        said = {**shown, "settings": settings_of(config, max_text_chars)}
        return web.json_response(said, headers={"Cache-Control": "no-store"})

    return [web.post(PATH, begin)]


def settings_of(config: Config, max_text_chars: int) -> dict[str, Any]:
    """What a page shows and offers."""
    uploads = config.uploads
    return {
        "title": config.title,
        "locale": config.locale,
        "greeting": config.greeting is not None,
        "consent": config.consent,
        "survey": config.survey,
        "uploads": uploads and {"max_bytes": uploads.max_bytes, "types": [KINDS[name].mime for name in uploads.types]},
        "theme": dict(config.theme),
        "max_text_chars": max_text_chars,
        "max_frame_bytes": MAX_FRAME_BYTES,
    }


def session_by_bearer(sessions: Sessions) -> Callable[[web.Request], Session]:
    """Finds the session of a request by its header `Authorization: Bearer`."""

    def find(request: web.Request) -> Session:
        headers = request.headers.getall("Authorization", [])
        scheme, _, token = (headers[0] if len(headers) == 1 else "").partition(" ")
        session = sessions.read(token.strip()) if scheme.lower() == "bearer" else None
        if session is None:
            said = "Send `Authorization: Bearer` with the token of a session; get a new one if it has expired."
            raise Refused(401, "NotAuthenticated", said)
        return session

    return find
