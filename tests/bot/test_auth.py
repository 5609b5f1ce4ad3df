"""Who may call the HTTP API: the token, signed tokens of Rasa's kind, and this machine where there is no secret."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pydantic import SecretStr

from bot.api.auth import Access, guarded, is_loopback
from bot.middlewares import errors_as_json
from configs import Settings, SettingsError
from configs.settings import JwtMethod

TOKEN = "a token of 24 characters"  # noqa: S105
SECRET = "a secret that is long enough for SHA-256"  # noqa: S105
BOTH = {"api_token": SecretStr(TOKEN), "jwt_secret": SecretStr(SECRET)}
ANY, OWN = "/status", "/conversations/ann/tracker"

Connect = Callable[..., Awaitable[TestClient]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """A client of an app whose two routes are guarded as the real ones are."""
    clients: list[TestClient] = []

    async def answer(_: web.Request) -> web.Response:
        return web.json_response("in")

    async def start(**settings: Any) -> TestClient:
        access = Access(Settings(**settings))
        app = web.Application(middlewares=[errors_as_json])
        app.add_routes(guarded([web.get(ANY, answer)], access.admin))
        app.add_routes(guarded([web.get("/conversations/{id:.+}/tracker", answer)], access.own_conversation))
        client = TestClient(TestServer(app))
        await client.start_server()
        clients.append(client)
        return client

    yield start
    for client in clients:
        await client.close()


def claims(role: str = "admin", username: Any = "ann", **other: Any) -> dict[str, Any]:
    return {"user": {"username": username, "role": role}, "exp": time.time() + 60, **other}


def signed(payload: dict[str, Any], key: Any = SECRET, algorithm: str = "HS256", **headers: Any) -> str:
    return jwt.encode(payload, key, algorithm=algorithm, headers=headers or None)


async def asked(client: TestClient, path: str, bearer: str | None = None, **headers: str) -> int:
    given = headers if bearer is None else {"Authorization": f"Bearer {bearer}", **headers}
    response = await client.get(path, headers=given)
    body = await response.json()
    if response.status == 401:
        assert response.headers["WWW-Authenticate"] == "Bearer"
    if response.status != 200:
        assert body["status"] == "failure"
        assert body["code"] == response.status
        assert body["reason"] == {401: "NotAuthenticated", 403: "NotAuthorized"}[response.status]
    return response.status


async def test_the_token_opens_everything_in_the_query_or_as_bearer(connect: Connect) -> None:
    client = await connect(api_token=SecretStr(TOKEN))

    for path in (ANY, OWN):
        assert await asked(client, path, TOKEN) == 200
        assert (await client.get(path, params={"token": TOKEN})).status == 200


@pytest.mark.parametrize("given", [None, "", "x", TOKEN[:-1], f"{TOKEN} x", TOKEN.upper(), f"{TOKEN}é"])
async def test_any_other_token_opens_nothing(connect: Connect, given: str | None) -> None:
    client = await connect(**BOTH)

    assert await asked(client, ANY, given) == 401
    query = {} if given is None else {"token": given}
    assert (await client.get(ANY, params=query)).status == 401


async def test_the_scheme_must_be_bearer_and_the_header_must_stand_once(connect: Connect) -> None:
    client = await connect(**BOTH)

    assert (await client.get(ANY, headers={"Authorization": f"Basic {TOKEN}"})).status == 401
    assert (await client.get(ANY, headers={"Authorization": TOKEN})).status == 401
    twice = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", f"Bearer {TOKEN}")]
    assert (await client.get(ANY, headers=twice)).status == 401
    assert (await client.get(ANY, headers={"Authorization": f"bearer  {TOKEN} "})).status == 200


async def test_an_admin_may_do_everything_and_a_user_touches_only_the_conversation_of_that_name(
    connect: Connect,
) -> None:
    client = await connect(**BOTH)
    admin, user = signed(claims()), signed(claims(role="user"))

    assert [await asked(client, path, admin) for path in (ANY, OWN, "/conversations/bob/tracker")] == [200] * 3
    assert [await asked(client, path, user) for path in (ANY, OWN, "/conversations/bob/tracker")] == [403, 200, 403]
    others = ("/conversations/ann%20/tracker", "/conversations/ann/x/tracker", "/conversations/Ann/tracker")
    assert [await asked(client, path, user) for path in others] == [403] * 3


def forged() -> dict[str, str]:
    """Tokens that must not be taken, by what is wrong with them."""
    now = time.time()
    none = jwt.encode(claims(), "", algorithm="none")
    head, body, _ = none.split(".")
    good = signed(claims())
    return {
        "unsigned": none,
        "signed with nothing": f"{head}.{body}.",
        "of another key": signed(claims(), "another secret that is long enough too"),
        "of another method": signed(claims(), SECRET * 2, "HS512"),
        "expired": signed(claims() | {"exp": now - 5}),
        "not valid yet": signed(claims(nbf=now + 60)),
        "made in the future": signed(claims(iat=now + 600)),
        "without an end": signed({"user": claims()["user"]}),
        "with an end that is a text": signed(claims() | {"exp": str(int(now + 60))}),
        "with an end that never comes": signed(claims() | {"exp": 1e308}),
        "with an end that is no number": signed(claims() | {"exp": True}),
        "for somebody else": signed(claims(aud="another")),
        "of another role": signed(claims(role="root")),
        "of no role": signed({"user": {"username": "ann"}, "exp": now + 60}),
        "of nobody": signed({"exp": now + 60}),
        "of a list of users": signed({"user": [claims()["user"]], "exp": now + 60}),
        "of a user without a name": signed(claims(role="user", username=None)),
        "cut off": good[:-2],
        "altered": good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB"),
        "of four parts": f"{good}.{good}",
        "of five parts": ".".join([good, good.split(".")[0], good.split(".")[1]]),
        "far too long": signed(claims(padding="x" * 4_000)),
        "with a critical header nobody knows": signed(claims(), crit=["b64x"], b64x=True),
        "no token": "....",
    }


@pytest.mark.parametrize("wrong", forged())
async def test_a_forged_or_stale_token_opens_nothing(connect: Connect, wrong: str) -> None:
    client = await connect(jwt_secret=SecretStr(SECRET))

    assert await asked(client, OWN, forged()[wrong]) == 401


@pytest.mark.parametrize("name", ["none", "None", "nOnE", "NONE"])
async def test_a_token_cannot_say_that_it_needs_no_signature(connect: Connect, name: str) -> None:
    client = await connect(jwt_secret=SecretStr(SECRET))
    good = signed(claims())
    head = jwt.utils.base64url_encode(f'{{"alg":"{name}","typ":"JWT"}}'.encode()).decode()

    for signature in ("", good.split(".")[2]):
        assert await asked(client, ANY, f"{head}.{good.split('.')[1]}.{signature}") == 401


async def test_a_token_without_an_end_is_taken_where_the_owner_says_so(connect: Connect) -> None:
    client = await connect(jwt_secret=SecretStr(SECRET), jwt_require_exp=False)

    assert await asked(client, ANY, signed({"user": claims()["user"]})) == 200
    assert await asked(client, ANY, signed(claims() | {"exp": time.time() - 5})) == 401


async def test_an_audience_must_be_the_owners(connect: Connect) -> None:
    client = await connect(jwt_secret=SecretStr(SECRET), jwt_audience="kefu")

    assert [await asked(client, ANY, signed(claims(**aud))) for aud in ({"aud": "kefu"}, {"aud": "x"}, {})] == [
        200,
        401,
        401,
    ]


def key_pair() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


async def test_a_public_key_checks_tokens_but_cannot_be_taken_for_a_secret(connect: Connect) -> None:
    private, public = key_pair()
    client = await connect(jwt_secret=SecretStr(public), jwt_method=JwtMethod.RS256)
    payload = jwt.utils.base64url_encode(
        b'{"user":{"username":"ann","role":"admin"},"exp":%d}' % (time.time() + 60)
    ).decode()
    head = jwt.utils.base64url_encode(b'{"alg":"HS256","typ":"JWT"}').decode()
    signature = jwt.utils.base64url_encode(
        jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
            f"{head}.{payload}".encode(), public.encode()
        )
    ).decode()

    assert await asked(client, ANY, signed(claims(), private, "RS256")) == 200
    assert await asked(client, ANY, signed(claims(), key_pair()[0], "RS256")) == 401
    assert await asked(client, ANY, f"{head}.{payload}.{signature}") == 401


@pytest.mark.parametrize(
    ("method", "secret"),
    [
        (JwtMethod.RS256, SECRET),
        (JwtMethod.ES256, SECRET),
        (JwtMethod.HS512, SECRET),
        (JwtMethod.HS256, key_pair()[1]),
    ],
)
def test_a_secret_that_is_no_key_for_the_method_stops_the_start(method: JwtMethod, secret: str) -> None:
    with pytest.raises(SettingsError, match="KEFU_JWT_SECRET is") as error:
        Access(Settings(jwt_secret=SecretStr(secret), jwt_method=method))
    assert secret not in str(error.value)


async def test_without_a_secret_this_machine_may_do_everything(connect: Connect) -> None:
    client = await connect()

    assert await asked(client, ANY) == 200
    assert await asked(client, OWN) == 200
    for host in ("localhost:5005", "127.0.0.1", "[::1]:5005"):
        assert await asked(client, ANY, Host=host) == 200
    assert await asked(client, ANY, Origin="http://localhost:5005", Host="localhost:5005") == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "kefu.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "192.168.0.1:5005"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 proxy"},
    ],
)
async def test_without_a_secret_pages_and_proxies_get_nothing(connect: Connect, headers: dict[str, str]) -> None:
    client = await connect()

    assert await asked(client, ANY, **headers) == 403


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "kefu.example", ""])  # noqa: S104 - nothing is bound
def test_the_api_does_not_start_open_to_other_machines(host: str) -> None:
    with pytest.raises(SettingsError, match="KEFU_API_TOKEN to what `openssl rand -hex 24` prints"):
        Access(Settings(host=host))
    Access(Settings(host=host, api_token=SecretStr(TOKEN)))
    Access(Settings(host=host, jwt_secret=SecretStr(SECRET)))
    Access(Settings(host=host, enable_api=False))


async def test_what_listens_to_other_machines_without_a_secret_lets_nobody_in(connect: Connect) -> None:
    client = await connect(host="0.0.0.0", enable_api=False)  # noqa: S104 - nothing is bound

    assert await asked(client, ANY, Host="127.0.0.1") == 401
    assert await asked(client, ANY, TOKEN, Host="127.0.0.1") == 401


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("LOCALHOST", True)]
    + [(host, False) for host in ("0.0.0.0", "0x7f.1", "localhost.evil.example", "::ffff:127.0.0.1", "10.0.0.1", "")],  # noqa: S104
)
def test_only_this_machine_is_loopback(host: str, *, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_is_admin_token_tells_admins_from_others() -> None:
    access = Access(Settings(**BOTH))

    assert access.is_admin_token(TOKEN)
    assert access.is_admin_token(signed(claims()))
    assert not access.is_admin_token(signed(claims(role="user")))
    assert not access.is_admin_token("")
