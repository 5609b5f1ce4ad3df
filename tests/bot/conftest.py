"""What the bot's tests share: scripted bots, and one loaded release."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from scripted_bot import SPEC, Bot, MakeBot, make_bot

import bot.logging
from bot.model_host import ModelHost
from bot.stores.sqlite import SqliteStore
from training.releases import Releases


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    """A store in memory."""
    store = SqliteStore(None)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def scripted(store: SqliteStore) -> MakeBot:
    """Makes a bot whose spec and domain differ from the usual: `scripted(trust_slash_intents=True)`."""

    def make(domain: dict[str, Any] | None = None, **changed: Any) -> Bot:
        spec = replace(SPEC, domain=replace(SPEC.domain, **(domain or {})))
        return make_bot(store, replace(spec, **changed))

    return make


@pytest.fixture(scope="session")
def host(trained_dir: Path) -> ModelHost:
    """The trained release, loaded once. Read only."""
    return ModelHost(Releases(trained_dir))


@pytest.fixture
def plain_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keeps a command that is run in this process from changing how everything else logs."""
    monkeypatch.setattr(bot.logging, "set_up_logging", lambda _: None)
    yield
    structlog.reset_defaults()
