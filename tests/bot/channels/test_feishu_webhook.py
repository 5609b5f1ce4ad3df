"""Feishu over its route, and its API: tokens, errors, limits, what is shown once."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from bench import Bench, bench, part
from fakes.feishu import FakeFeishu, named
from fakes.vendor import Fault

from bot.channels.feishu import Config, Feishu
from bot.channels.feishu.api import rendered
from bot.delivery import NotSent, Rejected, Uncertain
from bot.messages import BotMessage
from configs.domain import Button

ADDRESS = {"chat": named("oc", "ann"), "answers": None, "in_thread": False}
IN_GROUP = ADDRESS | {"answers": named("om", "1")}
HELLO = BotMessage(text="你好")


def made(settings: dict[str, Any], intake: Any) -> Feishu:
    return Feishu(Config.model_validate(settings), intake)


@pytest.fixture
async def world() -> AsyncIterator[Bench]:
    fake = FakeFeishu()
    async with bench(fake, made) as served:
        fake.now = fake.clock = served.clock
        fake.message(user="ann", text="hello", id="1")
        yield served


@pytest.fixture
async def open_world() -> AsyncIterator[Bench]:
    """An app without an Encrypt Key, believed for its token."""
    fake = FakeFeishu()
    fake.is_encrypted = False
    async with bench(fake, made) as served:
        fake.now = fake.clock = served.clock
        yield served


async def test_the_console_s_check_of_the_address_gets_its_word_back(world: Bench) -> None:
    status, body = await world.post(world.fake.challenge("ajls384kdjx98XX"))

    assert (status, json.loads(body)) == (200, {"challenge": "ajls384kdjx98XX"})
    assert (await world.post(world.fake.challenge("x", "another")))[0] == 401


async def test_a_message_is_taken_in_once_under_whatever_event(world: Bench) -> None:
    event = world.fake.event(user="ann", id="1", content={"text": "在吗"})
    again = event | {"header": event["header"] | {"event_id": "another"}}

    answers = [await world.post(world.fake.posted(one)) for one in (event, event, again)]

    assert answers == [(200, b"{}")] * 3
    (taken,) = world.new
    assert (taken.message.text, taken.address) == ("在吗", ADDRESS)
    assert taken.message.conversation_id == world.fake.conversation_of("ann")


async def test_what_is_no_message_is_acknowledged_and_not_kept(world: Bench) -> None:
    fake = world.fake
    ignored = [
        fake.enveloped("im.message.message_read_v1", "1", {"reader": {}}),
        fake.enveloped("im.message.receive_v1", "2", {"sender": "broken"}),
        fake.enveloped("im.message.receive_v1", "3", None),
        fake.event(user="ann", id="4", content={"text": "  "}),
        fake.pressed(user="ann", value={"other": 1}, id="5"),
        {"uuid": "1", "token": fake.token, "type": "event_callback", "event": {"type": "message"}},
    ]
    for payload in ignored:
        assert (await world.post(fake.posted(payload)))[0] == 200
    assert world.new == []


async def test_what_is_rightly_signed_and_bad_is_refused_as_bad(world: Bench) -> None:
    for payload in ([], "x", {"schema": "2.0"}, {"schema": "2.0", "header": [1]}):
        assert (await world.post(world.fake.posted(payload)))[0] == 400
    for body in (b"", b"\xff", b"["):
        assert (await world.post(world.fake.signed(body)))[0] == 400


async def test_without_a_key_the_token_decides_where_that_is_allowed(open_world: Bench) -> None:
    event = open_world.fake.event(user="ann", id="1", content={"text": "hi"})
    forged = event | {"header": event["header"] | {"token": "another"}}
    no_token = {"schema": "2.0", "header": {"event_id": "e", "event_type": "im.message.receive_v1"}, "event": {}}

    statuses = [(await open_world.post(open_world.fake.posted(one)))[0] for one in (event, forged, no_token)]

    assert statuses == [200, 401, 401]
    assert len(open_world.new) == 1


class TestSending:
    async def test_a_part_that_is_sent_again_is_shown_once(self, world: Bench) -> None:
        for _ in range(3):
            await world.channel.deliver(part(HELLO, ADDRESS))

        assert [(sent.user, sent.text, sent.key) for sent in world.fake.sent] == [
            ("ann", "你好", "00000000-0000-4000-8000-000000000001")
        ]
        assert len(world.fake.access_tokens) == 1

    async def test_in_a_group_a_reply_quotes_the_message(self, world: Bench) -> None:
        await world.channel.deliver(part(HELLO, IN_GROUP | {"in_thread": True}))

        assert world.fake.sent[0].raw["reply_in_thread"] is True
        assert "receive_id" not in world.fake.sent[0].raw

    async def test_a_message_that_was_taken_back_is_answered_without_a_quote(self, world: Bench) -> None:
        world.fake.recalled.add(named("om", "1"))
        await world.channel.deliver(part(HELLO, IN_GROUP))

        assert world.fake.sent[0].raw["receive_id"] == named("oc", "ann")

    async def test_a_token_that_is_not_taken_any_more_is_renewed(self, world: Bench) -> None:
        first = part(HELLO, ADDRESS)
        await world.channel.deliver(first)
        world.fake.renew()
        await world.channel.deliver(replace(first, key="another"))

        assert len(world.fake.sent) == 2

    async def test_buttons_become_a_card(self, world: Bench) -> None:
        buttons = (
            Button(title="<b>是</b>", payload='/affirm{"a": 1}'),
            Button(title="B", payload="https://b.example/"),
        )
        await world.channel.deliver(part(BotMessage(text="**?**", buttons=buttons), ADDRESS))

        (words, actions) = json.loads(world.fake.sent[0].raw["content"])["elements"]
        assert words == {"tag": "div", "text": {"tag": "plain_text", "content": "**?**"}}
        assert actions["actions"][0]["text"] == {"tag": "plain_text", "content": "<b>是</b>"}
        assert actions["actions"][0]["value"] == {"payload": '/affirm{"a": 1}'}
        assert actions["actions"][1]["url"] == "https://b.example/"

    @pytest.mark.parametrize(
        ("fault", "error", "shown"),
        [
            (Fault.TOO_MANY, NotSent, 0),
            (Fault.SERVER_ERROR, NotSent, 0),
            (Fault.HANG_UP, Uncertain, 0),
            (Fault.LOST_ANSWER, Uncertain, 1),
        ],
    )
    async def test_each_failure_is_told_apart(
        self, world: Bench, fault: Fault, error: type[Exception], shown: int
    ) -> None:
        world.fake.retry_after_s = 52
        world.fake.faults.append(fault)
        with pytest.raises(error) as caught:
            await world.channel.deliver(part(HELLO, ADDRESS))

        assert len(world.fake.sent) == shown
        if fault is Fault.TOO_MANY:
            assert isinstance(caught.value, NotSent)
            assert caught.value.retry_after_s == 52
        await world.channel.deliver(part(HELLO, ADDRESS))
        assert len(world.fake.sent) == 1

    async def test_more_than_five_a_second_to_a_chat_come_later(self, world: Bench) -> None:
        for number in range(5):
            await world.channel.deliver(replace(part(HELLO, ADDRESS), key=str(number)))
        with pytest.raises(NotSent, match="230020"):
            await world.channel.deliver(replace(part(HELLO, ADDRESS), key="6"))

    async def test_a_bot_that_is_no_longer_in_the_chat_is_refused_for_good(self, world: Bench) -> None:
        world.fake.left.add(named("oc", "ann"))
        with pytest.raises(Rejected, match=r"230002.*not in the chat"):
            await world.channel.deliver(part(HELLO, ADDRESS))

    async def test_a_wrong_secret_is_named(self, world: Bench) -> None:
        world.fake.secret = "another"  # noqa: S105
        with pytest.raises(Rejected, match=r"10014.*app_secret"):
            await world.channel.deliver(part(HELLO, ADDRESS))

    async def test_nobody_is_written_to_who_has_not_written(self, world: Bench) -> None:
        with pytest.raises(Rejected, match="nobody has written"):
            await world.channel.deliver(part(HELLO, {}))


@pytest.mark.parametrize("text", ['<at user_id="all">x</at>', "<AT id=all></AT>", "a < b", "<attribute>"])
def test_a_text_names_nobody_by_accident(text: str) -> None:
    shown = json.loads(rendered(BotMessage(text=text), "k")["content"])["text"]

    assert "<at " not in shown.lower()
    assert shown.replace("\u2060", "") == text
