"""What the tests in a browser share: one Chromium, one bot, one shop."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from data_folders import linked
from e2e_assistant import write_assistant
from e2e_servers import BotSite, Network, ScriptedBot, Shop, free_port
from e2e_visitor import BROWSER_ARGUMENTS, WATCH, Visit, Visitor
from playwright.async_api import Browser, async_playwright

from configs import read_assistant
from training.progress import silent
from training.releases import Releases
from training.trainer import train_assistant


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("There is no Chromium on this machine; install the package chromium.")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=BROWSER_ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def ports() -> dict[str, int]:
    """Who listens where: each must know of the other beforehand."""
    return {"shop": free_port(), "bot": free_port(), "quiet": free_port()}


def trained_assistant(
    trained_dir: Path, folder: Path, credentials: dict[str, Any], **changed: Any
) -> tuple[Path, Path]:
    """The data folder and the folder of an assistant whose intents are the starter's, which are trained already."""
    root = write_assistant(folder / "assistant", credentials={"widget": credentials}, **changed)
    data = linked(trained_dir, folder / "data")
    train_assistant(read_assistant(root), Releases(data), silent)
    return data, root


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shop(ports: dict[str, int]) -> AsyncIterator[Shop]:
    shop = Shop(ports["shop"])
    shop.bot = f"http://127.0.0.1:{ports['bot']}"
    await shop.start()
    yield shop
    await shop.stop()


@pytest.fixture(scope="session")
def bot_folders(
    trained_dir: Path, ports: dict[str, int], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    shop = f"http://127.0.0.1:{ports['shop']}"
    offered = {"survey": True, "greeting": True, "title": "Bowl & Vase", "uploads": {"max_bytes": 50_000}}
    folder = tmp_path_factory.mktemp("e2e")
    return trained_assistant(trained_dir, folder, {**offered, "origins": [shop]}, image=f"{shop}/picture.png")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bot(bot_folders: tuple[Path, Path], ports: dict[str, int]) -> AsyncIterator[BotSite]:
    """A bot that offers everything, to the shop too."""
    bot = BotSite(*bot_folders, port=ports["bot"])
    await bot.start()
    yield bot
    await bot.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def quiet_bot(
    trained_dir: Path, ports: dict[str, int], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[BotSite]:
    """A Chinese bot that asks for consent, and whose people are not there."""
    said = {
        "consent": "我们会保存这次对话。详情见 https://shop.example/privacy。",
        "locale": "zh",
        "theme": {"accent": "#0b6e4f", "--kefu-link": "#0b5c43"},
        "origins": [f"http://127.0.0.1:{ports['shop']}"],
    }
    folder = tmp_path_factory.mktemp("quiet")
    bot = BotSite(*trained_assistant(trained_dir, folder, said, is_closed=True), port=ports["quiet"])
    await bot.start()
    yield bot
    await bot.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def scripted() -> AsyncIterator[ScriptedBot]:
    bot = ScriptedBot()
    await bot.start()
    yield bot
    await bot.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def network(bot: BotSite) -> AsyncIterator[Network]:
    """A way to the bot that can be cut."""
    network = Network(bot.port)
    await network.mend()
    yield network
    await network.cut()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    """Opens a page in a browser of its own: `ann = await visit(address, color_scheme="dark")`."""
    contexts = []

    async def begin(address: str, script: str = "", **options: Any) -> Visitor:
        context = await browser.new_context(**{"viewport": {"width": 1100, "height": 800}, "locale": "en-GB"} | options)
        contexts.append(context)
        await context.add_init_script(WATCH + script)
        visitor = Visitor(await context.new_page())
        await visitor.page.goto(address)
        return visitor

    yield begin
    for context in contexts:
        await context.close()
