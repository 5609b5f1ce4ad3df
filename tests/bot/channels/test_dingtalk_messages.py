"""What DingTalk sends, read; what it is sent, rendered; and which addresses are its own."""

import json
from typing import Any

import pytest
from multidict import CIMultiDict
from pydantic import ValidationError
from yarl import URL

from bot.channels.dingtalk.config import Config
from bot.channels.dingtalk.parse import Incoming, parse_message
from bot.channels.dingtalk.render import for_robot, for_session, unmarked
from bot.channels.dingtalk.signature import is_genuine, is_theirs, sign_of
from bot.messages import BotMessage
from configs.domain import Button

CONFIG = Config.model_validate({"client_id": "app", "client_secret": "s"})
DOCUMENTED: dict[str, Any] = {  # the page about receiving messages has it so
    "conversationId": "cid:x/y==",
    "atUsers": [{"dingtalkId": "xxx", "staffId": "xxx"}],
    "chatbotCorpId": "dinge8a565xxxx",
    "chatbotUserId": "$:LWCP_v1:$Cxxxxx",
    "msgId": "msg0xxxxx",
    "senderNick": "杨xx",
    "isAdmin": True,
    "senderStaffId": "user123",
    "sessionWebhookExpiredTime": 1613635652738,
    "createAt": 1613630252678,
    "senderCorpId": "dinge8a565xxxx",
    "conversationType": "2",
    "senderId": "$:LWCP_v1:$Ff09GIxxxxx",
    "conversationTitle": "机器人测试-TEST",
    "isInAtList": True,
    "sessionWebhook": "https://oapi.dingtalk.com/robot/sendBySession?session=xxxxx",
    "text": {"content": " 你好"},
    "msgtype": "text",
}
CHOICE = BotMessage(text="哪个?", buttons=(Button(title="是 & 否", payload="/a"), Button(title="B", payload="/b")))


def parsed(**changed: Any) -> Any:
    return parse_message(Incoming.model_validate(DOCUMENTED | changed), CONFIG)


def test_a_message_in_a_group_is_read_with_the_way_back() -> None:
    message, address = parsed()

    assert (message.conversation_id, message.external_id, message.text, message.account) == (
        "dingtalk:app:cid%3Ax%2Fy%3D%3D:user123",
        "msg0xxxxx",
        " 你好",
        "app",
    )
    assert address == {
        "session": "https://oapi.dingtalk.com/robot/sendBySession?session=xxxxx",
        "session_until": 1613635652.738,
        "group": "cid:x/y==",
        "staff": "user123",
    }


def test_a_stranger_is_known_by_another_id_and_a_chat_of_two_is_no_group() -> None:
    message, address = parsed(senderStaffId=None, conversationType="1")

    assert message.conversation_id.endswith(":%24%3ALWCP_v1%3A%24Ff09GIxxxxx")
    assert (address["group"], address["staff"]) == (None, None)


@pytest.mark.parametrize(
    ("changed", "text", "media"),
    [
        ({"text": {}}, "", None),
        ({"text": "broken"}, "", None),
        (
            {
                "msgtype": "richText",
                "content": {"richText": [{"text": "a "}, {"downloadCode": "d", "type": "picture"}, {"text": "b"}, 5]},
            },
            "a b",
            [{"kind": "image", "id": "d"}],
        ),
        ({"msgtype": "picture", "content": {"downloadCode": "d"}}, "", [{"kind": "image", "id": "d"}]),
        ({"msgtype": "audio", "content": {"downloadCode": "d", "recognition": "几点开门"}}, "几点开门", None),
        ({"msgtype": "audio", "content": {"downloadCode": "d"}}, "", [{"kind": "audio", "id": "d"}]),
        (
            {"msgtype": "file", "content": {"downloadCode": "d", "fileName": "a.pdf"}},
            "",
            [{"kind": "file", "id": "d", "name": "a.pdf"}],
        ),
        ({"msgtype": "video", "content": None}, "", [{"kind": "video"}]),
    ],
)
def test_each_kind_of_message_is_read(changed: dict[str, Any], text: str, media: Any) -> None:
    message, _ = parsed(**changed)

    assert (message.text, message.metadata.get("media")) == (text, media)


