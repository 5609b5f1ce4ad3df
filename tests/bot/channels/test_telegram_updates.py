"""What Telegram's updates are read as, in the shape that its documentation shows."""

from typing import Any

import pytest
from aiogram.types import Update
from fakes.telegram import BOT_ID, BOT_NAME, TOKEN
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.channels.telegram import Config
from bot.channels.telegram.updates import parse_update
from bot.messages import UserMessage

CONFIG = Config.model_validate({"access_token": TOKEN, "verify": BOT_NAME})
ANN = {"id": 7, "is_bot": False, "first_name": "Ann"}
BOT = {"id": BOT_ID, "is_bot": True, "first_name": "Kefu", "username": BOT_NAME}
PRIVATE = {"id": 7, "type": "private", "first_name": "Ann"}
GROUP = {"id": -1001234567890, "type": "supergroup", "title": "Shop"}
FILE = {"file_id": "AgACAgIAAx", "file_unique_id": "AQAD"}
BASE = {"message_id": 365, "from": ANN, "chat": PRIVATE, "date": 1_750_000_000}


def parsed(kind: str = "message", **fields: Any) -> tuple[UserMessage, dict[str, Any]] | None:
    found = parse_update(Update.model_validate({"update_id": 10_000, kind: {**BASE, **fields}}), CONFIG)
    return None if found is None else (found[0], dict(found[1]))


def in_group(text: str, *entities: tuple[str, str], **fields: Any) -> tuple[UserMessage, dict[str, Any]] | None:
    """A message in a group; an entity is its kind and the words that it is about."""
    marked = [
        {"type": kind, "offset": units(text[: text.index(words)]), "length": units(words)} for kind, words in entities
    ]
    return parsed(chat=GROUP, text=text, entities=marked, **fields)


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def test_a_private_message() -> None:
    assert parsed(text="Where is my order?") == (
        UserMessage(
            conversation_id="telegram:7",
            text="Where is my order?",
            channel="telegram",
            account=str(BOT_ID),
            external_id="10000",
        ),
        {"chat": 7},
    )


def test_a_pressed_button() -> None:
    shown = {**BASE, "from": BOT, "text": "Which?"}
    pressed = {"id": "4382bfdwdsb323b2d9", "from": ANN, "message": shown, "chat_instance": "1", "data": "/hours"}
    found = parse_update(Update.model_validate({"update_id": 10_001, "callback_query": pressed}), CONFIG)
    assert found is not None
    assert (found[0].conversation_id, found[0].text, found[0].external_id) == ("telegram:7", "/hours", "10001")
    assert found[1] == {"chat": 7}


def test_a_button_of_a_message_that_is_no_longer_there_counts_too() -> None:
    gone = {"chat": PRIVATE, "message_id": 1, "date": 0}
    pressed = {"id": "1", "from": ANN, "message": gone, "chat_instance": "1", "data": "/hours"}
    found = parse_update(Update.model_validate({"update_id": 1, "callback_query": pressed}), CONFIG)
    assert found is not None
    assert found[0].text == "/hours"


@pytest.mark.parametrize("missing", ["message", "data"])
def test_a_button_of_an_inline_message_or_a_game_is_passed_over(missing: str) -> None:
    pressed = {"id": "1", "from": ANN, "message": {**BASE, "text": "?"}, "chat_instance": "1", "data": "/hours"}
    del pressed[missing]
    assert parse_update(Update.model_validate({"update_id": 1, "callback_query": pressed}), CONFIG) is None


@pytest.mark.parametrize("kind", ["edited_message", "channel_post", "edited_channel_post", "business_message"])
def test_edits_and_posts_are_passed_over(kind: str) -> None:
    assert parsed(kind, text="hello") is None


@pytest.mark.parametrize("sender", [BOT, {"id": 1, "is_bot": True, "first_name": "Another"}, None])
def test_what_no_person_wrote_is_passed_over(sender: dict[str, Any] | None) -> None:
    assert parsed(text="hello", **{"from": sender}) is None


@pytest.mark.parametrize(
    ("fields", "text", "media"),
    [
        (
            {"photo": [{**FILE, "width": 1, "height": 1}, {**FILE, "file_id": "big", "width": 9, "height": 9}]},
            "",
            "big",
        ),
        ({"voice": {**FILE, "duration": 3, "mime_type": "audio/ogg"}}, "", ("audio", None, "audio/ogg")),
        (
            {"document": {**FILE, "file_name": "a.pdf", "mime_type": "application/pdf"}, "caption": "my bill"},
            "my bill",
            ("file", "a.pdf", "application/pdf"),
        ),
        (
            {"animation": {**FILE, "width": 1, "height": 1, "duration": 1}, "document": FILE},
            "",
            ("video", None, None),
        ),
        (
            {
                "sticker": {
                    **FILE,
                    "type": "regular",
                    "width": 1,
                    "height": 1,
                    "is_animated": False,
                    "is_video": False,
                }
            },
            "",
            ("sticker", None, None),
        ),
    ],
)
def test_what_is_no_text(fields: dict[str, Any], text: str, media: Any) -> None:
    found = parsed(**fields)
    assert found is not None
    assert found[0].text == text
    (one,) = found[0].metadata["media"]
    if media == "big":
        assert one == {"kind": "image", "id": "big"}
    else:
        assert (one["kind"], one.get("name"), one.get("mime")) == media


