"""Only addresses of the web leave as links, pictures and files, whoever put them into a reply."""

from typing import Any

import pytest

from bot.abilities import EVERYTHING, Abilities
from bot.channels import rest
from bot.degrade import fitted
from bot.messages import BotMessage
from bot.web_address import is_web, may_be_shown, scheme_of
from configs.domain import Button

SHOWS_ALL = Abilities(
    max_buttons=10, max_button_title=100, link_buttons=True, images=True, attachments=True, cards=True, custom=True
)


@pytest.mark.parametrize(
    "address",
    [
        "https://shop.example/lamp.png",
        "http://shop.example:8080/a?b=1&c=%20#d",
        "https://例え.example/灯.png",
        "https://10.0.0.7/desk.png",
        "http://desk/logo.png",
        "https://[2001:db8::1]/x",
        "https://127.0.0.1.example/x",
    ],
)
def test_an_address_of_the_web_is_one(address: str) -> None:
    assert is_web(address)
    assert may_be_shown(address)


@pytest.mark.parametrize(
    "address",
    [
        None,
        7,
        "",
        "lamp.png",
        "/lamp.png",
        "//shop.example/x",
        "ftp://shop.example/x",
        "javascript:alert(1)",
        "java\tscript:alert(1)",
        " javascript:alert(1)",
        "data:image/svg+xml,<svg/>",
        "file:///etc/passwd",
        "http://",
        "http:///x",
        "http://[::1",
        "https://shop.example/a b",
        'https://shop.example/"onerror=',
        "https://shop.example\\@evil.example/",
        "https://shop.example/\u202egnp.exe",
        "https://shop.example/" + "x" * 8_000,
        "http://localhost/x",
        "http://LOCALHOST./x",
        "http://a.localhost/x",
        "http://127.0.0.1/x",
        "http://127.1/x",
        "http://0x7f.1/x",
        "http://2130706433/x",
        "http://0177.0.0.1/x",
        "http://0.0.0.0/x",
        "http://[::1]/x",
        "http://[::]/x",
        "http://[::ffff:127.0.0.1]/x",
        "http://[::ffff:169.254.169.254]/latest",
        "http://169.254.169.254/latest",
        "http://[fe80::1%25eth0]/x",
        "https://user@127.0.0.1/x",
    ],
)
def test_all_else_is_none(address: Any) -> None:
    assert not is_web(address)


@pytest.mark.parametrize(
    "address",
    ["javascript:x", "JaVa\nScRiPt:x", "\x01javascript:x", "vbscript:x", "file:///x", "blob:x", "data:text/html,x"],
)
def test_what_runs_or_reads_files_is_not_shown_on_a_page_either(address: str) -> None:
    assert not may_be_shown(address)


@pytest.mark.parametrize(
    "address", ["lamp.png", "/lamp.png", "//a/b", "http://localhost/x", "tel:+44", "data:image/png;base64,iVBORw0="]
)
def test_a_page_of_the_owner_s_may_have_addresses_of_its_own(address: str) -> None:
    assert may_be_shown(address)


def test_a_scheme_is_read_as_a_browser_reads_it() -> None:
    found = [scheme_of(one) for one in ("HTTPS://a", " java\tscript:x", "a/b:c", "no scheme", "hours: nine")]

    assert found == ["https", "javascript", "", "", "hours"]


def shown(message: BotMessage, abilities: Abilities = SHOWS_ALL) -> list[BotMessage]:
    return list(fitted([message], abilities))


@pytest.mark.parametrize("abilities", [SHOWS_ALL, Abilities(), EVERYTHING])
@pytest.mark.parametrize("address", ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x"])
class TestReply:
    def test_pictures_and_files_are_left_out(self, abilities: Abilities, address: str) -> None:
        assert shown(BotMessage(text="Look.", image=address), abilities) == [BotMessage(text="Look.")]
        assert shown(BotMessage(attachment=address), abilities) == []
        assert shown(BotMessage(attachment={"type": "file", "payload": {"src": address}}), abilities) == []
        assert shown(BotMessage(attachment={"a": [{"image_url": address}]}), abilities) == []

    def test_a_button_that_would_run_is_left_out(self, abilities: Abilities, address: str) -> None:
        hours = Button(title="Hours", payload="/hours")
        message = BotMessage(text="Which?", buttons=(Button(title="Bad", payload=address), hours))

        assert shown(message, abilities) == shown(BotMessage(text="Which?", buttons=(hours,)), abilities)

    def test_of_a_card_the_words_stay(self, abilities: Abilities, address: str) -> None:
        bad = {"title": "Lamp", "image_url": address, "default_action": {"url": address}}
        card = {**bad, "buttons": [{"title": "Look", "url": address}, {"title": "Run", "payload": address}]}
        good = {"title": "Lamp", "default_action": {}, "buttons": []}

        assert shown(BotMessage(elements=(card,)), abilities) == shown(BotMessage(elements=(good,)), abilities)


def test_a_payload_with_a_colon_is_no_address() -> None:
    message = BotMessage(text="Which?", buttons=(Button(title="XL", payload="size: XL"),))

    assert shown(message) == [message]


def test_a_link_to_this_machine_is_no_button() -> None:
    local = Button(title="Open", payload="http://127.0.0.1:5432/")

    assert shown(BotMessage(text="Look.", buttons=(local,))) == [BotMessage(text="Look.")]
    assert shown(BotMessage(text="Look.", buttons=(local,)), EVERYTHING) == [BotMessage(text="Look.", buttons=(local,))]


def test_rasa_s_channel_leaves_out_what_would_run() -> None:
    said = [BotMessage(text="Look.", image="javascript:alert(1)"), BotMessage(image="/lamp.png")]

    assert rest.render("ann", said) == [
        {"recipient_id": "ann", "text": "Look."},
        {"recipient_id": "ann", "image": "/lamp.png"},
    ]
