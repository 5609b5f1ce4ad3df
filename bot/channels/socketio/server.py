"""Socket.IO's server as it is set up here: small frames, a page's messages in order, pages of known origins."""

import logging
from collections.abc import Mapping
from typing import Any

import socketio
from aiohttp import web

from bot.channels.widget.origins import Origins
from bot.middlewares import CORS_ORIGINS

MAX_FRAME_BYTES = 65_536
_quiet = logging.getLogger("kefu.socketio")  # the library's own lines hold what customers write
_quiet.setLevel(logging.CRITICAL + 1)


def make_server() -> socketio.AsyncServer:
    """A server that knows no event yet."""
    return socketio.AsyncServer(
        async_mode="aiohttp",
        async_handlers=False,  # the messages of a page are taken in one after another
        cors_allowed_origins=_is_allowed,
        cors_credentials=False,
        max_http_buffer_size=MAX_FRAME_BYTES,
        logger=_quiet,
        engineio_logger=_quiet,
    )


def _is_allowed(_: str, environ: Mapping[str, Any]) -> bool:
    """Whether a page of this origin may connect: one of the server's own, or of `KEFU_CORS_ORIGINS`."""
    request: web.Request = environ["aiohttp.request"]
    return Origins(request.app.get(CORS_ORIGINS, ())).allows(request)
