"""A fake of Slack: its signed events and buttons, its Web API with its limits, and Socket Mode.

Shapes as in https://docs.slack.dev/reference/events/message.im/ and https://docs.slack.dev/reference/methods/.
"""

import asyncio
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping
from html import unescape
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from fakes.vendor import Fault, Request, Sent, Vendor, hang_up

TEAM, APP, BOT, BOT_ID = "T0KEFU001", "A0KEFU001", "U0KEFUBOT", "B0KEFU001"
PATH = "/webhooks/slack/webhook"
BURST = 3  # messages that a channel takes at once; then it is one a second


def named(kind: str, name: str) -> str:
    """An id of Slack's form that is always the same for a name."""
    return kind + hashlib.sha256(name.encode()).hexdigest()[:10].upper()


def timestamp(name: str) -> str:
    """A message's `ts`, always the same for a name."""
    number = int(hashlib.sha256(name.encode()).hexdigest()[:13], 16)
    return f"{1_700_000_000 + number % 10_000_000}.{number // 10_000_000 % 1_000_000:06}"


class FakeSlack(Vendor):
    """Slack, with one workspace and one app.

    Attributes:
        now: Unix time, for signatures.
        clock: Seconds that only grow, for the limit of one message a second.
        not_joined: Channels that the bot is not in.
        fetches_pictures: Whether it can fetch the pictures of which it is told the address.
        acknowledged: Envelopes of Socket Mode that the bot has acknowledged.
    """

    channel = "slack"
    accept_limit_s = 3.0
    token, app_token, secret = "xoxb-1-2-fake", "xapp-1-A0-fake", "8f742231b10e8888abcd99yyyzzz85a5"

    def __init__(self) -> None:
        super().__init__()
        self.now: Callable[[], float] = time.time
        self.clock: Callable[[], float] = time.monotonic
        self.not_joined: set[str] = set()
        self.fetches_pictures = True
        self.acknowledged: list[str] = []
        self.connected, self.news = asyncio.Event(), asyncio.Event()
        self.socket: web.WebSocketResponse | None = None
        self._people: dict[str, str] = {}
        self._tokens: dict[str, tuple[float, float]] = {}

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/api/chat.postMessage", self._post_message)
        app.router.add_post("/api/auth.test", self._auth_test)
        app.router.add_post("/api/apps.connections.open", self._open)
        app.router.add_get("/link", self._link)
        return app

    def credentials(self) -> dict[str, Any]:
        return {
            "slack_token": self.token,
            "slack_signing_secret": self.secret,
            "api_url": f"{self.url}/api/",
        }

    def conversation_of(self, user: str) -> str:
        return f"slack:{TEAM}:{named('U', user)}:{named('D', user)}"

    # What it brings

    def event(self, *, user: str, text: str, id: str, **more: Any) -> dict[str, Any]:  # noqa: A002
        """A `message.im` as Slack puts it; `more` goes into the event itself."""
        self._people[named("D", user)] = user
        event = {
            "type": "message",
            "channel": named("D", user),
            "channel_type": "im",
            "user": named("U", user),
            "client_msg_id": "9e2c1a3e-0001-4000-8000-000000000000",
            "text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
            "ts": timestamp(id),
            "event_ts": timestamp(id),
            "team": TEAM,
            "blocks": [{"type": "rich_text", "block_id": "b1", "elements": []}],
        } | more
        return {
            "token": "deprecated",
            "team_id": TEAM,
            "context_team_id": TEAM,
            "api_app_id": APP,
            "event": {key: value for key, value in event.items() if value is not None},
            "type": "event_callback",
            "event_id": named("Ev", id + event["type"]),
            "event_time": int(self.now()),
            "authorizations": [
                {"enterprise_id": None, "team_id": TEAM, "user_id": BOT, "is_bot": True, "is_enterprise_install": False}
            ],
            "is_ext_shared_channel": False,
            "event_context": "4-eyJldCI6Im1lc3NhZ2UifQ",
        }

    def message(self, *, user: str, text: str, id: str, **more: Any) -> Request:  # noqa: A002
        return self.posted(self.event(user=user, text=text, id=id, **more))

    def mention(self, *, user: str, text: str, id: str, kind: str = "app_mention", **more: Any) -> dict[str, Any]:  # noqa: A002
        """What a customer says to the bot in a channel, as one of the two events that Slack brings of it."""
        place: dict[str, Any] = {"channel": "C0SHOP0001", "channel_type": "channel" if kind == "message" else None}
        found = self.event(user=user, text="", id=id, **{"type": kind} | place | more)
        found["event"]["text"] = f"<@{BOT}> {text}"
        return found

    def action(self, *, user: str, payload: str, id: str, **more: Any) -> dict[str, Any]:  # noqa: A002
        """A `block_actions` as Slack puts it; `more` goes into the payload itself."""
        self._people[named("D", user)] = user
        return {
            "type": "block_actions",
            "user": {"id": named("U", user), "username": "ann", "name": "ann", "team_id": TEAM},
            "api_app_id": APP,
            "token": "deprecated",
            "container": {"type": "message", "message_ts": timestamp("shown"), "channel_id": named("D", user)},
            "trigger_id": f"13345224609.738474920.{id}",
            "team": {"id": TEAM, "domain": "kefu"},
            "channel": {"id": named("D", user), "name": "directmessage"},
            "message": {"bot_id": BOT_ID, "type": "message", "text": "?", "user": BOT, "ts": timestamp("shown")},
            "response_url": "https://hooks.slack.com/actions/T0/1/x",
            "actions": [
                {
                    "action_id": "choice_0",
                    "block_id": "b2",
                    "text": {"type": "plain_text", "text": "Hours", "emoji": True},
                    "value": payload,
                    "type": "button",
                    "action_ts": timestamp(id),
                }
            ],
        } | more

    def button(self, *, user: str, payload: str, id: str) -> Request:  # noqa: A002
        return self.form({"payload": json.dumps(self.action(user=user, payload=payload, id=id))})

    def posted(self, payload: Any, **headers: str) -> Request:
        """`payload` as a signed request."""
        return self.signed(json.dumps(payload).encode(), "application/json", **headers)

    def form(self, fields: Mapping[str, str]) -> Request:
        """A form as a signed request."""
        return self.signed(urlencode(fields).encode(), "application/x-www-form-urlencoded")

    def signed(self, body: bytes, content_type: str = "application/json", **headers: str) -> Request:
        at = str(int(self.now()))
        own = {"Content-Type": content_type, "X-Slack-Request-Timestamp": at, "X-Slack-Signature": self.sign(at, body)}
        return Request(path=PATH, headers=own | headers, body=body)

    def sign(self, at: str, body: bytes, secret: str | None = None) -> str:
        basis = b"v0:" + at.encode() + b":" + body
        return "v0=" + hmac.new((secret or self.secret).encode(), basis, hashlib.sha256).hexdigest()

    def bringing(self, body: bytes) -> Request:
        return self.signed(body)

    def forgeries(self) -> dict[str, Request]:
        genuine = self.message(user="mallory", text="hello", id="forged")
        body, at = genuine.body, genuine.headers["X-Slack-Request-Timestamp"]
        right = genuine.headers["X-Slack-Signature"]

        def with_(signature: str | None, when: str | None = at, sent: bytes = body) -> Request:
            headers = {"X-Slack-Signature": signature, "X-Slack-Request-Timestamp": when}
            given = {name: value for name, value in headers.items() if value is not None}
            return Request(path=PATH, headers={"Content-Type": "application/json"} | given, body=sent)

        old, ahead = str(int(self.now()) - 301), str(int(self.now()) + 302)
        return {
            "no signature": with_(None),
            "no timestamp": with_(right, None),
            "an empty signature": with_(""),
            "another app's secret": with_(self.sign(at, body, "another")),
            "another body": with_(right, sent=body.replace(b"hello", b"hallo")),
            "another timestamp": with_(right, str(int(at) - 1)),
            "upper-case digits": with_(right.upper()),
            "another version": with_("v1" + right[2:]),
            "a signature cut short": with_(right[:-1]),
            "a signature with a space": with_(f"{right} x"),
            "a stale one": with_(self.sign(old, body), old),
            "one of the future": with_(self.sign(ahead, body), ahead),
            "a timestamp with a point": with_(self.sign(f"{at}.0", body), f"{at}.0"),
            "a timestamp of words": with_(self.sign("now", body), "now"),
            "a timestamp of other digits": with_(right, "１７００００００００"),
            "a body that is no text": with_(right, sent=b"\xff\xfe"),
            "a challenge that is not signed": with_(None, sent=b'{"type": "url_verification", "challenge": "x"}'),
        }

    # The Web API

    async def _post_message(self, request: web.Request) -> web.Response:
        fault = self.failed()
        if fault is Fault.TOO_MANY:
            return self._too_many()
        if fault is Fault.SERVER_ERROR:
            return web.Response(status=500, text="<html>oops</html>", content_type="text/html")
        if fault is Fault.HANG_UP:
            return await hang_up(request)
        answer = self._taken(request.headers.get("Authorization", ""), await request.json())
        return await hang_up(request) if fault is Fault.LOST_ANSWER else answer

    def _taken(self, authorization: str, body: dict[str, Any]) -> web.Response:
        error = self._problem(authorization, body)
        if error is not None:
            self.refused.append(error)
            return web.json_response({"ok": False, "error": error})
        channel = body["channel"]
        if self.paced and not self._has_room(channel):
            return self._too_many()
        shown = unescape(body.get("text", ""))
        self.sent.append(Sent(user=self._people.get(channel, channel), text=shown, raw=body))
        ts = timestamp(f"sent {len(self.sent)}")
        message = {"bot_id": BOT_ID, "type": "message", "text": body.get("text", ""), "user": BOT, "ts": ts}
        return web.json_response({"ok": True, "channel": channel, "ts": ts, "message": message})

    def _problem(self, authorization: str, body: dict[str, Any]) -> str | None:
        channel = body.get("channel")
        if authorization != f"Bearer {self.token}":
            return "invalid_auth" if authorization else "not_authed"
        if not isinstance(channel, str) or not re.fullmatch("[CDG][A-Z0-9]+", channel):
            return "channel_not_found"
        if channel in self.not_joined:
            return "not_in_channel"
        return self._problem_of_words(body)

    def _problem_of_words(self, body: dict[str, Any]) -> str | None:
        if not (body.get("text") or body.get("blocks") or body.get("attachments")):
            return "no_text"
        if len(body.get("text", "")) > 40_000:
            return "msg_too_long"
        if "thread_ts" in body and not re.fullmatch(r"\d{10}\.\d{6}", body["thread_ts"]):
            return "invalid_thread_ts"
        return None if self._blocks_are_right(body.get("blocks", [])) else "invalid_blocks"

    def _blocks_are_right(self, blocks: list[Any]) -> bool:
        return len(blocks) <= 50 and all(self._block_is_right(block) for block in blocks)

    def _block_is_right(self, block: dict[str, Any]) -> bool:
        match block:
            case {"type": "section", "text": {"type": "mrkdwn" | "plain_text", "text": str(text)}}:
                return 1 <= len(text) <= 3_000
            case {"type": "image", "image_url": str(url), "alt_text": str(alt)}:
                return self.fetches_pictures and len(url) <= 3_000 and url.startswith("http") and 1 <= len(alt) <= 2_000
            case {"type": "actions", "elements": list(elements)}:
                names = [element.get("action_id") for element in elements]
                return 1 <= len(elements) <= 25 and len(set(names)) == len(names) and all(map(is_button, elements))
        return False

    def _has_room(self, channel: str) -> bool:
        """Whether the channel's bucket, of `BURST` messages and one more a second, holds one."""
        left, at = self._tokens.get(channel, (float(BURST), self.clock()))
        left = min(float(BURST), left + self.clock() - at)
        self._tokens[channel] = (left - 1 if left >= 1 else left, self.clock())
        return left >= 1

    def _too_many(self) -> web.Response:
        wait = {"Retry-After": str(self.retry_after_s)}
        return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=wait)

    async def _auth_test(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        return web.json_response({"ok": True, "team_id": TEAM, "user_id": BOT, "bot_id": BOT_ID, "team": "Kefu"})

    # Socket Mode

    async def _open(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.app_token}":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        return web.json_response({"ok": True, "url": f"{self.url.replace('http', 'ws', 1)}/link?ticket=1"})

    async def _link(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": 1, "connection_info": {"app_id": APP}})
        self.socket = socket
        self.connected.set()
        async for frame in socket:
            self.acknowledged.append(json.loads(frame.data)["envelope_id"])
            self.news.set()
        return socket

    async def bring(self, envelope_id: str, payload: dict[str, Any], kind: str = "events_api") -> None:
        """Brings a payload over the connection."""
        await self.connected.wait()
        assert self.socket is not None
        await self.socket.send_json(
            {"type": kind, "envelope_id": envelope_id, "payload": payload, "accepts_response_payload": False}
        )

    async def reconnects(self) -> None:
        """Asks the bot for a new connection, as Slack does every few hours, and waits for it."""
        assert self.socket is not None
        self.connected.clear()
        await self.socket.send_json({"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": "x"}})
        await self.connected.wait()


def is_button(element: dict[str, Any]) -> bool:
    match element:
        case {"type": "button", "text": {"type": "plain_text", "text": str(title)}, "value": str(value)}:
            return 1 <= len(title) <= 75 and len(value) <= 2_000 and len(element.get("action_id", "")) <= 255
    return False
