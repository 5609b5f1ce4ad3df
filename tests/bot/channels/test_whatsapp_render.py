"""What the bot says becomes messages that WhatsApp takes; the fake says what it takes."""

from typing import Any

import pytest
from fakes.whatsapp import problem
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.whatsapp.channel import abilities
from bot.channels.whatsapp.config import Config, Template
from bot.channels.whatsapp.markup import marked
from bot.channels.whatsapp.render import Rendered, envelope, render, render_template
from bot.degrade import fitted
from bot.delivery import Rejected
from bot.messages import BotMessage
from configs.domain import Button

LINK = "https://shop.example/a/terms%20of%20sale.pdf"
SETTINGS = {"verify": "v", "secret": "s", "access_token": "t"}


def text(body: str) -> Rendered:
    return Rendered(type="text", content={"body": body, "preview_url": False})


def buttons(*titles: str) -> tuple[Button, ...]:
    return tuple(Button(title=title, payload=f"/pick{number}") for number, title in enumerate(titles))


def sent(rendered: Rendered) -> dict[str, Any]:
    return envelope(rendered, {"to": "15551234567"}, "key")


def test_three_short_options_are_buttons() -> None:
    rendered = render(BotMessage(text="Which?", buttons=buttons("Red", "Green", "Blue")), "Options")

    replies = [
        {"type": "reply", "reply": {"id": "/pick0", "title": "Red"}},
        {"type": "reply", "reply": {"id": "/pick1", "title": "Green"}},
        {"type": "reply", "reply": {"id": "/pick2", "title": "Blue"}},
    ]
    assert rendered.content == {"type": "button", "body": {"text": "Which?"}, "action": {"buttons": replies}}


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ("Which?", ["Red", "Green", "Blue", "Black"]),
        ("Which?", ["A title of 21 letters"]),
        ("w" * 1_025, ["Red"]),
    ],
    ids=["four", "a long title", "a long text"],
)
def test_what_is_too_much_for_buttons_is_a_list(words: str, titles: list[str]) -> None:
    rendered = render(BotMessage(text=words, buttons=buttons(*titles)), "Choose")

    rows = [{"id": f"/pick{number}", "title": title} for number, title in enumerate(titles)]
    action = {"button": "Choose", "sections": [{"title": "Choose", "rows": rows}]}
    assert rendered.content == {"type": "list", "body": {"text": words}, "action": action}
    assert problem(sent(rendered)) is None


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        ([("Red", "/red"), ("Red", "/pink")], [("Red", "/red")]),
        ([("Red", "/red"), (" ", "/none")], [("Red", "/red")]),
        ([("Red", "/same"), ("Blue", "/same")], [("Red", "/same"), ("Blue", "Blue")]),
        ([(" Red ", " /red\n"), ("Blue", "")], [("Red", "/red"), ("Blue", "Blue")]),
    ],
    ids=["a title twice", "an empty title", "a payload twice", "white space"],
)
def test_whatsapp_is_given_each_title_and_each_id_once(
    offered: list[tuple[str, str]], expected: list[tuple[str, str]]
) -> None:
    buttons = tuple(Button(title=title, payload=payload) for title, payload in offered)

    replies = render(BotMessage(text="Which?", buttons=buttons), "Options").content["action"]["buttons"]
    assert [(one["reply"]["title"], one["reply"]["id"]) for one in replies] == expected
    assert render(BotMessage(text="Which?", buttons=(Button(title=" ", payload="/a"),)), "Options") == text("Which?")


def test_a_button_that_opens_an_address_stands_alone_or_is_a_line_of_the_text() -> None:
    link, hours = Button(title="Our shop", payload="https://shop.example"), Button(title="Hours", payload="/hours")

    alone = render(BotMessage(text="Look", buttons=(link,)), "Options").content
    action = {"name": "cta_url", "parameters": {"display_text": "Our shop", "url": "https://shop.example"}}
    assert alone == {"type": "cta_url", "body": {"text": "Look"}, "action": action}
    both = render(BotMessage(text="Look", buttons=(link, hours)), "Options").content
    assert both["body"] == {"text": "Look\nOur shop: https://shop.example"}
    assert both["action"] == {"buttons": [{"type": "reply", "reply": {"id": "/hours", "title": "Hours"}}]}
    assert render(BotMessage(text="Look", buttons=(link, link)), "Options") == text(
        "Look" + "\nOur shop: https://shop.example" * 2
    )
    too_long = render(BotMessage(text="l" * 4_096, buttons=(link, hours)), "Options").content
    assert [row["id"] for row in too_long["action"]["sections"][0]["rows"]] == ["Our shop", "/hours"]


