"""WeChat over its routes, and its API: tokens, errors, limits."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from bench import Bench, bench, part
from fakes.vendor import Fault, Request
from fakes.wechat import FakeWeChat, open_id, sign, written

from bot.channels.wechat import Config, WeChat
from bot.channels.wechat.api import rendered
from bot.delivery import NotSent, Rejected, Uncertain
from bot.messages import BotMessage
from configs.domain import Button

ADDRESS = {"customer": open_id("ann")}
HELLO = BotMessage(text="你好 <b>")


def made(settings: dict[str, Any], intake: Any) -> WeChat:
    return WeChat(Config.model_validate(settings), intake, wait_s=0.0)


@pytest.fixture
async def world() -> AsyncIterator[Bench]:
    fake = FakeWeChat()
    async with bench(fake, made) as served:
        fake.now = served.clock
        fake.message(user="ann", text="hello", id="earlier")
        yield served


@pytest.fixture
async def open_world() -> AsyncIterator[Bench]:
    """Messages in the open, and no right to send."""
    fake = FakeWeChat()
    fake.is_safe = fake.has_right = False
    async with bench(fake, made) as served:
        fake.now = served.clock
        yield served


async def test_the_console_s_check_of_the_address_gets_its_word_back(world: Bench) -> None:
    assert await world.post(world.fake.echo("4217")) == (200, b"4217")

    for bad in (world.fake.echo(signature="0" * 40), world.fake.echo(timestamp="1"), world.fake.echo(nonce="2")):
        assert (await world.post(bad))[0] == 401
    no_word = world.fake.echo()
    assert (await world.post(Request(method="GET", path=no_word.path.partition("&echostr")[0])))[0] == 400


async def test_a_message_is_taken_in_with_the_way_back(world: Bench) -> None:
    status, body = await world.post(world.fake.message(user="ann", text=" 在吗\x0b", id="1"))

    (taken,) = world.new
    assert (status, body) == (200, b"success")
    assert (taken.message.text, taken.message.conversation_id) == (" 在吗", world.fake.conversation_of("ann"))
    assert taken.address == ADDRESS


async def test_what_is_no_message_is_acknowledged_and_not_kept(world: Bench) -> None:
    ignored = [
        world.fake.fields(user="ann", id="1", kind="event", Event="unsubscribe"),
        world.fake.fields(user="ann", id="2", kind="event", Event="LOCATION", Latitude="1"),
        world.fake.fields(user="ann", id="3", Content="  "),
        {"ToUserName": "gh_1", "InfoType": "component_verify_ticket"},
    ]
    for fields in ignored:
        assert await world.post(world.fake.posted(fields)) == (200, b"success")
    assert world.new == []


async def test_xml_that_is_rightly_signed_and_bad_is_refused_as_bad(world: Bench) -> None:
    assert (await world.post(world.fake.request("<xml><a>")))[0] == 400
    assert world.new == []


@pytest.mark.parametrize("body", [b"<xml>", b"\xff", b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'])
async def test_in_the_open_bad_xml_is_refused_too(open_world: Bench, body: bytes) -> None:
    genuine = open_world.fake.message(user="ann", text="a", id="1")
    assert (await open_world.post(Request(path=genuine.path, headers=genuine.headers, body=body)))[0] == 400


async def test_in_the_open_a_signature_does_not_serve_for_another_body(open_world: Bench) -> None:
    genuine = open_world.fake.message(user="ann", text="genuine", id="1")
    other = open_world.fake.message(user="ann", text="forged", id="2")

    statuses = [
        (await open_world.post(request))[0]
        for request in (genuine, genuine, Request(path=genuine.path, headers=other.headers, body=other.body))
    ]

    assert statuses == [200, 200, 401]
    assert [taken.message.text for taken in open_world.new] == ["genuine"]


async def test_an_encrypted_message_is_refused_where_there_is_no_key(open_world: Bench) -> None:
    open_world.fake.is_safe = True
    assert (await open_world.post(open_world.fake.message(user="ann", text="a", id="1")))[0] == 401


async def test_what_stands_beside_an_encrypted_message_is_not_read(world: Bench) -> None:
    """兼容模式 sends the message in the open as well."""
    fields = world.fake.fields(user="ann", id="1", Content="genuine")
    genuine = world.fake.posted(fields)
    beside = written(fields | {"Content": "forged"}).removesuffix("</xml>").encode()
    both = Request(path=genuine.path, headers=genuine.headers, body=beside + genuine.body.removeprefix(b"<xml>"))

    assert (await world.post(both))[0] == 200
    assert [taken.message.text for taken in world.new] == ["genuine"]


async def test_an_answer_is_encrypted_and_each_try_gets_the_same_words(world: Bench) -> None:
    fields = world.fake.fields(user="ann", id="1", Content="hello")
    first = await world.post(world.fake.posted(fields))
    channel: WeChat = world.channel
    (exchange,) = channel._passive._exchanges.values()
    exchange.answer((HELLO,))

    tries = [await world.post(world.fake.posted(fields)) for _ in range(2)]

    assert first == (200, b"success")
    assert all(world.fake.is_acknowledged(*one) for one in tries)
    assert [(sent.user, sent.text) for sent in world.fake.sent] == [("ann", "你好 <b>")]
    assert world.fake.refused == []


class TestSending:
    async def test_a_text_is_sent_with_a_token_that_is_asked_for_once(self, world: Bench) -> None:
        for number in range(3):
            await world.channel.deliver(part(HELLO, ADDRESS, inbox_id=None, part_no=number))

        assert [(sent.user, sent.text) for sent in world.fake.sent] == [("ann", "你好 <b>")] * 3
        assert len(world.fake.access_tokens) == 1

    async def test_a_token_that_is_not_taken_any_more_is_renewed_and_the_message_sent_once(self, world: Bench) -> None:
        await world.channel.deliver(part(HELLO, ADDRESS, inbox_id=None))
        world.fake.renew()
        await world.channel.deliver(part(HELLO, ADDRESS, inbox_id=None))

        assert len(world.fake.sent) == 2

    async def test_a_token_is_renewed_before_it_ends(self, world: Bench) -> None:
        await world.channel.deliver(part(HELLO, ADDRESS, inbox_id=None))
        world.fake.renew()
        world.clock.now += 7_000
        await world.channel.deliver(part(HELLO, ADDRESS, inbox_id=None))

        assert (len(world.fake.sent), world.fake.refused) == (2, [])

    async def test_buttons_become_a_menu(self, world: Bench) -> None:
        buttons = (Button(title="满意", payload="/affirm"), Button(title="不满意", payload='/deny{"a": 1}'))
        await world.channel.deliver(part(BotMessage(text="?", buttons=buttons), ADDRESS, inbox_id=None))

        assert world.fake.sent[0].raw["msgmenu"] == {
            "head_content": "?",
            "list": [{"id": "/affirm", "content": "满意"}, {"id": "2", "content": "不满意"}],
            "tail_content": "",
        }

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Fault.TOO_MANY, NotSent),
            (Fault.SERVER_ERROR, NotSent),
            (Fault.HANG_UP, Uncertain),
            (Fault.LOST_ANSWER, Uncertain),
        ],
    )
    async def test_each_failure_is_told_apart(self, world: Bench, fault: Fault, error: type[Exception]) -> None:
        world.fake.faults.append(fault)
        with pytest.raises(error):
            await world.channel.deliver(part(HELLO, ADDRESS, inbox_id=None))

    async def test_after_five_messages_the_customer_has_to_write_again(self, world: Bench) -> None:
        for _ in range(5):
            await world.channel.deliver(part(HELLO, ADDRESS, inbox_id=None))
        with pytest.raises(NotSent, match=r"45047.*write again") as caught:
            await world.channel.deliver(part(HELLO, ADDRESS, inbox_id=None))
        assert caught.value.retry_after_s == 3_600

    async def test_a_button_that_opens_an_address_is_told_as_a_line(self, world: Bench) -> None:
        buttons = (Button(title="站点", payload="https://shop.example/"), Button(title="B", payload="/b"))
        await world.channel.deliver(part(BotMessage(text="?", buttons=buttons), ADDRESS, inbox_id=None))

        assert world.fake.sent[0].text == "?\n1. 站点: https://shop.example/\n2. B"

    async def test_after_48_hours_it_is_too_late(self, world: Bench) -> None:
        world.clock.now += 48 * 3_600 + 1
        with pytest.raises(Rejected, match=r"45015.*48 hours"):
            await world.channel.deliver(part(HELLO, ADDRESS, inbox_id=None))

    async def test_an_account_without_the_right_is_told_what_to_do(self, world: Bench) -> None:
        world.fake.has_right = False
        with pytest.raises(Rejected, match=r"48001.*app_secret"):
            await world.channel.deliver(part(HELLO, ADDRESS, inbox_id=None))

    async def test_an_account_without_menus_is_told_what_to_do(self, world: Bench) -> None:
        world.fake.has_menus = False
        message = BotMessage(text="?", buttons=(Button(title="A", payload="/a"),))
        with pytest.raises(Rejected, match=r"40200.*menus: false"):
            await world.channel.deliver(part(message, ADDRESS, inbox_id=None))

    async def test_a_wrong_secret_is_named(self, world: Bench) -> None:
        world.fake.secret = "another"  # noqa: S105
        with pytest.raises(Rejected, match=r"40125.*app_secret"):
            await world.channel.deliver(part(HELLO, ADDRESS, inbox_id=None))

    async def test_without_a_secret_there_is_no_way_but_an_answer(self, open_world: Bench) -> None:
        assert open_world.channel.abilities.max_buttons == 0
        with pytest.raises(Rejected, match="no request waits"):
            await open_world.channel.deliver(part(HELLO, ADDRESS, inbox_id=None))

    async def test_nobody_is_written_to_who_has_not_written(self, world: Bench) -> None:
        with pytest.raises(Rejected, match="nobody has written"):
            await world.channel.deliver(part(HELLO, {}, inbox_id=None))


async def test_wechat_hangs_up_after_its_limit_and_gives_up_after_three_tries() -> None:
    """The fake itself: what the channel is tested against."""
    fake, tries = FakeWeChat(), []
    fake.accept_limit_s = 0.0

    async def never(request: Request) -> tuple[int, bytes]:
        tries.append(request)
        raise TimeoutError

    assert not await fake.bring(never, fake.message(user="ann", text="a", id="1"), "ann")
    assert (len(tries), fake.notices) == (3, ["ann"])


def test_a_text_is_rendered_as_it_stands() -> None:
    assert rendered("o1", HELLO) == {"touser": "o1", "msgtype": "text", "text": {"content": "你好 <b>"}}
    assert sign("b", "c", "a") == "a9993e364706816aba3e25717850c26c9cd0d89d"  # SHA-1 of "abc", as the standard has it
