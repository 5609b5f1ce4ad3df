"""F26: an action server that is down, slow, wrong or hostile. A turn never waits longer than it may for one."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from fakes import action_server as fake
from fakes.action_server import FakeActionServer, Manners, action_server

from bot.actions import ActionFailed, ActionRejected, ActionResult
from bot.actions.circuit import Circuit
from bot.actions.remote import RemoteActions, checked_url
from configs import SettingsError

NOW = 1_700_000_000.0
PATIENCE_S = 10
WORDS = "a secret word"
TRACKER = {"sender_id": "c1", "slots": {}, "events": [{"event": "user", "text": WORDS}]}
DOMAIN = {"responses": {"utter_hi": [{"text": "Hi"}]}}
CITY = {"event": "slot", "timestamp": NOW, "name": "city", "value": "Leeds"}

Make = Callable[..., RemoteActions]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Clients of an address, closed at the end: `make(url, timeout_s=1)`."""
    made: list[RemoteActions] = []

    def client(url: str, **changed: Any) -> RemoteActions:
        made.append(RemoteActions(url, **{"timeout_s": PATIENCE_S, "now": lambda: NOW, **changed}))
        return made[-1]

    yield client
    for actions in made:
        await actions.close()


async def run(actions: RemoteActions) -> ActionResult:
    return await actions.run("action_a", TRACKER, DOMAIN)


async def reason(actions: RemoteActions) -> str:
    with pytest.raises(ActionFailed) as caught:
        await run(actions)
    assert WORDS not in str(caught.value)
    return caught.value.reason


async def test_a_good_answer_is_taken_and_the_call_says_what_rasa_sdk_wants(make: Make) -> None:
    async with action_server(fake.good) as server:
        result = await run(make(server.url))

    assert result == ActionResult(events=(CITY,))
    (call,) = server.calls
    assert {name: call[name] for name in ("next_action", "sender_id", "tracker", "domain")} == {
        "next_action": "action_a",
        "sender_id": "c1",
        "tracker": TRACKER,
        "domain": DOMAIN,
    }
    assert set(call) == {"next_action", "sender_id", "tracker", "domain", "domain_digest", "version"}


FAULTS: dict[str, tuple[Manners, str]] = {
    "500": (fake.status(500, {"error": WORDS, "request_body": {}}), "crashed on"),
    "502": (fake.status(502, WORDS), "answered 502"),
    "404": (fake.status(404, {"error": WORDS, "action_name": "action_a"}), "no action of this name"),
    "400 without a name": (fake.status(400, {"error": "Invalid body request"}), "answered 400"),
    "400 with garbage": (fake.status(400, [WORDS]), "answered 400"),
    "204": (fake.status(204), "answered 204"),
    "not json": (fake.text(f"<html>{WORDS}".encode()), "with what is not JSON"),
    "not utf-8": (fake.text(b'{"events": "\xff"}'), "with what is not JSON"),
    "nothing": (fake.text(b""), "with what is not JSON"),
    "nan": (fake.text(b'{"events": [{"event": "slot", "name": "a", "value": NaN}]}'), "with what is not JSON"),
    "deep": (fake.text(b"[" * 100_000), "with what is not JSON"),
    "another shape": (fake.text(b"[]"), "answered a list, not an object"),
    "an unknown event": (fake.text(b'{"events": [{"event": "jump"}]}'), "'jump', which is no event"),
    "a text with half a pair": (fake.text(b'{"responses": [{"text": "\\ud800"}]}'), "half of a surrogate pair"),
    "100 MB": (fake.floods, "answered more than 1,000,000 bytes"),
    "a bomb": (fake.text(gzip.compress(b" " * 50_000_000), **{"Content-Encoding": "gzip"}), "compressed"),
    "a longer length": (fake.says_too_much_length(), "did not answer: ClientPayloadError"),
    "a shorter length": (fake.says_too_little_length(), "http://127.0.0.1"),
    "no http": (fake.raw("SSH-2.0-OpenSSH_9.2", b""), "did not answer"),
    "hangs up": (fake.raw("", b""), "did not answer"),
    "449 for ever": (fake.status(449, {"error": "no domain", "action_name": "action_a"}), "again and again"),
}


