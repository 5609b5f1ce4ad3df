"""A fake of DingTalk: what it posts to a robot, its Stream mode, its sessions and its robot API.

Source: https://open.dingtalk.com/document/isvapp/receive-message
"""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from aiohttp import web
from fakes.vendor import Fault, Request, Sent, Vendor, hang_up

PATH = "/webhooks/dingtalk/webhook"
SESSION_S = 5_400
MOST_A_MINUTE = 20
MAX_BYTES = 20_000
TOPIC = "/v1.0/im/bot/messages/get"


class FakeDingTalk(Vendor):
    """DingTalk, with one robot.

    Attributes:
        now: Unix time.
        mode: How messages come to the bot.
        gone: Sessions that are not taken any more.
        strangers: Customers whose `staffId` the robot API does not know.
        acknowledged: Receipts over the connection, as they came.
    """

    channel = "dingtalk"
    accept_limit_s = 5.0
    client_id, secret, path_key = "dingfakeclientid0001", "fakeclientsecret0123456789", "fakepathkey0123456789abcd"

    def __init__(self) -> None:
        super().__init__()
        self.now: Callable[[], float] = time.time
        self.mode = "http"
        self.gone: set[str] = set()
        self.strangers: set[str] = set()
        self.access_tokens: list[str] = []
        self.acknowledged: list[dict[str, Any]] = []
        self.connected, self.news = asyncio.Event(), asyncio.Event()
        self.connection_count = 0
        self._socket: web.WebSocketResponse | None = None
        self._people: dict[str, str] = {}
        self._sends: dict[str, list[float]] = {}

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/robot/sendBySession", self._by_session)
        app.router.add_post("/v1.0/oauth2/accessToken", self._access_token)
        app.router.add_post("/v1.0/robot/oToMessages/batchSend", self._to_person)
        app.router.add_post("/v1.0/robot/groupMessages/send", self._to_group)
        app.router.add_post("/v1.0/gateway/connections/open", self._open)
        app.router.add_get("/connect", self._connect)
        return app

    def credentials(self) -> dict[str, Any]:
        settings = {"client_id": self.client_id, "client_secret": self.secret, "api_url": f"{self.url}/"}
        return settings | ({"mode": "http", "path_key": self.path_key} if self.mode == "http" else {})

    def conversation_of(self, user: str) -> str:
        return f"dingtalk:{self.client_id}:{quote(conversation(user), safe='')}:{staff(user)}"

    # What it brings

    def payload(self, *, user: str, id: str, **more: Any) -> dict[str, Any]:  # noqa: A002
        """A message as DingTalk puts it; None leaves a field out."""
        self._people[conversation(user)] = self._people[staff(user)] = user
        now_ms = int(self.now() * 1_000)
        body = {
            "conversationId": conversation(user),
            "atUsers": [{"dingtalkId": "$:LWCP_v1:$robot"}],
            "chatbotCorpId": "dinge8a565fake",
            "chatbotUserId": "$:LWCP_v1:$robot",
            "msgId": f"msg{id}==",
            "senderNick": user,
            "isAdmin": True,
            "senderStaffId": staff(user),
            "sessionWebhookExpiredTime": now_ms + SESSION_S * 1_000,
            "createAt": now_ms,
            "senderCorpId": "dinge8a565fake",
            "conversationType": "1",
            "senderId": f"$:LWCP_v1:${user}",
            "robotCode": self.client_id,
            "sessionWebhook": f"{self.url}/robot/sendBySession?session={staff(user)}",
            "msgtype": "text",
        }
        return {key: value for key, value in (body | more).items() if value is not None}

    def message(self, *, user: str, text: str, id: str) -> Request:  # noqa: A002
        return self.posted(self.payload(user=user, id=id, text={"content": text}))

    def posted(self, payload: Any, **headers: str) -> Request:
        """A payload as DingTalk posts it."""
        at = str(int(self.now() * 1_000))
        own = {"timestamp": at, "sign": sign(self.secret, at)}
        return self.request(json.dumps(payload, ensure_ascii=False).encode(), own | headers)

    def request(self, body: bytes, headers: Mapping[str, str], key: str | None = None) -> Request:
        json_type = {"Content-Type": "application/json; charset=utf-8"}
        return Request(path=f"{PATH}/{key or self.path_key}", headers=json_type | dict(headers), body=body)

    def bringing(self, body: bytes) -> Request:
        at = str(int(self.now() * 1_000))
        return self.request(body, {"timestamp": at, "sign": sign(self.secret, at)})

    def forgeries(self) -> dict[str, Request]:
        payload = self.payload(user="mallory", id="forged", text={"content": "hello"})
        body, now = json.dumps(payload).encode(), int(self.now() * 1_000)
        at, right = str(now), sign(self.secret, str(now))

        def at_time(timestamp: str) -> Request:
            return self.request(body, {"timestamp": timestamp, "sign": sign(self.secret, timestamp)})

        return {
            "no signature": self.request(body, {}),
            "no sign": self.request(body, {"timestamp": at}),
            "no timestamp": self.request(body, {"sign": right}),
            "an empty sign": self.request(body, {"timestamp": at, "sign": ""}),
            "another secret": self.request(body, {"timestamp": at, "sign": sign("another", at)}),
            "another timestamp": self.request(body, {"timestamp": str(now - 1), "sign": right}),
            "a sign cut short": self.request(body, {"timestamp": at, "sign": right[:-1]}),
            "a stale one": at_time(str(now - 3_601_000)),
            "one of the future": at_time(str(now + 3_660_000)),
            "seconds for milliseconds": at_time(str(now // 1_000)),
            "a timestamp of words": at_time("now"),
            "a timestamp with a point": at_time(f"{at}.0"),
            "another path key": self.request(body, {"timestamp": at, "sign": right}, "another"),
            "no path key": Request(path=PATH, headers={"timestamp": at, "sign": right}, body=body),
        }

    # Sessions and the robot API

    async def _by_session(self, request: web.Request) -> web.Response:
        session = request.query.get("session", "")
        if session not in self._people or session in self.gone:
            return web.json_response({"errcode": 300001, "errmsg": "session is not exist"})
        return await self._sent(request, self._people[session], await request.json(), self._in_session)

    def _in_session(self, said: Any) -> tuple[str | None, web.Response]:
        match said:
            case {"msgtype": "text", "text": {"content": str(text)}} if text:
                return text, ok()
            case {
                "msgtype": "actionCard",
                "actionCard": {"title": str(title), "text": str(text), "btns": [*buttons]},
            } if title and buttons and all(map(is_button, buttons)):
                return text, ok()
        return None, web.json_response({"errcode": 400801, "errmsg": "invalid message"})

    async def _access_token(self, request: web.Request) -> web.Response:
        if await request.json() != {"appKey": self.client_id, "appSecret": self.secret}:
            return error(400, "invalidClientIdOrSecret", "无效的clientId或者clientSecret")
        if not self.access_tokens:
            self.renew()
        return web.json_response({"accessToken": self.access_tokens[-1], "expireIn": 7_200})

    def renew(self) -> None:
        """Makes a new access token; the old one is not taken any more."""
        self.access_tokens.append(f"token-{len(self.access_tokens)}")

    def _has_token(self, request: web.Request) -> bool:
        return request.headers.get("x-acs-dingtalk-access-token") in self.access_tokens[-1:]

    async def _to_person(self, request: web.Request) -> web.Response:
        said = await request.json()
        if not self._has_token(request):
            return error(401, "InvalidAuthentication", "不合法的access_token")
        (person,) = said["userIds"]
        if person in self.strangers:
            return web.json_response({"processQueryKey": "k", "invalidStaffIdList": [person]})
        return await self._sent(request, self._people[person], said, self._by_robot)

    async def _to_group(self, request: web.Request) -> web.Response:
        said = await request.json()
        if not self._has_token(request):
            return error(401, "InvalidAuthentication", "不合法的access_token")
        return await self._sent(request, self._people[said["openConversationId"]], said, self._by_robot)

    def _by_robot(self, said: Any) -> tuple[str | None, web.Response]:
        if said.get("robotCode") != self.client_id:
            return None, error(400, "invalidParameter.robotCode.auth", "robotCode")
        if said.get("msgKey") != "sampleText" or not json.loads(said["msgParam"]).get("content"):
            return None, error(400, "miss.param.contentOfText", "content")
        return json.loads(said["msgParam"])["content"], web.json_response({"processQueryKey": "k"})

    async def _sent(
        self, request: web.Request, user: str, said: Any, read: Callable[[Any], tuple[str | None, web.Response]]
    ) -> web.Response:
        fault = self.failed()
        if fault is Fault.SERVER_ERROR:
            return web.Response(status=503, text="oops")
        if fault is Fault.HANG_UP:
            return await hang_up(request)
        text, answer = read(said)
        if text is None or len(json.dumps(said, ensure_ascii=False).encode()) > MAX_BYTES:
            self.refused.append(json.dumps(said, ensure_ascii=False)[:200])
        elif fault is Fault.TOO_MANY or not self._has_room(user):
            return web.json_response({"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"})
        else:
            self.sent.append(Sent(user=user, text=text, raw=said))
        return await hang_up(request) if fault is Fault.LOST_ANSWER else answer

    def _has_room(self, user: str) -> bool:
        """Whether a chat takes one more: the limit is of a robot in one place."""
        times = [at for at in self._sends.get(user, []) if at > self.now() - 60.0]
        has_room = not self.paced or len(times) < MOST_A_MINUTE
        self._sends[user] = [*times, self.now()] if has_room else times
        return has_room

    # Stream mode

    async def _open(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if (asked.get("clientId"), asked.get("clientSecret")) != (self.client_id, self.secret):
            return error(401, "authFailed", "鉴权失败")
        if {"type": "CALLBACK", "topic": TOPIC} not in asked.get("subscriptions", []):
            return error(400, "paramError", "subscriptions")
        return web.json_response({"endpoint": self.url.replace("http", "ws", 1) + "/connect", "ticket": "a/b=="})

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("ticket") != "a/b==":
            return web.Response(status=401)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._socket = socket
        self.connection_count += 1
        self.connected.set()
        async for frame in socket:
            self.acknowledged.append(json.loads(frame.data))
            self.news.set()
        return socket

    async def bring(self, frame: Mapping[str, Any]) -> None:
        """Brings a frame over the connection."""
        await self.connected.wait()
        await self.bring_on(frame)

    async def bring_on(self, frame: Mapping[str, Any]) -> None:
        """Brings a frame over the connection that there was last."""
        assert self._socket is not None
        await self._socket.send_json(frame)

    async def answered(self) -> dict[str, Any]:
        """The next receipt."""
        await self.news.wait()
        self.news.clear()
        return self.acknowledged[-1]


def callback(payload: Any, id: str = "m1") -> dict[str, Any]:  # noqa: A002
    """A frame with a message."""
    return frame("CALLBACK", TOPIC, json.dumps(payload, ensure_ascii=False), id)


def frame(kind: str, topic: str, data: str, id: str) -> dict[str, Any]:  # noqa: A002
    headers = {"appId": "app", "connectionId": "c", "contentType": "application/json", "messageId": id, "topic": topic}
    return {"specVersion": "1.0", "type": kind, "headers": headers | {"time": "1750000000000"}, "data": data}


def conversation(user: str) -> str:
    return "cid" + base64.b64encode(hashlib.sha256(user.encode()).digest()[:12]).decode() + "=="


def staff(user: str) -> str:
    return f"staff{hashlib.sha256(user.encode()).hexdigest()[:12]}"


def sign(secret: str, at: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), f"{at}\n{secret}".encode(), hashlib.sha256).digest()).decode()


def is_button(button: Any) -> bool:
    match button:
        case {"title": str(title), "actionURL": str(url)}:
            return bool(title) and url.startswith(("https://", "dtmd://"))
    return False


def ok() -> web.Response:
    return web.json_response({"errcode": 0, "errmsg": "ok"})


def error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"code": code, "message": message, "requestid": "r"}, status=status)
