"""A fake of Discord: its signed interactions, its REST API with its limits, and its gateway.

Shapes as in https://docs.discord.com/developers/interactions/receiving-and-responding and events/gateway.
"""

import asyncio
import hashlib
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import WSMsgType, web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fakes.vendor import Fault, Request, Sent, Vendor, hang_up

APP, BOT, TOKEN, PATH = "845027738276462632", "845027738276462632", "bot.token", "/webhooks/discord/webhook"
SERVER, HALL = "290926798626357999", "345626669114982402"
PACE_S, PACE_COUNT = 5.0, 5  # sends to one channel
BOT_USER = {
    "id": BOT,
    "username": "shop",
    "global_name": None,
    "discriminator": "0",
    "avatar": None,
    "bot": True,
    "verified": True,
    "mfa_enabled": False,
    "flags": 0,
}


def snowflake(kind: str, name: str) -> str:
    """An id of Discord's form that is always the same for a name."""
    return str(10**17 + int(hashlib.sha256(f"{kind} {name}".encode()).hexdigest()[:14], 16))


class FakeDiscord(Vendor):
    """Discord, with one application.

    Attributes:
        now: Unix time, for signatures.
        clock: Seconds that only grow, for the pace.
        gone: Tokens of interactions that can be answered no more.
        closed_to: Channels that the bot may not write in.
        shown_at_once: What was answered to an interaction of the gateway, by its id.
        connected: A bot has said who it is.
        closed: A connection has ended.
        sessions: How often a session was begun, and how often one was taken up.
        codes: The codes with which the bot has closed a connection.
        interval_ms: Between two heartbeats.
        answers_heartbeats: Whether it does.
        refuses_with: A code with which it ends each connection at once.
    """

    channel = "discord"
    accept_limit_s = 3.0
    signing_key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"discord").digest())

    def __init__(self) -> None:
        super().__init__()
        self.now: Callable[[], float] = time.time
        self.clock: Callable[[], float] = time.monotonic
        self.gone: set[str] = set()
        self.closed_to: set[str] = set()
        self.shown_at_once: dict[str, int] = {}
        self.connected, self.closed = asyncio.Event(), asyncio.Event()
        self.sessions = {"begun": 0, "taken up": 0}
        self.codes: list[int | None] = []
        self.interval_ms, self.answers_heartbeats, self.heartbeats = 45_000.0, True, 0
        self.refuses_with: int | None = None
        self.socket: web.WebSocketResponse | None = None
        self._events: list[tuple[str, Any]] = []
        self._has_session, self._ended = True, set[web.WebSocketResponse]()
        self._people: dict[str, str] = {}
        self._tokens: dict[str, str] = {}
        self._nonces: dict[str, dict[str, Any]] = {}
        self._sends: dict[str, list[float]] = defaultdict(list)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/api/v10/webhooks/{app}/{token}", self._follow_up)
        app.router.add_post("/api/v10/channels/{channel}/messages", self._post_message)
        app.router.add_post("/api/v10/interactions/{id}/{token}/callback", self._callback)
        app.router.add_get("/api/v10/gateway/bot", self._gateway)
        app.router.add_get("/api/v10/users/@me", self._me)
        app.router.add_get("/api/v10/oauth2/applications/@me", self._application)
        app.router.add_get("/gateway/", self._connect)
        return app

    def credentials(self) -> dict[str, Any]:
        return {
            "application_id": APP,
            "public_key": self.signing_key.public_key().public_bytes_raw().hex(),
            "bot_token": TOKEN,
            "gateway": False,
            "api_url": f"{self.url}/api/v10/",
        }

    def conversation_of(self, user: str) -> str:
        return f"discord:{snowflake('channel', user)}:{snowflake('user', user)}"

    def is_acknowledged(self, status: int, body: bytes) -> bool:
        return status == 200 and json.loads(body).get("type") in (1, 4, 5, 6)

    # What it brings

    def interaction(self, *, user: str, id: str, **more: Any) -> dict[str, Any]:  # noqa: A002
        """A command without words in a direct channel."""
        channel, token = snowflake("channel", user), f"aW50ZXJhY3Rpb24{snowflake('token', id)}"
        self._people[channel] = self._tokens[token] = user
        return {
            "id": snowflake("interaction", id),
            "application_id": APP,
            "type": 2,
            "token": token,
            "version": 1,
            "channel_id": channel,
            "channel": {"id": channel, "type": 1},
            "user": {"id": snowflake("user", user), "username": user, "discriminator": "0", "avatar": None},
            "data": {"id": "771825006014889984", "name": "help", "type": 1},
            "locale": "en-GB",
            "entitlements": [],
            "context": 1,
        } | more

    def message(self, *, user: str, text: str, id: str, **more: Any) -> Request:  # noqa: A002
        options = [{"name": "question", "type": 3, "value": text}]
        data = {"id": "771825006014889984", "name": "ask", "type": 1, "options": options}
        return self.posted(self.interaction(user=user, id=id, **{"data": data} | more))

    def button(self, *, user: str, payload: str, id: str) -> Request:  # noqa: A002
        data = {"custom_id": payload, "component_type": 2}
        return self.posted(self.interaction(user=user, id=id, type=3, data=data, message={"id": "1"}))

    def posted(self, payload: Any) -> Request:
        return self.signed(json.dumps(payload).encode())

    def signed(self, body: bytes) -> Request:
        at = str(int(self.now()))
        return self._request(body, at, self.sign(at, body))

    def sign(self, at: str, body: bytes, key: Ed25519PrivateKey | None = None) -> str:
        return (key or self.signing_key).sign(at.encode() + body).hex()

    def _request(self, body: bytes, at: str | None, signature: str | None) -> Request:
        headers = {"X-Signature-Timestamp": at, "X-Signature-Ed25519": signature, "Content-Type": "application/json"}
        return Request(path=PATH, headers={k: value for k, value in headers.items() if value is not None}, body=body)

    def bringing(self, body: bytes) -> Request:
        return self.signed(body)

    def forgeries(self) -> dict[str, Request]:
        genuine = self.message(user="mallory", text="hello", id="forged")
        body, at = genuine.body, genuine.headers["X-Signature-Timestamp"]
        right, made = genuine.headers["X-Signature-Ed25519"], self._request
        old, ahead = str(int(self.now()) - 301), str(int(self.now()) + 302)
        ping = b'{"type": 1}'
        return {
            "no signature": made(body, at, None),
            "no timestamp": made(body, None, right),
            "an empty signature": made(body, at, ""),
            "another application's key": made(body, at, self.sign(at, body, Ed25519PrivateKey.generate())),
            "another body": made(body.replace(b"hello", b"hallo"), at, right),
            "another timestamp": made(body, str(int(at) - 1), right),
            "a signature cut short": made(body, at, right[:-2]),
            "one digit changed": made(body, at, right[:-1] + ("0" if right[-1] != "0" else "1")),
            "a signature that is no number": made(body, at, "z" * 128),
            "all zeros": made(body, at, "0" * 128),
            "a stale one": made(body, old, self.sign(old, body)),
            "one of the future": made(body, ahead, self.sign(ahead, body)),
            "a timestamp of words": made(body, "now", self.sign("now", body)),
            "a body that is no text": made(b"\xff\xfe", at, right),
            "a ping that is not signed": made(ping, at, None),
            "a ping that another has signed": made(ping, at, right),
        }

    # The REST API

    async def _follow_up(self, request: web.Request) -> web.Response:
        token = request.match_info["token"]
        if token in self.gone or token not in self._tokens or request.match_info["app"] != APP:
            return problem(404, 10_015, "Unknown Webhook")
        return await self._met(request, self._tokens[token], None)

    async def _post_message(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bot {TOKEN}":
            return problem(401, 0, "401: Unauthorized")
        channel = request.match_info["channel"]
        if channel in self.closed_to:
            return problem(403, 50_001, "Missing Access")
        if channel not in self._people:
            return problem(404, 10_003, "Unknown Channel")
        nonce = (await request.json()).get("nonce")
        if nonce in self._nonces:
            return as_json(self._nonces[nonce])
        return await self._met(request, self._people[channel], nonce)

    async def _met(self, request: web.Request, user: str, nonce: str | None) -> web.Response:
        fault = self.failed()
        if fault is Fault.TOO_MANY or (self.paced and not self._has_room(user)):
            wait = {"Retry-After": str(self.retry_after_s), "X-RateLimit-Scope": "user"}
            limit = {"message": "You are being rate limited.", "retry_after": self.retry_after_s / 1, "global": False}
            return as_json(limit, status=429, headers=wait)
        if fault is Fault.SERVER_ERROR:
            return web.Response(status=502, text="<html>", content_type="text/html")
        if fault is Fault.HANG_UP:
            return await hang_up(request)
        answer = self._taken(await request.json(), user, nonce)
        return await hang_up(request) if fault is Fault.LOST_ANSWER else answer

    def _taken(self, body: dict[str, Any], user: str, nonce: str | None) -> web.Response:
        if not is_right(body):
            self.refused.append("Invalid Form Body")
            return problem(400, 50_035, "Invalid Form Body")
        shown = body.get("content") or next((one["image"]["url"] for one in body.get("embeds", [])), "")
        self.sent.append(Sent(user=user, text=shown, key=nonce, raw=body))
        message = {"id": str(len(self.sent)), "content": shown}
        if nonce is not None and body.get("enforce_nonce"):
            self._nonces[nonce] = message
        return as_json(message)

    def _has_room(self, user: str) -> bool:
        now, sends = self.clock(), self._sends[user]
        if sum(now - at < PACE_S for at in sends) >= PACE_COUNT:
            return False
        sends.append(now)
        return True

    async def _callback(self, request: web.Request) -> web.Response:
        self.shown_at_once[request.match_info["id"]] = (await request.json())["type"]
        return web.Response(status=204)

    async def _me(self, _: web.Request) -> web.Response:
        return as_json(BOT_USER)

    async def _application(self, _: web.Request) -> web.Response:
        owner = {"id": "53908232506183680", "username": "owner", "discriminator": "0", "avatar": None}
        known = {"bot_public": True, "bot_require_code_grant": False, "verify_key": "00", "flags": 0, "owner": owner}
        return as_json({"id": APP, "name": "Shop", "description": "", "icon": None, "rpc_origins": []} | known)

    # The gateway

    async def _gateway(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bot {TOKEN}":
            return problem(401, 0, "401: Unauthorized")
        limit = {"total": 1_000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 1}
        return as_json({"url": self._gateway_url, "shards": 1, "session_start_limit": limit})

    @property
    def _gateway_url(self) -> str:
        return f"{self.url.replace('http', 'ws', 1)}/gateway/"

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        assert (request.query["v"], request.query["encoding"]) == ("10", "json")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        hello = {"heartbeat_interval": self.interval_ms, "_trace": ["fake"]}
        await socket.send_json({"op": 10, "d": hello, "s": None, "t": None})
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                await self._hear(socket, json.loads(frame.data))
        self.codes.append(socket.close_code)
        said_good_bye = socket.close_code in (1_000, 1_001) and socket not in self._ended
        self._has_session = self._has_session and not said_good_bye
        self.closed.set()
        return socket

    async def _hear(self, socket: web.WebSocketResponse, told: dict[str, Any]) -> None:
        if told["op"] == 1:
            self.heartbeats += 1
            if self.answers_heartbeats:
                await socket.send_json({"op": 11, "d": None, "s": None, "t": None})
        elif self.refuses_with is not None or told["d"]["token"] != TOKEN:
            await socket.close(code=self.refuses_with or 4_004)
        elif told["op"] == 2:
            assert told["d"]["intents"] & (1 << 9 | 1 << 12)
            await self._begin(socket)
        elif told["op"] == 6 and not self._has_session:
            await socket.send_json({"op": 9, "d": False, "s": None, "t": None})
        elif told["op"] == 6:
            await self._take_up(socket, told["d"]["seq"])

    async def _begin(self, socket: web.WebSocketResponse) -> None:
        self.sessions["begun"] += 1
        self._events.clear()
        self._has_session = True
        ready = {
            "v": 10,
            "user": BOT_USER,
            "guilds": [{"id": SERVER, "unavailable": True}],
            "session_id": f"session-{self.sessions['begun']}",
            "resume_gateway_url": self._gateway_url,
            "application": {"id": APP, "flags": 0},
        }
        self.socket = socket
        await self.dispatch("READY", ready)
        self.connected.set()

    async def _take_up(self, socket: web.WebSocketResponse, sequence: int) -> None:
        self.sessions["taken up"] += 1
        self.socket = socket
        for number, (name, data) in enumerate(self._events[sequence:], sequence + 1):
            await socket.send_json({"op": 0, "s": number, "t": name, "d": data})
        await self.dispatch("RESUMED", {"_trace": ["fake"]})
        self.connected.set()

    async def dispatch(self, name: str, data: Any) -> None:
        """Brings an event, now or when a session is taken up."""
        self._events.append((name, data))
        if self.socket is not None and not self.socket.closed:
            await self.socket.send_json({"op": 0, "s": len(self._events), "t": name, "d": data})

    async def breaks(self, code: int) -> None:
        """Ends the connection, and waits until the bot is there again."""
        assert self.socket is not None
        self.connected.clear()
        self._ended.add(self.socket)
        await self.socket.close(code=code)
        await self.connected.wait()

    async def asks(self, op: int, data: Any = None) -> None:
        """Sends a frame that asks for a new connection, and waits for it."""
        assert self.socket is not None
        self.connected.clear()
        await self.socket.send_json({"op": op, "d": data, "s": None, "t": None})
        await self.connected.wait()

    def written(self, *, user: str, text: str, id: str, **more: Any) -> dict[str, Any]:  # noqa: A002
        """A direct message, as the gateway has it."""
        channel = more.get("channel_id", snowflake("channel", user))
        self._people[channel] = user
        author = {"id": snowflake("user", user), "username": user, "discriminator": "0", "avatar": None}
        return {
            "id": snowflake("message", id),
            "type": 0,
            "channel_id": channel,
            "author": author,
            "content": text,
            "timestamp": "2026-11-25T12:00:00.000000+00:00",
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "embeds": [],
            "pinned": False,
        } | more


def is_right(body: dict[str, Any]) -> bool:
    """Whether a message is within the limits."""
    rows, embeds, content = body.get("components", []), body.get("embeds", []), body.get("content", "")
    names = [button.get("custom_id") for row in rows for button in row["components"]]
    return (
        len(content) <= 2_000
        and bool(content.strip() or embeds or rows)
        and len(str(body.get("nonce", ""))) <= 25
        and len(rows) <= 5
        and all(1 <= len(row["components"]) <= 5 and row["type"] == 1 for row in rows)
        and all(is_button(button) for row in rows for button in row["components"])
        and len(set(names)) == len(names)
        and all(re.match("https?://", embed["image"]["url"]) for embed in embeds)
    )


def is_button(button: dict[str, Any]) -> bool:
    return (
        button["type"] == 2
        and button["style"] in (1, 2, 3, 4)
        and 1 <= len(button["label"]) <= 80
        and 1 <= len(button["custom_id"]) <= 100
    )


def as_json(data: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """JSON under the very type that Discord gives it; discord.py knows no other."""
    body = json.dumps(data).encode()
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def problem(status: int, code: int, message: str) -> web.Response:
    return as_json({"message": message, "code": code}, status=status)
