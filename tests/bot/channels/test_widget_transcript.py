"""What a page is shown of events: what belongs to the conversation, and no address or markup that could do harm."""

from typing import Any

import pytest

from bot.channels.widget.said import MAX_BUTTONS, MAX_TITLE_CHARS, shown, web_address
from bot.channels.widget.transcript import event_frames
from bot.conversation import Conversation
from bot.messages import BotMessage
from bot.stores.tail import Tail, TurnMark
from configs import Button


def frames(*events: dict[str, Any], start: int = 0, turns: dict[float, TurnMark] | None = None) -> list[dict[str, Any]]:
    tail = Tail(conversation=Conversation(id="widget:a"), events=events, start=start, turns=turns or {})
    return list(event_frames(tail, lambda file_id: f"/files/{file_id}?t=1"))


def bot(text: str | None = None, at: float = 1.0, **data: Any) -> dict[str, Any]:
    return {"event": "bot", "timestamp": at, "text": text, "data": data, "metadata": {}}


def user(text: str = "hi", **metadata: Any) -> dict[str, Any]:
    return {"event": "user", "timestamp": 1.0, "text": text, "message_id": "m1", "metadata": metadata}


# Which events are shown


def test_what_happens_inside_is_not_shown_and_counts() -> None:
    inside = [
        {"event": "action", "timestamp": 1.0, "name": "action_listen"},
        {"event": "slot", "timestamp": 1.0, "name": "card", "value": "secret"},
        {"event": "session_started", "timestamp": 1.0},
        {"event": "restart", "timestamp": 1.0},
        {"event": "handoff", "timestamp": 1.0, "state": "bot", "reason": "closed"},
        {"event": "nobody knows this", "timestamp": None},
        user("EXTERNAL: remind", is_external=True),
        bot(None, custom={"secret": 1}),
        bot(""),
        user(""),
    ]

    told = frames(bot("a"), *inside, bot("b"), start=7)

    assert [(frame["seq"], frame["text"]) for frame in told] == [(8, "a"), (len(inside) + 9, "b")]
    assert "secret" not in str(told)


def test_a_persons_words_and_what_becomes_of_the_conversation_are_shown() -> None:
    told = frames(
        {"event": "handoff", "timestamp": 1.0, "state": "waiting", "reason": "angry", "note": "for persons only"},
        {"event": "handoff", "timestamp": 2.0, "state": "human", "by": "Ann"},
        {**bot("**Hello**", 3.0), "metadata": {"agent": "Ann", "pushed": True}},
        {"event": "agent", "timestamp": 4.0, "text": "from elsewhere"},
        {"event": "handoff", "timestamp": 5.0, "state": "returned", "by": "Ann", "reason": "idle"},
        {"event": "session_ended", "timestamp": 6.0},
    )

    assert [
        {name: value for name, value in frame.items() if name not in ("type", "seq", "at", "html")} for frame in told
    ] == [
        {"from": "note", "note": "waiting"},
        {"from": "note", "note": "joined", "name": "Ann"},
        {"from": "person", "name": "Ann", "text": "Hello"},
        {"from": "person", "text": "from elsewhere"},
        {"from": "note", "note": "left"},
        {"from": "note", "note": "ended"},
    ]
    assert [frame["at"] for frame in told] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_a_turn_is_rated_at_the_last_thing_that_is_said_in_it() -> None:
    turns = {
        1.0: TurnMark(seq=4, reason="sure_intent", verdict="wrong"),
        2.0: TurnMark(seq=5, reason="unsure"),
        3.0: TurnMark(seq=6, reason="button", verdict="corrected"),
    }
    pushed = {**bot("pushed", 1.0), "metadata": {"pushed": True}}

    told = frames(bot("a", 1.0), bot("b", 1.0), pushed, bot("c", 2.0), bot("d", 3.0), bot("e", 9.0), turns=turns)

    about = [{name: frame[name] for name in ("turn", "rate", "verdict") if name in frame} for frame in told]
    assert about == [
        {"turn": 4},
        {"turn": 4, "rate": True, "verdict": "down"},
        {},
        {"turn": 5},
        {"turn": 6, "rate": True},
        {},
    ]