@pytest.mark.parametrize(("manners", "said"), FAULTS.values(), ids=FAULTS)
async def test_a_fault_is_an_action_that_failed_with_its_reason(make: Make, manners: Manners, said: str) -> None:
    async with action_server(manners) as server:
        assert said in await reason(make(server.url))


@pytest.mark.parametrize("manners", [fake.hangs, fake.drips])
async def test_no_answer_is_waited_for_longer_than_the_limit(make: Make, manners: Manners) -> None:
    async with action_server(manners) as server:
        began = time.monotonic()
        assert "did not answer within 0.2 s" in await reason(make(server.url, timeout_s=0.2))
        assert time.monotonic() - began < 2


async def test_the_limit_holds_for_both_askings_together(make: Make) -> None:
    async with action_server(fake.in_turn(fake.status(449), fake.hangs)) as server:
        assert "did not answer within 0.3 s" in await reason(make(server.url, timeout_s=0.3))
        assert len(server.calls) == 2


async def test_of_100_mb_little_is_read(make: Make) -> None:
    fake.SENT_BYTES.clear()
    async with action_server(fake.floods) as server:
        await reason(make(server.url))
    (sent_bytes,) = fake.SENT_BYTES
    assert sent_bytes < 20_000_000


async def test_a_server_that_is_down_is_said_to_be(make: Make) -> None:
    url = fake.unreachable_url()
    assert await reason(make(url)) == f"{url.removesuffix('/webhook')} cannot be reached: ConnectionRefusedError"


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(make: Make, code: int) -> None:
    async with action_server(fake.good) as other:
        async with action_server(fake.status(code, None, Location=other.url)) as server:
            assert f"answered {code}; redirects are not followed" in await reason(make(server.url))
        assert other.calls == []


async def test_an_action_that_declines_is_no_fault(make: Make) -> None:
    async with action_server(fake.status(400, {"error": WORDS, "action_name": "action_a"})) as server:
        with pytest.raises(ActionRejected):
            await run(make(server.url))


