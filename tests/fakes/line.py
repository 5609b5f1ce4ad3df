"""A fake of LINE: it signs what it brings, and sends messages by the Messaging API's rules.

Source: https://developers.line.biz/en/reference/messaging-api/
"""

import hmac
import json
import re
import uuid
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from aiohttp import web
from fakes.vendor import Fault, Request, Sent, Vendor, hang_up
from linebot.v3.messaging.models import Message
from linebot.v3.webhook import SignatureValidator
from linebot.v3.webhooks.models import Event as SdkEvent
from multidict import CIMultiDict

SECRET, TOKEN = "0123456789abcdef0123456789abcdef", "a-long-lived-token-of-the-channel="
DESTINATION = "U" + "0" * 32
PATH = "/webhooks/line/webhook"
SIGNATURE = "X-Line-Signature"
JSON = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "LineBotWebhook/2.0"}
MAX_TEXT, MAX_TEMPLATE_TEXT, MAX_LABEL, MAX_DATA = 5_000, 160, 20, 300


def line_id(kind: str, name: str) -> str:
    """An id of LINE's form that stands for `name`, the same in every process."""
    return kind + sha256(name.encode()).hexdigest()[:32]


class FakeLine(Vendor):
    """LINE with one account.

    Attributes:
        expired: Reply tokens that are too old.
        used: Reply tokens that were used.
        calls: The methods that were called, whatever came of it.
        is_used_up: Whether the month's messages are used up.
    """

    channel = "line"
    accept_limit_s = 2.0

    def __init__(self) -> None:
        super().__init__()
        self.expired: set[str] = set()
        self.used: set[str] = set()
        self.calls: list[str] = []
        self.is_used_up = False
        self._users: dict[str, str] = {}
        self._tokens: dict[str, str] = {}
        self._keys: dict[str, str] = {}

    def credentials(self) -> dict[str, Any]:
        return {"channel_secret": SECRET, "channel_access_token": TOKEN, "api_url": self.url}

    # What it brings

    def user_id(self, user: str) -> str:
        self._users[line_id("U", user)] = user
        return line_id("U", user)

    def conversation_of(self, user: str) -> str:
        return f"line:{self.user_id(user)}"

    def event(self, *, user: str, id: str, **fields: Any) -> dict[str, Any]:  # noqa: A002
        """An event in a chat with one customer."""
        token = line_id("", f"token {id}")
        event = {
            "type": "message",
            "mode": "active",
            "timestamp": 1_750_000_000_000,
            "source": {"type": "user", "userId": self.user_id(user)},
            "webhookEventId": "01" + sha256(id.encode()).hexdigest()[:24].upper(),
            "deliveryContext": {"isRedelivery": False},
            "replyToken": token,
        } | fields
        source = event["source"]
        self._tokens[token] = source.get("groupId") or source.get("roomId") or source["userId"]
        self._users.setdefault(self._tokens[token], user)
        SdkEvent.from_dict(event)
        return event

    def text(self, *, user: str, text: str, id: str, **fields: Any) -> dict[str, Any]:  # noqa: A002
        """An event that brings words."""
        message = {"id": str(int(sha256(id.encode()).hexdigest()[:14], 16)), "type": "text", "quoteToken": "q3Plxr4Ag"}
        more = fields.pop("message", {})
        return self.event(user=user, id=id, message={**message, "text": text, **more}, **fields)

    def message(self, *, user: str, text: str, id: str) -> Request:  # noqa: A002
        return self.posted(self.text(user=user, text=text, id=id))

    def button(self, *, user: str, payload: str, id: str) -> Request:  # noqa: A002
        return self.posted(self.event(user=user, id=id, type="postback", postback={"data": payload}))

    def posted(self, *events: Any) -> Request:
        """A signed request that brings events."""
        return self.signed(
            json.dumps({"destination": DESTINATION, "events": list(events)}, ensure_ascii=False).encode()
        )

    def signed(self, body: bytes, secret: str = SECRET) -> Request:
        return Request(path=PATH, headers={**JSON, SIGNATURE: sign(body, secret)}, body=body)

    def bringing(self, body: bytes) -> Request:
        signature = b64encode(hmac.new(SECRET.encode(), body, sha256).digest()).decode()
        return Request(path=PATH, headers={**JSON, SIGNATURE: signature}, body=body)

    def forgeries(self) -> dict[str, Request]:
        genuine = self.message(user="mallory", text="hello", id="forged")
        body, right = genuine.body, genuine.headers[SIGNATURE]

        def with_signature(value: str) -> Request:
            return Request(path=PATH, headers={**JSON, SIGNATURE: value}, body=body)

        twice = CIMultiDict([*JSON.items(), (SIGNATURE, right), (SIGNATURE, right)])
        return {
            "no signature": Request(path=PATH, headers=JSON, body=body),
            "empty": with_signature(""),
            "cut off": with_signature(right[:-1]),
            "in capitals": with_signature(right.upper()),
            "with a scheme": with_signature(f"sha256={right}"),
            "in hexadecimal": with_signature(sha256(body).hexdigest()),
            "not ASCII": with_signature("sígnature"),
            "two signatures": Request(path=PATH, headers=twice, body=body),
            "in another header": Request(path=PATH, headers={**JSON, "X-Hub-Signature-256": right}, body=body),
            "another secret": self.signed(body, SECRET[::-1]),
            "the token as the secret": self.signed(body, TOKEN),
            "other words": Request(path=PATH, headers=genuine.headers, body=body.replace(b"hello", b"adieu")),
            "white space added": Request(path=PATH, headers=genuine.headers, body=body + b"\n"),
            "not UTF-8": Request(path=PATH, headers=genuine.headers, body=body.replace(b"hello", b"\xff")),
            "no JSON": self.signed(b"[" * 100_000),
            "no events": self.signed(b'{"events": {}}'),
        }

    # What it is told

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v2/bot/message/reply", self._reply)
        app.router.add_post("/v2/bot/message/push", self._push)
        return app

    async def _reply(self, request: web.Request) -> web.StreamResponse:
        self.calls.append("reply")
        body = await request.json()
        if (refusal := self._refusal(request, body)) is not None:
            return refusal
        if "X-Line-Retry-Key" in request.headers:
            return self._refuse(400, "The retry key is not supported for this endpoint")
        token = body["replyToken"]
        if token not in self._tokens or token in self.used | self.expired:
            return failure(400, "Invalid reply token")
        return await self._taken(request, self._tokens[token], body, None)

    async def _push(self, request: web.Request) -> web.StreamResponse:
        self.calls.append("push")
        body, key = await request.json(), request.headers.get("X-Line-Retry-Key")
        if (refusal := self._refusal(request, body)) is not None:
            return refusal
        if key is not None and not is_uuid(key):
            return self._refuse(400, "The retry key is invalid")
        if key in self._keys:
            headers = {"x-line-accepted-request-id": self._keys[key]}
            return web.json_response({"message": "The retry key is already accepted"}, status=409, headers=headers)
        if body["to"] not in self._users:
            return self._refuse(400, "The property, 'to', in the request body is invalid (line: -, column: -)")
        if self.is_used_up:
            return failure(429, "You have reached your monthly limit.")
        return await self._taken(request, body["to"], body, key)

    def _refusal(self, request: web.Request, body: Mapping[str, Any]) -> web.Response | None:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return failure(401, "Authentication failed. Confirm that the access token in the header is valid.")
        wrong = next(filter(None, map(broken_rule, body["messages"])), None)
        return None if wrong is None else self._refuse(400, f"A message ({wrong}) in the request body is invalid")

    async def _taken(
        self, request: web.Request, to: str, body: Mapping[str, Any], key: str | None
    ) -> web.StreamResponse:
        fault = self.failed()
        if fault is Fault.TOO_MANY:
            return failure(429, "The API rate limit has been exceeded. Try again later.")
        if fault is Fault.SERVER_ERROR:
            return failure(500, "Internal Server Error")
        if fault is not Fault.HANG_UP:
            if key is None:
                self.used.add(body["replyToken"])
            else:
                self._keys[key] = str(uuid.uuid4())
            shown = [Sent(user=self._users[to], text=text_of(one), key=key, raw=one) for one in body["messages"]]
            self.sent.extend(shown)
        if fault in (Fault.HANG_UP, Fault.LOST_ANSWER):
            return await hang_up(request)
        return web.json_response({"sentMessages": [{"id": "461230966842064897", "quoteToken": "IStG5h1Tz7b"}]})

    def _refuse(self, status: int, message: str) -> web.Response:
        self.refused.append(message)
        return failure(status, message)