@pytest.mark.parametrize(
    ("attachment", "expected"),
    [
        (LINK, Rendered(type="document", content={"link": LINK, "filename": "terms of sale.pdf"})),
        ({"type": "video", "payload": {"src": LINK}}, Rendered(type="video", content={"link": LINK})),
        ({"type": "audio", "payload": {"url": LINK}}, Rendered(type="audio", content={"link": LINK})),
        ({"type": "image", "payload": {"src": LINK}}, Rendered(type="image", content={"link": LINK})),
        (
            {"type": "template", "payload": {"src": "https://shop.example"}},
            Rendered(type="document", content={"link": "https://shop.example"}),
        ),
    ],
)
def test_an_attachment_is_sent_as_what_it_is(attachment: Any, expected: Rendered) -> None:
    assert render(BotMessage(attachment=attachment), "Options") == expected


@pytest.mark.parametrize(
    "message",
    [
        BotMessage(image="javascript:alert(1)"),
        BotMessage(image="/picture.png"),
        BotMessage(image="https://"),
        BotMessage(image="http://[::1"),
        BotMessage(attachment="file:///etc/passwd"),
        BotMessage(attachment={"type": "image", "payload": {}}),
        BotMessage(custom={"blocks": []}),
        BotMessage(custom={"type": "location", "location": "here"}),
        BotMessage(custom="words"),
    ],
)
def test_what_whatsapp_could_not_show_is_refused(message: BotMessage) -> None:
    with pytest.raises(Rejected):
        render(message, "Options")


def test_a_message_in_whatsapps_own_form_is_sent_as_it_stands() -> None:
    place = {"latitude": 51.5, "longitude": -0.12, "name": "The shop"}

    rendered = render(BotMessage(custom={"type": "location", "location": place}), "Options")
    assert sent(rendered)["location"] == place
    assert render(BotMessage(custom={"text": "Here **it** is"}), "Options") == text("Here *it* is")


def test_the_template_takes_the_words_where_it_has_room_for_them() -> None:
    plain, with_text = Template(name="reopen", language="en"), Template(name="answer", language="en", text=True)
    said = BotMessage(text="Your parcel\n\n  is **here**.")

    assert render_template(plain, said).content == {"name": "reopen", "language": {"code": "en"}}
    assert render_template(with_text, said).content["components"] == [
        {"type": "body", "parameters": [{"type": "text", "text": "Your parcel is *here*."}]}
    ]
    with pytest.raises(Rejected, match="only a text"):
        render_template(with_text, BotMessage(image=LINK))


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("**bold** and __bold__", "*bold* and *bold*"),
        ("# Heading\ntext", "*Heading*\ntext"),
        ("~~gone~~", "~gone~"),
        ("[our page](https://a.example/b_(c))", "our page (https://a.example/b_(c))"),
        ("[https://a.example](https://a.example)", "https://a.example"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("`**code**` and ```**more**```", "`**code**` and ```**more**```"),
        ("2 ** 3 ** 4, snake_case_name, 5*6*7", "2 ** 3 ** 4, snake_case_name, 5*6*7"),
        ("*already* _whatsapp_", "*already* _whatsapp_"),
    ],
)
def test_markdown_becomes_whatsapps_own(markdown: str, shown: str) -> None:
    assert marked(markdown) == shown


@given(st.text(alphabet="ab *_~`#[]()\nh:/.tps", max_size=80))
def test_nothing_becomes_longer_by_it(words: str) -> None:
    assert len(marked(words)) <= len(words)


PAYLOADS = st.text(min_size=1, max_size=300) | st.just("https://shop.example/" + "p" * 300)
MESSAGES = st.builds(
    BotMessage,
    text=st.text(max_size=5_000),
    buttons=st.lists(
        st.builds(Button, title=st.text(min_size=1, max_size=30), payload=PAYLOADS),
        max_size=12,
    ).map(tuple),
)


@given(message=MESSAGES)
def test_whatever_the_bot_says_is_taken_by_whatsapp(message: BotMessage) -> None:
    for one in fitted([message], abilities(Config.model_validate(SETTINGS))):
        assert problem(sent(render(one, "Options"))) is None, one
