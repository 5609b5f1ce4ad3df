"""DingTalk over its routes and its connection, and its replies by session and by the robot API."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from bench import Bench, bench, part
from dingtalk_stream.frames import AckMessage, CallbackMessage
from fakes.dingtalk import FakeDingTalk, callback, conversation, frame, staff
from fakes.vendor import Fault
from yarl import URL

from bot.channels.dingtalk import Config, DingTalk
from bot.channels.dingtalk.stream import DingTalkStream
from bot.delivery import NotSent, Rejected, Uncertain
from bot.errors import Overloaded
from bot.messages import BotMessage
from configs.domain import Button

HELLO = BotMessage(text="你好")
CHOICE = BotMessage(text="?", buttons=(Button(title="A", payload="/a"),))
PATIENCE_S = 10.0


def made(settings: dict[str, Any], intake: Any) -> DingTalk:
    return DingTalk(Config.model_validate(settings), intake)


@pytest.fixture
async def world() -> AsyncIterator[Bench]:
    fake = FakeDingTalk()
    async with bench(fake, made) as served:
        fake.now = served.clock
        fake.message(user="ann", text="hello", id="1")
        yield served


@pytest.fixture
async def streamed() -> AsyncIterator[Bench]:
    """A robot in Stream mode."""
    fake = FakeDingTalk()
    fake.mode = "stream"
    async with bench(fake, made) as served:
        fake.now = served.clock
        yield served


def address(bench: Bench, **changed: Any) -> dict[str, Any]:
    session = f"{bench.fake.url}/robot/sendBySession?session={staff('ann')}"
    usual = {"session": session, "session_until": bench.clock.now + 5_400, "group": None, "staff": staff("ann")}
    return usual | changed


async def test_a_message_is_taken_in_once_with_the_way_back(world: Bench) -> None:
    request = world.fake.message(user="ann", text=" 在吗", id="7")

    assert [await world.post(request) for _ in range(3)] == [(200, b"{}")] * 3
    (taken,) = world.new
    assert (taken.message.conversation_id, taken.message.external_id) == (
        world.fake.conversation_of("ann"),
        "msg7==",
    )
    assert taken.address == address(world)


async def test_what_is_no_message_is_acknowledged_and_not_kept(world: Bench) -> None:
    for payload in ({}, [], "x", None, world.fake.payload(user="ann", id="1", msgtype="unknown")):
        assert (await world.post(world.fake.posted(payload)))[0] == 200
    assert world.new == []


async def test_what_is_rightly_signed_and_no_json_is_refused_as_bad(world: Bench) -> None:
    genuine = world.fake.message(user="ann", text="a", id="1")
    for body in (b"", b"\xff", b"{", b"[" * 100_000):
        assert (await world.post(world.fake.request(body, genuine.headers)))[0] == 400


async def test_in_stream_mode_nothing_can_be_posted(streamed: Bench) -> None:
    assert (await streamed.post(streamed.fake.message(user="ann", text="a", id="1")))[0] == 404


class TestReplies:
    async def test_a_reply_goes_to_the_session_while_it_lasts(self, world: Bench) -> None:
        await world.channel.deliver(part(HELLO, address(world)))

        assert [(sent.user, sent.raw) for sent in world.fake.sent] == [
            ("ann", {"msgtype": "text", "text": {"content": "你好"}})
        ]
        assert world.fake.access_tokens == []

    @pytest.mark.parametrize(
        "changed",
        [
            {"session_until": 0.0},
            {"session": None},
            {"session": "https://evil.example/robot/sendBySession?session=x"},
            {"session": "http://127.0.0.1:1/"},
        ],
    )
    async def test_without_a_session_of_dingtalk_s_it_goes_by_the_robot_api(
        self, world: Bench, changed: dict[str, Any]
    ) -> None:
        await world.channel.deliver(part(HELLO, address(world, **changed)))

        assert world.fake.sent[0].raw == {
            "robotCode": world.fake.client_id,
            "userIds": [staff("ann")],
            "msgKey": "sampleText",
            "msgParam": '{"content": "你好"}',
        }

    async def test_a_session_that_ended_early_is_followed_by_the_robot_api(self, world: Bench) -> None:
        world.fake.gone.add(staff("ann"))
        await world.channel.deliver(part(HELLO, address(world)))

        assert world.fake.sent[0].raw["userIds"] == [staff("ann")]

    async def test_a_group_is_written_to_as_a_group(self, world: Bench) -> None:
        group = address(world, group=conversation("ann"))
        await world.channel.deliver(part(CHOICE, group))
        await world.channel.deliver(part(HELLO, group | {"session": None}))

        assert [sent.raw.get("msgtype") for sent in world.fake.sent] == ["text", None]
        assert world.fake.sent[0].text == "?\n1. A"
        assert world.fake.sent[1].raw["openConversationId"] == conversation("ann")

    async def test_a_token_that_is_not_taken_any_more_is_renewed(self, world: Bench) -> None:
        for _ in range(2):
            await world.channel.deliver(part(HELLO, address(world, session=None)))
            world.fake.renew()

        assert len(world.fake.sent) == 2

    @pytest.mark.parametrize("session", [True, False])
    @pytest.mark.parametrize(
        ("fault", "error"),
        [(Fault.SERVER_ERROR, NotSent), (Fault.HANG_UP, Uncertain), (Fault.LOST_ANSWER, Uncertain)],
    )
    async def test_each_failure_is_told_apart(
        self, world: Bench, fault: Fault, error: type[Exception], session: bool
    ) -> None:
        world.fake.faults.append(fault)
        with pytest.raises(error):
            await world.channel.deliver(part(HELLO, address(world) if session else address(world, session=None)))

    async def test_more_than_twenty_a_minute_come_later(self, world: Bench) -> None:
        for _ in range(20):
            await world.channel.deliver(part(HELLO, address(world)))
        with pytest.raises(NotSent, match="130101"):
            await world.channel.deliver(part(HELLO, address(world)))

    async def test_a_customer_whom_the_api_does_not_know_is_refused_for_good(self, world: Bench) -> None:
        world.fake.strangers.add(staff("ann"))
        with pytest.raises(Rejected, match="does not know the customer"):
            await world.channel.deliver(part(HELLO, address(world, session=None)))

    async def test_a_stranger_without_a_session_cannot_be_written_to(self, world: Bench) -> None:
        with pytest.raises(Rejected, match="session has ended"):
            await world.channel.deliver(part(HELLO, address(world, session=None, staff=None)))
        with pytest.raises(Rejected, match="session has ended"):
            await world.channel.deliver(part(HELLO, {}))

    async def test_a_wrong_secret_is_named(self, world: Bench) -> None:
        world.fake.secret = "another"  # noqa: S105
        with pytest.raises(Rejected, match=r"invalidClientIdOrSecret.*client_secret is wrong"):
            await world.channel.deliver(part(HELLO, address(world, session=None)))


@asynccontextmanager
async def running(stream: DingTalkStream) -> AsyncIterator[None]:
    task = asyncio.create_task(stream.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def at_once(_: float) -> None:
    await asyncio.sleep(0)


class TestStream:
    def stream(self, world: Bench, take: Any = None) -> DingTalkStream:
        channel: DingTalk = world.channel
        return DingTalkStream(channel._api, URL(world.fake.url), take or channel.take, sleep=at_once)

    async def test_a_message_is_acknowledged_once_it_is_kept(self, streamed: Bench) -> None:
        payload = streamed.fake.payload(user="ann", id="7", text={"content": "在吗"})
        async with running(self.stream(streamed)):
            await streamed.fake.bring(callback(payload, "m-1"))
            answer = await streamed.fake.answered()

        assert [taken.message.text for taken in streamed.new] == ["在吗"]
        assert (answer["code"], answer["headers"]["messageId"]) == (200, "m-1")
        assert set(answer) == set(AckMessage().to_dict())
        read = CallbackMessage.from_dict(callback(payload, "m-1"))
        assert read.data == payload

    async def test_what_cannot_be_kept_is_not_acknowledged_and_the_connection_stays(self, streamed: Bench) -> None:
        async def full(_: Any) -> None:
            raise Overloaded("full")

        async with running(self.stream(streamed, full)):
            await streamed.fake.bring(callback({}, "m-1"))
            await streamed.fake.bring(frame("SYSTEM", "ping", '{"opaque": "x"}', "p-1"))
            answer = await streamed.fake.answered()

        assert (answer["headers"]["messageId"], json.loads(answer["data"])) == ("p-1", {"opaque": "x"})

    async def test_frames_that_are_broken_or_about_other_things_do_no_harm(self, streamed: Bench) -> None:
        broken: list[Any] = [[], {"type": "CALLBACK"}, {"type": "CALLBACK", "headers": 5}, callback("no object")]
        payload = streamed.fake.payload(user="ann", id="7", text={"content": "hi"})
        async with running(self.stream(streamed)):
            for one in [*broken, frame("EVENT", "*", "{}", "e"), callback(payload, "last")]:
                await streamed.fake.bring(one)
            while (await streamed.fake.answered())["headers"]["messageId"] != "last":
                pass

        assert [taken.message.text for taken in streamed.new] == ["hi"]

    async def test_a_connection_that_is_asked_to_end_is_opened_again(self, streamed: Bench) -> None:
        async with running(self.stream(streamed)):
            await streamed.fake.connected.wait()
            streamed.fake.connected.clear()
            await streamed.fake.bring_on(frame("SYSTEM", "disconnect", '{"reason": "x"}', "d"))
            await streamed.fake.connected.wait()

        assert streamed.fake.connection_count == 2

    async def test_a_connection_that_cannot_be_had_is_asked_for_again(self, streamed: Bench) -> None:
        right, streamed.fake.secret = streamed.fake.secret, "another"
        asked = asyncio.Event()

        async def waits(_: float) -> None:
            streamed.fake.secret = right
            asked.set()

        channel: DingTalk = streamed.channel
        async with running(DingTalkStream(channel._api, URL(streamed.fake.url), channel.take, sleep=waits)):
            await streamed.fake.connected.wait()

        assert asked.is_set()
