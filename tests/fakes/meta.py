"""What the fakes of Meta's products share: the signature, the handshake, forged requests and errors in Graph's form."""

import hmac
import json
import time
import zlib
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from fakes.vendor import Fault, Request, Vendor, hang_up

SECRET = "app-secret-of-the-test"  # noqa: S105
VERIFY = "a-word-of-our-own"
TOKEN = "EAAtesttoken"  # noqa: S105
VERSION = "v25.0"
MAX_KEPT_CHARS = 120


class MetaVendor(Vendor):
    """A product of Meta that brings messages by webhook and takes them by the Graph API."""

    accept_limit_s = 5.0

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.now = now
        self.written_at: dict[str, float] = {}
        self._users: dict[str, str] = {}

    @property
    def api_url(self) -> str:
        return f"{self.url}/{VERSION}"

    @property
    def webhook(self) -> str:
        return f"/webhooks/{self.channel}/webhook"

    def id_of(self, user: str) -> str:
        """The number under which Meta knows a customer."""
        number = f"1555{zlib.crc32(user.encode()):010d}"
        self._users[number] = user
        return number

    def user_of(self, number: str) -> str | None:
        """The customer with this number."""
        return self._users.get(number)

    def signed(self, data: Any, *, secret: str = SECRET) -> Request:
        """What Meta brings, signed. Not ASCII alone: who signs what they wrote anew is found out."""
        body = data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False).encode()
        return self.with_signature(body, signature(secret, body))

    def with_signature(self, body: bytes, signature: str | None) -> Request:
        headers = {"Content-Type": "application/json", "User-Agent": "facebookexternalua"}
        return Request(
            path=self.webhook,
            headers=headers if signature is None else headers | {"X-Hub-Signature-256": signature},
            body=body,
        )

    def handshake(self, *, verify: str = VERIFY, challenge: str = "1158201444", mode: str = "subscribe") -> Request:
        query = {"hub.mode": mode, "hub.challenge": challenge, "hub.verify_token": verify}
        return Request(method="GET", path=f"{self.webhook}?{urlencode(query)}")

    def bringing(self, body: bytes) -> Request:
        return self.signed(body)

    def forgeries(self) -> dict[str, Request]:
        genuine = self.message(user="mallory", text="Crème brûlée 🍮", id="forged")
        body, right = genuine.body, genuine.headers["X-Hub-Signature-256"]
        given = {
            "no signature": None,
            "an empty signature": "",
            "only the algorithm": "sha256=",
            "no algorithm": right.removeprefix("sha256="),
            "another algorithm": right.replace("sha256", "sha1"),
            "a SHA-1 of the body": "sha1=" + hmac.new(SECRET.encode(), body, "sha1").hexdigest(),
            "another secret": signature("another secret", body),
            "the verify token as secret": signature(VERIFY, body),
            "a hash without secret": "sha256=" + sha256(body).hexdigest(),
            "the signature of another body": signature(SECRET, body + b" "),
            "the signature of the same, written anew": signature(SECRET, json.dumps(json.loads(body)).encode()),
            "capital letters": "sha256=" + right.removeprefix("sha256=").upper(),
            "a signature cut short": right[:-1],
            "a signature with more behind it": right + "0",
            "two signatures in one": f"{right}, {right}",
            "letters that are not ASCII": "sha256=" + "é" * 64,
        }
        forged = {name: self.with_signature(body, one) for name, one in given.items()}
        changed = self.with_signature(body.replace(b"br", b"bl"), right)
        unknown = self.handshake(verify="guessed")
        return forged | {"a changed body": changed, "a handshake with another word": unknown}

    def is_acknowledged(self, status: int, body: bytes) -> bool:
        del body
        return status == web.HTTPOk.status_code

    def opened(self, user: str) -> None:
        """Notes that the customer has written: for 24 hours they may be written to."""
        self.written_at[user] = self.now()

    def is_open(self, user: str) -> bool:
        return self.now() - self.written_at.get(user, float("-inf")) <= 24 * 3_600

    def refuse(self, status: int, code: int, why: str, **more: Any) -> web.Response:
        """An error that the bot could have avoided."""
        self.refused.append(f"{code}: {why}"[:MAX_KEPT_CHARS])
        return graph_error(status, code, why, **more)

    def authorised(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {TOKEN}"


def signature(secret: str, body: bytes) -> str:
    """The signature of a body, as Meta documents it."""
    return "sha256=" + hmac.new(secret.encode(), body, sha256).hexdigest()


def graph_error(status: int, code: int, message: str, **more: Any) -> web.Response:
    """An error in Graph's form."""
    error = {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code, "fbtrace_id": "Atest", **more}
    return web.json_response({"error": error}, status=status)


async def fail(request: web.Request, fault: Fault, answer: web.Response) -> web.Response:
    """What a fault looks like.

    Args:
        answer: What is said where the bot is too fast.
    """
    match fault:
        case Fault.TOO_MANY:
            return answer
        case Fault.SERVER_ERROR:
            return graph_error(500, 1, "An unknown error has occurred.")
    return await hang_up(request)
