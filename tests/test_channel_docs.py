"""The reference of channels says what the code does, and each channel's page names each of its settings."""

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest
from fakes.all_vendors import all_vendors
from fakes.vendor import Vendor

from bot.abilities import Abilities, TextUnit
from bot.channels.channel import Channel, ChannelConfig
from bot.channels.intake import Intake
from bot.channels.registry import ELSEWHERE, EXTRAS, MODULES
from bot.stores.sqlite import SqliteConnector
from bot.stores.store import ConversationStore
from configs.credentials import CHANNELS

DOCS = Path(__file__).resolve().parents[1] / "docs"
REFERENCE = (DOCS / "reference" / "channels.md").read_text("utf-8")
PAGES = {
    "callback": "connect-by-callback",
    "botframework": "teams",
    "facebook": "messenger",
    "helpdesk": "connect-a-help-desk",
    "widget": "chat-widget",
}
UNITS = {TextUnit.CODE_POINTS: "characters", TextUnit.UTF16_UNITS: "UTF-16 units", TextUnit.UTF8_BYTES: "bytes"}
SHIPPED = [vendor for vendor in all_vendors() if vendor.channel in CHANNELS]


def page(name: str) -> Path:
    return DOCS / "how-to" / f"{PAGES.get(name, name)}.md"


def row(name: str) -> list[str]:
    """The cells of a channel's row in the reference."""
    found = re.search(rf"^\| \[`{name}`\]\((.+?)\) \|(.*)\|$", REFERENCE, re.MULTILINE)
    assert found, f"docs/reference/channels.md has no row of `{name}`"
    assert (DOCS / "reference" / found[1]).resolve() == page(name)
    return [cell.strip() for cell in found[2].split(" | ")]


def told(abilities: Abilities) -> list[str]:
    """What the reference says of abilities."""
    gap_s = abilities.per_conversation_s
    pace = [
        f"{gap_s:g} s" if gap_s else "",
        f"{abilities.per_second:g} a second in all" if abilities.per_second else "",
    ]
    hours = abilities.reply_within_s and f"{abilities.reply_within_s / 3600:g} h"
    return [
        "any" if abilities.max_text == sys.maxsize else f"{abilities.max_text:,} {UNITS[abilities.unit]}",
        "any" if abilities.max_buttons == sys.maxsize else str(abilities.max_buttons or "numbered lines"),
        "yes" if abilities.images else "address",
        ", ".join(filter(None, pace)) or "-",
        hours or "-",
        ", ".join(filter(None, ["typing sign" * abilities.typing, "threads" * abilities.threads])) or "-",
    ]


async def made(vendor: Vendor) -> Channel:
    """The channel with the settings that its fake wants."""
    module = import_module(f"bot.channels.{vendor.channel}")
    await vendor.start()
    try:
        intake = Intake(ConversationStore(SqliteConnector(None)), max_text_chars=100, on_accept=lambda: None)
        channel: Channel = module.make(module.Config.model_validate(vendor.credentials()), intake)
        await channel.close()
        return channel
    finally:
        await vendor.close()


@pytest.mark.parametrize("vendor", SHIPPED, ids=lambda vendor: vendor.channel)
async def test_the_reference_says_what_a_channel_can_show(vendor: type[Vendor]) -> None:
    channel = await made(vendor())

    _, *cells = row(channel.name)

    assert cells == told(channel.abilities)


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_the_reference_names_the_extra(name: str) -> None:
    extra = EXTRAS.get(name)

    assert row(name)[0] == (f"`{extra}`" if extra else "-")


@pytest.mark.parametrize("name", sorted(CHANNELS - ELSEWHERE))
def test_a_channel_s_page_names_each_setting(name: str) -> None:
    config: type[ChannelConfig] = import_module(f"bot.channels.{MODULES.get(name, name)}").Config
    text = page(name).read_text("utf-8")

    settings = [field.alias or key for key, field in config.model_fields.items()]
    assert [key for key in settings if not re.search(rf"\b{re.escape(key)}\b", text)] == []
