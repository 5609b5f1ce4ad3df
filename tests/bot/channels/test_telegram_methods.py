"""What is said as calls of Telegram's Bot API, and what the answers to them mean."""

import json
from typing import Any

import pytest
from aiogram.types import InlineKeyboardMarkup

from bot.channels.posting import ServerAnswer
from bot.channels.telegram.bot_api import BadRequest, Conflict, Moved, result_of
from bot.channels.telegram.methods import as_link, keyboard, place_of, rendered
from bot.delivery import NotSent, Rejected, Uncertain
from bot.messages import BotMessage
from configs.domain import Button

PLACE = {"chat_id": 7}


def called(message: BotMessage, address: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
    method = rendered(message, place_of(address or {"chat": 7}))
    return method.__api_method__, method.model_dump(mode="json", exclude_unset=True, exclude_none=True)


def test_a_text_is_sent_as_it_stands() -> None:
    text = "<b>5 * 3</b> _x_ [a](javascript:alert(1))"
    assert called(BotMessage(text=text)) == ("sendMessage", {"chat_id": 7, "text": text})


def test_buttons_are_a_keyboard_below_the_text() -> None:
    buttons = (Button(title="Hours", payload="/hours"), Button(title="Site", payload="https://shop.example/a"))
    assert called(BotMessage(text="Which?", buttons=buttons)) == (
        "sendMessage",
        {
            "chat_id": 7,
            "text": "Which?",
            "reply_markup": {
                "inline_keyboard": [
                    [
                        {"text": "Hours", "callback_data": "/hours"},
                        {"text": "Site", "url": "https://shop.example/a"},
                    ]
                ]
            },
        },
    )


@pytest.mark.parametrize(
    ("titles", "rows"),
    [
        (["Yes", "No"], [2]),
        (["1", "2", "3", "4"], [3, 1]),
        (["a" * 20, "b" * 20], [1, 1]),
        (["a" * 20, "b" * 10, "c"], [2, 1]),
        (["a" * 64], [1]),
        ([], []),
    ],
)
def test_short_buttons_stand_beside_one_another(titles: list[str], rows: list[int]) -> None:
    made: InlineKeyboardMarkup = keyboard([Button(title=title, payload=title) for title in titles])
    assert [len(row) for row in made.inline_keyboard] == rows


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (BotMessage(image="https://a.example/b.png"), ("sendPhoto", {"photo": "https://a.example/b.png"})),
        (BotMessage(attachment="https://a.example/b.PDF?x=1"), ("sendDocument", {"document": "https://a.example/b.PDF?x=1"})),
        (BotMessage(attachment="https://a.example/b.docx"), ("sendMessage", {"text": "https://a.example/b.docx"})),
        (
            BotMessage(attachment={"type": "video", "payload": {"src": "https://a.example/v"}}),
            ("sendVideo", {"video": "https://a.example/v"}),
        ),
        (BotMessage(custom={"sticker": "CAACAgIAAx"}), ("sendSticker", {"sticker": "CAACAgIAAx"})),
        (
            BotMessage(custom={"text": "*hi*", "parse_mode": "MarkdownV2", "chat_id": 666}),
            ("sendMessage", {"text": "*hi*", "parse_mode": "MarkdownV2"}),
        ),
        (
            BotMessage(custom={"latitude": 1.5, "longitude": 2.5}),
            ("sendLocation", {"latitude": 1.5, "longitude": 2.5}),
        ),
    ],
)  # fmt: skip
def test_other_things(message: BotMessage, expected: tuple[str, dict[str, Any]]) -> None:
    assert called(message) == (expected[0], {**expected[1], "chat_id": 7})


@pytest.mark.parametrize(
    "message",
    [
        BotMessage(custom={"chat_id": 5}),
        BotMessage(custom=["text"]),
        BotMessage(custom={"text": {"a": 1}}),
        BotMessage(attachment={"type": "template"}),
    ],
)
def test_what_is_nothing_of_telegrams_is_refused(message: BotMessage) -> None:
    with pytest.raises(Rejected):
        called(message)


def test_in_a_group_the_message_is_replied_to() -> None:
    _, body = called(BotMessage(text="hi"), {"chat": -100, "thread": 12, "reply_to": 365})
    answered = {"message_id": 365, "allow_sending_without_reply": True}
    assert body == {"chat_id": -100, "message_thread_id": 12, "reply_parameters": answered, "text": "hi"}


def test_without_a_way_back_nothing_is_sent() -> None:
    with pytest.raises(Rejected, match="nobody has written"):
        place_of({})


def test_the_address_of_a_picture_or_a_file() -> None:
    for message in (BotMessage(image="https://a/b"), BotMessage(attachment={"payload": {"src": "https://a/b"}})):
        link = as_link(message, PLACE)
        assert link is not None
        assert link.model_dump(exclude_unset=True) == {"chat_id": 7, "text": "https://a/b"}
    assert as_link(BotMessage(text="a"), PLACE) is None


def answer(status: int, body: Any, wait_s: float | None = None) -> ServerAnswer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ServerAnswer(status=status, headers={}, body=raw, retry_after_s=wait_s)


def failed(code: int, description: str, **parameters: Any) -> dict[str, Any]:
    return {"ok": False, "error_code": code, "description": description, "parameters": parameters}


def test_a_result() -> None:
    assert result_of(answer(200, {"ok": True, "result": [1]})) == [1]


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (429, failed(429, "Too Many Requests: retry after 8", retry_after=8), NotSent, "retry after 8"),
        (500, failed(500, "Internal Server Error"), NotSent, "500"),
        (502, b"<html>Bad Gateway</html>", NotSent, "Telegram answered 502$"),
        (409, failed(409, "Conflict: terminated by other getUpdates request"), Conflict, "other getUpdates"),
        (400, failed(400, "Bad Request: chat not found"), BadRequest, "chat not found"),
        (400, failed(400, "upgraded", migrate_to_chat_id=-1009), Moved, "supergroup"),
        (401, failed(401, "Unauthorized"), Rejected, "access_token"),
        (403, failed(403, "Forbidden: bot was blocked by the user"), Rejected, "has blocked the bot"),
        (404, b"", Rejected, "access_token"),
        (302, b"", Rejected, "302"),
        (200, b"<html>", Uncertain, "cannot be read"),
        (200, {"ok": False}, Uncertain, "cannot be read"),
        (200, [], Uncertain, "cannot be read"),
        (400, failed(400, "a\x1b]0;\n" + "b" * 900), BadRequest, r"a\]0;b{190,196}$"),
    ],
)
def test_what_an_answer_means(status: int, body: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        result_of(answer(status, body))
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("asked", "header", "expected"),
    [
        (8, None, 8.0),
        (8, 3.0, 8.0),
        (None, 3.0, 3.0),
        (True, None, None),
        (-1, None, None),
        ("8", None, None),
        (0, 2.0, 2.0),
        (10**12, None, None),
    ],
)
def test_when_to_come_again(asked: Any, header: float | None, expected: float | None) -> None:
    with pytest.raises(NotSent) as caught:
        result_of(answer(429, failed(429, "Too Many Requests", retry_after=asked), header))
    assert caught.value.retry_after_s == expected
