"""What a platform cannot show is said in another way, part by part."""

from dataclasses import replace
from typing import Any

import pytest

from bot.abilities import EVERYTHING, Abilities, TextUnit
from bot.degrade import NO_WORDS, address_of, fitted
from bot.messages import BotMessage
from bot.payload import expanded, shortened
from configs.domain import Button

TWO = (Button(title="Yes", payload="/affirm"), Button(title="No", payload="/deny"))
PLAIN = Abilities(max_text=40)


def said(message: BotMessage, **abilities: Any) -> list[BotMessage]:
    return list(fitted([message], Abilities(**{"max_text": 40, **abilities})))


def test_what_can_be_shown_stays_as_it_is() -> None:
    messages = [
        BotMessage(text="Sure?", buttons=TWO),
        BotMessage(image="https://a/b.png"),
        BotMessage(attachment={"type": "file"}),
        BotMessage(custom={"blocks": []}),
        BotMessage(elements=({"title": "A"},)),
    ]

    assert list(fitted(messages, EVERYTHING)) == messages


def test_buttons_become_numbered_lines_where_there_are_none() -> None:
    assert said(BotMessage(text="Sure?", buttons=TWO)) == [BotMessage(text="Sure?\n1. Yes\n2. No")]


@pytest.mark.parametrize("abilities", [{"max_buttons": 1}, {"max_buttons": 2, "max_button_title": 2}])
def test_buttons_become_numbered_lines_where_they_are_too_many_or_too_long(abilities: dict[str, int]) -> None:
    assert said(BotMessage(text="Sure?", buttons=TWO), **abilities) == [BotMessage(text="Sure?\n1. Yes\n2. No")]


def test_the_length_of_a_title_is_counted_as_the_platform_does() -> None:
    message = BotMessage(text="哪个?", buttons=(Button(title="退款", payload="/r"),))

    assert said(message, max_buttons=1, max_button_title=2)[0].buttons == message.buttons
    assert said(message, max_buttons=1, max_button_title=5, unit=TextUnit.UTF8_BYTES)[0].buttons == ()


def test_buttons_stand_below_the_last_part_of_a_long_text() -> None:
    first, last = said(BotMessage(text="A first sentence, with words. And one more.", buttons=TWO), max_buttons=2)

    assert (first.text, first.buttons) == ("A first sentence, with words. ", ())
    assert (last.text, last.buttons) == ("And one more.", TWO)


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_buttons_without_words_get_some(text: str | None) -> None:
    assert said(BotMessage(text=text, buttons=TWO), max_buttons=2) == [BotMessage(text=NO_WORDS, buttons=TWO)]


def test_an_address_is_told_where_no_button_can_open_it() -> None:
    button = Button(title="Site", payload="https://a.example/b")
    message = BotMessage(text="Look:", buttons=(button, TWO[0]))
    assert said(message, max_text=99) == [BotMessage(text="Look:\n1. Site: https://a.example/b\n2. Yes")]


@pytest.mark.parametrize("opens", [True, False])
def test_an_address_is_not_shortened_where_a_button_opens_it_and_told_where_none_does(opens: bool) -> None:
    button = Button(title="Site", payload="https://a.example/" + "b" * 60)
    message = BotMessage(text="Look", buttons=(button,))

    shown = said(message, max_text=99, max_buttons=1, max_payload_bytes=64, link_buttons=opens)

    assert shown == [message if opens else BotMessage(text=f"Look\n1. Site: {button.payload}")]


def test_a_payload_that_is_too_long_is_shortened_and_understood_again() -> None:
    payload = '/kefu_answer{"pair": "' + "x" * 80 + '"}'
    message = BotMessage(text="This?", buttons=(Button(title="Yes", payload=payload),))

    [shown] = said(message, max_buttons=1, max_payload_bytes=64)

    short = shown.buttons[0].payload
    assert len(short) == 26
    assert short == shortened(payload, 64)
    assert expanded(short, ["/other", payload]) == payload
    assert expanded(short, ["/other"]) == short  # nobody was offered it
    assert expanded("/affirm", [payload]) == "/affirm"
    assert shortened("/affirm", 7) == "/affirm"


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (BotMessage(image="https://a/b.png"), "https://a/b.png"),
        (BotMessage(attachment="https://a/b.pdf"), "https://a/b.pdf"),
        (BotMessage(attachment={"type": "image", "payload": {"src": "https://a/c"}}), "https://a/c"),
        (BotMessage(custom={"text": "In words", "blocks": []}), "In words"),
    ],
)
def test_what_has_an_address_or_words_is_told_by_them(message: BotMessage, text: str) -> None:
    assert said(message) == [BotMessage(text=text)]


@pytest.mark.parametrize("message", [BotMessage(custom={"a": 1}), BotMessage(custom=[1]), BotMessage(attachment={})])
def test_what_cannot_be_told_is_left_out(message: BotMessage) -> None:
    assert said(message) == []


def test_a_card_becomes_a_text_with_its_buttons_and_its_picture() -> None:
    card = {
        "title": "Lamp",
        "subtitle": "19 €",
        "image_url": "https://a/l.png",
        "buttons": [{"title": "Buy", "payload": "/buy"}],
    }

    assert said(BotMessage(elements=(card,)), images=True) == [
        BotMessage(text="Lamp\n19 €\n1. Buy"),
        BotMessage(image="https://a/l.png"),
    ]


def test_long_texts_are_split_and_parts_with_nothing_to_see_left_out() -> None:
    assert [m.text for m in said(BotMessage(text="a" * 40 + "b" * 5))] == ["a" * 40, "b" * 5]
    assert [m.text for m in said(BotMessage(text="a" * 40 + " " * 45 + "b"))] == ["a" * 40, " " * 5 + "b"]


@pytest.mark.parametrize(
    ("attachment", "address"),
    [
        ("x", "x"),
        ({"url": "u"}, "u"),
        ({"payload": {"url": "u"}}, "u"),
        ({"payload": 5}, None),
        (None, None),
        ([], None),
    ],
)
def test_an_attachment_s_address_is_found(attachment: Any, address: str | None) -> None:
    assert address_of(attachment) == address


class TestJoined:
    """On a platform where all words of a turn are one message."""

    JOINS = Abilities(max_text=30, joins=True)

    def test_words_that_follow_each_other_are_one_message(self) -> None:
        said = [
            BotMessage(text="One.\n\nTwo."),
            BotMessage(text="Which?", buttons=(Button(title="A", payload="/a"),)),
        ]

        whole = BotMessage(text="One.\n\nTwo.\n\nWhich?\n1. A")
        assert list(fitted(said, replace(self.JOINS, max_text=100))) == [whole]

    def test_what_does_not_fit_is_the_next(self) -> None:
        said = [BotMessage(text="a" * 14), BotMessage(text="b" * 14), BotMessage(text="c")]

        assert list(fitted(said, self.JOINS)) == [BotMessage(text=f"{'a' * 14}\n\n{'b' * 14}"), BotMessage(text="c")]

    def test_what_is_no_text_keeps_its_place(self) -> None:
        said = [BotMessage(text="a"), BotMessage(image="https://a/i"), BotMessage(text="b"), BotMessage(text="c")]

        assert list(fitted(said, replace(self.JOINS, images=True))) == [
            BotMessage(text="a"),
            BotMessage(image="https://a/i"),
            BotMessage(text="b\n\nc"),
        ]

    def test_nothing_is_nothing(self) -> None:
        assert list(fitted([], self.JOINS)) == []
