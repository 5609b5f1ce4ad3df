"""What Feishu sends, read and decrypted."""

import json
from typing import Any

import pytest
from fakes.feishu import encrypt
from multidict import CIMultiDict
from pydantic import ValidationError

from bot.channels.feishu.config import Config
from bot.channels.feishu.content import Mention, content_of
from bot.channels.feishu.crypto import NotDecrypted, decrypted, is_genuine, signature_of
from bot.channels.feishu.events import Header, parse_event

APP = "cli_9f5343c580712544"
SETTINGS = {"app_id": APP, "app_secret": "s", "encrypt_key": "kudryavka"}
CONFIG = Config.model_validate(SETTINGS)
BOT = "ou_84aad35d084aa403a838cf73ee18467"
HEADER = Header(event_id="5e3702a84e847582be8db7fb73283c02", event_type="im.message.receive_v1")
TOM = Mention(key="@_user_1", name="Tom", id={"open_id": BOT})
ANN = Mention(key="@_user_2", name="Ann", id={"open_id": "ou_2"})


def event(**message: Any) -> dict[str, Any]:
    """The event of Feishu's page about it."""
    return {
        "sender": {
            "sender_id": {"union_id": "on_8ed6aa67826108097d9ee143816345", "user_id": "e33ggbyz", "open_id": "ou_1"},
            "sender_type": "user",
            "tenant_key": "736588c9260f175e",
        },
        "message": {
            "message_id": "om_5ce6d572455d361153b7cb51da133945",
            "root_id": "om_5ce6d572455d361153b7cb5xxfsdfsdfdsf",
            "create_time": "1609073151345",
            "chat_id": "oc_5ce6d572455d361153b7xx51da133945",
            "chat_type": "group",
            "message_type": "text",
            "content": '{"text":"@_user_1 hello"}',
            "mentions": [TOM.model_dump()],
        }
        | message,
    }


class TestCrypto:
    @pytest.mark.parametrize("text", ["{}", "你好", "a" * 15, "a" * 16, "a" * 5_000])
    def test_what_is_encrypted_is_decrypted_to_the_same(self, text: str) -> None:
        assert decrypted("kudryavka", encrypt("kudryavka", text)).decode() == text

    def test_the_sample_of_feishu_s_documents_is_decrypted(self) -> None:
        assert decrypted("test key", "P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=") == b"hello world"

    @pytest.mark.parametrize("sealed", ["", "不", "AAAA", "A" * 43 + "=", "A" * 64, encrypt("another", "{}")])
    def test_what_is_not_encrypted_with_the_key_is_refused(self, sealed: str) -> None:
        try:
            text = decrypted("kudryavka", sealed)
        except NotDecrypted:
            return
        with pytest.raises(ValueError, match=r"Expecting|codec"):  # by chance the end may be right
            json.loads(text.decode())

    @pytest.mark.parametrize(
        ("timestamp", "expected"),
        [
            ("1750000000", True),
            ("1750000000000", True),
            ("1750000000000000", True),
            ("1749978000", True),  # the try of six hours later, should it not be signed anew
            ("1749970000", False),
            ("1750030000", False),
            ("", False),
            ("17500000001111111", False),
            ("-1", False),
        ],
    )
    def test_a_signature_counts_for_eight_hours(self, timestamp: str, expected: bool) -> None:
        body = b'{"encrypt": "x"}'
        headers = CIMultiDict(
            {
                "X-Lark-Request-Timestamp": timestamp,
                "X-Lark-Request-Nonce": "n",
                "X-Lark-Signature": signature_of("kudryavka", timestamp, "n", body),
            }
        )
        assert is_genuine("kudryavka", headers, body, 1_750_000_000.0) is expected
        headers.add("X-Lark-Signature", "x")
        assert not is_genuine("kudryavka", headers, body, 1_750_000_000.0)


class TestConfig:
    @pytest.mark.parametrize(
        ("settings", "problem"),
        [
            ({"verification_token": "t"}, "write encrypt_key"),
            ({"allow_unsigned": True}, "write verification_token"),
            ({"encrypt_key": ""}, "at least 1"),
        ],
    )
    def test_requests_that_nobody_can_trust_are_refused_at_start(self, settings: dict[str, Any], problem: str) -> None:
        with pytest.raises(ValidationError, match=problem):
            Config.model_validate({"app_id": APP, "app_secret": "s"} | settings)


def test_a_message_in_a_group_is_read_with_the_way_back() -> None:
    found = parse_event(HEADER, event(thread_id="omt_1"), CONFIG)

    assert found is not None
    message, address = found
    assert (message.conversation_id, message.external_id, message.text) == (
        f"feishu:{APP}:oc_5ce6d572455d361153b7xx51da133945:ou_1",
        "om_5ce6d572455d361153b7cb51da133945",
        "hello",
    )
    assert address == {
        "chat": "oc_5ce6d572455d361153b7xx51da133945",
        "answers": "om_5ce6d572455d361153b7cb51da133945",
        "in_thread": True,
    }


