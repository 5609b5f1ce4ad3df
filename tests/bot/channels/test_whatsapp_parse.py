"""What Meta documents that WhatsApp brings, and what it never would."""

import copy
import json
from typing import Any

import pytest
from fakes.whatsapp import NUMBERS, FakeWhatsApp
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.meta.webhook import Incoming, Undelivered
from bot.channels.whatsapp.errors import CODES
from bot.channels.whatsapp.parse import parse_updates

NOW = 1_749_416_400.0
TEXT = {
    "from": "16505551234",
    "id": "wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA=",
    "timestamp": "1749416383",
    "type": "text",
    "text": {"body": "Does it come in another color?"},
}
PICTURE = {"mime_type": "image/jpeg", "sha256": "SfInY0gGKTsJlUWbwxC1k", "id": "1003383421387256"}


def update(*messages: Any, **value: Any) -> dict[str, Any]:
    """A notification in the documented form."""
    metadata = {"display_phone_number": "15550783881", "phone_number_id": NUMBERS[0]}
    found = {"messaging_product": "whatsapp", "metadata": metadata, "messages": list(messages), **value}
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "102290129340398", "changes": [{"value": found, "field": "messages"}]}],
    }


def message(kind: str, **content: Any) -> dict[str, Any]:
    return {"from": "16505551234", "id": "wamid.1", "timestamp": "1749416383", "type": kind, **content}


def parsed(data: Any, numbers: tuple[str, ...] = ()) -> list[Incoming | Undelivered]:
    return list(parse_updates(data, numbers, NOW))


def only(data: Any) -> Incoming:
    (one,) = parsed(data)
    assert isinstance(one, Incoming)
    return one


def test_a_text_as_it_is_documented() -> None:
    found = only(update(TEXT))

    assert found.message.conversation_id == f"whatsapp:{NUMBERS[0]}:16505551234"
    assert (found.message.text, found.message.external_id) == ("Does it come in another color?", TEXT["id"])
    assert (found.message.channel, found.message.account, found.message.metadata) == ("whatsapp", NUMBERS[0], {})
    assert found.address == {"to": "16505551234", "written_at": 1_749_416_383.0}


def test_who_hides_the_number_is_the_same_customer() -> None:
    known = only(update({**TEXT, "from_user_id": "US.13491208655302741918"}))
    hidden = only(
        update({**{key: TEXT[key] for key in TEXT if key != "from"}, "from_user_id": "US.13491208655302741918"})
    )

    assert known.message.conversation_id == f"whatsapp:{NUMBERS[0]}:US.13491208655302741918"
    assert hidden.message.conversation_id == known.message.conversation_id
    assert known.address == {"to": "16505551234", "written_at": 1_749_416_383.0}
    assert hidden.address == {"recipient": "US.13491208655302741918", "written_at": 1_749_416_383.0}


@pytest.mark.parametrize("gone", [{}, {"from": ""}, {"from": None}], ids=str)
def test_a_number_that_is_kept_from_us_is_left_out_or_empty(gone: dict[str, Any]) -> None:
    item = {key: value for key, value in TEXT.items() if key != "from"} | gone
    contact = {
        "profile": {"name": "Sheena Nelson", "username": "realsheenanelson"},
        "user_id": "US.13491208655302741918",
    }

    assert (
        only(update(item, contacts=[contact])).address
        == only(update({**item, "from_user_id": "US.13491208655302741918"})).address
    )
    assert parsed(update(item, contacts=[contact, {"user_id": "US.7"}])) == []


