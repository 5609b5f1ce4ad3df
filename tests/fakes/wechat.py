"""A fake of WeChat: what it posts to an Official Account's server, and its API for customer service messages.

Source: https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Passive_user_reply_message.html
"""

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

from aiohttp import web
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from fakes.vendor import Fault, Request, Sent, Vendor, hang_up

PATH = "/webhooks/wechat/webhook"
ACCOUNT = "gh_0123456789ab"
WINDOW_S, MOST_REPLIES = 48 * 3_600, 5
ELEMENT_LIMIT = 2_048
TRIES = 3


class FakeWeChat(Vendor):
    """WeChat, with one account in safe mode.

    Attributes:
        now: Unix time.
        is_safe: Whether messages are encrypted (安全模式).
        has_right: Whether the account may send customer service messages.
        has_menus: Whether menu messages are among them.
        quota: Customer service messages for each message of a customer.
        exceeded: How many were refused as there were more.
        notices: Customers who were told that the account cannot serve them at present.
    """

    channel = "wechat"
    accept_limit_s = 5.0
    app_id, secret, token = "wx0123456789abcdef", "0123456789abcdef0123456789abcdef", "kefutoken"
    aes_key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"

    def __init__(self) -> None:
        super().__init__()
        self.now: Callable[[], float] = time.time
        self.is_safe, self.has_right, self.has_menus = True, True, True
        self.quota, self.exceeded = MOST_REPLIES, 0
        self.notices: list[str] = []
        self.access_tokens: list[str] = []
        self._people: dict[str, str] = {}
        self._created: dict[str, int] = {}
        self._quota: dict[str, tuple[float, int]] = {}
        self._answered: set[str] = set()
        self._nonces = 0

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/cgi-bin/stable_token", self._stable_token)
        app.router.add_post("/cgi-bin/message/custom/send", self._send)
        return app

    def credentials(self) -> dict[str, Any]:
        settings = {"app_id": self.app_id, "token": self.token, "api_url": f"{self.url}/"}
        settings |= {"encoding_aes_key": self.aes_key} if self.is_safe else {}
        return settings | ({"app_secret": self.secret} if self.has_right else {})

    def conversation_of(self, user: str) -> str:
        return f"wechat:{self.app_id}:{open_id(user)}"

    # What it brings

    def fields(self, *, user: str, id: str, kind: str = "text", **more: Any) -> dict[str, Any]:  # noqa: A002
        """A message in WeChat's fields."""
        self._people[open_id(user)] = user
        self._quota[open_id(user)] = (self.now(), 0)
        created = self._created.setdefault(id, int(self.now()))
        common = {"ToUserName": ACCOUNT, "FromUserName": open_id(user), "CreateTime": created, "MsgType": kind}
        return common | more | ({} if kind == "event" else {"MsgId": number(id)})

    def message(self, *, user: str, text: str, id: str) -> Request:  # noqa: A002
        return self.posted(self.fields(user=user, id=id, Content=text))

    def button(self, *, user: str, payload: str, id: str) -> Request:  # noqa: A002
        return self.posted(self.fields(user=user, id=id, Content="Yes", bizmsgmenuid=payload))

    def posted(self, fields: Mapping[str, Any]) -> Request:
        """A message as a signed request."""
        return self.request(written(fields))

    def request(self, plain: str, at: int | None = None, **query: str) -> Request:
        timestamp, nonce = str(int(self.now()) if at is None else at), self._nonce()
        asked = {"signature": sign(self.token, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}
        asked["openid"] = "o0"
        body = plain
        if self.is_safe:
            sealed = encrypt(self.aes_key, plain, self.app_id)
            asked |= {"encrypt_type": "aes", "msg_signature": sign(self.token, timestamp, nonce, sealed)}
            body = written({"ToUserName": ACCOUNT, "Encrypt": sealed})
        return request(body, asked | query)

    def echo(self, word: str = "7421390123", **query: str) -> Request:
        """The check of the address in the console."""
        timestamp, nonce = str(int(self.now())), self._nonce()
        asked = {"signature": sign(self.token, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}
        return Request(method="GET", path=f"{PATH}?{urlencode(asked | {'echostr': word} | query)}")

    def plain(self, *, user: str, text: str, id: str) -> bytes:  # noqa: A002
        return written(self.fields(user=user, id=id, Content=text)).encode()

    def bringing(self, body: bytes) -> Request:
        return self.request(body.decode("utf-8", "replace"))

    def forgeries(self) -> dict[str, Request]:
        fields = self.fields(user="mallory", id="forged", Content="hello")
        plain, now = written(fields), int(self.now())
        genuine = self.request(plain)
        other_key = encrypt("G" * 43, plain, self.app_id)
        other_app = encrypt(self.aes_key, plain, "wx9999999999999999")
        return {
            "no query": Request(path=PATH, headers=genuine.headers, body=genuine.body),
            "a wrong signature": self.request(plain, signature="0" * 40),
            "a wrong message signature": self.request(plain, msg_signature="0" * 40),
            "no message signature": self.request(plain, msg_signature=""),
            "another nonce": self.request(plain, nonce="1"),
            "another body": Request(path=genuine.path, headers=genuine.headers, body=self.request(plain + " ").body),
            "a stale one": self.request(plain, at=now - 301),
            "one of the future": self.request(plain, at=now + 302),
            "a timestamp of words": self.resigned(plain, "now"),
            "a timestamp of other digits": self.resigned(plain, "１７００００００００"),
            "two signatures": Request(path=f"{genuine.path}&signature=x", headers=genuine.headers, body=genuine.body),
            "the message in the open": self.in_the_open(plain),
            "encrypted with another key": self.encrypted(other_key),
            "encrypted for another account": self.encrypted(other_app),
            "encrypted badly": self.encrypted("AAAA"),
            "an upper-case signature": self.request(plain, signature="A" * 40),
        }

    def resigned(self, plain: str, timestamp: str) -> Request:
        """Rightly signed, whatever the timestamp is."""
        sealed = encrypt(self.aes_key, plain, self.app_id)
        asked = {"signature": sign(self.token, timestamp, "1"), "timestamp": timestamp, "nonce": "1"}
        asked |= {"encrypt_type": "aes", "msg_signature": sign(self.token, timestamp, "1", sealed)}
        return request(written({"Encrypt": sealed}), asked)

    def encrypted(self, sealed: str) -> Request:
        """Rightly signed, whatever is encrypted."""
        at, nonce = str(int(self.now())), self._nonce()
        asked = {"signature": sign(self.token, at, nonce), "timestamp": at, "nonce": nonce, "encrypt_type": "aes"}
        return request(written({"Encrypt": sealed}), asked | {"msg_signature": sign(self.token, at, nonce, sealed)})

    def in_the_open(self, plain: str) -> Request:
        """As an account without encryption gets it."""
        at, nonce = str(int(self.now())), self._nonce()
        return request(plain, {"signature": sign(self.token, at, nonce), "timestamp": at, "nonce": nonce})

    def _nonce(self) -> str:
        self._nonces += 1
        return str(1_000_000 + self._nonces)

    async def bring(self, post: Callable[[Request], Awaitable[tuple[int, bytes]]], request: Request, user: str) -> bool:
        """Brings a message as WeChat does: it waits so long, hangs up, and tries it three times in all."""
        for _ in range(TRIES):
            try:
                async with asyncio.timeout(self.accept_limit_s):
                    status, body = await post(request)
            except TimeoutError:
                continue
            if self.is_acknowledged(status, body):
                return True
            break
        self.notices.append(user)
        return False

    def is_acknowledged(self, status: int, body: bytes) -> bool:
        """Reads the answer, and shows the customer what it says; the same answer is shown once."""
        if status != 200:
            return False
        if body in (b"", b"success"):
            return True
        try:
            answer = self._opened(body.decode())
        except (ValueError, KeyError, ElementTree.ParseError) as error:
            self.refused.append(f"an answer that cannot be read: {error}")
            return False
        key = json.dumps(answer, sort_keys=True)
        if key not in self._answered:
            self._answered.add(key)
            self._show(answer["ToUserName"], answer["Content"], answer)
        return True

    def _opened(self, body: str) -> dict[str, str]:
        answer = read(body)
        if self.is_safe:
            sealed = answer["Encrypt"]
            if answer["MsgSignature"] != sign(self.token, answer["TimeStamp"], answer["Nonce"], sealed):
                raise ValueError("its signature is wrong")
            answer = read(decrypt(self.aes_key, sealed, self.app_id))
        if answer["FromUserName"] != ACCOUNT or answer["MsgType"] != "text" or answer["ToUserName"] not in self._people:
            raise ValueError("it is not an answer to the message")
        if not answer["CreateTime"].isdigit() or not 0 < len(answer["Content"].encode()) <= ELEMENT_LIMIT:
            raise ValueError("its content has the wrong length")
        return answer

    def _show(self, customer: str, text: str, raw: Any) -> None:
        words = text.replace("\n\n", "\n")  # what belongs together is one message
        self.sent.append(Sent(user=self._people.get(customer, customer), text=words, raw=raw))

    # The API

    async def _stable_token(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if asked.get("grant_type") != "client_credential" or asked.get("appid") != self.app_id:
            return error(40013, "invalid appid")
        if asked.get("secret") != self.secret:
            return error(40125, "invalid appsecret")
        if not self.access_tokens:
            self.renew()
        return web.json_response({"access_token": self.access_tokens[-1], "expires_in": 7_200})

    def renew(self) -> None:
        """Makes a new access token; the old one is not taken any more."""
        self.access_tokens.append(f"88_{len(self.access_tokens)}")

    async def _send(self, request: web.Request) -> web.Response:
        fault = self.failed()
        if fault is Fault.TOO_MANY:
            return error(45011, "api minute-quota reach limit, must slower, retry next minute")
        if fault is Fault.SERVER_ERROR:
            return web.Response(status=500, text="oops")
        if fault is Fault.HANG_UP:
            return await hang_up(request)
        answer = self._taken(request.query.get("access_token"), await request.read())
        return await hang_up(request) if fault is Fault.LOST_ANSWER else answer

    def _taken(self, token: str | None, body: bytes) -> web.Response:
        if token not in self.access_tokens[-1:]:
            return error(40001, "invalid credential, access_token is invalid or not latest")
        said = json.loads(body)
        problem = self._problem(said, body)
        if problem:
            self.refused += [] if problem == 45047 else [str(problem)]
            return error(problem, "refused")
        text = said["text"]["content"] if said["msgtype"] == "text" else said["msgmenu"]["head_content"]
        written_at, count = self._quota[said["touser"]]
        self._quota[said["touser"]] = (written_at, count + 1)
        self._show(said["touser"], text, said)
        return error(0, "ok")

    def _problem(self, said: Mapping[str, Any], body: bytes) -> int:
        if not self.has_right:
            return 48001
        if said.get("touser") not in self._quota:
            return 40003
        written_at, count = self._quota[said["touser"]]
        if self.now() - written_at > WINDOW_S:
            return 45015
        if count >= self.quota:
            self.exceeded += 1
            return 45047
        if b"\\u" in body:
            return 40033
        return self._problem_of_words(said)

    def _problem_of_words(self, said: Mapping[str, Any]) -> int:
        match said:
            case {"msgtype": "text", "text": {"content": str(text)}} if text:
                return 45002 if len(text.encode()) > ELEMENT_LIMIT else 0
            case {"msgtype": "msgmenu", "msgmenu": {"head_content": str(), "list": [*choices]}}:
                if not self.has_menus:
                    return 40200
                good = all(one["id"] and one["content"] and set(one) == {"id", "content"} for one in choices)
                return 0 if choices and good else 40035
        return 40008


def open_id(user: str) -> str:
    """A customer's id with this account."""
    return "o" + base64.urlsafe_b64encode(hashlib.sha256(user.encode()).digest())[:27].decode()


def number(id: str) -> int:  # noqa: A002
    """A message's id, always the same for a name."""
    return int(hashlib.sha256(id.encode()).hexdigest()[:15], 16)


def request(body: str, query: Mapping[str, str]) -> Request:
    return Request(path=f"{PATH}?{urlencode(query)}", headers={"Content-Type": "text/xml"}, body=body.encode())


def sign(token: str, *parts: str) -> str:
    return hashlib.sha1("".join(sorted([token, *parts])).encode()).hexdigest()  # noqa: S324 - theirs


def written(fields: Mapping[str, Any]) -> str:
    lines = (f"<{k}>{v}</{k}>" if isinstance(v, int) else f"<{k}><![CDATA[{v}]]></{k}>" for k, v in fields.items())
    return f"<xml>{''.join(lines)}</xml>"


def read(text: str) -> dict[str, str]:
    return {child.tag: child.text or "" for child in ElementTree.fromstring(text)}  # noqa: S314 - our own


def encrypt(key: str, plain: str, receiver: str) -> str:
    raw = base64.b64decode(key + "=")
    text = plain.encode()
    full = b"0123456789abcdef" + len(text).to_bytes(4, "big") + text + receiver.encode()
    fill = 32 - len(full) % 32
    encryptor = Cipher(algorithms.AES(raw), modes.CBC(raw[:16])).encryptor()
    return base64.b64encode(encryptor.update(full + bytes([fill] * fill)) + encryptor.finalize()).decode()


def decrypt(key: str, sealed: str, receiver: str) -> str:
    raw = base64.b64decode(key + "=")
    decryptor = Cipher(algorithms.AES(raw), modes.CBC(raw[:16])).decryptor()
    full = decryptor.update(base64.b64decode(sealed)) + decryptor.finalize()
    full = full[: -full[-1]]
    length = int.from_bytes(full[16:20], "big")
    if full[20 + length :] != receiver.encode():
        raise ValueError("it is encrypted for another account")
    return full[20 : 20 + length].decode()


def error(code: int, message: str) -> web.Response:
    return web.json_response({"errcode": code, "errmsg": message})