def sign(body: bytes, secret: str = SECRET) -> str:
    """LINE's signature, which its own library finds right too."""
    signature = b64encode(hmac.new(secret.encode(), body, sha256).digest()).decode()
    assert SignatureValidator(secret).validate(body.decode(), signature)
    return signature


def broken_rule(message: Mapping[str, Any]) -> str | None:
    """Which property of a message is wrong."""
    try:
        Message.from_dict(dict(message))
    except (ValueError, KeyError) as error:
        return type(error).__name__
    units = len(str(message.get("text", "")).encode("utf-16-le")) // 2
    if message["type"] == "text" and not (message["text"].strip() and units <= MAX_TEXT):
        return "text"
    if message["type"] == "image" and not message["originalContentUrl"].startswith("https://"):
        return "originalContentUrl"
    template = message.get("template") or {}
    items = (message.get("quickReply") or {}).get("items") or []
    if template and (len(template["text"]) > MAX_TEMPLATE_TEXT or not 1 <= len(template["actions"]) <= 4):
        return "template"
    if len(items) > 13:
        return "quickReply"
    actions = [*template.get("actions", []), *(item["action"] for item in items)]
    return None if all(map(is_action, actions)) else "action"


def is_action(action: Mapping[str, Any]) -> bool:
    if not 1 <= len(action["label"]) <= MAX_LABEL:
        return False
    if action["type"] == "uri":
        return bool(re.match(r"(https?|line|tel):", action["uri"]))
    return 1 <= len(action["data"]) <= MAX_DATA


def text_of(message: Mapping[str, Any]) -> str:
    """What the customer sees of a message."""
    template = message.get("template") or {}
    return str(message.get("text") or template.get("text") or message.get("originalContentUrl") or message["type"])


def is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def failure(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)
