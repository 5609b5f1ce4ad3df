"""Around every request: a log line with the time of each stage, CORS, and errors as JSON in Rasa's form."""

import uuid
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from time import perf_counter
from typing import Any, TypeAlias

import structlog
from aiohttp import web

from bot.errors import Refused
from bot.timing import timed_request
from configs.errors import KefuError

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

QUIET_PATHS = frozenset({"/health", "/ready"})
PRIVATE_PATHS = ("/conversations/", "/senders/")
CORS_ORIGINS: web.AppKey[tuple[str, ...]] = web.AppKey("cors_origins", tuple)  # pages of these may call a channel
_log = structlog.get_logger()


@web.middleware
async def log_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """One line a request: what was asked, what came of it, and where the time went. Never the words."""
    started = perf_counter()
    with timed_request() as stages:
        response = await handler(request)
    log = _log.debug if request.path in QUIET_PATHS else _log.info
    log(
        "request",
        method=request.method,
        path=logged_path(request),
        status=response.status,
        ms=round(1e3 * (perf_counter() - started), 3),
        stages={name: round(spent_ms, 3) for name, spent_ms in stages.items()},
    )
    return response


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error becomes a JSON object; what nobody expected is logged with an id, and only the id is sent."""
    try:
        return await handler(request)
    except Refused as error:
        return error_response(error.status, error.reason, str(error), error.field, error.retry_after_s)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = error_response(error.status, error.reason.replace(" ", ""), error.reason)
        response.headers.extend({"Allow": error.headers["Allow"]} if "Allow" in error.headers else {})
        return response
    except KefuError as error:
        _log.error("request_failed", error=str(error))
        return error_response(503, "Unavailable", "The server cannot answer at present.", retry_after_s=5)
    except ConnectionError:
        raise
    except Exception:
        error_id = uuid.uuid4().hex[:12]
        _log.exception("unexpected_error", error_id=error_id, path=logged_path(request))
        return error_response(500, "UnexpectedError", f"Something went wrong; the log names it as {error_id}.")


def logged_path(request: web.Request) -> str:
    """The path without what names a customer: as the route has it, or cut off where no route takes it."""
    resource = request.match_info.route.resource
    if resource is not None:
        return resource.canonical
    return next((start for start in PRIVATE_PATHS if request.path.startswith(start)), request.path)


def preflight(origins: tuple[str, ...]) -> Any:
    """Answers the question of a browser whether a page of `origins` may call a channel; `*` is every page."""

    @web.middleware
    async def answer_preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method != "OPTIONS" or not _is_allowed(request, origins):
            return await handler(request)
        headers = {
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": "Authorization, Content-Type",
            "Access-Control-Max-Age": "86400",
        }
        return web.Response(status=204, headers=headers)

    return answer_preflight


def allow_origins(origins: tuple[str, ...]) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Lets pages of `origins` read what a channel answers; told before the first byte, so that streams have it too."""

    async def name_origin(request: web.Request, response: web.StreamResponse) -> None:
        if _is_allowed(request, origins):
            response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response.headers["Vary"] = "Origin"

    return name_origin


def _is_allowed(request: web.Request, origins: tuple[str, ...]) -> bool:
    origin = request.headers.get("Origin")
    return origin is not None and request.path.startswith("/webhooks/") and ("*" in origins or origin in origins)


def error_response(
    status: int, reason: str, message: str, field: str | None = None, retry_after_s: int | None = None
) -> web.Response:
    """An error in the form of Rasa's server."""
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return web.json_response(error_body(status, reason, message, field), status=status, headers=headers)


def error_body(status: int, reason: str, message: str, field: str | None = None) -> dict[str, Any]:
    """What an error says of itself, in the form of Rasa's server."""
    return {
        "version": version("kefu"),
        "status": "failure",
        "message": message,
        "reason": reason,
        "details": {} if field is None else {"field": field},
        "help": None,
        "code": status,
    }
