"""What Meta documents that Messenger and Instagram bring, and what they never would."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.messenger.parse import parse_events
from bot.channels.messenger.product import INSTAGRAM, MESSENGER
from bot.channels.meta.webhook import Incoming

NOW = 1_762_902_671.0
PAGE, ANN = "1906385232743851", "1254477777772919"
MID = "m_toDnmD7qfjN3l2hD1tLrZA"


def event(**content: Any) -> dict[str, Any]:
    return {"sender": {"id": ANN}, "recipient": {"id": PAGE}, "timestamp": 1_762_902_671_000, **content}


def update(*events: Any, kind: str = "page", under: str = "messaging") -> dict[str, Any]:
    return {"object": kind, "entry": [{"id": PAGE, "time": 1_762_902_671_500, under: list(events)}]}


def parsed(data: Any) -> list[Incoming]:
    return list(parse_events(data, MESSENGER, NOW))


def only(data: Any) -> Incoming:
    (one,) = parsed(data)
    return one


def test_a_text_as_it_is_documented() -> None:
    found = only(update(event(message={"mid": MID, "text": "hello, world!"})))

    assert found.message.conversation_id == f"facebook:{PAGE}:{ANN}"
    assert (found.message.text, found.message.external_id) == ("hello, world!", MID)
    assert (found.message.channel, found.message.account, found.message.metadata) == ("facebook", PAGE, {})
    assert found.address == {"written_at": NOW}


@pytest.mark.parametrize(
    ("message", "text", "metadata"),
    [
        ({"mid": MID, "text": "Red", "quick_reply": {"payload": "/red"}}, "/red", {}),
        ({"mid": MID, "text": "Red", "quick_reply": {"payload": ""}}, "Red", {}),
        ({"mid": MID, "text": "yes", "reply_to": {"mid": "m_0"}}, "yes", {"reply_to": "m_0"}),
        ({"mid": MID, "text": "nice", "reply_to": {"story": {"url": "https://a", "id": "1"}}}, "nice", {}),
        (
            {"mid": MID, "attachments": [{"type": "image", "payload": {"url": "https://scontent.example/a.jpg"}}]},
            "",
            {"media": [{"kind": "image", "url": "https://scontent.example/a.jpg"}]},
        ),
        (
            {
                "mid": MID,
                "attachments": [{"type": "image", "payload": {"url": "https://a", "sticker_id": 369239263222822}}],
            },
            "",
            {"media": [{"kind": "sticker", "url": "https://a"}]},
        ),
        (
            {"mid": MID, "attachments": [{"type": "audio", "payload": {"url": "https://a"}}, {"type": "file"}]},
            "",
            {"media": [{"kind": "audio", "url": "https://a"}, {"kind": "file"}]},
        ),
        (
            {"mid": MID, "attachments": [{"type": "ig_reel", "payload": {"url": "https://a", "reel_video_id": 1}}]},
            "",
            {"media": [{"kind": "video", "url": "https://a"}]},
        ),
        ({"mid": MID, "attachments": [{"type": "story_mention"}]}, "", {"media": [{"kind": "file"}]}),
        (
            {"mid": MID, "text": "https://a", "attachments": [{"type": "fallback", "payload": {"url": "https://a"}}]},
            "https://a",
            {},
        ),
        ({"mid": MID, "is_unsupported": True}, "", {"media": [{"kind": "file"}]}),
    ],
)
def test_each_kind_of_message(message: dict[str, Any], text: str, metadata: dict[str, Any]) -> None:
    found = only(update(event(message=message))).message

    assert (found.text, found.metadata) == (text, metadata)


def test_a_pressed_button() -> None:
    pressed = {"mid": MID, "title": "Hours", "payload": "/hours", "referral": {"ref": "a", "type": "OPEN_THREAD"}}
    found = only(update(event(postback=pressed))).message
    assert (found.text, found.external_id) == ("/hours", MID)

    titled = only(update(event(postback={"mid": MID, "title": "Get started"}))).message
    assert titled.text == "Get started"


def test_a_press_without_an_id_is_known_by_who_when_and_what() -> None:
    press = event(postback={"title": "Hours", "payload": "/hours"})
    ids = [
        only(update(one)).message.external_id
        for one in (
            press,
            copy.deepcopy(press),
            {**press, "timestamp": 1},
            {**press, "sender": {"id": "7"}},
            {**press, "postback": {"payload": "/other"}},
        )
    ]

    assert ids[0] == ids[1]
    assert len(set(ids)) == 4
    assert all(one and one.startswith("postback.") for one in ids)


@pytest.mark.parametrize(
    "content",
    [
        {"message": {"mid": MID, "text": "hi", "is_echo": True, "app_id": 1517776481860111}},
        {"message": {"mid": MID, "text": "hi", "is_self": True}},
        {"message": {"mid": MID, "is_deleted": True}},
        {"message": {"mid": MID, "text": "hi"}, "sender": {"id": PAGE}},
        {"delivery": {"mids": [MID], "watermark": 1_458_668_856_253}},
        {"read": {"watermark": 1_458_668_856_253}},
        {"reaction": {"reaction": "love", "emoji": "\u2764", "action": "react", "mid": MID}},
        {"message_edit": {"mid": MID, "text": "hello", "num_edit": 1}},
        {"optin": {"ref": "a", "user_ref": "b"}, "sender": {"user_ref": "b"}},
        {"referral": {"ref": "a", "source": "SHORTLINK", "type": "OPEN_THREAD"}},
        {"message": None, "postback": None},
    ],
    ids="-".join,
)
def test_echoes_and_receipts_are_passed_over(content: dict[str, Any]) -> None:
    assert parsed(update(event(**content))) == []


def test_what_another_app_answers_is_left_to_it() -> None:
    assert parsed(update(event(message={"mid": MID, "text": "hi"}), under="standby")) == []


def test_a_change_in_the_dashboards_form_is_read_too() -> None:
    changes = [
        {"field": "messages", "value": event(message={"mid": MID, "text": "hi"})},
        {"field": "feed", "value": event(message={"mid": MID, "text": "hi"})},
        {"field": "messages", "value": 5},
    ]
    assert [one.message.text for one in parsed(update(*changes, under="changes"))] == ["hi"]


def test_each_product_reads_its_own() -> None:
    data = update(event(message={"mid": MID, "text": "hi"}), kind="instagram")

    assert parsed(data) == []
    (found,) = parse_events(data, INSTAGRAM, NOW)
    assert found.message.conversation_id == f"instagram:{PAGE}:{ANN}"


@pytest.mark.parametrize(
    "bad",
    [
        event(message={"text": "hi"}),
        event(message={"mid": "", "text": "hi"}),
        event(message={"mid": "m" * 256, "text": "hi"}),
        event(message={"mid": "m_\ud800", "text": "hi"}),
        event(message={"mid": MID, "text": 5}),
        event(message={"mid": MID, "attachments": "none"}),
        event(message={"mid": MID, "text": "hi"}, sender={"user_ref": "a"}),
        event(message={"mid": MID, "text": "hi"}, sender={"id": "a:b"}),
        event(message={"mid": MID, "text": "hi"}, recipient=None),
        {"message": {"mid": MID, "text": "hi"}},
        "hi",
        None,
    ],
    ids=str,
)
def test_a_bad_event_is_passed_over_and_its_neighbours_are_not(bad: Any) -> None:
    before, after = (event(message={"mid": name, "text": "hi"}) for name in ("before", "after"))

    assert [one.message.external_id for one in parsed(update(before, bad, after))] == ["before", "after"]


@pytest.mark.parametrize(
    ("timestamp", "written_at"),
    [
        (1_762_902_600_000, 1_762_902_600.0),
        (1_762_902_600, 1_762_902_600.0),
        ("1762902600", 1_762_902_600.0),
        (1, None),
        (0, None),
        (-1, NOW),
        (9_999_999_999_999, NOW),
        (True, NOW),
        ("soon", NOW),
        (10**20, NOW),
        (None, NOW),
    ],
)
def test_a_time_is_read_in_both_units_and_one_that_makes_no_sense_is_now(
    timestamp: Any, written_at: float | None
) -> None:
    address = only(update(event(message={"mid": MID, "text": "hi"}, timestamp=timestamp))).address
    assert address == (None if written_at is None else {"written_at": written_at})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
WHOLE = update(
    event(message={"mid": MID, "text": "hi", "quick_reply": {"payload": "/a"}, "reply_to": {"mid": "m_0"}}),
    event(message={"mid": "m_2", "attachments": [{"type": "image", "payload": {"url": "https://a", "sticker_id": 1}}]}),
    event(postback={"title": "A", "payload": "/a"}),
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
        assert one.message.conversation_id.startswith("facebook:")
        json.dumps([one.message.metadata, one.address], allow_nan=False)