async def test_no_cookie_and_no_proxy_is_taken(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", fake.unreachable_url())
    cookies: list[str | None] = []

    async def sets_a_cookie(request: web.Request) -> web.StreamResponse:
        cookies.append(request.headers.get("Cookie"))
        return web.json_response(fake.GOOD, headers={"Set-Cookie": "a=b"})

    async with action_server(sets_a_cookie) as server:
        actions = make(server.url)
        for _ in range(2):
            await run(actions)
    assert cookies == [None, None]


class TestDomain:
    """rasa_sdk's servers keep a domain by its digest and answer 449 where they do not have it."""

    def keeps(self) -> tuple[Manners, list[str]]:
        """A server that keeps one domain, and may be made to forget it by emptying the list."""
        kept: list[str] = []

        async def answer(request: web.Request) -> web.StreamResponse:
            call = await request.json()
            if call.get("domain"):
                kept[:] = [call["domain_digest"]]
            elif kept != [call["domain_digest"]]:
                return web.json_response({"error": "no domain"}, status=449)
            return web.json_response(fake.GOOD)

        return answer, kept

    async def test_it_goes_along_each_time_for_servers_that_keep_none(self, make: Make) -> None:
        async with action_server(fake.good) as server:
            actions = make(server.url)
            for _ in range(3):
                await run(actions)
        assert ["domain" in call for call in server.calls] == [True, True, True]

    async def test_it_may_be_spared_until_it_is_asked_for(self, make: Make) -> None:
        manners, kept = self.keeps()
        async with action_server(manners) as server:
            actions = make(server.url, spare_domain=True)
            for _ in range(3):
                assert await run(actions) == ActionResult(events=(CITY,))
            kept.clear()
            assert await run(actions) == ActionResult(events=(CITY,))
        assert ["domain" in call for call in server.calls] == [True, False, False, False, True]
        assert len({call["domain_digest"] for call in server.calls}) == 1

    async def test_another_domain_is_sent_again(self, make: Make) -> None:
        manners, _ = self.keeps()
        async with action_server(manners) as server:
            actions = make(server.url, spare_domain=True)
            await run(actions)
            await actions.run("action_a", TRACKER, {"responses": {}})
        assert [call.get("domain") for call in server.calls] == [DOMAIN, {"responses": {}}]

    async def test_who_asks_for_it_for_ever_is_asked_twice(self, make: Make) -> None:
        async with action_server(fake.status(449)) as server:
            await reason(make(server.url))
        assert len(server.calls) == 2


class TestCircuit:
    @pytest.fixture
    def clock(self) -> list[float]:
        return [100.0]

    def client(self, make: Make, server: FakeActionServer, clock: list[float], **changed: Any) -> RemoteActions:
        circuit = Circuit(max_failures=3, pause_s=10.0)
        return make(server.url, circuit=circuit, clock=lambda: clock[0], **changed)

    @pytest.mark.parametrize("manners", [fake.status(503), fake.text(b"?"), fake.hangs, fake.raw("", b"")])
    async def test_after_failures_in_a_row_the_server_is_left_alone_and_then_tried(
        self, make: Make, clock: list[float], manners: Manners
    ) -> None:
        async with action_server(manners) as server:
            actions = self.client(make, server, clock, timeout_s=0.3)
            for _ in range(3):
                assert "not asked" not in await reason(actions)
            assert "not asked: " in await reason(actions)
            assert len(server.calls) == 3

            clock[0] += 10
            assert "not asked" not in await reason(actions)
            assert "not asked" in await reason(actions)
            assert len(server.calls) == 4

            clock[0] += 10
            server.manners = fake.good
            for _ in range(2):
                assert await run(actions) == ActionResult(events=(CITY,))

    @pytest.mark.parametrize("code", [400, 404, 500])
    async def test_what_is_one_actions_fault_leaves_it_closed(self, make: Make, clock: list[float], code: int) -> None:
        async with action_server(fake.status(code, {"error": "", "action_name": "action_a"})) as server:
            actions = self.client(make, server, clock)
            for _ in range(5):
                with pytest.raises((ActionFailed, ActionRejected)):
                    await run(actions)
            assert len(server.calls) == 5

    async def test_while_one_tries_the_others_do_not_wait(self, make: Make, clock: list[float]) -> None:
        async with action_server(fake.status(503)) as server:
            actions = self.client(make, server, clock)
            for _ in range(3):
                await reason(actions)
            clock[0] += 10
            server.manners = fake.hangs
            trying = asyncio.create_task(run(actions))
            while len(server.calls) < 4:  # noqa: ASYNC110 - the server is another's
                await asyncio.sleep(0)

            assert "not asked" in await reason(actions)

            trying.cancel()
            with pytest.raises(asyncio.CancelledError):
                await trying
            server.manners = fake.good
            assert await run(actions) == ActionResult(events=(CITY,))


@pytest.mark.parametrize(
    "url",
    ["", "localhost:5055", "ftp://localhost/", "file:///etc/passwd", "http://", "http://[::1", "http://a..b/", "//x"],
)
def test_what_is_no_address_is_refused_with_one_that_is(url: str) -> None:
    with pytest.raises(SettingsError, match="http://localhost:5055/webhook"):
        checked_url(url)


def test_an_error_shows_no_password(make: Make) -> None:
    with pytest.raises(SettingsError) as caught:
        checked_url("ftp://ada:hunter2@host/?token=hunter2")
    assert "hunter2" not in str(caught.value)


async def test_a_reason_shows_no_password(make: Make) -> None:
    url = fake.unreachable_url().replace("//", "//ada:hunter2@") + "?token=hunter2"
    assert "hunter2" not in await reason(make(url))


async def test_many_calls_share_few_connections(make: Make) -> None:
    peers: set[object] = set()

    async def notes(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.json_response(fake.GOOD)

    async with action_server(notes) as server:
        actions = make(server.url)
        results = await asyncio.gather(*(run(actions) for _ in range(200)))
    assert results == [ActionResult(events=(CITY,))] * 200
    assert 1 <= len(peers) <= 32


def test_the_fakes_answer_is_what_the_tests_compare_with() -> None:
    assert json.loads(json.dumps(fake.GOOD))["events"] == [{**CITY, "timestamp": None}]
