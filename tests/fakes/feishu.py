"""A fake of Feishu: the events that it posts, encrypted and signed, and its API for messages.

Source: https://open.feishu.cn/document/server-docs/im-v1/message/create
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from fakes.vendor import Fault, Request, Sent, Vendor, hang_up

PATH = "/webhooks/feishu/webhook"
TENANT = "2ca1d211f64f6438"
MOST_A_SECOND = 5  # to one chat
UUID_S = 3_600
MAX_TEXT_BYTES, MAX_CARD_BYTES = 150 * 1024, 30 * 1024


class FakeFeishu(Vendor):
    """Feishu, with one app.

    Attributes:
        now: Unix time.
        clock: Seconds that only grow, for the limit of five messages a second to one chat.
        is_encrypted: Whether the app has an Encrypt Key.
        recalled: Messages that were taken back.
        left: Chats that the bot is not in any more.
    """

    channel = "feishu"
    accept_limit_s = 3.0
    app_id, secret = "cli_9f5343c580712544", "fakesecret0123456789"
    encrypt_key, token = "kudryavka", "rvaYgkND1GOiu5MM0E1rncYC6PLtF7JV"

    def __init__(self) -> None:
        super().__init__()
        self.now: Callable[[], float] = time.time
        self.clock: Callable[[], float] = time.monotonic
        self.is_encrypted = True
        self.recalled: set[str] = set()
        self.left: set[str] = set()
        self.access_tokens: list[str] = []
        self._people: dict[str, str] = {}
        self._chats: dict[str, str] = {}  # by message
        self._uuids: dict[str, float] = {}
        self._sends: dict[str, list[float]] = {}

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/open-apis/auth/v3/tenant_access_token/internal", self._token_of)
        app.router.add_post("/open-apis/im/v1/messages", self._create)
        app.router.add_post("/open-apis/im/v1/messages/{id}/reply", self._reply)
        return app

    def credentials(self) -> dict[str, Any]:
        settings = {"app_id": self.app_id, "app_secret": self.secret, "verification_token": self.token}
        settings |= {"encrypt_key": self.encrypt_key} if self.is_encrypted else {"allow_unsigned": True}
        return settings | {"api_url": f"{self.url}/"}

    def conversation_of(self, user: str) -> str:
        return f"feishu:{self.app_id}:{named('oc', user)}:{named('ou', user)}"

    # What it brings

    def event(self, *, user: str, id: str, content: Any = None, **more: Any) -> dict[str, Any]:  # noqa: A002
        """An `im.message.receive_v1` as Feishu puts it; `more` goes into the message itself."""
        chat = more.get("chat_id", named("oc", user))
        self._people[chat] = user
        self._chats[named("om", id)] = chat
        message = {
            "message_id": named("om", id),
            "create_time": str(int(self.now() * 1_000)),
            "update_time": str(int(self.now() * 1_000)),
            "chat_id": chat,
            "chat_type": "p2p",
            "message_type": "text",
            "content": json.dumps({} if content is None else content, ensure_ascii=False),
        } | more
        sender = {
            "sender_id": {"union_id": named("on", user), "user_id": "e33ggbyz", "open_id": named("ou", user)},
            "sender_type": "user",
            "tenant_key": TENANT,
        }
        return self.enveloped("im.message.receive_v1", id, {"sender": sender, "message": message})

    def enveloped(self, kind: str, id: str, event: Any) -> dict[str, Any]:  # noqa: A002
        """An event with its header."""
        header = {
            "event_id": hashlib.md5(id.encode()).hexdigest(),  # noqa: S324 - only an id
            "event_type": kind,
            "create_time": str(int(self.now() * 1_000)),
            "token": self.token,
            "app_id": self.app_id,
            "tenant_key": TENANT,
        }
        return {"schema": "2.0", "header": header, "event": event}

    def message(self, *, user: str, text: str, id: str) -> Request:  # noqa: A002
        return self.posted(self.event(user=user, id=id, content={"text": text}))

    def pressed(self, *, user: str, value: Any, id: str) -> dict[str, Any]:  # noqa: A002
        """A `card.action.trigger` as Feishu puts it."""
        self._people[named("oc", user)] = user
        event = {
            "operator": {"tenant_key": TENANT, "user_id": "e33ggbyz", "open_id": named("ou", user)},
            "token": "c-295ee57216a5dc9de90fefd0aadb4b1d7d",
            "action": {"value": value, "tag": "button", "timezone": "Asia/Shanghai"},
            "host": "im_message",
            "context": {"open_message_id": named("om", "card"), "open_chat_id": named("oc", user)},
        }
        return self.enveloped("card.action.trigger", id, event)

    def button(self, *, user: str, payload: str, id: str) -> Request:  # noqa: A002
        return self.posted(self.pressed(user=user, value={"payload": payload}, id=id))

    def challenge(self, word: str, token: str | None = None) -> Request:
        """The check of the address in the console; it is not signed."""
        body = {"challenge": word, "token": token or self.token, "type": "url_verification"}
        return request(self.body_of(body), {})

    def body_of(self, payload: Any, key: str | None = None) -> bytes:
        text = json.dumps(payload, ensure_ascii=False)
        return json.dumps(
            {"encrypt": encrypt(key or self.encrypt_key, text)} if self.is_encrypted else payload
        ).encode()

    def posted(self, payload: Any, **headers: str) -> Request:
        """A payload as Feishu posts it."""
        return self.signed(self.body_of(payload), **headers)

    def signed(self, body: bytes, at: int | None = None, **headers: str) -> Request:
        timestamp, nonce = str(int(self.now()) if at is None else at), secrets.token_hex(8)
        own = {"timestamp": timestamp, "nonce": nonce, "signature": sign(timestamp, nonce, self.encrypt_key, body)}
        return request(body, own | headers)

    def plain(self, *, user: str, text: str, id: str) -> bytes:  # noqa: A002
        return json.dumps(self.event(user=user, id=id, content={"text": text}), ensure_ascii=False).encode()

    def bringing(self, body: bytes) -> Request:
        sealed = encrypt(self.encrypt_key, body.decode("utf-8", "replace"))
        return self.signed(json.dumps({"encrypt": sealed}).encode())

    def forgeries(self) -> dict[str, Request]:
        event = self.event(user="mallory", id="forged", content={"text": "hello"})
        body, now = self.body_of(event), int(self.now())
        at, nonce = str(now), "n"
        right = sign(at, nonce, self.encrypt_key, body)
        open_body = json.dumps(event).encode()
        other_app = event | {"header": event["header"] | {"app_id": "cli_another"}}
        other_token = event | {"header": event["header"] | {"token": "another"}}
        no_token = {"schema": "2.0", "header": {k: v for k, v in event["header"].items() if k != "token"}, "event": {}}
        return {
            "no signature": request(body, {}),
            "no timestamp": request(body, {"nonce": nonce, "signature": right}),
            "no nonce": request(body, {"timestamp": at, "signature": right}),
            "a wrong signature": self.signed(body, signature="0" * 64),
            "a signature cut short": request(body, {"timestamp": at, "nonce": nonce, "signature": right[:-1]}),
            "an upper-case signature": request(body, {"timestamp": at, "nonce": nonce, "signature": right.upper()}),
            "another key's signature": self.signed(body, signature=sign(at, nonce, "another", body)),
            "another nonce": request(body, {"timestamp": at, "nonce": "m", "signature": right}),
            "another body": request(self.body_of(event), {"timestamp": at, "nonce": nonce, "signature": right}),
            "a stale one": self.signed(body, at=now - 8 * 3_600 - 60),
            "one of the future": self.signed(body, at=now + 8 * 3_600 + 60),
            "a timestamp of words": request(
                body, {"timestamp": "now", "nonce": nonce, "signature": sign("now", nonce, self.encrypt_key, body)}
            ),
            "an event in the open": self.signed(open_body),
            "encrypted with another key": self.signed(self.body_of(event, "another")),
            "encrypted badly": self.signed(b'{"encrypt": "AAAA"}'),
            "another app's event": self.posted(other_app),
            "another token": self.posted(other_token),
            "no token": self.posted(no_token),
            "a challenge in the open": request(
                json.dumps({"challenge": "x", "token": self.token, "type": "url_verification"}).encode(), {}
            ),
            "a challenge with another token": self.challenge("x", "another"),
        }

    # The API

    async def _token_of(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if asked != {"app_id": self.app_id, "app_secret": self.secret}:
            return error(10014, "app secret invalid", 200)
        if not self.access_tokens:
            self.renew()
        return web.json_response(
            {"code": 0, "msg": "ok", "tenant_access_token": self.access_tokens[-1], "expire": 7_200}
        )

    def renew(self) -> None:
        """Makes a new access token; the old one is not taken any more."""
        self.access_tokens.append(f"t-{len(self.access_tokens)}")

    async def _create(self, request: web.Request) -> web.Response:
        said = await request.json()
        if request.query.get("receive_id_type") != "chat_id":
            return self._refuse(99992402, "field validation failed")
        return await self._sent(request, said.get("receive_id"), said)

    async def _reply(self, request: web.Request) -> web.Response:
        if request.match_info["id"] in self.recalled:
            return error(230011, "The message is recalled.")
        return await self._sent(request, self._chats.get(request.match_info["id"]), await request.json())

    async def _sent(self, request: web.Request, chat: str | None, said: Mapping[str, Any]) -> web.Response:
        fault = self.failed()
        if fault is Fault.TOO_MANY:
            return self._too_many()
        if fault is Fault.SERVER_ERROR:
            return error(2200, "Internal Error", 500)
        if fault is Fault.HANG_UP:
            return await hang_up(request)
        answer = self._taken(request.headers.get("Authorization", ""), chat, said)
        return await hang_up(request) if fault is Fault.LOST_ANSWER else answer

    def _taken(self, authorization: str, chat: str | None, said: Mapping[str, Any]) -> web.Response:
        if authorization not in [f"Bearer {token}" for token in self.access_tokens[-1:]]:
            return error(99991663, "Invalid access token for authorization. Please make a test attempt.")
        if chat not in self._people:
            return self._refuse(230034, "The receive_id is invalid.")
        if chat in self.left:
            return error(230002, "The bot can not be outside the group.")
        problem = self._problem(said)
        if problem:
            return self._refuse(*problem)
        if not self._has_room(chat):
            return error(230020, "This operation triggers the frequency limit.")
        uuid = said["uuid"]
        if self._uuids.get(uuid, 0.0) < self.now() - UUID_S:
            self._uuids[uuid] = self.now()
            content = json.loads(said["content"])
            text = content["text"] if said["msg_type"] == "text" else content["elements"][0]["text"]["content"]
            self.sent.append(Sent(user=self._people[chat], text=text, key=uuid, raw=dict(said)))
        data = {"message_id": named("om", uuid), "msg_type": said["msg_type"], "chat_id": chat}
        return web.json_response({"code": 0, "msg": "success", "data": data})

    def _refuse(self, code: int, message: str) -> web.Response:
        self.refused.append(f"{code} {message}")
        return error(code, message)

    def _problem(self, said: Mapping[str, Any]) -> tuple[int, str] | None:
        if not 0 < len(said.get("uuid", "")) <= 50:
            return 99992402, "field validation failed"
        most = MAX_TEXT_BYTES if said.get("msg_type") == "text" else MAX_CARD_BYTES
        if len(said.get("content", "").encode()) > most:
            return 230025, "The length of the message content reaches its limit."
        match said.get("msg_type"), json.loads(said.get("content", "{}")):
            case "text", {"text": str(text)} if text and "<at" not in text:
                return None
            case (
                "interactive",
                {"elements": [{"tag": "div", "text": {"content": str()}}, {"tag": "action", "actions": [*found]}]},
            ):
                return None if found and all(map(is_button, found)) else (230099, "Failed to create card content")
        return 230001, "Your request contains an invalid request parameter, ext=invalid message content."

    def _has_room(self, chat: str) -> bool:
        times = [at for at in self._sends.get(chat, []) if at > self.clock() - 1.0]
        has_room = not self.paced or len(times) < MOST_A_SECOND
        self._sends[chat] = [*times, self.clock()] if has_room else times
        return has_room

    def _too_many(self) -> web.Response:
        reset = {"x-ogw-ratelimit-limit": "100", "x-ogw-ratelimit-reset": str(self.retry_after_s)}
        body = {"code": 99991400, "msg": "request trigger frequency limit"}
        return web.json_response(body, status=429, headers=reset)


def is_button(element: dict[str, Any]) -> bool:
    match element:
        case {"tag": "button", "text": {"tag": "plain_text", "content": str(title)}, "value": {"payload": str()}}:
            return bool(title)
        case {"tag": "button", "text": {"tag": "plain_text", "content": str(title)}, "url": str(url)}:
            return bool(title) and url.startswith("http") and "value" not in element
    return False


def named(kind: str, name: str) -> str:
    """An id of Feishu's form that is always the same for a name."""
    return f"{kind}_{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def request(body: bytes, signed: Mapping[str, str]) -> Request:
    names = {
        "timestamp": "X-Lark-Request-Timestamp",
        "nonce": "X-Lark-Request-Nonce",
        "signature": "X-Lark-Signature",
    }
    headers = {names[name]: value for name, value in signed.items()}
    return Request(path=PATH, headers={"Content-Type": "application/json; charset=utf-8"} | headers, body=body)


def sign(timestamp: str, nonce: str, key: str, body: bytes) -> str:
    return hashlib.sha256((timestamp + nonce + key).encode() + body).hexdigest()


def encrypt(key: str, text: str) -> str:
    start, plain = secrets.token_bytes(16), text.encode()
    fill = 16 - len(plain) % 16
    encryptor = Cipher(algorithms.AES(hashlib.sha256(key.encode()).digest()), modes.CBC(start)).encryptor()
    return base64.b64encode(start + encryptor.update(plain + bytes([fill] * fill)) + encryptor.finalize()).decode()


def error(code: int, message: str, status: int = 400) -> web.Response:
    return web.json_response({"code": code, "msg": message}, status=status)