def test_a_place_and_a_contact() -> None:
    place = parsed(location={"latitude": 52.5, "longitude": 13.4})
    contact = parsed(contact={"phone_number": "+4930123456", "first_name": "Ann"})
    assert place is not None
    assert contact is not None
    assert place[0].metadata == {"media": [{"kind": "location", "latitude": 52.5, "longitude": 13.4}]}
    assert contact[0].text == "+4930123456"


def test_news_of_a_group_hold_nothing_to_read() -> None:
    found = parsed(new_chat_title="Shop")
    assert found is not None
    assert (found[0].text, found[0].metadata) == ("", {})  # which the intake passes over


@pytest.mark.parametrize(
    ("written", "metadata"),
    [("/start", {}), ("/start ", {}), (f"/start@{BOT_NAME}", {}), ("/start order_4711", {"start": "order_4711"})],
)
def test_start_is_a_greeting(written: str, metadata: dict[str, str]) -> None:
    found = parsed(text=written)
    assert found is not None
    assert (found[0].text, found[0].metadata) == ("hello", metadata)


@pytest.mark.parametrize("written", ["/starting", "/start two words", "/restart", "hello /start"])
def test_other_commands_are_handed_on_as_they_are(written: str) -> None:
    found = parsed(text=written)
    assert found is not None
    assert found[0].text == written


class TestInGroups:
    def test_what_is_not_for_the_bot_is_passed_over(self) -> None:
        assert in_group("hello everybody") is None
        assert in_group("@another_bot hello", ("mention", "@another_bot")) is None
        assert in_group("/help", ("bot_command", "/help")) is None
        assert in_group(f"mail me at x@{BOT_NAME}") is None

    def test_what_names_the_bot_is_answered_there(self) -> None:
        found = in_group(f"👋🏽 @{BOT_NAME.upper()} when are you open?", ("mention", f"@{BOT_NAME.upper()}"))
        assert found is not None
        message, address = found
        assert message.text == "👋🏽  when are you open?"
        assert message.conversation_id == "telegram:-1001234567890:7"
        assert address == {"chat": -1001234567890, "reply_to": 365}

    def test_a_command_for_the_bot(self) -> None:
        found = in_group(f"/start@{BOT_NAME}", ("bot_command", f"/start@{BOT_NAME}"))
        assert found is not None
        assert found[0].text == "hello"

    def test_a_reply_to_the_bot(self) -> None:
        assert in_group("yes", reply_to_message={**BASE, "chat": GROUP, "from": BOT, "text": "Which?"}) is not None
        assert in_group("yes", reply_to_message={**BASE, "chat": GROUP, "text": "Which?"}) is None

    @pytest.mark.parametrize(("offset", "length"), [(0, 2), (-5, 10**9), (10**9, 1), (0, -1)])
    def test_words_that_are_not_there_break_nothing(self, offset: int, length: int) -> None:
        marked = [{"type": "mention", "offset": offset, "length": length}]
        assert parsed(chat=GROUP, text="\ud83d hi", entities=marked) is None

    def test_a_topic_is_kept(self) -> None:
        answered = {**BASE, "chat": GROUP, "from": BOT, "text": "Which?"}
        found = in_group("yes", reply_to_message=answered, is_topic_message=True, message_thread_id=12)
        assert found is not None
        assert found[1] == {"chat": -1001234567890, "thread": 12, "reply_to": 365}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["text", "caption", "entities", "photo", "from", "chat", "voice"]), JSON))
def test_no_update_breaks_the_parser(fields: dict[str, Any]) -> None:
    try:
        update = Update.model_validate({"update_id": 1, "message": {**BASE, **fields}})
    except ValidationError:
        return
    parse_update(update, CONFIG)


@pytest.mark.parametrize(
    ("settings", "polls"),
    [
        ({}, True),
        ({"mode": "polling"}, True),
        ({"mode": "webhook"}, False),
        ({"webhook_url": "https://bot.example/webhooks/telegram/webhook"}, False),
    ],
)
def test_messages_are_fetched_unless_there_is_a_webhook(settings: dict[str, str], polls: bool) -> None:
    assert Config.model_validate({"access_token": TOKEN, "verify": BOT_NAME, **settings}).polls is polls


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"access_token": "4242"}, "BotFather"),
        ({"access_token": f"{TOKEN}/../x"}, "BotFather"),
        ({"secret_token": "short"}, "16 to 256"),
        ({"secret_token": "with spaces and more"}, "16 to 256"),
        ({"verify": "a b"}, "verify"),
        ({"mode": "polling", "webhook_url": "https://bot.example/x"}, "take webhook_url out"),
    ],
)
def test_wrong_settings_are_said(changed: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Config.model_validate({"access_token": TOKEN, "verify": BOT_NAME, **changed})


def test_the_secret_is_made_of_the_access_token_and_does_not_tell_it() -> None:
    secret = CONFIG.secret
    assert len(secret) == 64
    assert TOKEN.partition(":")[2] not in secret
    other = Config.model_validate({"access_token": TOKEN + "x", "verify": BOT_NAME})
    assert other.secret != secret
