"""Who may call the HTTP API: whoever has the token, a signed token of Rasa's kind, or, with no secret, this machine."""

import hmac
import ipaddress
from collections.abc import Callable, Iterable
from typing import TypeAlias

from aiohttp import web
from yarl import URL

from bot.api.json_web_token import Caller, json_web_tokens
from bot.errors import Refused
from bot.middlewares import Handler, error_response
from configs.errors import SettingsError
from configs.settings import Settings

Guard: TypeAlias = Callable[[Handler], Handler]

ADMIN = Caller(is_admin=True)
# Whoever comes through a proxy does not come from this machine, wherever the proxy stands.
PROXY_HEADERS = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")


class Access:
    """Lets requests through, or does not.

    Raises:
        SettingsError: The API would be open to other machines, or a key cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        refuse_open_api(settings)
        self._is_local = is_loopback(settings.host)
        self._token = None if settings.api_token is None else settings.api_token.get_secret_value()
        self._tokens = json_web_tokens(settings)

    def admin(self, handler: Handler) -> Handler:
        """Lets through who may do everything."""
        return self._guarded(handler, lambda caller, _: caller.is_admin)

    def own_conversation(self, handler: Handler) -> Handler:
        """Lets through who may do everything, and whose name is the conversation in the address."""
        return self._guarded(handler, lambda caller, request: caller.may_touch(request.match_info["id"]))

    def is_admin_token(self, text: str) -> bool:
        """Whether `text` lets its bearer do everything."""
        caller = self._by_bearer(text)
        return caller is not None and caller.is_admin

    def may_name(self, request: web.Request, conversation_id: str) -> bool:
        """Whether a request brings a token that allows this conversation; to come from this machine is none."""
        if self._token is None and self._tokens is None:
            return False
        caller = self._caller(request)
        return caller is not None and caller.may_touch(conversation_id)

    def _guarded(self, handler: Handler, allows: Callable[[Caller, web.Request], bool]) -> Handler:
        async def checked(request: web.Request) -> web.StreamResponse:
            caller = self._caller(request)
            if caller is None:
                response = error_response(401, "NotAuthenticated", "Send `Authorization: Bearer` with a valid token.")
                response.headers["WWW-Authenticate"] = "Bearer"
                return response
            if not allows(caller, request):
                raise Refused(403, "NotAuthorized", "This token allows only the conversation of its username.")
            return await handler(request)

        return checked

    def _caller(self, request: web.Request) -> Caller | None:
        if self._token is None and self._tokens is None:
            if not self._is_local:  # the API is switched off, and what is guarded beside it is shut
                return None
            refuse_elsewhere(request)
            return ADMIN
        given = request.query.get("token")
        if given is not None and self._is_token(given):
            return ADMIN
        headers = request.headers.getall("Authorization", [])
        if len(headers) != 1:
            return None
        scheme, _, token = headers[0].partition(" ")
        return self._by_bearer(token.strip()) if scheme.lower() == "bearer" else None

    def _by_bearer(self, token: str) -> Caller | None:
        if self._is_token(token):
            return ADMIN
        return None if self._tokens is None else self._tokens.caller(token)

    def _is_token(self, given: str) -> bool:
        """Whether it is the token, found in a time that says nothing of how much of it is right."""
        if self._token is None:
            return False
        return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), self._token.encode("utf-8"))


def guarded(routes: Iterable[web.RouteDef], guard: Guard) -> list[web.RouteDef]:
    """The same routes behind `guard`."""
    return [web.RouteDef(route.method, route.path, guard(route.handler), route.kwargs) for route in routes]


def refuse_open_api(settings: Settings) -> None:
    """Makes sure that no other machine can use the API without a secret.

    Raises:
        SettingsError: It could.
    """
    secret = settings.api_token or settings.jwt_secret
    if secret is None and settings.enable_api and not is_loopback(settings.host):
        raise SettingsError(
            f"KEFU_HOST is {settings.host!r}, so other machines could use the HTTP API. Set KEFU_API_TOKEN to what "
            "`openssl rand -hex 24` prints, set KEFU_JWT_SECRET, or switch the API off with KEFU_ENABLE_API=false."
        )


def refuse_elsewhere(request: web.Request) -> None:
    """Makes sure that a request without a secret comes from this machine, and not by way of a page in its browser.

    Raises:
        Refused: 403; it comes through a proxy, under another name, or from a page of another origin.
    """
    origin = request.headers.get("Origin")
    from_page = origin is not None and origin != f"{request.scheme}://{request.host}"
    from_page = from_page or request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")
    through_proxy = any(name in request.headers for name in PROXY_HEADERS)
    from_here = is_loopback(request.remote or "") and is_loopback(_hostname(request.host))
    if from_page or through_proxy or not from_here:
        raise Refused(403, "NotAuthorized", "Only this machine may use the HTTP API until KEFU_API_TOKEN is set.")


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address, can only mean this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _hostname(authority: str) -> str:
    try:
        return URL(f"http://{authority}").host or ""
    except ValueError:
        return ""
