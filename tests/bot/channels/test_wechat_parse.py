"""What WeChat sends, read and decrypted; the encrypted message is the one of WeChat's own sample code."""

import base64
from collections.abc import Mapping
from typing import Any

import pytest
from fakes.wechat import encrypt

from bot.channels.wechat.config import Config
from bot.channels.wechat.crypto import MessageCrypto, NotDecrypted, is_fresh, is_signed, signature_of
from bot.channels.wechat.parse import message_key, parse_message
from bot.channels.wechat.xml import read_xml, written_xml
from bot.errors import Refused

KEY, APP = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "wx2c2769f8efd9abc2"
SAMPLE = (
    "hyzAe4OzmOMbd6TvGdIOO6uBmdJoD0Fk53REIHvxYtJlE2B655HuD0m8KUePWB3+LrPXo87wzQ1QLvbeUgmBM4x6F8PGHQHFVAFmOD2LdJF9FrX"
    "pbUAh0B5GIItb52sn896wVsMSHGuPE328HnRGBcrS7C41IzDWyWNlZkyyXwon8T332jisa+h6tEDYsVticbSnyU8dKOIbgU6ux5VTjg3yt+WGzj"
    "lpKn6NPhRjpA912xMezR4kw6KWwMrCVKSVCZciVGCgavjIQ6X8tCOp3yZbGpy0VxpAe+77TszTfRd5RJSVO/HTnifJpXgCSUdUue1v6h0EIBYYI"
    "1BD1DlD+C0CR8e6OewpusjZ4uBl9FyJvnhvQl+q5rv1ixrcpCumEPo5MJSgM9ehVsNPfUM669WuMyVWQLCzpu9GhglF2PE="
)
CONFIG = Config.model_validate({"app_id": APP, "token": "spamtest", "on_subscribe": "hello"})
CUSTOMER = "oyORnuP8q7ou2gfYjqLzSIWZf0rs"
COMMON = {"ToUserName": "gh_10f6c3c3ac5a", "FromUserName": CUSTOMER, "CreateTime": "1409735668"}


class TestCrypto:
    def test_the_sample_of_wechat_is_decrypted(self) -> None:
        fields = read_xml(MessageCrypto(KEY, APP).decrypt(SAMPLE))

        assert fields == COMMON | {"MsgType": "text", "Content": "abcdteT", "MsgId": "6054768590064713728"}

    def test_the_sample_has_the_signature_that_wechat_gives_it(self) -> None:
        signature = "5d197aaffba7e9b25a30732f161a50dee96bd5fa"

        assert signature_of("spamtest", "1409735669", "1320562132", SAMPLE) == signature
        assert is_signed("spamtest", signature, "1409735669", "1320562132", SAMPLE)
        assert not is_signed("spamtest", signature, "1409735669", "1320562133", SAMPLE)
        assert not is_signed("spamtest", "é" * 40, "1409735669", "1320562132", SAMPLE)

    @pytest.mark.parametrize("message", [b"", b"x", "你好".encode(), b"a" * 31, b"a" * 32, b"a" * 5_000])
    def test_what_is_encrypted_is_decrypted_to_the_same(self, message: bytes) -> None:
        crypto = MessageCrypto(KEY, APP)
        assert crypto.decrypt(crypto.encrypt(message)) == message

    @pytest.mark.parametrize(
        ("encrypted", "reason"),
        [
            ("", "length"),
            ("不是", "base64"),
            ("AAAA", "length"),
            (base64.b64encode(bytes(32)).decode(), "end"),
            (encrypt(KEY, "<xml/>", "wx0000000000000000"), "another account"),
            (encrypt("G" * 43, "<xml/>", APP), "end|length|another"),
            (SAMPLE[:64], "end|length|another"),
        ],
    )
    def test_what_is_of_another_key_or_for_another_account_is_refused(self, encrypted: str, reason: str) -> None:
        with pytest.raises(NotDecrypted, match=reason):
            MessageCrypto(KEY, APP).decrypt(encrypted)

    @pytest.mark.parametrize(
        ("timestamp", "expected"),
        [("1000", True), ("1300", True), ("700", True), ("699", False), ("1301", False), ("1e3", False), ("", False)],
    )
    def test_only_five_minutes_count_as_fresh(self, timestamp: str, expected: bool) -> None:
        assert is_fresh(timestamp, 1_000.0) is expected

    @pytest.mark.parametrize("key", ["short", "é" * 43, KEY + "=", KEY[:-1] + "+"])
    def test_a_key_that_is_none_is_refused_at_start(self, key: str) -> None:
        with pytest.raises(ValueError, match="43 letters and digits"):
            Config.model_validate({"app_id": APP, "token": "spamtest", "encoding_aes_key": key})


