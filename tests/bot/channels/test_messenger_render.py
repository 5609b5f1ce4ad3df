"""What the bot says becomes messages that Messenger and Instagram take; the fakes say what they take."""

from typing import Any

import pytest
from fakes.facebook import FakeMessenger
from fakes.instagram import FakeInstagram
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.messenger.product import INSTAGRAM, MESSENGER, Product
from bot.channels.messenger.render import render
from bot.degrade import fitted
from bot.delivery import Rejected
from bot.messages import BotMessage
from configs.domain import Button

LINK = "https://shop.example/a.png"
TAKES = {MESSENGER.name: FakeMessenger().problem, INSTAGRAM.name: FakeInstagram().problem}


def buttons(*given: tuple[str, str]) -> tuple[Button, ...]:
    return tuple(Button(title=title, payload=payload) for title, payload in given)


def shown(message: BotMessage) -> dict[str, Any]:
    return render(message, MESSENGER)


def template(**payload: Any) -> dict[str, Any]:
    return {"attachment": {"type": "template", "payload": payload}}


def test_a_text_is_shown_without_marks_that_nobody_would_see_as_such() -> None:
    said = BotMessage(text="**Ask** [us](https://shop.example)\u202e!")
    assert shown(said) == {"text": "Ask us (https://shop.example)!"}


def test_buttons_are_quick_replies() -> None:
    offered = buttons(("Red", "/red"), (" Green ", "/green"), ("Blue", ""), (" ", "/none"))

    assert shown(BotMessage(text="Which?", buttons=offered)) == {
        "text": "Which?",
        "quick_replies": [
            {"content_type": "text", "title": "Red", "payload": "/red"},
            {"content_type": "text", "title": "Green", "payload": "/green"},
            {"content_type": "text", "title": "Blue", "payload": "Blue"},
        ],
    }


def test_a_button_with_an_address_opens_it() -> None:
    offered = buttons(("Our shop", "https://shop.example"), ("Hours", "/hours"))

    expected = [
        {"type": "web_url", "title": "Our shop", "url": "https://shop.example"},
        {"type": "postback", "title": "Hours", "payload": "/hours"},
    ]
    assert shown(BotMessage(text="Go", buttons=offered)) == template(
        template_type="button", text="Go", buttons=expected
    )
    too_much = shown(BotMessage(text="g" * 641, buttons=offered))
    assert too_much == {
        "text": "g" * 641 + "\nOur shop: https://shop.example",
        "quick_replies": [{"content_type": "text", "title": "Hours", "payload": "/hours"}],
    }
    far_too_much = shown(BotMessage(text="g" * 2_000, buttons=offered))
    assert [one["payload"] for one in far_too_much["quick_replies"]] == ["Our shop", "/hours"]


def test_a_card_is_cut_to_what_there_is_room_for() -> None:
    card = {
        "title": "T" * 81,
        "subtitle": "**New**",
        "image_url": LINK,
        "default_action": {"type": "web_url", "url": "https://shop.example", "title": "x"},
        "buttons": [
            {"type": "web_url", "url": "https://shop.example", "title": "A title of 21 letters"},
            {"type": "postback", "title": "Buy", "payload": "/buy"},
            {"title": "Too much", "payload": "/" + "p" * 1_000},
            "none",
            {"title": "More", "payload": "/more"},
            {"title": "Most", "payload": "/most"},
        ],
    }
    expected = {
        "title": "T" * 79 + "…",
        "subtitle": "New",
        "image_url": LINK,
        "default_action": {"type": "web_url", "url": "https://shop.example"},
        "buttons": [
            {"type": "web_url", "title": "A title of 21…", "url": "https://shop.example"},
            {"type": "postback", "title": "Buy", "payload": "/buy"},
            {"type": "postback", "title": "More", "payload": "/more"},
        ],
    }
    rendered = shown(BotMessage(elements=(card,)))
    assert rendered == template(template_type="generic", elements=[expected])
    assert TAKES["facebook"](rendered) is None


def test_a_card_with_nothing_but_a_title_is_a_text() -> None:
    assert shown(BotMessage(elements=({"title": "Shoes", "image_url": "javascript:x"},))) == {"text": "Shoes"}
    assert shown(BotMessage(elements=({"subtitle": "Shoes", "buttons": 5},))) == {"text": "Shoes"}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (BotMessage(image=LINK), {"attachment": {"type": "image", "payload": {"url": LINK}}}),
        (BotMessage(attachment=LINK), {"attachment": {"type": "file", "payload": {"url": LINK}}}),
        (
            BotMessage(attachment={"type": "video", "payload": {"src": LINK}}),
            {"attachment": {"type": "video", "payload": {"url": LINK}}},
        ),
        (
            BotMessage(attachment={"type": "template", "payload": {"template_type": "media", "elements": []}}),
            template(template_type="media", elements=[]),
        ),
        (
            BotMessage(custom={"text": "Hi", "metadata": "m", "sender": {"id": "7"}, "recipient": {"id": "7"}}),
            {"text": "Hi", "metadata": "m"},
        ),
    ],
)
def test_files_and_messages_in_metas_own_form(message: BotMessage, expected: dict[str, Any]) -> None:
    assert shown(message) == expected


@pytest.mark.parametrize(
    "message",
    [
        BotMessage(image="javascript:alert(1)"),
        BotMessage(image="https://"),
        BotMessage(image="http://[::1"),
        BotMessage(attachment={"type": "image", "payload": {}}),
        BotMessage(custom={"blocks": []}),
        BotMessage(custom="words"),
        BotMessage(elements=({"image_url": LINK},)),
    ],
)
def test_what_could_not_be_shown_is_refused(message: BotMessage) -> None:
    with pytest.raises(Rejected):
        shown(message)


PAYLOADS = st.text(min_size=1, max_size=1_200) | st.just("https://shop.example")
MESSAGES = st.builds(
    BotMessage,
    text=st.text(max_size=5_000),
    buttons=st.lists(st.builds(Button, title=st.text(min_size=1, max_size=25), payload=PAYLOADS), max_size=15).map(
        tuple
    ),
)
CARD_VALUES = st.none() | st.text(max_size=120) | st.just(LINK) | st.integers()
CARDS = st.fixed_dictionaries(
    {"title": st.text(min_size=1, max_size=120)},
    optional={
        "subtitle": CARD_VALUES,
        "image_url": CARD_VALUES,
        "default_action": st.none() | st.fixed_dictionaries({"url": CARD_VALUES}),
        "buttons": st.lists(st.fixed_dictionaries({"title": CARD_VALUES, "payload": CARD_VALUES}), max_size=5),
    },
)


@pytest.mark.parametrize("product", [MESSENGER, INSTAGRAM], ids=lambda product: product.name)
@given(message=MESSAGES | CARDS.map(lambda card: BotMessage(elements=(card,))))
def test_whatever_the_bot_says_is_taken(product: Product, message: BotMessage) -> None:
    for one in fitted([message], product.abilities):
        try:
            rendered = render(one, product)
        except Rejected:
            assert one.elements
        else:
            assert TAKES[product.name](rendered) is None, one
