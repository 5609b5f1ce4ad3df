"""DingTalk's Stream mode: messages over a connection that the bot opens, so that it needs no address.

Source: https://github.com/open-dingtalk/dingtalk-stream-sdk-python
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import structlog
from yarl import URL

from bot.channels.dingtalk.api import DingTalkApi
from bot.channels.dingtalk.signature import is_theirs
from bot.errors import safe_reason
from configs.errors import KefuError

TOPIC = "/v1.0/im/bot/messages/get"
SUBSCRIPTIONS = [{"type": "CALLBACK", "topic": TOPIC}]
HEARTBEAT_S = 30.0
RETRY_S = 3.0
MAX_FRAME_BYTES = 1_048_576

_log = structlog.get_logger()


class DingTalkStream:
    """Keeps one connection open, and takes in what comes over it, one message after another.

    Args:
        api_url: Where the API is; a connection leads there, or to DingTalk.
        take: Takes in a message; it is durable when that returns.
    """

    def __init__(
        self,
        api: DingTalkApi,
        api_url: URL,
        take: Callable[[Any], Awaitable[None]],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._api, self._api_url, self._take, self._sleep = api, api_url, take, sleep

    async def run(self) -> None:
        """Takes in what comes, until it is cancelled; a connection that ends is opened again."""
        async with aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar()) as session:
            while True:
                try:
                    await self._connected(session)
                except (aiohttp.ClientError, KefuError, TimeoutError, ValueError) as error:
                    _log.warning("dingtalk_stream_lost", reason=safe_reason(error))
                await self._sleep(RETRY_S)

    async def _connected(self, session: aiohttp.ClientSession) -> None:
        url = await self._address()
        async with session.ws_connect(url, heartbeat=HEARTBEAT_S, max_msg_size=MAX_FRAME_BYTES) as socket:
            _log.info("dingtalk_stream_open")
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                frame = _object(message.data)
                reply = await self._reply_to(frame)
                if reply is not None:
                    await socket.send_json(reply)
                if _topic(frame) == "disconnect":
                    return

    async def _address(self) -> URL:
        said = await self._api.open_stream(SUBSCRIPTIONS)
        endpoint, ticket = said.get("endpoint"), said.get("ticket")
        if not isinstance(endpoint, str) or not isinstance(ticket, str):
            raise ValueError("DingTalk answered without an address")
        if not is_theirs(endpoint.replace("ws", "http", 1), self._api_url):
            raise ValueError("the connection's address is not DingTalk's")
        return URL(endpoint) % {"ticket": ticket}

    async def _reply_to(self, frame: Mapping[str, Any]) -> dict[str, Any] | None:
        """The receipt of a frame; None for a message that is not kept, which DingTalk then brings again."""
        if frame.get("type") == "SYSTEM":
            return receipt(frame, str(frame.get("data") or "{}"))
        if frame.get("type") != "CALLBACK" or _topic(frame) != TOPIC:
            return receipt(frame, "{}", code=404)
        try:
            await self._take(_object(frame.get("data")))
        except Exception as error:  # the edge of a handler: the connection must stay
            _log.error("dingtalk_not_taken", reason=safe_reason(error))
            return None
        return receipt(frame, '{"response": "OK"}')


def receipt(frame: Mapping[str, Any], data: str, *, code: int = 200) -> dict[str, Any]:
    """What says that a frame has been taken, by its id."""
    headers = frame.get("headers")
    named = headers.get("messageId") if isinstance(headers, dict) else None
    return {
        "code": code,
        "headers": {"messageId": named, "contentType": "application/json"},
        "message": "OK",
        "data": data,
    }


def _topic(frame: Mapping[str, Any]) -> Any:
    headers = frame.get("headers")
    return headers.get("topic") if isinstance(headers, dict) else None


def _object(text: Any) -> Mapping[str, Any]:
    """The JSON object in `text`; an empty one where there is none."""
    try:
        found = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
