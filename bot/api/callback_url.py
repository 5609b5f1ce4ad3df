"""`callback_url`: where the result of a long request goes; only to this machine or a host that the owner has listed."""

import json
from collections.abc import Collection
from typing import IO

import aiohttp
import structlog
from aiohttp import web
from yarl import URL

from bot.api.auth import is_loopback
from bot.api.training_job import Archive
from bot.errors import Refused
from bot.middlewares import error_body

TIMEOUT_S = 120.0

_log = structlog.get_logger()


def callback_url(request: web.Request, hosts: Collection[str]) -> URL | None:
    """The parameter `callback_url`; None where it is not given.

    Args:
        hosts: Those that it may name besides this machine.

    Raises:
        Refused: 400; it is no address, or names another host.
    """
    given = request.query.get("callback_url")
    if given is None:
        return None
    try:
        url = URL(given)
        known = url.host is not None and (is_loopback(url.host) or url.host in {host.lower() for host in hosts})
    except ValueError:
        known = False
    if not known or url.scheme not in ("http", "https") or url.user is not None or url.password is not None:
        raise Refused(
            400,
            "InvalidField",
            "callback_url must be http or https, and name this machine or a host in KEFU_CALLBACK_HOSTS.",
            field="callback_url",
        )
    return url


async def send_archive(url: URL, archive: Archive) -> None:
    """Posts an archive; that nobody takes it is logged."""
    with archive.file:
        headers = {"Content-Type": "application/gzip", "filename": archive.name}
        await _send(url, archive.file, headers)


async def send_error(url: URL, error: Refused) -> None:
    """Posts an error in Rasa's form."""
    body = error_body(error.status, error.reason, str(error), error.field)
    await _send(url, json.dumps(body).encode(), {"Content-Type": "application/json"})


async def _send(url: URL, body: bytes | IO[bytes], headers: dict[str, str]) -> None:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            _log.info("callback_sent", host=url.host, status=response.status)
    except (aiohttp.ClientError, TimeoutError) as error:
        _log.error("callback_failed", host=url.host, reason=type(error).__name__)
