"""A fake of WeCom: what it posts to an app's server, and its API for messages of the app.

Source: https://developer.work.weixin.qq.com/document/path/90236
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from fakes.vendor import Fault, Request, Sent, Vendor, hang_up
from fakes.wechat import encrypt, error, number, sign, written

PATH = "/webhooks/wecom/webhook"
MOST_A_MINUTE, MAX_BYTES = 30, 2_048


class FakeWeCom(Vendor):
    """WeCom, with one app of one company.

    Attributes:
        now: Unix time.
        outside: People outside the app's range.
        dropped: Messages that were not shown, as there were too many in a minute.
    """

    channel = "wecom"
    accept_limit_s = 5.0
    corp_id, agent_id, secret, token = "ww0123456789abcdef", 1_000_002, "fakesecret0123456789", "kefutoken"
    aes_key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"

    def __init__(self) -> None:
        super().__init__()
        self.now: Callable[[], float] = time.time
        self.outside: set[str] = set()
        self.dropped: list[str] = []
        self.access_tokens: list[str] = []
        self._people: dict[str, str] = {}
        self._created: dict[str, int] = {}
        self._sends: dict[str, list[float]] = {}
        self._nonces = 0

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/cgi-bin/gettoken", self._gettoken)
        app.router.add_post("/cgi-bin/message/send", self._send)
        return app

    def credentials(self) -> dict[str, Any]:
        return {
            "corp_id": self.corp_id,
            "agent_id": self.agent_id,
            "secret": self.secret,
            "token": self.token,
            "encoding_aes_key": self.aes_key,
            "api_url": f"{self.url}/",
        }

    def conversation_of(self, user: str) -> str:
        return f"wecom:{self.corp_id}:{self.agent_id}:{person(user).lower()}"

    # What it brings

    def fields(self, *, user: str, id: str, kind: str = "text", **more: Any) -> dict[str, Any]:  # noqa: A002
        """A message in WeCom's fields."""
        self._people[person(user)] = user
        created = self._created.setdefault(id, int(self.now()))
        common = {"ToUserName": self.corp_id, "FromUserName": person(user), "CreateTime": created, "MsgType": kind}
        return common | {"AgentID": self.agent_id} | ({} if kind == "event" else {"MsgId": number(id)}) | more

    def message(self, *, user: str, text: str, id: str) -> Request:  # noqa: A002
        return self.posted(self.fields(user=user, id=id, Content=text))

    def button(self, *, user: str, payload: str, id: str) -> Request:  # noqa: A002
        return self.posted(self.fields(user=user, id=id, kind="event", Event="click", EventKey=payload))

    def posted(self, fields: Mapping[str, Any]) -> Request:
        """A message as a signed request."""
        return self.encrypted(encrypt(self.aes_key, written(fields), self.corp_id))

    def encrypted(self, sealed: str, at: str | None = None, **query: str) -> Request:
        """Rightly signed, whatever is encrypted."""
        body = written({"ToUserName": self.corp_id, "Encrypt": sealed, "AgentID": str(self.agent_id)})
        return request(body, self._signed(sealed, at) | query)

    def echo(self, word: str = "1616140317555161061", **query: str) -> Request:
        """The check of the address in the console."""
        sealed = encrypt(self.aes_key, word, self.corp_id)
        return Request(method="GET", path=f"{PATH}?{urlencode(self._signed(sealed) | {'echostr': sealed} | query)}")

    def _signed(self, sealed: str, at: str | None = None) -> dict[str, str]:
        self._nonces += 1
        timestamp, nonce = at or str(int(self.now())), str(self._nonces)
        return {"msg_signature": sign(self.token, timestamp, nonce, sealed), "timestamp": timestamp, "nonce": nonce}

    def plain(self, *, user: str, text: str, id: str) -> bytes:  # noqa: A002
        return written(self.fields(user=user, id=id, Content=text)).encode()

    def bringing(self, body: bytes) -> Request:
        return self.encrypted(encrypt(self.aes_key, body.decode("utf-8", "replace"), self.corp_id))

    def forgeries(self) -> dict[str, Request]:
        plain, now = written(self.fields(user="mallory", id="forged", Content="hello")), int(self.now())
        sealed = encrypt(self.aes_key, plain, self.corp_id)
        genuine = self.encrypted(sealed)
        return {
            "no query": Request(path=PATH, headers=genuine.headers, body=genuine.body),
            "no signature": self.encrypted(sealed, msg_signature=""),
            "a wrong signature": self.encrypted(sealed, msg_signature="0" * 40),
            "an upper-case signature": self.encrypted(sealed, msg_signature="A" * 40),
            "another nonce": self.encrypted(sealed, nonce="x"),
            "another timestamp": self.encrypted(sealed, timestamp=str(now - 1)),
            "another body": Request(path=genuine.path, headers=genuine.headers, body=self.posted({"A": 1}).body),
            "two signatures": Request(
                path=f"{genuine.path}&msg_signature=x", headers=genuine.headers, body=genuine.body
            ),
            "a stale one": self.encrypted(sealed, str(now - 301)),
            "one of the future": self.encrypted(sealed, str(now + 302)),
            "a timestamp of words": self.encrypted(sealed, "now"),
            "a timestamp of other digits": self.encrypted(sealed, "１７００００００００"),
            "in the open": request(plain, self._signed("")),
            "another key": self.encrypted(encrypt("G" * 43, plain, self.corp_id)),
            "another company": self.encrypted(encrypt(self.aes_key, plain, "ww9999999999999999")),
            "encrypted badly": self.encrypted("AAAA"),
        }

    # The API

    async def _gettoken(self, request: web.Request) -> web.Response:
        if request.query.get("corpid") != self.corp_id:
            return error(40013, "invalid corpid")
        if request.query.get("corpsecret") != self.secret:
            return error(40001, "invalid credential")
        if not self.access_tokens:
            self.renew()
        return web.json_response(
            {"errcode": 0, "errmsg": "ok", "access_token": self.access_tokens[-1], "expires_in": 7_200}
        )

    def renew(self) -> None:
        """Makes a new access token; the old one is not taken any more."""
        self.access_tokens.append(f"token-{len(self.access_tokens)}")

    async def _send(self, request: web.Request) -> web.Response:
        fault = self.failed()
        if fault is Fault.TOO_MANY:
            return error(45009, "api freq out of limit")
        if fault is Fault.SERVER_ERROR:
            return web.Response(status=502, text="oops")
        if fault is Fault.HANG_UP:
            return await hang_up(request)
        answer = self._taken(request.query.get("access_token"), await request.read())
        return await hang_up(request) if fault is Fault.LOST_ANSWER else answer

    def _taken(self, token: str | None, body: bytes) -> web.Response:
        if token not in self.access_tokens[-1:]:
            return error(42001, "access_token expired")
        said = json.loads(body)
        match said:
            case {"touser": str(to), "msgtype": "text", "agentid": self.agent_id, "text": {"content": str(text)}} if (
                text and len(text.encode()) <= MAX_BYTES and "|" not in to and not to.startswith("@")
            ):
                return self._show(to, text, said)
        self.refused.append(body.decode()[:200])
        return error(44004, "text content is empty")

    def _show(self, to: str, text: str, said: Any) -> web.Response:
        if to in self.outside or to not in self._people:
            return error(81013, "user & party & tag all invalid")
        times = [at for at in self._sends.get(to, []) if at > self.now() - 60.0]
        if self.paced and len(times) >= MOST_A_MINUTE:
            self.dropped.append(text)  # and says nothing of it
        else:
            self._sends[to] = [*times, self.now()]
            self.sent.append(Sent(user=self._people[to], text=text, raw=said))
        return web.json_response({"errcode": 0, "errmsg": "ok", "msgid": "m"})


def person(user: str) -> str:
    """Somebody's id in the company."""
    return f"Person.{hashlib.sha256(user.encode()).hexdigest()[:12]}"


def request(body: str, query: Mapping[str, str]) -> Request:
    return Request(path=f"{PATH}?{urlencode(query)}", headers={"Content-Type": "text/xml"}, body=body.encode())
