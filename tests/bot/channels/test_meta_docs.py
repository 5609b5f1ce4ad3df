"""The how-tos of Meta's channels name each setting, and what they tell a reader to write works."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.channels import facebook, instagram, whatsapp
from bot.channels.channel import ChannelConfig
from bot.channels.messenger.parse import parse_events
from bot.channels.messenger.product import INSTAGRAM, MESSENGER
from bot.channels.whatsapp.parse import parse_updates
from bot.request_body import parse_json

HOW_TO = Path(__file__).parents[3] / "docs" / "how-to"
Parse = Callable[[Any], Iterable[Any]]
PAGES: dict[str, tuple[str, type[ChannelConfig], Parse]] = {
    "whatsapp": ("whatsapp", whatsapp.Config, lambda data: parse_updates(data, (), 0.0)),
    "messenger": ("facebook", facebook.Config, lambda data: parse_events(data, MESSENGER, 0.0)),
    "instagram": ("instagram", instagram.Config, lambda data: parse_events(data, INSTAGRAM, 0.0)),
}
every_page = pytest.mark.parametrize("page", PAGES)


def text_of(page: str) -> str:
    return (HOW_TO / f"{page}.md").read_text("utf-8")


@every_page
def test_each_key_is_named(page: str) -> None:
    _, config, _ = PAGES[page]
    table = text_of(page).split("| key | meaning |")[1].split("\n\n")[0]

    named = re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)
    assert sorted(named) == sorted(field.alias or name for name, field in config.model_fields.items())


@every_page
def test_each_example_of_settings_is_taken(page: str) -> None:
    section, config, _ = PAGES[page]
    examples = re.findall(r"^```yaml\n(.*?)^```", text_of(page), re.MULTILINE | re.DOTALL)

    assert examples
    for example in examples:
        config.model_validate(yaml.safe_load(example)[section])


@every_page
def test_the_message_to_try_it_with_is_one(page: str) -> None:
    section, _, parse = PAGES[page]
    (body,) = re.findall(r"^\$ body='(.*)'$", text_of(page), re.MULTILINE)

    (incoming,) = parse(parse_json(body.encode()))
    assert (incoming.message.channel, incoming.message.text) == (section, "Hello")
