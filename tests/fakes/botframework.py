"""A fake of the Azure Bot Service: its signed activities, its keys, its login, and the Bot Connector's API.

Shapes as in https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication.
"""

import base64
import hashlib
import hmac
import html
import json
import time
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fakes.vendor import Fault, Request, Sent, Vendor, hang_up

APP, TENANT, ISSUER = "0d1f6a52-7f0c-4b6e-9a0e-5d3a3f4e8c11", "shop.example", "https://api.botframework.com"
PASSWORD, BOT, PATH = "app~password", f"28:{APP}", "/webhooks/botframework/webhook"
PACE = ((1.0, 7), (30.0, 60), (3_600.0, 1_800))  # seconds, and the sends to one conversation in them
MAX_BYTES = 100 * 1_024


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """A key pair; the same for a name."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


class FakeBotFramework(Vendor):
    """The service, with one bot in Teams.

    Attributes:
        now: Unix time, for tokens.
        clock: Seconds that only grow, for the pace.
        keys: The names of the keys that are published, which are their ids too.
        endorsements: What the keys may sign for.
        fetches: How often the keys were fetched.
        logins: How often the bot has logged in.
        is_up: Whether the keys can be fetched.
        logs_in: Whether the login answers; else it hangs up.
        tokens: Those that the connector takes.
        typing: Conversations in which the bot was seen writing.
    """

    channel = "botframework"
    accept_limit_s = 15.0

    def __init__(self) -> None:
        super().__init__()
        self.now: Callable[[], float] = time.time
        self.clock: Callable[[], float] = time.monotonic
        self.keys = ["first"]
        self.endorsements = ["msteams", "webchat", "directline"]
        self.fetches, self.logins, self.is_up, self.logs_in = 0, 0, True, True
        self.tokens: set[str] = set()
        self.typing: list[str] = []
        self._people: dict[str, str] = {}
        self._sends: dict[str, list[float]] = defaultdict(list)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/v1/.well-known/openidconfiguration", self._metadata)
        app.router.add_get("/v1/.well-known/keys", self._keys)
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self._login)
        app.router.add_post("/teams/v3/conversations/{conversation}/activities/{activity}", self._reply)
        return app

    @property
    def service_url(self) -> str:
        return f"{self.url}/teams/"

    def credentials(self) -> dict[str, Any]:
        return {
            "app_id": APP,
            "app_password": PASSWORD,
            "tenant_id": TENANT,
            "openid_url": f"{self.url}/v1/.well-known/openidconfiguration",
            "login_url": self.url,
            "service_urls": [self.url],
        }

    def conversation_of(self, user: str) -> str:
        return f"botframework:msteams:a:1{user}"

    # What it brings

    def activity(self, *, user: str, text: str, id: str, **more: Any) -> dict[str, Any]:  # noqa: A002
        """A message in a personal chat of Teams; a value of `more` that is None leaves the field out."""
        self._people[f"a:1{user}"] = user
        found = {
            "text": text,
            "textFormat": "plain",
            "attachments": [{"contentType": "text/html", "content": f"<p>{text}</p>"}],
            "type": "message",
            "timestamp": "2026-11-25T12:00:00.0000000Z",
            "localTimestamp": "2026-11-25T13:00:00.0000000+01:00",
            "id": id,
            "channelId": "msteams",
            "serviceUrl": self.service_url,
            "from": {"id": f"29:{user}", "name": user.title(), "aadObjectId": "00000000-0000-0000-0000-000000000001"},
            "conversation": {"conversationType": "personal", "tenantId": "t-1", "id": f"a:1{user}"},
            "recipient": {"id": BOT, "name": "Shop"},
            "entities": [{"locale": "en-GB", "country": "GB", "platform": "Web", "type": "clientInfo"}],
            "channelData": {"tenant": {"id": "t-1"}},
            "locale": "en-GB",
        } | more
        return {key: value for key, value in found.items() if value is not None}

    def message(self, *, user: str, text: str, id: str, **more: Any) -> Request:  # noqa: A002
        return self.posted(self.activity(user=user, text=text, id=id, **more))

    def button(self, *, user: str, payload: str, id: str) -> Request:  # noqa: A002
        return self.message(user=user, text=payload, id=id, value={"payload": payload}, replyToId="1:shown")

    def posted(self, activity: Any, token: str | None = None) -> Request:
        """`activity` under a genuine token, or under `token`."""
        headers = {"Content-Type": "application/json; charset=utf-8"}
        headers["Authorization"] = f"Bearer {self.token() if token is None else token}"
        return Request(path=PATH, headers=headers, body=json.dumps(activity).encode())

    def token(self, key: str = "first", kid: str | None = None, alg: str = "RS256", **claims: Any) -> str:
        """A token; a claim that is None is left out."""
        found = self.claims() | claims
        signed = {name: value for name, value in found.items() if value is not None}
        return jwt.encode(signed, rsa_key(key), algorithm=alg, headers={"kid": kid or key, "x5t": kid or key})

    def claims(self) -> dict[str, Any]:
        at = int(self.now())
        return {"serviceurl": self.service_url, "nbf": at, "exp": at + 3_600, "iss": ISSUER, "aud": APP}

    def bringing(self, body: bytes) -> Request:
        headers = {"Content-Type": "application/json; charset=utf-8", "Authorization": f"Bearer {self.token()}"}
        return Request(path=PATH, headers=headers, body=body)

    def forgeries(self) -> dict[str, Request]:
        activity = self.activity(user="mallory", text="hello", id="forged")
        elsewhere = "http://169.254.169.254/"
        at = int(self.now())
        tokens = {
            "a token that is none": "x.y.z",
            "an empty token": "",
            "a token cut short": self.token()[:-4],
            "no algorithm": unsigned(self.claims(), "none"),
            "no algorithm, in capitals": unsigned(self.claims(), "NONE"),
            "the public key as a secret": signed_with_the_public_key(self.claims()),
            "another algorithm": self.token(alg="RS512"),
            "another key under a known id": self.token("another", kid="first"),
            "a key that is not published": self.token("another"),
            "an expired one": self.token(nbf=at - 7_200, exp=at - 301),
            "one of the future": self.token(nbf=at + 302),
            "another bot's": self.token(aud="another"),
            "another issuer's": self.token(iss="https://sts.windows.net/t-1/"),
            "one without an end": self.token(exp=None),
            "an end of another kind": self.token(exp=1e308),
            "one without a server": self.token(serviceurl=None),
            "another server's": self.token(serviceurl="https://smba.trafficmanager.net/emea/"),
            "a nested header": base64.urlsafe_b64encode(b"[" * 3_000).decode().rstrip("=") + ".e30.x",
        }
        found = {what: self.posted(activity, token) for what, token in tokens.items()}
        found["no header"] = Request(path=PATH, headers={"Content-Type": "application/json"}, body=b"{}")
        found["another kind of header"] = Request(
            path=PATH,
            headers={"Content-Type": "application/json", "Authorization": f"Basic {self.token()}"},
            body=json.dumps(activity).encode(),
        )
        found["another server in the activity"] = self.posted(activity | {"serviceUrl": elsewhere})
        found["a channel that the key may not sign for"] = self.posted(activity | {"channelId": "emulator"})
        return found

    # What it answers

    async def _metadata(self, _: web.Request) -> web.Response:
        if not self.is_up:
            return web.Response(status=503)
        return web.json_response(
            {
                "issuer": ISSUER,
                "authorization_endpoint": "https://invalid.botframework.com",
                "jwks_uri": f"{self.url}/v1/.well-known/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            }
        )

    async def _keys(self, _: web.Request) -> web.Response:
        self.fetches += 1
        return web.json_response({"keys": [self._published(name) for name in self.keys]})

    def _published(self, name: str) -> dict[str, Any]:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key(name).public_key(), as_dict=True)
        own = {"kty": "RSA", "use": "sig", "kid": name, "x5t": name, "endorsements": self.endorsements}
        return {"n": public["n"], "e": public["e"], "x5c": ["MIIC" + "A" * 1_500]} | own

    async def _login(self, request: web.Request) -> web.Response:
        form = dict(await request.post())
        if not self.logs_in:
            return await hang_up(request)
        wanted = {
            "grant_type": "client_credentials",
            "client_id": APP,
            "client_secret": PASSWORD,
            "scope": "https://api.botframework.com/.default",
        }
        if form != wanted or request.match_info["tenant"] != TENANT:
            self.refused.append("invalid_client")
            return web.json_response({"error": "invalid_client", "error_description": "AADSTS7000215"}, status=401)
        self.logins += 1
        token = f"token-{self.logins}"
        self.tokens.add(token)
        return web.json_response(
            {"token_type": "Bearer", "expires_in": 3_599, "ext_expires_in": 3_599, "access_token": token}
        )

    async def _reply(self, request: web.Request) -> web.Response:
        body = await request.read()
        activity = json.loads(body)
        is_typing = activity.get("type") == "typing"
        fault = None if is_typing else self.failed()
        if fault is Fault.TOO_MANY:
            return self._too_many()
        if fault is Fault.SERVER_ERROR:
            return problem(502, "BadGateway")
        if fault is Fault.HANG_UP:
            return await hang_up(request)
        answer = self._taken(request, activity, len(body))
        return await hang_up(request) if fault is Fault.LOST_ANSWER else answer

    def _taken(self, request: web.Request, activity: dict[str, Any], length: int) -> web.Response:
        conversation = request.match_info["conversation"]
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return problem(401, "AuthorizationError")
        refusal = self._refusal(conversation, activity, length)
        if refusal is not None:
            self.refused.append(refusal[1])
            return problem(*refusal)
        if self.paced and not self._has_room(conversation):
            return self._too_many()
        if activity["type"] == "typing":
            self.typing.append(conversation)
        else:
            self.sent.append(Sent(user=self._people[conversation], text=shown(activity), raw=activity))
        return web.json_response({"id": f"1:{len(self.sent)}"}, status=201)

    def _refusal(self, conversation: str, activity: dict[str, Any], length: int) -> tuple[int, str] | None:
        if conversation not in self._people:
            return 404, "ConversationNotFound"
        if length > MAX_BYTES:
            return 413, "MessageSizeTooBig"
        if activity["from"]["id"] != BOT or activity["conversation"]["id"] != conversation:
            return 400, "BadSyntax"
        is_empty = activity["type"] == "message" and not (activity.get("text") or activity.get("attachments"))
        return (400, "BadArgument") if is_empty or not all(map(is_right, activity.get("attachments", []))) else None

    def _has_room(self, conversation: str) -> bool:
        now, sends = self.clock(), self._sends[conversation]
        if any(sum(now - at < seconds for at in sends) >= most for seconds, most in PACE):
            return False
        sends.append(now)
        return True

    def _too_many(self) -> web.Response:
        return problem(429, "TooManyRequests", **{"Retry-After": str(self.retry_after_s)})


def shown(activity: dict[str, Any]) -> str:
    """What a customer reads."""
    addresses = (one["contentUrl"] for one in activity.get("attachments", []) if "contentUrl" in one)
    return html.unescape(str(activity.get("text") or next(addresses, "")).replace("  \n", "\n"))


def is_right(attachment: dict[str, Any]) -> bool:
    match attachment:
        case {"contentType": "application/vnd.microsoft.card.hero", "content": {"buttons": list(buttons)}}:
            return 1 <= len(buttons) <= 6 and all(button["title"] and button["type"] for button in buttons)
        case {"contentType": str(), "contentUrl": str()}:
            return True
    return "content" in attachment


def problem(status: int, code: str, **headers: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": code}}, status=status, headers=headers)


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def unsigned(claims: dict[str, Any], algorithm: str) -> str:
    return f"{encoded({'alg': algorithm, 'typ': 'JWT', 'kid': 'first'})}.{encoded(claims)}."


def signed_with_the_public_key(claims: dict[str, Any]) -> str:
    """HS256 with what everybody knows as the secret."""
    pem = rsa_key("first").public_key()
    secret = pem.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    basis = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': 'first'})}.{encoded(claims)}"
    digest = hmac.new(secret, basis.encode(), hashlib.sha256).digest()
    return f"{basis}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
