"""What the bot says as events, and which sessions a page may claim."""

from typing import Any

import pytest
from pydantic import ValidationError

from bot.channels.socketio import Config
from bot.channels.socketio.rendering import render
from bot.channels.socketio.session import conversation_of, may_claim, new_session_id
from bot.messages import BotMessage
from configs import Button

HOURS = Button(title="Hours", payload="/hours")
REPLY = {"content_type": "text", "title": "Hours", "payload": "/hours"}
ISSUED = "0f8fad5bd9cb469fa16570867728950e"


@pytest.mark.parametrize(
    ("message", "events"),
    [
        (BotMessage(text="hi"), [{"text": "hi"}]),
        (BotMessage(text="hi", buttons=(HOURS,)), [{"text": "hi", "quick_replies": [REPLY]}]),
        (
            BotMessage(text="a\n\nb\n\n", buttons=(HOURS,)),
            [{"text": "a", "quick_replies": []}, {"text": "b", "quick_replies": [REPLY]}],
        ),
        (BotMessage(buttons=(HOURS,)), [{"text": "", "quick_replies": [REPLY]}]),
        (BotMessage(image="i.png"), [{"attachment": {"type": "image", "payload": {"src": "i.png"}}}]),
        (BotMessage(attachment={"type": "video"}), [{"attachment": {"type": "video"}}]),
        (
            BotMessage(elements=({"title": "Lamp"},)),
            [
                {
                    "attachment": {
                        "type": "template",
                        "payload": {"template_type": "generic", "elements": {"title": "Lamp"}},
                    }
                }
            ],
        ),
        (BotMessage(), []),
    ],
)
def test_each_thing_has_rasas_keys_and_no_other(message: BotMessage, events: list[Any]) -> None:
    assert render(message, "said") == [("said", data) for data in events]


@pytest.mark.parametrize(
    ("custom", "expected"),
    [
        ({"data": {"a": 1}}, ("said", {"a": 1})),
        ({"data": None}, ("said", None)),
        ({"data": {"a": 1}, "event": "shake"}, ("shake", {"a": 1})),
        ({"data": {"a": 1}, "room": "others", "skip_sid": "x", "namespace": "/b"}, ("said", {"a": 1})),
        ({"data": 1, "event": "disconnect"}, ("said", 1)),
        ({"data": 1, "event": ""}, ("said", 1)),
        ({"data": 1, "event": "e" * 101}, ("said", 1)),
        ({"data": 1, "event": ["a"]}, ("said", 1)),
        ({"data": 1, "colour": "red"}, ("said", {"data": 1, "colour": "red"})),
        ({"type": "accordion", "elements": []}, ("said", {"type": "accordion", "elements": []})),
        ({"room": "others"}, ("said", {"room": "others"})),
        ([1, 2], ("said", [1, 2])),
        ("plain", ("said", "plain")),
    ],
)
def test_a_custom_payload_is_what_emit_takes_or_itself(custom: Any, expected: Any) -> None:
    assert render(BotMessage(custom=custom), "said") == [expected]


def test_ids_of_the_server_and_of_rasas_widget_may_be_claimed() -> None:
    assert may_claim(new_session_id(), "")
    assert may_claim(ISSUED, "")
    assert may_claim("0f8fad5b-d9cb-469f-a165-70867728950e", "")


@pytest.mark.parametrize(
    "made_up", [None, "", "ann", "0" * 32, ISSUED[:-1], ISSUED + "0", f"{ISSUED}\n", "0f8fad5bd9cb169fa16570867728950e"]
)
def test_others_may_not_but_with_a_token(made_up: str | None) -> None:
    assert not may_claim(made_up, "")
    assert may_claim(made_up, "ann") == bool(made_up)


def test_one_session_is_one_conversation_however_it_is_written() -> None:
    dashed = "0F8FAD5B-D9CB-469F-A165-70867728950E"

    assert conversation_of(dashed) == conversation_of(ISSUED)
    assert conversation_of(ISSUED).startswith("socketio:")
    assert ISSUED not in conversation_of(ISSUED)


def test_sessions_of_others_are_others() -> None:
    named = [
        conversation_of("b\0c", "a"),
        conversation_of("c", "a\0b"),
        conversation_of('c", "', "a"),
        conversation_of("c"),
    ]
    assert len(set(named)) == 4


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"jwt_key": "short"}, "too short"),
        ({"jwt_key": "k" * 40, "jwt_method": "RS256"}, "no key for RS256"),
        ({"jwt_key": "k" * 40, "jwt_method": "none"}, "jwt_method"),
        ({"user_message_evt": "connect"}, "'connect' is an event of Socket.IO's own"),
        ({"bot_message_evt": ""}, "bot_message_evt"),
        ({"socketio_path": "/"}, "socketio_path"),
        ({"socketio_path": "/a?b"}, "socketio_path"),
        ({"namespace": "shop"}, "namespace"),
    ],
)
def test_a_wrong_setting_is_named(section: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Config.model_validate(section)


def test_the_defaults_are_rasas() -> None:
    assert Config().model_dump() == {
        "user_message_evt": "user_uttered",
        "bot_message_evt": "bot_uttered",
        "namespace": None,
        "session_persistence": False,
        "socketio_path": "/socket.io",
        "jwt_key": None,
        "jwt_method": "HS256",
        "metadata_key": "metadata",
    }
    assert Config().path == Config(socketio_path="socket.io/").path == "/socket.io/"