class TestXml:
    def test_fields_are_read_and_what_lies_deeper_is_left_out(self) -> None:
        body = "<xml><A><![CDATA[你 & <b>]]></A><B>1</B><C/><D><E>deep</E></D></xml>".encode()
        assert read_xml(body) == {"A": "你 & <b>", "B": "1", "C": "", "D": ""}

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"hello",
            b"<xml>",
            b"\xff\xfe",
            b'<?xml version="1.0" encoding="no-such"?><xml/>',
            b'<!DOCTYPE x SYSTEM "http://evil.example/x.dtd"><xml/>',
            b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><xml><Content>&b;</Content></xml>',
            b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><Content>&a;</Content></xml>',
            b"<xml>" + b"<a>" * 100_000,
            b"<xml><Content>" + b"a" * 300_000 + b"</Content></xml>",
        ],
    )
    def test_hostile_xml_is_refused(self, body: bytes) -> None:
        with pytest.raises(Refused) as caught:
            read_xml(body)
        assert caught.value.status == 400

    @pytest.mark.parametrize("text", ["", "你好", "a]]>b", "]]>", "<b>&amp;</b>", "]]]]>>"])
    def test_what_is_written_is_read_again(self, text: str) -> None:
        assert read_xml(written_xml({"Content": text, "CreateTime": 5}).encode()) == {
            "Content": text,
            "CreateTime": "5",
        }


def parsed(**fields: str) -> tuple[str, Any] | None:
    message = parse_message(COMMON | {"MsgId": "42"} | fields, CONFIG)
    return None if message is None else (message.text, message.metadata.get("media"))


def test_a_text_is_read_with_its_sender_and_its_id() -> None:
    message = parse_message(COMMON | {"MsgType": "text", "Content": "在吗", "MsgId": "6054768590064713728"}, CONFIG)

    assert message is not None
    assert (message.conversation_id, message.channel, message.account, message.external_id, message.text) == (
        f"wechat:{APP}:{CUSTOMER}",
        "wechat",
        APP,
        "6054768590064713728",
        "在吗",
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"MsgType": "text", "Content": "满意", "bizmsgmenuid": "/affirm"}, ("/affirm", None)),
        ({"MsgType": "text", "Content": "满意", "bizmsgmenuid": "101"}, ("满意", None)),
        (
            {"MsgType": "image", "PicUrl": "http://a/b", "MediaId": "m"},
            ("", [{"kind": "image", "id": "m", "url": "http://a/b"}]),
        ),
        ({"MsgType": "voice", "MediaId": "m", "Format": "amr"}, ("", [{"kind": "audio", "id": "m"}])),
        ({"MsgType": "voice", "MediaId": "m", "Recognition": "几点开门"}, ("几点开门", None)),
        ({"MsgType": "video", "MediaId": "m", "ThumbMediaId": "t"}, ("", [{"kind": "video", "id": "m"}])),
        ({"MsgType": "shortvideo", "MediaId": "m"}, ("", [{"kind": "video", "id": "m"}])),
        (
            {"MsgType": "location", "Location_X": "23.1", "Location_Y": "113.3", "Scale": "20", "Label": "广州"},
            ("", [{"kind": "location", "name": "广州 23.1, 113.3"}]),
        ),
        (
            {"MsgType": "link", "Title": "T", "Description": "D", "Url": "http://a/"},
            ("T\nD\nhttp://a/", None),
        ),
        ({"MsgType": "event", "Event": "subscribe", "EventKey": ""}, ("hello", None)),
        ({"MsgType": "event", "Event": "CLICK", "EventKey": "/hours"}, ("/hours", None)),
        ({"MsgType": "event", "Event": "VIEW", "EventKey": "http://a/"}, None),
        ({"MsgType": "event", "Event": "unsubscribe"}, None),
        ({"MsgType": "event", "Event": "TEMPLATESENDJOBFINISH"}, None),
        ({"MsgType": "newkind"}, None),
        ({}, None),
        ({"MsgType": "text", "Content": "x", "FromUserName": "a:b"}, None),
        ({"MsgType": "text", "Content": "x", "FromUserName": ""}, None),
        ({"MsgType": "text", "Content": "x", "CreateTime": "soon"}, None),
    ],
)
def test_each_kind_of_message_and_event_is_read(fields: dict[str, str], expected: Any) -> None:
    assert parsed(**fields) == expected


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"MsgId": "7"}, "7"),
        ({"Event": "CLICK", "EventKey": "k"}, f"{CUSTOMER}:1409735668:CLICK:k"),
        ({"MsgId": "x" * 900, "Event": "subscribe"}, f"{CUSTOMER}:1409735668:subscribe:"),
    ],
)
def test_a_message_is_known_again_by_its_id_and_an_event_by_who_when_and_what(
    fields: Mapping[str, str], key: str
) -> None:
    assert message_key(COMMON | dict(fields)) == key