@pytest.mark.parametrize(
    ("item", "text", "metadata"),
    [
        (
            message(
                "interactive",
                context={"from": "15550783881", "id": "wamid.0"},
                interactive={"type": "button_reply", "button_reply": {"id": "/cancel", "title": "Cancel"}},
            ),
            "/cancel",
            {"reply_to": "wamid.0"},
        ),
        (
            message(
                "interactive",
                interactive={
                    "type": "list_reply",
                    "list_reply": {"id": "/priority", "title": "Priority", "description": "Next day"},
                },
            ),
            "/priority",
            {},
        ),
        (message("button", button={"payload": "Unsubscribe", "text": "Stop it"}), "Unsubscribe", {}),
        (message("button", button={"text": "Stop it"}), "Stop it", {}),
        (
            message("image", image={**PICTURE, "caption": "Taj Mahal"}),
            "Taj Mahal",
            {"media": [{"kind": "image", "id": PICTURE["id"], "mime": "image/jpeg"}]},
        ),
        (
            message("audio", audio={"mime_type": "audio/ogg; codecs=opus", "id": "7", "voice": True}),
            "",
            {"media": [{"kind": "audio", "id": "7", "mime": "audio/ogg; codecs=opus"}]},
        ),
        (message("video", video={"id": "7"}), "", {"media": [{"kind": "video", "id": "7"}]}),
        (
            message("document", document={"id": "7", "filename": "a.pdf", "mime_type": "application/pdf"}),
            "",
            {"media": [{"kind": "file", "id": "7", "name": "a.pdf", "mime": "application/pdf"}]},
        ),
        (
            message("sticker", sticker={"id": "7", "animated": False}),
            "",
            {"media": [{"kind": "sticker", "id": "7"}]},
        ),
        (
            message(
                "location", location={"latitude": 37.44, "longitude": -122, "name": "Philz", "address": "Palo Alto"}
            ),
            "",
            {"media": [{"kind": "location", "name": "Philz", "at": [37.44, -122.0]}]},
        ),
        (message("contacts", contacts=[{"name": {"formatted_name": "Ben"}}]), "", {"media": [{"kind": "file"}]}),
        (message("order", order={"catalog_id": "1", "product_items": []}), "", {"media": [{"kind": "file"}]}),
        (
            message("unsupported", errors=[{"code": 131051}], unsupported={"type": "poll_creation"}),
            "",
            {"media": [{"kind": "file"}]},
        ),
        (
            message("interactive", interactive={"type": "nfm_reply", "nfm_reply": {"response_json": "{}"}}),
            "",
            {"media": [{"kind": "file"}]},
        ),
        (message("a type of next year"), "", {"media": [{"kind": "file"}]}),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) and "type" in value else "",
)
def test_each_type_of_message(item: dict[str, Any], text: str, metadata: dict[str, Any]) -> None:
    found = only(update(item)).message

    assert (found.text, found.metadata) == (text, metadata)


@pytest.mark.parametrize(
    "item",
    [
        message("reaction", reaction={"message_id": "wamid.0", "emoji": "\U0001f44d"}),
        message("system", system={"body": "Ann changed her number", "wa_id": "1", "type": "user_changed_number"}),
        message("request_welcome"),
        message("edit", edit={"original_message_id": "wamid.0", "message": {"type": "text", "text": {"body": "a"}}}),
        message("revoke", revoke={"original_message_id": "wamid.0"}),
        message("unsupported", unsupported={"type": "edit"}),
        {**TEXT, "group_id": "Y2FwaV9ncm91cDox"},
    ],
    ids=lambda item: item["type"],
)
def test_nobody_waits_for_an_answer_to_these(item: dict[str, Any]) -> None:
    assert parsed(update(item)) == []


