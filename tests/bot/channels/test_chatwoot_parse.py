"""Chatwoot's events in the shapes that its versions have, as messages and as who answers; and what we write back."""

from typing import Any

import pytest
from pydantic import ValidationError

from bot.channels.chatwoot.config import Config
from bot.channels.chatwoot.events import Told, account_of, parse_event
from bot.channels.chatwoot.rendering import note, rendered
from bot.channels.chatwoot.signature import signature
from bot.messages import BotMessage, Standing, UserMessage
from configs.domain import Button

NOW = 1_700_000_000.0
CONVERSATION = {
    "id": 42,
    "status": "pending",
    "updated_at": 1_700_000_001.5,
    "meta": {"assignee": None, "sender": {"id": 9, "name": "Ann"}},
    "messages": [{"id": 501, "account_id": 7, "content": "hi", "message_type": 0}],
}
MESSAGE = {
    "event": "message_created",
    "id": 501,
    "content": "Where is my parcel?",
    "message_type": "incoming",
    "content_type": "text",
    "private": False,
    "account": {"id": 7, "name": "Shop"},
    "conversation": CONVERSATION,
    "sender": {"id": 9, "name": "Ann", "type": "contact"},
}
SELECT = {
    "event": "message_updated",
    "message_type": "outgoing",
    "content_type": "input_select",
    "content_attributes": {"items": [], "submitted_values": [{"title": "Yes", "value": "/affirm"}]},
}


def parsed(**changed: Any) -> UserMessage | Told | None:
    return parse_event(MESSAGE | changed, None, NOW)


def conversation(**changed: Any) -> dict[str, Any]:
    return CONVERSATION | changed


def test_a_message_is_known_by_its_account_conversation_and_id() -> None:
    assert parsed() == UserMessage(
        conversation_id="chatwoot:7:42",
        text="Where is my parcel?",
        channel="chatwoot",
        account="7",
        external_id="501",
        standing=Standing(is_held=False, at=1_700_000_001.5),
    )


@pytest.mark.parametrize(
    ("status", "assignee", "standing"),
    [
        ("pending", None, Standing(is_held=False, at=1_700_000_001.5)),
        ("pending", {"name": "Bea", "type": "user"}, Standing(is_held=False, at=1_700_000_001.5)),
        ("resolved", None, Standing(is_held=False, is_final=True, at=1_700_000_001.5)),
        ("open", None, Standing(is_held=True, at=1_700_000_001.5)),
        ("open", {"name": "Bea"}, Standing(is_held=True, by="Bea", at=1_700_000_001.5)),
        ("open", {"name": "B\x00ea\n" + "x" * 500}, Standing(is_held=True, by="Bea\n" + "x" * 96, at=1_700_000_001.5)),
        ("snoozed", {"available_name": "Bea"}, Standing(is_held=True, by="Bea", at=1_700_000_001.5)),
        ("of another version", None, Standing(is_held=True, at=1_700_000_001.5)),
    ],
)
def test_who_answers_follows_from_the_status(status: str, assignee: Any, standing: Standing) -> None:
    found = parsed(conversation=conversation(status=status, meta={"assignee": assignee}))
    assert found is not None
    assert found.standing == standing


def test_an_assignee_who_is_no_person_has_no_name() -> None:
    meta = {"assignee": {"name": "Captain"}, "assignee_type": "AgentBot"}
    found = parsed(conversation=conversation(status="open", meta=meta))
    assert found is not None
    assert found.standing == Standing(is_held=True, at=1_700_000_001.5)


def test_a_choice_is_the_payload_of_its_button_and_comes_once_however_often_the_message_changes() -> None:
    first, again = parsed(**SELECT), parsed(**SELECT, content="edited")
    assert isinstance(first, UserMessage)
    assert first.text == "/affirm"
    assert (first.external_id or "").startswith("501:")
    assert first == again


@pytest.mark.parametrize(
    "changed",
    [
        {"content_attributes": {"items": [], "submitted_values": []}},
        {"content_attributes": {"items": []}},
        {"content_attributes": None},
        {"content_attributes": {"submitted_values": [{"value": {"a": 1}}]}},
        {"content_attributes": {"submitted_values": "x"}},
        {"content_type": "text"},
        {"message_type": "incoming"},
    ],
)
def test_a_message_that_changed_otherwise_says_nothing(changed: dict[str, Any]) -> None:
    assert parsed(**(SELECT | changed)) is None


@pytest.mark.parametrize(("number", "is_message"), [(0, True), (1, False), (2, False), (3, False), (9, False)])
def test_types_of_messages_come_as_numbers_too(number: int, is_message: bool) -> None:
    assert isinstance(parsed(message_type=number), UserMessage) is is_message


@pytest.mark.parametrize(
    ("account", "fallback", "expected"),
    [
        ({"account": {"id": 7}, "messages": []}, None, "7"),
        ({"messages": [{"account_id": 7}]}, 5, "7"),
        ({"messages": []}, 5, "5"),
        ({"messages": []}, None, None),
    ],
)
def test_a_conversations_own_event_names_its_account_in_one_of_three_ways(
    account: dict[str, Any], fallback: int | None, expected: str | None
) -> None:
    payload = conversation(status="open", event="conversation_opened", **account)
    found = parse_event(payload, fallback, NOW)
    assert (None if found is None else found.account) == expected


def test_what_does_not_say_when_it_was_was_now() -> None:
    told = parse_event({"event": "conversation_resolved", "id": 42, "status": "resolved"}, 7, NOW)
    assert isinstance(told, Told)
    assert told.standing == Standing(is_held=False, is_final=True, at=NOW)