def test_a_message_to_the_bot_alone_is_not_answered_by_a_quote() -> None:
    found = parse_event(HEADER, event(chat_type="p2p", mentions=None), CONFIG)

    assert found is not None
    assert found[1]["answers"] is None


def test_with_the_bot_s_own_id_only_what_names_it_counts_in_a_group() -> None:
    config = Config.model_validate(SETTINGS | {"bot_open_id": BOT})

    assert parse_event(HEADER, event(), config) is not None
    assert parse_event(HEADER, event(mentions=[ANN.model_dump()]), config) is None
    assert parse_event(HEADER, event(mentions=None, chat_type="p2p"), config) is not None


def test_what_no_person_says_is_ignored() -> None:
    of_an_app = event()
    of_an_app["sender"]["sender_type"] = "app"

    assert parse_event(HEADER, of_an_app, CONFIG) is None
    assert parse_event(HEADER, event(message_type="system"), CONFIG) is None
    assert parse_event(Header(event_id="e", event_type="im.message.message_read_v1"), {}, CONFIG) is None


@pytest.mark.parametrize("broken", [{"message_id": ""}, {"chat_id": "a:b"}, {"content": 5}, {"mentions": [{"id": 1}]}])
def test_fields_that_are_wrong_are_an_error(broken: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        parse_event(HEADER, event(**broken), CONFIG)


@pytest.mark.parametrize(
    ("value", "text"), [({"payload": "/hours"}, "/hours"), ("/hours", "/hours"), ({"key": "v"}, None), (None, None)]
)
def test_a_pressed_button_says_what_it_was_given(value: Any, text: str | None) -> None:
    pressed = {
        "operator": {"tenant_key": "t", "open_id": "ou_1"},
        "token": "c-1",
        "action": {"value": value, "tag": "button"},
        "host": "im_message",
        "context": {"open_message_id": "om_1", "open_chat_id": "oc_1"},
    }
    found = parse_event(Header(event_id="e1", event_type="card.action.trigger"), pressed, CONFIG)

    assert (None if found is None else found[0].text) == text
    if found is not None:
        assert (found[0].conversation_id, found[0].external_id) == (f"feishu:{APP}:oc_1:ou_1", "e1")


@pytest.mark.parametrize(
    ("kind", "content", "bot", "expected"),
    [
        ("text", {"text": "在吗"}, None, ("在吗", {})),
        ("text", {"text": "@_user_1 @_user_2 hi @_user_2"}, None, ("hi @Ann", {})),
        ("text", {"text": "hi @_user_1 and @_user_2"}, BOT, ("hi  and @Ann", {})),
        ("text", {"text": "@_all hi @_user_9"}, BOT, ("@_all hi @_user_9", {})),
        ("text", {"text": 5}, None, ("", {})),
        ("text", [], None, ("", {})),
        (
            "post",
            {
                "title": "T",
                "content": [
                    [
                        {"tag": "text", "text": "see "},
                        {"tag": "a", "href": "http://a/", "text": "link"},
                        {"tag": "at", "user_id": "@_user_2", "user_name": ""},
                    ],
                    [{"tag": "img", "image_key": "img_1"}],
                    "broken",
                ],
            },
            BOT,
            ("T\nsee link@Ann", {"media": [{"kind": "image", "id": "img_1"}]}),
        ),
        ("image", {"image_key": "img_1"}, None, ("", {"media": [{"kind": "image", "id": "img_1"}]})),
        (
            "file",
            {"file_key": "f", "file_name": "a.txt"},
            None,
            ("", {"media": [{"kind": "file", "id": "f", "name": "a.txt"}]}),
        ),
        ("audio", {"file_key": "f", "duration": 2000}, None, ("", {"media": [{"kind": "audio", "id": "f"}]})),
        ("media", {"file_key": "f", "image_key": "i"}, None, ("", {"media": [{"kind": "video", "id": "f"}]})),
        ("sticker", {"file_key": "f"}, None, ("", {"media": [{"kind": "sticker", "id": "f"}]})),
        ("location", {"name": "广州"}, None, ("", {"media": [{"kind": "location", "name": "广州"}]})),
        ("share_chat", {"chat_id": "oc_1"}, None, None),
        ("merge_forward", {"content": "Merged"}, None, None),
    ],
)
def test_each_kind_of_content_is_read(kind: str, content: Any, bot: str | None, expected: Any) -> None:
    assert content_of(kind, json.dumps(content), (TOM, ANN), bot) == expected


def test_content_that_is_no_json_is_empty() -> None:
    assert content_of("text", "{", (), None) == ("", {})
    assert content_of("text", "[" * 100_000, (), None) == ("", {})