@pytest.mark.parametrize(
    "item",
    [
        {**TEXT, "id": ""},
        {**TEXT, "id": 7},
        {**TEXT, "id": "wamid.\ud800"},
        {**TEXT, "id": "wamid. 1"},
        {**TEXT, "id": "w" * 256},
        {**TEXT, "from": "ann"},
        {**TEXT, "from": None},
        {**TEXT, "from_user_id": "a:b"},
        {**TEXT, "text": None},
        {**TEXT, "text": {"body": 5}},
        {**TEXT, "text": "hello"},
        {**TEXT, "type": ["text"]},
        {**TEXT, "type": "interactive"},
        {"type": "text"},
        "text",
        None,
    ],
    ids=str,
)
def test_a_bad_item_is_passed_over_and_its_neighbours_are_not(item: Any) -> None:
    before, after = {**TEXT, "id": "wamid.before"}, {**TEXT, "id": "wamid.after"}

    found = parsed(update(before, item, after))

    assert [one.message.external_id for one in found if isinstance(one, Incoming)] == ["wamid.before", "wamid.after"]
    assert len(found) == 2


@pytest.mark.parametrize(
    ("timestamp", "written_at"),
    [
        ("0", None),
        ("1749000000", None),
        ("1749416383", 1_749_416_383.0),
        ("1749416383000", NOW),
        ("253402300799", NOW),
        (1749416383, NOW),
        ("-5", NOW),
        ("soon", NOW),
        ("٣", NOW),
        (None, NOW),
    ],
)
def test_a_time_that_makes_no_sense_is_now_and_an_old_message_leaves_the_known_way(
    timestamp: Any, written_at: float | None
) -> None:
    address = only(update({**TEXT, "timestamp": timestamp})).address
    assert address == (None if written_at is None else {"to": "16505551234", "written_at": written_at})


def test_only_the_bots_own_numbers_are_served() -> None:
    data = update(TEXT)

    assert len(parsed(data, NUMBERS)) == 1
    assert parsed(data, NUMBERS[1:]) == []


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "whatsapp_business_account",
        {},
        {"object": "page", "entry": update(TEXT)["entry"]},
        {"object": "whatsapp_business_account", "entry": {}},
        {"object": "whatsapp_business_account", "entry": [1, {"changes": 5}, {"changes": [None, {"field": "flows"}]}]},
        {"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value": []}]}]},
        {"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value": {}}]}]},
        update(metadata={"phone_number_id": "a:b"}),
        update(messages={"0": TEXT}),
    ],
)
def test_what_is_not_about_messages_holds_none(data: Any) -> None:
    assert parsed(data) == []


def test_news_is_of_interest_where_something_was_not_delivered() -> None:
    fake = FakeWhatsApp()
    news = [fake.status("ann", kind, key="k") for kind in ("sent", "delivered", "read", "played")]
    failed = fake.status("ann", "failed", key="k", code=131026)

    assert parsed(fake.update(statuses=news)) == []
    (undelivered,) = parsed(fake.update(statuses=[failed]))
    assert undelivered == Undelivered(id="wamid.sent1", key="k", reason=f"error 131026: {CODES.meanings[131026]}")
    assert parsed(fake.update(statuses=[{**failed, "errors": []}])) == [
        Undelivered(id="wamid.sent1", key="k", reason="WhatsApp does not say why")
    ]
    assert parsed(fake.update(statuses=[{**failed, "errors": [{"code": "x"}]}])) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
WHOLE = update(
    {**TEXT, "from_user_id": "US.1", "context": {"id": "wamid.0"}},
    message("interactive", interactive={"type": "list_reply", "list_reply": {"id": "/a", "title": "A"}}),
    message("image", image=PICTURE),
    message("location", location={"latitude": 1.0, "longitude": 2.0}),
    statuses=[FakeWhatsApp().status("ann", "failed", key="k", code=1)],
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to everything in a body."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]


@given(place=st.sampled_from(places(WHOLE)[1:]), planted=JSON, everything=JSON)
def test_no_body_breaks_it(place: tuple[Any, ...], planted: Any, everything: Any) -> None:
    data = copy.deepcopy(WHOLE)
    target = data
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = planted

    for one in (*parsed(data), *parsed(everything)):
        if isinstance(one, Incoming):
            assert one.message.conversation_id.startswith("whatsapp:")
            json.dumps([one.message.metadata, one.address], allow_nan=False)
