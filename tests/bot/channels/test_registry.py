"""Channels are made of `credentials.yml`, and what is wrong in it is said with its line."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.channels.channel import Channel
from bot.channels.intake import Intake
from bot.channels.registry import ELSEWHERE, MODULES, channels_of
from bot.stores.sqlite import SqliteConnector
from bot.stores.store import ConversationStore
from configs import AssistantError
from configs.credentials import CHANNELS, read_credentials


def made(folder: Path, text: str) -> list[Channel]:
    (folder / "credentials.yml").write_text(text)
    intake = Intake(ConversationStore(SqliteConnector(None)), max_text_chars=100, on_accept=lambda: None)
    return channels_of(read_credentials(folder, {"HOST": "shop.example"}), intake)


async def test_a_channel_is_made_with_its_settings(tmp_path: Path) -> None:
    [channel] = made(tmp_path, "rest:\ncallback: {url: 'https://${HOST}/take'}\n")

    assert channel.name == "callback"
    assert [route.path for route in channel.routes()] == ["/webhooks/callback/", "/webhooks/callback/webhook"]
    await channel.close()


def test_without_settings_there_is_no_channel(tmp_path: Path) -> None:
    assert made(tmp_path, "rest:\n") == []


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("rest:\ncallback:\n", 2, "callback.url: Field required. Write it as its how-to says."),
        ("callback:\n  url: shop\n", 2, "callback.url: Input should be a valid URL, relative URL without a base"),
    ],
)
def test_wrong_settings_are_named_with_their_line(tmp_path: Path, text: str, line: int, problem: str) -> None:
    with pytest.raises(AssistantError) as caught:
        made(tmp_path, text)

    assert str(caught.value).startswith(f"{tmp_path}/credentials.yml:{line}: {problem}")


async def test_a_setting_that_means_nothing_is_said(tmp_path: Path) -> None:
    with capture_logs() as logs:
        [channel] = made(tmp_path, "callback: {url: 'https://a', urll: x}\n")

    assert [(log["event"], log["setting"], log["hint"]) for log in logs] == [
        ("setting_ignored", "urll", "Did you mean 'url'?")
    ]
    await channel.close()


@pytest.mark.parametrize("name", sorted(CHANNELS - ELSEWHERE))
def test_every_channel_has_its_file(name: str) -> None:
    assert find_spec(f"bot.channels.{MODULES.get(name, name)}") is not None
