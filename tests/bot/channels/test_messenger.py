"""Messenger and Instagram against fakes of their APIs: what they take in, what they refuse, and how they send."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from bench import Bench, bench, part
from fakes.facebook import FakeMessenger
from fakes.instagram import FakeInstagram
from fakes.vendor import Fault
from pydantic import ValidationError

from bot.channels import facebook, instagram
from bot.channels.meta.graph import GraphRejected
from bot.delivery import NotSent, Rejected, Uncertain
from bot.messages import BotMessage
from configs.domain import Button

HELLO = BotMessage(text="Hello")
DAY_S = 24 * 3_600
BOTH: dict[str, tuple[type[FakeMessenger], Any]] = {
    "facebook": (FakeMessenger, facebook),
    "instagram": (FakeInstagram, instagram),
}


@pytest.fixture
def settings() -> dict[str, Any]:
    """What a test sets besides the fake's credentials."""
    return {"typing": False}


@pytest.fixture(params=BOTH)
async def channel(request: pytest.FixtureRequest, settings: dict[str, Any]) -> AsyncIterator[Bench]:
    kind, module = BOTH[request.param]
    fake = kind()
    async with bench(
        fake, lambda credentials, intake: module.make(module.Config.model_validate(credentials | settings), intake)
    ) as running:
        fake.now = running.clock
        yield running


class TestWhatComesIn:
    async def test_a_message_is_taken_in_once_however_often_it_comes(self, channel: Bench) -> None:
        request = channel.fake.message(user="ann", text="Crème brûlée 🍮", id="1")

        assert {await channel.post(request) for _ in range(3)} == {(200, b"")}
        (taken,) = channel.new
        assert taken.message.conversation_id == channel.fake.conversation_of("ann")
        assert (taken.message.text, taken.message.account) == ("Crème brûlée 🍮", channel.fake.account)
        assert taken.address == {"written_at": channel.clock()}

    async def test_a_pressed_button(self, channel: Bench) -> None:
        await channel.post(channel.fake.button(user="ann", payload="/hours", id="1"))

        assert channel.new[0].message.text == "/hours"

    async def test_what_the_bot_has_said_itself_does_not_come_back(self, channel: Bench) -> None:
        fake = channel.fake
        echo = fake.event("ann", message={"mid": "m_1", "text": "Hello", "is_echo": True})
        echo["sender"], echo["recipient"] = echo["recipient"], echo["sender"]

        assert await channel.post(fake.signed(fake.update(echo))) == (200, b"")
        assert channel.intake.taken == []

    async def test_a_forged_request_is_refused(self, channel: Bench) -> None:
        answers = {what: (await channel.post(one))[0] for what, one in channel.fake.forgeries().items()}

        assert set(answers.values()) == {401, 403}
        assert channel.intake.taken == []

    async def test_the_handshake(self, channel: Bench) -> None:
        assert await channel.post(channel.fake.handshake()) == (200, b"1158201444")


class TestTheTypingSign:
    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {}

    async def test_it_is_shown_once_for_a_message(self, channel: Bench) -> None:
        request = channel.fake.message(user="ann", text="hi", id="1")
        for _ in range(2):
            await channel.post(request)
            await asyncio.gather(*channel.channel._signs)

        assert (channel.fake.typing, channel.fake.refused) == (["ann"], [])

    async def test_that_it_cannot_be_shown_does_no_harm(self, channel: Bench) -> None:
        await channel.fake.close()

        assert (await channel.post(channel.fake.message(user="ann", text="hi", id="1")))[0] == 200
        await asyncio.gather(*channel.channel._signs)
        assert len(channel.new) == 1

    async def test_no_more_are_begun_than_can_be_kept_up_with(self, channel: Bench) -> None:
        events = [channel.fake.event(f"u{n}", message={"mid": f"m_{n}", "text": "hi"}) for n in range(50)]
        await channel.post(channel.fake.signed(channel.fake.update(*events)))
        await asyncio.gather(*channel.channel._signs)

        assert len(channel.new) == 50
        assert 16 <= len(channel.fake.typing) <= 50