@pytest.mark.parametrize(
    "broken",
    [
        {"id": "x"},
        {"id": 0},
        {"id": 2**70},
        {"account": None},
        {"conversation": None},
        {"conversation": {"id": 42}},
        {"content": {"a": 1}},
        {"private": "perhaps"},
    ],
)
def test_what_is_none_of_chatwoots_is_an_error_of_its_own(broken: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        parsed(**broken)


@pytest.mark.parametrize(
    "beside",
    [
        {"attachments": "x"},
        {"sender": "Ann"},
        {"content_attributes": "{}"},
        {"conversation": conversation(meta=[])},
        {"conversation": conversation(meta={"assignee": "Bea", "assignee_type": 5})},
        {"conversation": conversation(updated_at="soon")},
        {"conversation": conversation(messages={}, account=7)},
    ],
)
def test_a_message_is_read_however_a_version_writes_what_stands_beside_it(beside: dict[str, Any]) -> None:
    found = parsed(**beside)
    assert isinstance(found, UserMessage)
    assert (found.text, found.external_id) == ("Where is my parcel?", "501")


@pytest.mark.parametrize(
    "payload", [{}, {"account": 1}, {"account": {"id": "7"}}, {"messages": [{}]}, {"messages": {"account_id": 7}}]
)
def test_an_account_that_is_not_named_is_not_guessed(payload: dict[str, Any]) -> None:
    assert account_of(payload) is None


def test_the_signature_is_that_of_time_and_body() -> None:
    """Computed with `openssl dgst -sha256 -hmac hK3v9wQ2aZ` of the same bytes."""
    found = signature("hK3v9wQ2aZ", "1700000000", b'{"event":"message_created"}')
    assert found == "sha256=f2ea2fcec1e43ef8e49f86a323802d82c63a839240d6a27de808b87abb39cdb1"


# What we write


def test_buttons_are_a_select() -> None:
    button = Button(title="Yes", payload="/affirm")
    assert rendered(BotMessage(text="Sure?", buttons=(button,))) == {
        "content": "Sure?",
        "message_type": "outgoing",
        "private": False,
        "content_type": "input_select",
        "content_attributes": {"items": [{"title": "Yes", "value": "/affirm"}]},
    }


def test_a_card_keeps_what_chatwoot_knows_of_it() -> None:
    element = {
        "title": "Tea",
        "subtitle": "Green",
        "image_url": "https://shop.example.com/tea.png",
        "buttons": [
            {"title": "Buy", "payload": "/buy"},
            {"title": "See", "url": "https://shop.example.com/tea", "type": "web_url"},
            "no button",
        ],
        "price": 5,
    }
    assert rendered(BotMessage(elements=(element,)))["content_attributes"] == {
        "items": [
            {
                "title": "Tea",
                "description": "Green",
                "media_url": "https://shop.example.com/tea.png",
                "actions": [
                    {"type": "postback", "text": "Buy", "payload": "/buy"},
                    {"type": "link", "text": "See", "uri": "https://shop.example.com/tea"},
                ],
            }
        ]
    }


@pytest.mark.parametrize("element", [{"title": "Tea", "subtitle": "Green"}, {"title": "Tea", "buttons": ["x"]}, {}])
def test_a_card_that_leads_nowhere_is_a_text(element: dict[str, Any]) -> None:
    """Chatwoot takes no card without an action."""
    body = rendered(BotMessage(elements=(element,)))
    assert "content_type" not in body
    assert body["content"]


def test_a_note_tells_what_was_asked_and_what_is_known() -> None:
    asked = {
        "reason": "failed",
        "note": "",
        "summary": {
            "sentiment": "negative",
            "felt": ("anger",),
            "slots": {"order": "FW-1"},
            "entities": {"order": "FW-1"},
            "turns_left_out": 2,
            "turns": [
                {"asked": "where is it?\n> fake", "answer": "On its way.\nReally.", "actions": ()},
                {"asked": "![x](http://evil)", "answer": "", "actions": ("utter_sorry",)},
                {"asked": "", "answer": "", "actions": ()},
            ],
        },
    }
    assert note(asked)["private"] is True
    assert [line for line in note(asked)["content"].splitlines() if line] == [
        "**Handed over by the bot** (failed)",
        "Mood: negative (anger)",
        "Known: order = FW-1",
        "Named: order = FW-1",
        "2 earlier messages are left out.",
        r"- where is it? \> fake",
        "  → On its way. Really.",
        r"- \!\[x\](http://evil)",
        r"  → utter\_sorry",
        "- (no text)",
        "  → (no answer)",
    ]


def test_a_note_of_nearly_nothing_is_one_line() -> None:
    assert note({})["content"] == "**Handed over by the bot** (no reason given)"


# Settings


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"webhook_secret": None}, "anybody could write"),
        ({"webhook_secret": None, "path_token": "short"}, "path_token"),
        ({"url": "chat.example.com"}, "url"),
        ({"access_token": ""}, "access_token"),
        ({"account_id": "seven"}, "account_id"),
    ],
)
def test_settings_that_cannot_work_are_refused(changed: dict[str, Any], words: str) -> None:
    right = {"url": "https://chat.example.com", "access_token": "t", "webhook_secret": "s"}
    assert Config.model_validate(right).account_id is None
    with pytest.raises(ValidationError, match=words):
        Config.model_validate(right | changed)