def test_a_kind_that_is_not_known_says_nothing() -> None:
    assert parsed(msgtype="interactiveCard") is None


@pytest.mark.parametrize("broken", [{"msgId": ""}, {"msgId": "x" * 300}, {"conversationId": None}, {"senderId": []}])
def test_fields_that_are_wrong_are_an_error(broken: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        parsed(**broken)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://oapi.dingtalk.com/robot/sendBySession?session=x", True),
        ("https://oapi.dingtalk.com:443/x", True),
        ("https://dingtalk.com/x", True),
        ("http://oapi.dingtalk.com/x", False),
        ("https://oapi.dingtalk.com:8443/x", False),
        ("https://evildingtalk.com/x", False),
        ("https://dingtalk.com.evil.example/x", False),
        ("https://oapi.dingtalk.com@evil.example/x", False),
        ("https://evil.example/?oapi.dingtalk.com", False),
        ("https://user@oapi.dingtalk.com/x", False),
        ("http://127.0.0.1:5005/x", False),
        ("http://169.254.169.254/latest", False),
        ("http://localhost:9/x", True),  # where api_url is
        ("file:///etc/passwd", False),
        ("//oapi.dingtalk.com/x", False),
        ("", False),
        ("https://[", False),
    ],
)
def test_only_dingtalk_s_own_addresses_are_called(address: str, expected: bool) -> None:
    assert is_theirs(address, URL("http://localhost:9/")) is expected


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("1750000000000", True),
        ("1749996400000", True),
        ("1749996399999", False),
        ("1750003600000", True),
        ("1750003600001", False),
        ("1750000000", False),
        ("now", False),
    ],
)
def test_a_sign_counts_for_an_hour(timestamp: str, expected: bool) -> None:
    headers = CIMultiDict({"timestamp": timestamp, "sign": sign_of("s", timestamp)})
    assert is_genuine("s", headers, 1_750_000_000.0) is expected
    headers.add("timestamp", timestamp)
    assert not is_genuine("s", headers, 1_750_000_000.0)


@pytest.mark.parametrize("key", [None, "short", "é" * 20, "with/slash" * 3])
def test_the_webhook_wants_a_path_that_nobody_can_guess(key: str | None) -> None:
    with pytest.raises(ValidationError, match="path_key of 20 or more"):
        Config.model_validate({"client_id": "a", "client_secret": "s", "mode": "http", "path_key": key})


def test_buttons_are_a_card_that_sends_their_titles() -> None:
    assert for_session(CHOICE, as_card=True) == {
        "msgtype": "actionCard",
        "actionCard": {
            "title": "哪个?",
            "text": "哪个?",
            "btnOrientation": "0",
            "btns": [
                {
                    "title": "是 & 否",
                    "actionURL": "dtmd://dingtalkclient/sendMessage?content=%E6%98%AF%20%26%20%E5%90%A6",
                },
                {"title": "B", "actionURL": "dtmd://dingtalkclient/sendMessage?content=B"},
            ],
        },
    }


def test_a_button_that_opens_an_address_opens_it_and_tells_it() -> None:
    link = BotMessage(text="?", buttons=(Button(title="站点", payload="https://shop.example/"),))

    assert for_session(link, as_card=True)["actionCard"]["btns"] == [
        {"title": "站点", "actionURL": "https://shop.example/"}
    ]
    assert for_session(link, as_card=False)["text"] == {"content": "?\n1. 站点: https://shop.example/"}


def test_in_a_group_and_by_the_robot_they_are_numbered_lines() -> None:
    lines = "哪个?\n1. 是 & 否\n2. B"

    assert for_session(CHOICE, as_card=False) == {"msgtype": "text", "text": {"content": lines}}
    sent = for_robot(CHOICE)
    assert (sent["msgKey"], json.loads(sent["msgParam"])) == ("sampleText", {"content": lines})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("# a", "\u2060# a"),
        ("a\n- b", "a\n\n\u2060- b"),
        ("1. a", "\u20601. a"),
        ("[x](http://evil/)", "[x]\u2060(http://evil/)"),
        ("![x](http://evil/)", "![x]\u2060(http://evil/)"),
    ],
)
def test_the_words_of_a_card_are_no_markdown_by_accident(text: str, shown: str) -> None:
    assert unmarked(text) == shown
