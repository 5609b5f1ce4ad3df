"""What the integration tests share: one served assistant a module, and messages to send to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer
from data_folders import linked

from bot.app import create_app
from configs import Settings
from training.releases import Releases

GOOD_ORIGIN = "https://shop.example"


@pytest.fixture(scope="module")
def shop_data(trained_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of this module's own, with the trained release in it. Do not change the release's files."""
    return linked(trained_dir, tmp_path_factory.mktemp("shop") / "data")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(shop_data: Path) -> AsyncIterator[TestClient]:
    """The whole app on a real socket, for all tests of a module."""
    settings = Settings(port=0, follow_interval_s=0.05, cors_origins=(GOOD_ORIGIN,))
    async with TestClient(TestServer(create_app(settings, Releases(shop_data)))) as client:
        yield client
