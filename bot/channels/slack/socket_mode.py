"""Slack's Socket Mode: the same events and buttons over a connection that the bot opens, so that it needs no address.

Source: https://docs.slack.dev/apis/events-api/using-socket-mode/
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import safe_reason

_log = structlog.get_logger()


class SocketMode:
    """Slack's own client, which connects again by itself.

    Args:
        app_token: The app's token, `xapp-…`.
        api_url: Where the Web API is.
        take: Takes in what an envelope holds; it is durable when that returns.
    """

    def __init__(self, app_token: str, api_url: str, take: Callable[[Any], Awaitable[None]]) -> None:
        self._app_token, self._api_url, self._take = app_token, api_url, take

    async def run(self) -> None:
        """Takes in what comes, until it is cancelled."""
        logger = logging.getLogger(__name__)
        logger.setLevel(logging.INFO)  # below that it logs what customers write
        web_client = AsyncWebClient(base_url=self._api_url, retry_handlers=[], logger=logger)
        client = SocketModeClient(self._app_token, logger, web_client)
        client.socket_mode_request_listeners.append(self._listen)
        try:
            await client.connect()  # type: ignore[no-untyped-call]
            await asyncio.Event().wait()
        finally:
            await client.close()  # type: ignore[no-untyped-call]

    async def _listen(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        """Acknowledges an envelope once it is kept; Slack brings one again that is not."""
        try:
            await self._take(request.payload)
        except Exception as error:  # the edge of a handler: the connection must stay
            _log.error("slack_not_taken", envelope=request.envelope_id, reason=safe_reason(error))
            return
        await client.send_socket_mode_response(SocketModeResponse(request.envelope_id))
