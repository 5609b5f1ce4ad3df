"""A server with the widget on a bot whose understanding is written down: real routes, store, inbox, worker and desk."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from scripted_bot import SPEC, Bot, make_bot

from bot.channels.intake import Intake
from bot.channels.widget import widget
from bot.channels.widget.config import Config
from bot.channels.widget.session import Session
from bot.channels.widget.widget import Widget
from bot.desk import Desk
from bot.inbox_worker import InboxWorker
from bot.messages import BotMessage
from bot.middlewares import errors_as_json
from bot.request_body import MAX_BODY_BYTES
from bot.stores.sqlite import SqliteStore
from bot.stores.store import ConversationStore
from configs.assistant_config import HandoffConfig
from configs.bot_spec import BotSpec

SECRET = "a secret of the tests, of more than sixty-four characters, as the longest hash wants it"  # noqa: S105
MAX_TEXT_CHARS = 1_000
LOOK_S = 0.02


class TickingClock:
    """A clock that goes on by a second whenever it is asked, as no two turns are taken at the same time."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@dataclass
class World:
    """Everything a test may want to look at."""

    client: TestClient
    bot: Bot
    store: ConversationStore
    desk: Desk
    widget: Widget
    worker: InboxWorker
    clock: TickingClock
    feedback: list[str]


@asynccontextmanager
async def world_of(
    path: Path,
    config: dict[str, Any] | None = None,
    *,
    spec: BotSpec = SPEC,
    handoff: HandoffConfig | None = None,
    works: bool = True,
    store: ConversationStore | None = None,
) -> AsyncIterator[World]:
    """Serves the widget over the store in `path`.

    Args:
        works: Whether the bot answers; else messages wait in the inbox.
        store: One that is open already.
    """
    own: ConversationStore = store or SqliteStore(path / "conversations.db")
    if store is None:
        await own.open()
    clock, feedback, hours = TickingClock(), [], handoff or HandoffConfig()
    bot = make_bot(own, spec)  # type: ignore[arg-type]
    bot.dialogue._now = clock
    desk = Desk(bot.dialogue, own, config=lambda: hours, say=lambda name, _: BotMessage(text=f"<{name}>"), now=clock)
    worker = InboxWorker(own, bot.dialogue)
    intake = Intake(own, max_text_chars=MAX_TEXT_CHARS, on_accept=worker.wake, now=clock)

    async def rated() -> None:
        feedback.append("rated")

    made = widget.make(
        Config.model_validate(config or {}),
        secret=SECRET,
        data_dir=path,
        intake=intake,
        dialogue=bot.dialogue,
        store=own,
        desk=desk,
        handoff=lambda: hours,
        on_feedback=rated,
    )

    def committed(conversation: Any, events: Any) -> None:
        desk.saw(conversation, events)
        made.saw(conversation, events)

    bot.dialogue.on_commit, bot.dialogue.on_erase = committed, made.erased
    app = web.Application(middlewares=[errors_as_json], client_max_size=65_536)
    app[MAX_BODY_BYTES] = 65_536
    made.join(app)
    tasks = [asyncio.create_task(made.follow(LOOK_S))]
    if works:
        tasks.append(asyncio.create_task(worker.run()))

    async def stop(_: web.Application) -> None:
        made.stop()

    app.on_shutdown.append(stop)
    try:
        async with TestClient(TestServer(app)) as client:
            yield World(client, bot, own, desk, made, worker, clock, feedback)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if store is None:
            await own.close()


def conversation_of(session: dict[str, Any] | Session) -> str:
    """The conversation of a session."""
    return f"widget:{session['session'] if isinstance(session, dict) else session.id}"


def texts(events: list[dict[str, Any]]) -> Iterator[tuple[str, str | None]]:
    """Who said what."""
    return ((event["from"], event.get("text")) for event in events)