def test_what_front_ends_put_into_events_does_not_matter() -> None:
    odd = [
        {"event": "user", "timestamp": 1.0, "text": "a", "message_id": 5, "metadata": None},
        {
            "event": "user",
            "timestamp": 1.0,
            "text": "b",
            "metadata": {"media": [None, "x", {"id": 5}, {"kind": "image"}]},
        },
        {
            "event": "user",
            "timestamp": 1.0,
            "text": None,
            "metadata": {"media": [{"id": "f1", "name": "n", "secret": 1}]},
        },
        {"event": "bot", "timestamp": None, "text": "c", "data": None, "metadata": None},
        {"event": "bot", "timestamp": 1.0, "text": "d", "data": {"buttons": [None, "x", {}, {"title": "t"}]}},
    ]

    told = frames(*odd)

    assert [frame.get("text") for frame in told] == ["a", "b", None, "c", "d"]
    assert told[2]["file"] == {"url": "/files/f1?t=1", "name": "n"}
    assert "id" not in told[0]
    assert "buttons" not in told[4]


# How a message is shown


def test_a_message_is_shown_with_all_that_a_page_can_show() -> None:
    message = BotMessage(
        text="Look: **here**",
        buttons=(Button(title="Yes", payload="/yes"), Button(title=" ", payload="/no"), Button(title="No", payload="")),
        image="https://a.example/b.png",
        attachment={"type": "file", "payload": {"src": "https://a.example/f/terms.pdf"}},
        custom={"left": "out"},
        elements=(
            {
                "title": "Card",
                "subtitle": "below",
                "image_url": "https://a.example/c.png",
                "buttons": [
                    {"title": "Buy", "payload": "/buy"},
                    {"title": "See", "type": "web_url", "url": "https://a.example/"},
                    {"title": "Run", "type": "web_url", "url": "javascript:alert(1)"},
                ],
            },
        ),
    )

    assert shown(message) == {
        "html": "<p>Look: <strong>here</strong></p>",
        "text": "Look: here",
        "buttons": [{"title": "Yes", "payload": "/yes"}],
        "image": {"src": "https://a.example/b.png", "alt": ""},
        "file": {"url": "https://a.example/f/terms.pdf", "name": "terms.pdf"},
        "cards": [
            {
                "title": "Card",
                "subtitle": "below",
                "image": "https://a.example/c.png",
                "buttons": [{"title": "Buy", "payload": "/buy"}],
                "links": [{"title": "See", "url": "https://a.example/"}],
            }
        ],
    }
    assert shown(BotMessage(custom={"a": 1})) is None


@pytest.mark.parametrize(
    "attachment",
    [
        None,
        "",
        5,
        [],
        {},
        "javascript:alert(1)",
        {"payload": 5},
        {"payload": {"src": "data:text/html,x"}},
        {"url": ["x"]},
    ],
)
def test_an_attachment_without_an_address_on_the_web_is_left_out(attachment: Any) -> None:
    assert shown(BotMessage(text="x", attachment=attachment)) == {"html": "<p>x</p>", "text": "x"}


def test_buttons_cannot_break_the_layout() -> None:
    many = tuple(Button(title=f"\u202e{'x' * 300}", payload=f"/{number}") for number in range(90))

    buttons = (shown(BotMessage(text="x", buttons=many)) or {})["buttons"]

    assert len(buttons) == MAX_BUTTONS
    assert all(button["title"] == "x" * MAX_TITLE_CHARS for button in buttons)


@pytest.mark.parametrize(
    ("value", "is_web"),
    [
        ("https://a.example/b?c=d#e", True),
        ("http://a.example", True),
        ("https://用户.example/图", True),
        ("HTTPS://A.EXAMPLE", True),
        ("javascript:alert(1)", False),
        (" https://a.example", False),
        ("https://a.example/ x", False),
        ('https://a.example/"onerror="x', False),
        ("https://a.example/\u202e", False),
        ("https://a.example/\n", False),
        ("//a.example", False),
        ("/a", False),
        ("data:image/png;base64,AA", False),
        ("https://", False),
        ("https://[", False),
        ("file:///etc/passwd", False),
        ("x" * 9_000, False),
        (None, False),
        (5, False),
        (["https://a.example"], False),
    ],
)
def test_only_an_address_on_the_web_is_one(value: Any, is_web: bool) -> None:
    assert (web_address(value) is not None) is is_web
