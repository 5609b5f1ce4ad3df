"""What tests share: a small release, trained once a run by the real training, and servers that serve it."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from postgres_server import postgres  # noqa: F401 - a fixture

from bot.app import create_app
from configs import MINIMAL, Assistant, Settings, read_assistant
from training.progress import silent
from training.releases import Releases
from training.trainer import Trained, train_assistant


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own KEFU_ variables must not reach the tests."""
    for name in list(os.environ):
        if name.startswith("KEFU_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def minimal_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the assistant that `kefu init` writes."""
    folder = tmp_path_factory.mktemp("assistants") / "minimal"
    shutil.copytree(MINIMAL, folder)
    return folder


@pytest.fixture(scope="session")
def minimal(minimal_folder: Path) -> Assistant:
    return read_assistant(minimal_folder)


@pytest.fixture(scope="session")
def trained(minimal: Assistant, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The minimal assistant, trained for real; do not change its files, copy `data_dir` instead."""
    return train_assistant(minimal, Releases(tmp_path_factory.mktemp("data")), silent)


@pytest.fixture(scope="session")
def trained_dir(trained: Trained) -> Path:
    """The data folder that holds the trained release. Read only."""
    return trained.release.folder.parent.parent


@pytest.fixture
def data_dir(trained_dir: Path, tmp_path: Path) -> Path:
    """A copy of the trained data folder that a test may damage."""
    return Path(shutil.copytree(trained_dir, tmp_path / "data"))


@pytest.fixture
def settings() -> Settings:
    return Settings(port=0, follow_interval_s=0.05)


Serve = Callable[..., Awaitable[TestClient]]


@pytest.fixture
async def serve(settings: Settings) -> AsyncIterator[Serve]:
    """Serves a data folder on a real socket: `client = await serve(data_dir, max_waiting=1)`."""
    clients: list[TestClient] = []

    async def start(folder: Path, **changed: object) -> TestClient:
        app = create_app(settings.model_copy(update=changed), Releases(folder))
        client = TestClient(TestServer(app))
        await client.start_server()
        clients.append(client)
        return client

    yield start
    for client in clients:
        await client.close()


@pytest.fixture
async def client(serve: Serve, data_dir: Path) -> TestClient:
    """A client of a server with the minimal assistant."""
    return await serve(data_dir)