def to_ann(channel: Bench, message: BotMessage = HELLO, **changed: Any) -> Any:
    """A part for Ann, who has just written."""
    address = changed.pop("address", {"written_at": channel.clock()})
    return part(message, address, **{"conversation_id": channel.fake.conversation_of("ann"), **changed})


class TestSending:
    @pytest.fixture(autouse=True)
    def _ann_has_written(self, channel: Bench) -> None:
        channel.fake.opened("ann")

    async def test_a_part_is_shown_to_its_customer(self, channel: Bench) -> None:
        buttons = (Button(title="Hours", payload="/hours"),)
        await channel.channel.deliver(to_ann(channel, BotMessage(text="What?", buttons=buttons)))

        (sent,) = channel.fake.sent
        assert (sent.user, sent.text) == ("ann", "What?")
        assert sent.raw["quick_replies"] == [{"content_type": "text", "title": "Hours", "payload": "/hours"}]

    @pytest.mark.parametrize(
        ("fault", "kind", "shown"),
        [
            (Fault.TOO_MANY, NotSent, 0),
            (Fault.SERVER_ERROR, NotSent, 0),
            (Fault.HANG_UP, Uncertain, 0),
            (Fault.LOST_ANSWER, Uncertain, 1),
        ],
    )
    async def test_each_fault_is_what_it_is(
        self, channel: Bench, fault: Fault, kind: type[Exception], shown: int
    ) -> None:
        channel.fake.faults.append(fault)

        with pytest.raises(kind):
            await channel.channel.deliver(to_ann(channel))
        assert len(channel.fake.sent) == shown

    async def test_who_has_blocked_the_account_is_left_alone(self, channel: Bench) -> None:
        channel.fake.blocked.add("ann")

        with pytest.raises(Rejected, match="error 551: the customer cannot be written to"):
            await channel.channel.deliver(to_ann(channel))

    async def test_after_a_day_nothing_is_sent(self, channel: Bench) -> None:
        with pytest.raises(Rejected, match="over 24 hours"):
            await channel.channel.deliver(to_ann(channel, address={"written_at": channel.clock() - DAY_S - 1}))
        assert (channel.fake.sent, channel.fake.refused) == ([], [])
        assert channel.channel.abilities.reply_within_s == DAY_S

        channel.clock.now += DAY_S + 1
        with pytest.raises(GraphRejected, match="over 24 hours") as caught:
            await channel.channel.deliver(to_ann(channel, address={}))
        assert (caught.value.code, caught.value.subcode) == (10, 2018278)

    @pytest.mark.parametrize("conversation", ["ann", "whatsapp:1:2", "facebook:1", "facebook:a:1", "instagram:1:a"])
    async def test_a_conversation_of_elsewhere_is_refused(self, channel: Bench, conversation: str) -> None:
        with pytest.raises(Rejected, match="nobody knows whom to write to"):
            await channel.channel.deliver(to_ann(channel, conversation_id=conversation))


@pytest.mark.parametrize("name", BOTH)
async def test_each_page_has_a_token_of_its_own(name: str) -> None:
    kind, module = BOTH[name]
    others = {"pages" if name == "facebook" else "accounts": {"777": "another"}, "typing": False}
    fake = kind()
    async with bench(
        fake, lambda credentials, intake: module.make(module.Config.model_validate(credentials | others), intake)
    ) as running:
        fake.opened("ann")
        fake.now = running.clock
        ann = fake.id_of("ann")
        await running.channel.deliver(part(HELLO, {}, conversation_id=f"{name}:{fake.account}:{ann}"))
        with pytest.raises(Rejected, match="error 190"):
            await running.channel.deliver(part(HELLO, {}, conversation_id=f"{name}:777:{ann}"))


@pytest.mark.parametrize("missing", ["verify", "secret", "page-access-token"])
def test_rasas_keys_are_needed(missing: str) -> None:
    section = {"verify": "v", "secret": "s", "page-access-token": "t"}
    facebook.Config.model_validate(section)
    with pytest.raises(ValidationError, match=missing):
        facebook.Config.model_validate({key: value for key, value in section.items() if key != missing})
