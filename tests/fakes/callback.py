"""Both ends of Rasa's callback channel: a server that brings messages, and takes what the bot posts to it.

It cannot prove who it is, and neither can the bot.
"""

import json
from typing import Any

from aiohttp import web
from fakes.platform import OWN_LIMIT_S
from fakes.vendor import Fault, Request, Sent, Vendor, hang_up

PATH = "/webhooks/callback/webhook"
JSON = {"Content-Type": "application/json"}
THINGS = {"text", "buttons", "image", "attachment", "custom"}


class FakeCallback(Vendor):
    """A server of the owner's own."""

    channel = "callback"
    accept_limit_s = OWN_LIMIT_S
    authenticated = False

    def __init__(self) -> None:
        super().__init__()
        self._taken: dict[str, Any] = {}

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/replies", self._take)
        return app

    def credentials(self) -> dict[str, Any]:
        return {"url": f"{self.url}/replies"}

    def conversation_of(self, user: str) -> str:
        return user

    def message(self, *, user: str, text: str, id: str) -> Request:  # noqa: A002
        return self.bringing(json.dumps({"sender": user, "message": text, "message_id": id}).encode())

    def button(self, *, user: str, payload: str, id: str) -> Request:  # noqa: A002
        return self.message(user=user, text=payload, id=id)

    def bringing(self, body: bytes) -> Request:
        return Request(path=PATH, headers=JSON, body=body)

    def forgeries(self) -> dict[str, Request]:
        return {}

    async def _take(self, request: web.Request) -> web.Response:
        fault = self.failed()
        if fault is Fault.TOO_MANY:
            return web.Response(status=429, headers={"Retry-After": str(self.retry_after_s)})
        if fault is Fault.SERVER_ERROR:
            return web.Response(status=500)
        if fault is Fault.HANG_UP:
            return await hang_up(request)
        key, body = request.headers.get("Idempotency-Key", ""), await request.json()
        why = self._problem(key, body)
        if why is not None:
            self.refused.append(why)
            return web.json_response({"message": why}, status=400)
        if key not in self._taken:
            self.sent.append(Sent(user=body["recipient_id"], text=body.get("text", ""), key=key, raw=body))
        self._taken[key] = body
        return await hang_up(request) if fault is Fault.LOST_ANSWER else web.Response(text="ok")

    def _problem(self, key: str, body: dict[str, Any]) -> str | None:
        if not key:
            return "it has no key"
        if self._taken.get(key, body) != body:
            return "a key stands for two things"
        return None if THINGS & set(body) and body.get("recipient_id") else "it says nothing, or to nobody"
