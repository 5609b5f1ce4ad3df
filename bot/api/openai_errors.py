"""Errors in OpenAI's form, so that its clients raise what they raise for OpenAI."""

import uuid

import structlog
from aiohttp import web

from bot.errors import Refused
from bot.middlewares import Handler
from configs.errors import KefuError

_log = structlog.get_logger()

_KINDS = {401: "authentication_error", 429: "rate_limit_error"}


def openai_error(
    status: int,
    message: str,
    *,
    code: str | None = None,
    param: str | None = None,
    retry_after_s: int | None = None,
) -> web.Response:
    """An error as OpenAI's server answers it."""
    kind = _KINDS.get(status, "invalid_request_error" if status < 500 else "server_error")
    error = {"message": message, "type": kind, "param": param, "code": code}
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return web.json_response({"error": error}, status=status, headers=headers)


def errors_as_openai(handler: Handler) -> Handler:
    """Answers every error of `handler` in OpenAI's form; what nobody expected is logged, and only its id is sent."""

    async def answered(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as error:
            return _refused(error)
        except KefuError as error:
            _log.error("request_failed", error=str(error))
            return openai_error(503, "The server cannot answer at present.", code="unavailable", retry_after_s=5)
        except (ConnectionError, web.HTTPException):
            raise
        except Exception:  # the edge of a request
            error_id = uuid.uuid4().hex[:12]
            _log.exception("unexpected_error", error_id=error_id, path=request.path)
            return openai_error(500, f"Something went wrong; the log names it as {error_id}.")

    return answered


def _refused(error: Refused) -> web.Response:
    """OpenAI's clients know 400 for a body that is wrong, and try again what comes with 409 or 5xx."""
    status = 400 if error.status == 422 else error.status
    code = {409: "no_model", 413: "body_too_large", 503: "overloaded"}.get(status, "invalid_value")
    return openai_error(status, str(error), code=code, param=error.field, retry_after_s=error.retry_after_s)
