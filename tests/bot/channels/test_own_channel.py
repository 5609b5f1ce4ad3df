"""A channel that an owner has written: named by its module in `credentials.yml`, and shown in the documentation."""

import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from desk_world import DeskWorld, hasten
from example_file import example, is_shown
from fakes.mattermost import FakeMattermost
from fakes.vendor import Fault

from bot.channels.channel import Channel
from bot.channels.intake import Intake
from bot.channels.registry import channels_of
from bot.degrade import fitted
from bot.messages import BotMessage
from bot.stores.sqlite import SqliteConnector
from bot.stores.store import ConversationStore
from configs import AssistantError
from configs.credentials import credential_notices, is_module, read_credentials
from configs.domain import Button

mattermost = example("shop_channels/mattermost")


@pytest.fixture
async def vendor() -> Any:
    vendor = FakeMattermost()
    vendor.retry_after_s = 0
    await vendor.start()
    yield vendor
    await vendor.close()
    assert vendor.refused == []


@pytest.fixture
async def world(vendor: FakeMattermost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    hasten(monkeypatch)
    world = DeskWorld(tmp_path, {FakeMattermost.key: vendor.credentials()})
    await world.start()
    yield world
    await world.stop()


# The example


def test_the_how_to_shows_the_example_that_is_tested() -> None:
    assert is_shown("shop_channels/mattermost", "add-a-channel")
    assert len((Path(mattermost.__file__)).read_text("utf-8").splitlines()) < 120


async def test_the_word_that_calls_the_bot_is_not_part_of_the_message(world: DeskWorld, vendor: FakeMattermost) -> None:
    await world.bring(vendor.message(user="ann", text="#shop where is my tea?", id="1", trigger_word="#shop"))
    await world.settled(vendor.conversation_of("ann"))

    assert vendor.sent[0].text == "You said where is my tea?."


async def test_no_customer_can_have_the_bot_call_everybody(world: DeskWorld, vendor: FakeMattermost) -> None:
    await world.bring(vendor.message(user="ann", text="@all @Channel @here @ann @allan", id="1"))
    await world.settled(vendor.conversation_of("ann"))

    assert vendor.sent[0].text == "You said @\u2060all @\u2060Channel @\u2060here @ann @allan."


def test_buttons_become_numbered_lines() -> None:
    said = BotMessage(
        text="Sure?", buttons=(Button(title="Yes", payload="/affirm"), Button(title="No", payload="/deny"))
    )
    (message,) = fitted([said], mattermost.Mattermost.abilities)
    assert mattermost.render(message, "town") == {"text": "Sure?\n1. Yes\n2. No", "channel": "town"}


async def test_when_it_may_post_again_is_read(world: DeskWorld, vendor: FakeMattermost) -> None:
    vendor.faults.append(Fault.TOO_MANY)
    await world.bring(vendor.message(user="ann", text="hello", id="1"))
    await world.settled(vendor.conversation_of("ann"))

    assert vendor.sent[0].text == "You said hello."


async def test_its_conversations_are_open_to_nobody_by_another_way(world: DeskWorld, vendor: FakeMattermost) -> None:
    client: TestClient | None = world.client
    assert client is not None
    for body in (
        {"sender": vendor.conversation_of("ann"), "message": "hello"},
        {"sender": "ann", "message": "hello", "input_channel": "mattermost"},
    ):
        assert (await client.post("/webhooks/rest/webhook", json=body)).status == 403


# The key


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shop.mattermost", True),
        ("a.b.c", True),
        ("slack", False),
        ("a.", False),
        (".a", False),
        ("a b.c", False),
        (5, False),
    ],
)
def test_a_name_with_a_dot_is_a_module(name: Any, expected: bool) -> None:
    assert is_module(name) is expected


def made(folder: Path, text: str) -> list[Channel]:
    (folder / "credentials.yml").write_text(text)
    intake = Intake(ConversationStore(SqliteConnector(None)), max_text_chars=100, on_accept=lambda: None)
    return channels_of(read_credentials(folder, {}), intake)


async def test_an_own_channel_is_made_with_its_settings_and_no_notice(tmp_path: Path) -> None:
    [channel] = made(tmp_path, "shop_channels.mattermost: {token: t, incoming_url: 'https://chat.example/hooks/x'}\n")

    assert channel.name == "mattermost"
    assert credential_notices(tmp_path) == []
    await channel.close()


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (None, "shop_wrong cannot be imported: ModuleNotFoundError"),
        ("import no_such_module_at_all\n", "cannot be imported: ModuleNotFoundError: No module named 'no_such"),
        ("1 / 0\n", "cannot be imported: ZeroDivisionError"),
        ("Config = None\n", "the module shop_wrong.mattermost is no channel"),
    ],
)
def test_a_module_that_is_no_channel_is_named_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str | None, said: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    if module is not None:
        (tmp_path / "shop_wrong").mkdir()
        (tmp_path / "shop_wrong" / "mattermost.py").write_text(module)
    with pytest.raises(AssistantError) as caught:
        made(tmp_path, "rest:\nshop_wrong.mattermost: {}\n")
    for name in [name for name in sys.modules if name.startswith("shop_wrong")]:
        monkeypatch.delitem(sys.modules, name)

    assert str(caught.value).startswith(f"{tmp_path}/credentials.yml:2: ")
    assert said.replace("shop_wrong cannot", "shop_wrong.mattermost cannot") in str(caught.value)


def test_wrong_settings_of_an_own_channel_are_named(tmp_path: Path) -> None:
    with pytest.raises(AssistantError, match=r"credentials\.yml:1: shop_channels\.mattermost\.incoming_url: Field req"):
        made(tmp_path, "shop_channels.mattermost: {token: t}\n")
