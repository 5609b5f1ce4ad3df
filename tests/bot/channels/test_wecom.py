"""WeCom over its routes and its API; the encrypted samples are those of WeCom's own sample code."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from bench import Bench, bench, part
from fakes.vendor import Fault, Request
from fakes.wecom import FakeWeCom, person

from bot.channels.wechat.crypto import MessageCrypto, NotDecrypted, is_signed
from bot.channels.wechat.xml import read_xml
from bot.channels.wecom import Config, WeCom
from bot.channels.wecom.parse import parse_message
from bot.delivery import NotSent, Rejected, Uncertain
from bot.messages import BotMessage

KEY, CORP, TOKEN = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", "wx5823bf96d3bd56c7", "QDG6eK"
ECHO = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="
SAMPLE = (
    "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3"
    "TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gs"
    "ijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUa"
    "x5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIG"
    "HBZZIs2pDBS8R07+qN+E7Q=="
)
HELLO = BotMessage(text="你好")
ADDRESS = {"person": person("ann")}


def made(settings: dict[str, Any], intake: Any) -> WeCom:
    return WeCom(Config.model_validate(settings), intake)


@pytest.fixture
async def world() -> AsyncIterator[Bench]:
    fake = FakeWeCom()
    async with bench(fake, made) as served:
        fake.now = served.clock
        fake.message(user="ann", text="hello", id="earlier")
        yield served


class TestSamples:
    def test_the_sample_of_a_message_is_signed_and_decrypted(self) -> None:
        assert is_signed(TOKEN, "477715d11cdb4164915debcba66cb864d751f3e6", "1409659813", "1372623149", SAMPLE)
        assert read_xml(MessageCrypto(KEY, CORP).decrypt(SAMPLE)) == {
            "ToUserName": CORP,
            "FromUserName": "mycreate",
            "CreateTime": "1409659813",
            "MsgType": "text",
            "Content": "hello",
            "MsgId": "4561255354251345929",
            "AgentID": "218",
        }

    def test_the_sample_of_an_echo_is_signed_and_decrypted(self) -> None:
        assert is_signed(TOKEN, "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3", "1409659589", "263014780", ECHO)
        assert MessageCrypto(KEY, CORP).decrypt(ECHO) == b"1616140317555161061"

    def test_it_is_not_for_another_company(self) -> None:
        with pytest.raises(NotDecrypted, match="another account"):
            MessageCrypto(KEY, "wx0000000000000000").decrypt(SAMPLE)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({}, "hi"),
        ({"FromUserName": "@all"}, None),
        ({"FromUserName": "ann|ben"}, None),
        ({"FromUserName": ""}, None),
        ({"AgentID": "5"}, None),
        ({"AgentID": ""}, None),
        ({"MsgType": "event", "Event": "click", "EventKey": "几点开门"}, "几点开门"),
        ({"MsgType": "event", "Event": "enter_agent", "EventKey": ""}, None),
        ({"MsgType": "event", "Event": "subscribe"}, None),
        ({"MsgType": "image", "MediaId": "m"}, ""),
        ({"MsgType": "unknown"}, None),
    ],
)
def test_messages_to_the_app_and_its_menu_are_read(changed: dict[str, str], text: str | None) -> None:
    config = Config.model_validate(
        {"corp_id": "ww1", "agent_id": 7, "secret": "s", "token": "t", "encoding_aes_key": KEY}
    )
    usual = {"FromUserName": "Ann", "CreateTime": "1", "MsgType": "text", "Content": "hi", "MsgId": "5", "AgentID": "7"}
    message = parse_message(usual | changed, config)

    assert (None if message is None else message.text) == text
    if message is not None:
        assert (message.conversation_id, message.account) == ("wecom:ww1:7:ann", "ww1:7")


async def test_the_console_s_check_of_the_address_gets_its_word_decrypted(world: Bench) -> None:
    assert await world.post(world.fake.echo("4217")) == (200, b"4217")

    for bad in (world.fake.echo(msg_signature="0" * 40), world.fake.echo(timestamp="1"), world.fake.echo(echostr="x")):
        assert (await world.post(bad))[0] == 401
    assert (await world.post(Request(method="GET", path="/webhooks/wecom/webhook")))[0] == 401


async def test_a_message_is_taken_in_once_and_acknowledged_with_nothing(world: Bench) -> None:
    request = world.fake.message(user="ann", text="在吗", id="1")

    assert [await world.post(request) for _ in range(3)] == [(200, b"")] * 3
    (taken,) = world.new
    assert (taken.message.text, taken.message.conversation_id) == ("在吗", world.fake.conversation_of("ann"))
    assert taken.address == ADDRESS


async def test_what_is_no_message_is_acknowledged_and_not_kept(world: Bench) -> None:
    fields = [
        world.fake.fields(user="ann", id="1", kind="event", Event="enter_agent"),
        world.fake.fields(user="ann", id="2", Content=" "),
        world.fake.fields(user="ann", id="3", Content="hi", AgentID=5),
    ]
    for one in fields:
        assert (await world.post(world.fake.posted(one)))[0] == 200
    assert world.new == []


class TestSending:
    async def test_a_text_is_sent_with_a_token_that_is_asked_for_once_and_renewed(self, world: Bench) -> None:
        await world.channel.deliver(part(HELLO, ADDRESS))
        await world.channel.deliver(part(HELLO, ADDRESS))
        assert len(world.fake.access_tokens) == 1
        world.fake.renew()
        await world.channel.deliver(part(HELLO, ADDRESS))

        assert [(sent.user, sent.text) for sent in world.fake.sent] == [("ann", "你好")] * 3

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
            await world.channel.deliver(part(HELLO, ADDRESS))

    async def test_no_more_are_sent_in_a_minute_than_are_shown(self, world: Bench) -> None:
        gap_s = world.channel.abilities.per_conversation_s
        for _ in range(100):
            await world.channel.deliver(part(HELLO, ADDRESS))
            world.clock.now += gap_s

        assert (len(world.fake.sent), world.fake.dropped) == (100, [])

    async def test_somebody_outside_the_app_s_range_is_refused_for_good(self, world: Bench) -> None:
        world.fake.outside.add(person("ann"))
        with pytest.raises(Rejected, match=r"81013.*可见范围"):
            await world.channel.deliver(part(HELLO, ADDRESS))

    async def test_a_wrong_secret_is_named(self, world: Bench) -> None:
        world.fake.secret = "another"  # noqa: S105
        with pytest.raises(Rejected, match=r"40001.*secret"):
            await world.channel.deliver(part(HELLO, ADDRESS))

    async def test_nobody_is_written_to_who_has_not_written(self, world: Bench) -> None:
        with pytest.raises(Rejected, match="nobody has written"):
            await world.channel.deliver(part(HELLO, {}))
