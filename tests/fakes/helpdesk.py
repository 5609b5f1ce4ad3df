"""A fake of a help desk: it believes only what is signed as Standard Webhooks has it, and fails when it is told to.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from fakes.vendor import Fault, hang_up

TOLERANCE_S = 300


@dataclass(frozen=True, kw_only=True)
class Posted:
    """One try to post an event."""

    id: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


class FakeHelpDesk:
    """A help desk that takes events.

    Attributes:
        tries: All that was posted, in order, whatever it was answered.
        taken: Events that were taken, once each, in order.
        faults: How the next tries are answered: a fault, or a status.
        refused: What was not signed as it must be.
        now: Unix time.
    """

    secret = "whsec_" + base64.b64encode(b"of a help desk, 24 bytes").decode()

    def __init__(self) -> None:
        self.tries: list[Posted] = []
        self.taken: list[Posted] = []
        self.faults: deque[Fault | int] = deque()
        self.refused: list[str] = []
        self.now: Callable[[], float] = time.time
        self._server: TestServer | None = None

    def credentials(self) -> dict[str, Any]:
        return {"url": f"{self.url}/kefu", "secret": self.secret}

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/kefu", self._take)
        self._server = TestServer(app)
        await self._server.start_server()

    async def close(self) -> None:
        if self._server is not None:
            await self._server.close()

    @property
    def url(self) -> str:
        assert self._server is not None, "start it first"
        return str(self._server.make_url("")).rstrip("/")

    def types(self, conversation_id: str | None = None) -> list[str]:
        """The types of what was taken, of all conversations or of one."""
        events = [one.event for one in self.taken]
        return [one["type"] for one in events if conversation_id in (None, one["data"]["conversation_id"])]

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        posted = Posted(id=request.headers.get("webhook-id", ""), headers=dict(request.headers), body=body)
        self.tries.append(posted)
        if why := self._problem(request.headers, body):
            self.refused.append(why)
            return web.Response(status=401)
        fault = self.faults.popleft() if self.faults else None
        match fault:
            case int():
                return web.Response(status=fault)
            case Fault.TOO_MANY:
                return web.Response(status=429, headers={"Retry-After": "0"})
            case Fault.SERVER_ERROR:
                return web.Response(status=500)
            case Fault.HANG_UP:
                return await hang_up(request)
        if posted.id not in [one.id for one in self.taken]:
            self.taken.append(posted)
        return await hang_up(request) if fault is Fault.LOST_ANSWER else web.Response(status=204)

    def _problem(self, headers: Mapping[str, str], body: bytes) -> str | None:
        id_, at, signatures = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
        if not id_ or not at.isdigit() or abs(self.now() - int(at)) > TOLERANCE_S:
            return "the id or the time is missing, or it is old"
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        right = base64.b64encode(hmac.new(key, f"{id_}.{at}.".encode() + body, hashlib.sha256).digest()).decode()
        return None if f"v1,{right}" in signatures.split(" ") else "it is not signed with our secret"
