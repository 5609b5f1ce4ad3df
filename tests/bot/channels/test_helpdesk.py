"""A help desk is told of everything between a customer and persons, signed, in order, and until it has taken it."""

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer, unused_port
from desk_world import RELEASE, DeskWorld, hasten
from example_file import example, is_shown
from fakes.helpdesk import FakeHelpDesk
from fakes.vendor import Fault
from pydantic import ValidationError
from standardwebhooks import Webhook, WebhookVerificationError
from stub_engine import words_of

from bot.channels.helpdesk.channel import event_body
from bot.channels.helpdesk.config import Config
from bot.channels.helpdesk.signature import signed_headers
from bot.stores.outbox import SendState

REQUESTED, MESSAGE, CLAIMED, RETURNED = "handoff.requested", "message.created", "handoff.claimed", "handoff.returned"


@pytest.fixture
async def desk() -> AsyncIterator[FakeHelpDesk]:
    desk = FakeHelpDesk()
    await desk.start()
    yield desk
    await desk.close()
    assert desk.refused == []


@pytest.fixture
async def world(
    desk: FakeHelpDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[DeskWorld]:
    hasten(monkeypatch)
    world = DeskWorld(tmp_path, {"helpdesk": desk.credentials() | getattr(request, "param", {})})
    await world.start()
    yield world
    await world.stop()


async def serve_one(world: DeskWorld, name: str = "ada") -> None:
    """A customer is called a person for, who comes, answers and goes."""
    await world.say(name, "hello")
    await world.post(f"/conversations/{name}/handoff", note="vip")
    await world.say(name, "hurry")
    await world.post(f"/conversations/{name}/handoff/claim", agent="Ann")
    await world.post(f"/conversations/{name}/handoff/reply", agent="Ann", text="Here I am.")
    await world.post(f"/conversations/{name}/handoff/return", agent="Ann")
    await world.settled(name)


SERVED = [REQUESTED, MESSAGE, CLAIMED, MESSAGE, RETURNED]


async def test_the_whole_way_of_a_hand_over_is_told(world: DeskWorld, desk: FakeHelpDesk) -> None:
    await serve_one(world)
    await world.say("ada", "and the bot again")
    await world.settled("ada")

    assert desk.types("ada") == SERVED
    requested, hurry, claimed, reply, returned = (one.event for one in desk.taken)
    assert requested["data"]["reason"] == "api"
    assert requested["data"]["note"] == "vip"
    assert requested["data"]["channel"] == "rest"
    assert [one["text"] for one in requested["data"]["transcript"]][:2] == [
        *("hello", f"You said hello.\n\n{words_of(RELEASE)}")
    ]
    assert requested["data"]["summary"]["turns"][0]["asked"] == "hello"
    assert (hurry["data"]["from"], hurry["data"]["text"]) == ("customer", "hurry")
    assert claimed["data"]["by"] == "Ann"
    assert (reply["data"]["from"], reply["data"]["by"], reply["data"]["text"]) == ("person", "Ann", "Here I am.")
    assert (returned["data"]["reason"], returned["data"]["by"]) == ("given_back", "Ann")
    times = [datetime.fromisoformat(one.event["timestamp"]) for one in desk.taken]
    assert times == sorted(times)


@pytest.mark.parametrize(
    "fault", [Fault.TOO_MANY, Fault.SERVER_ERROR, Fault.HANG_UP, Fault.LOST_ANSWER, 301, 400, 401, 404]
)
async def test_an_event_is_posted_under_one_id_until_it_is_taken_and_those_behind_it_wait(
    world: DeskWorld, desk: FakeHelpDesk, fault: Fault | int
) -> None:
    desk.faults.extend([fault, fault])
    await serve_one(world)

    first, second, third = desk.tries[:3]
    assert first.id == second.id == third.id
    assert first.body == second.body == third.body
    assert desk.types("ada") == SERVED
    assert len({one.id for one in desk.taken}) == len(SERVED)


async def test_one_conversation_does_not_hold_up_another(world: DeskWorld, desk: FakeHelpDesk) -> None:
    desk.faults.append(500)
    for name in ("ada", "bob", "cy"):
        await serve_one(world, name)

    for name in ("ada", "bob", "cy"):
        assert desk.types(name) == SERVED


async def test_what_was_not_taken_before_the_server_ended_is_posted_after_it_begins_again(
    world: DeskWorld, desk: FakeHelpDesk
) -> None:
    desk.faults.extend([500] * 1_000)
    await world.say("ada", "hello")
    await world.post("/conversations/ada/handoff")
    await world.until(lambda: bool(desk.tries))
    tried = desk.tries[0]
    await world.stop()
    assert desk.taken == []

    desk.faults.clear()
    await world.start()
    await world.settled("ada")

    assert [one.id for one in desk.taken] == [tried.id]
    assert desk.taken[0].body == tried.body


async def test_an_event_is_written_with_the_turn_whether_or_not_anybody_sends_it(
    world: DeskWorld, desk: FakeHelpDesk
) -> None:
    desk.faults.extend([500] * 1_000)
    await world.say("ada", "hello")
    await world.post("/conversations/ada/handoff")

    (part,) = [one for one in await world.parts("ada") if one.channel == "helpdesk"]
    assert part.state in (SendState.PENDING, SendState.SENDING)
    assert part.payload["notice"]["type"] == REQUESTED
    desk.faults.clear()


async def test_a_desk_that_is_gone_for_good_is_not_asked_again(world: DeskWorld, desk: FakeHelpDesk) -> None:
    desk.faults.append(410)
    await serve_one(world)

    assert desk.types("ada") == SERVED[1:]
    states = [one.state for one in await world.parts("ada") if one.channel == "helpdesk"]
    assert states == [SendState.FAILED, *[SendState.SENT] * 4]


@pytest.mark.parametrize("world", [{"events": [REQUESTED, RETURNED]}], indirect=True)
async def test_only_what_is_wanted_is_posted(world: DeskWorld, desk: FakeHelpDesk) -> None:
    await serve_one(world)
    assert desk.types("ada") == [REQUESTED, RETURNED]


async def test_the_channel_says_that_it_is_there_and_takes_nothing_in(world: DeskWorld) -> None:
    assert world.client is not None
    there = await world.client.get("/webhooks/helpdesk/")
    assert (there.status, await there.json()) == (200, {"status": "ok"})
    assert (await world.client.post("/webhooks/helpdesk/webhook", json={})).status == 404


# Signatures


def test_the_signature_is_the_one_that_the_standard_shows() -> None:
    """Key, id, time, body and signature of the example with which its reference implementations are tested."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_we_sign_is_believed_by_the_reference_implementation_with_each_key(now: int) -> None:
    secrets = ["whsec_" + base64.b64encode(bytes([number]) * 24).decode() for number in (1, 2)]
    body = event_body({"type": REQUESTED, "at": 1_700_000_000.25, "data": {"text": "übrig 你好 \u2028"}})
    keys = Config.model_validate({"url": "https://desk.example", "secret": secrets}).keys
    headers = signed_headers(keys, "msg_1", now, body)

    for secret in secrets:
        assert Webhook(secret).verify(body, headers)["timestamp"] == "2023-11-14T22:13:20.250000Z"
    for damaged in (body + b" ", body.replace(b"requested", b"returned")):
        with pytest.raises(WebhookVerificationError):
            Webhook(secrets[0]).verify(damaged, headers)
    stranger = "whsec_" + base64.b64encode(b"3" * 24).decode()
    with pytest.raises(WebhookVerificationError):
        Webhook(stranger).verify(body, headers)


@pytest.fixture
def now() -> int:
    """The reference implementation looks at the clock itself."""
    return int(datetime.now(UTC).timestamp())


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "secret", "whsec_c2hvcnQ=", "whsec_not base64", "whsec_" + "A" * 100, [], None, 5, ["whsec_"]],
)
def test_a_secret_that_is_none_of_the_standards_is_refused_and_not_repeated(secret: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        Config.model_validate({"url": "https://desk.example", "secret": secret})
    assert caught.value.errors()[0]["loc"] == ("secret",)


def test_an_event_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValidationError, match="events"):
        Config.model_validate({"url": "https://desk.example", "secret": FakeHelpDesk.secret, "events": ["hello"]})


# The example of the how-to


async def test_the_example_desk_serves_a_customer_from_call_to_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasten(monkeypatch)
    port = unused_port()
    desk = TestServer(example("help_desk").help_desk(f"http://127.0.0.1:{port}", "", FakeHelpDesk.secret))
    await desk.start_server()
    credentials = {"url": str(desk.make_url("/kefu")), "secret": FakeHelpDesk.secret}
    world = DeskWorld(tmp_path, {"helpdesk": credentials}, port=port)
    await world.start()
    await world.say("ada/1:x y", "where is my tea?")
    await world.post("/conversations/ada/1:x y/handoff")
    await world.settled("ada/1:x y")
    heard = await world.say("ada/1:x y", "hurry")
    await world.settled("ada/1:x y")
    heard += await world.say("ada/1:x y", "thanks")
    await world.settled("ada/1:x y")
    heard += await world.say("ada/1:x y", "hello")
    await world.stop()
    await desk.close()

    words = [one["text"] for one in heard]
    assert words[-4:] == [
        *("Hello, this is Ann. You wrote: where is my tea?", "Yes: hurry"),
        *("You said hello.", words_of(RELEASE)),
    ]


def test_the_how_to_shows_the_example_that_is_tested() -> None:
    assert is_shown("help_desk", "connect-a-help-desk")


async def test_the_example_desk_believes_nobody_else() -> None:
    async with TestClient(TestServer(example("help_desk").help_desk("", "", FakeHelpDesk.secret))) as client:
        assert (await client.post("/kefu", json={"type": "handoff.requested"})).status == 401
