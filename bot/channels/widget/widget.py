"""The widget put together: its routes, what it is told of commits, and its end."""

import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from aiohttp import web

from bot.channels.channel import health
from bot.channels.intake import Intake
from bot.channels.widget import file_routes, session_route
from bot.channels.widget.config import Config
from bot.channels.widget.greeting import Greeting
from bot.channels.widget.lines import Line, Lines
from bot.channels.widget.origins import Origins
from bot.channels.widget.pace import Paces
from bot.channels.widget.polling import Polling
from bot.channels.widget.reader import Reader
from bot.channels.widget.reception import Reception
from bot.channels.widget.session import Session, Sessions
from bot.channels.widget.session_route import session_by_bearer
from bot.channels.widget.socket import Sockets
from bot.channels.widget.standing import Standings
from bot.channels.widget.uploads import FOLDER, Uploads
from bot.channels.widget.watch import Watch
from bot.conversation import Conversation
from bot.desk import Desk
from bot.dialogue import DialogueManager
from bot.events import Event
from bot.stores.store import ConversationStore
from configs.assistant_config import HandoffConfig

DAY_S = 86_400
SOCKET_PATH = "/webhooks/widget/socket"


class Widget:
    """The server's side of the chat widget.

    Attributes:
        origins: Which pages may have it.
        uploads: The files that customers have sent.
    """

    def __init__(
        self,
        *,
        routes: list[web.RouteDef],
        origins: Origins,
        uploads: Uploads,
        lines: Lines,
        watch: Watch,
    ) -> None:
        self.origins, self.uploads = origins, uploads
        self._routes, self._lines, self._watch = routes, lines, watch

    def join(self, app: web.Application) -> None:
        """Adds its routes to the server, and lets the pages that may have it call them."""
        app.middlewares.insert(1, self.origins.answer_preflight)
        app.on_response_prepare.append(self.origins.name_origin)
        app.add_routes(self._routes)

    def saw(self, conversation: Conversation, events: Sequence[Event]) -> None:
        """Takes note of what was committed; the dialogue calls it after every commit."""
        self._watch.saw(conversation, events)

    async def follow(self, interval_s: float) -> None:
        """Looks every `interval_s` what other processes have done, until it is cancelled."""
        await self._watch.follow(interval_s)

    async def erased(self, conversation_id: str) -> None:
        """Forgets what is kept of a conversation besides the store."""
        await self.uploads.erase(conversation_id)
        self._watch.stir(conversation_id)

    def stop(self) -> None:
        """Tells all pages that the server ends; they come again."""
        self._lines.end("restart")


def make(  # noqa: PLR0913 - what it stands on
    config: Config,
    *,
    secret: str,
    data_dir: Path,
    intake: Intake,
    dialogue: DialogueManager,
    store: ConversationStore,
    desk: Desk,
    handoff: Callable[[], HandoffConfig],
    on_feedback: Callable[[], Awaitable[None]],
) -> Widget:
    """The widget with these settings.

    Args:
        secret: Signs tokens and addresses.
        data_dir: Where files are kept.
        handoff: The settings in force of who takes over, and when.
        on_feedback: Told that a customer has rated an answer.
    """
    now, max_text_chars = intake.now, intake.max_text_chars
    sessions, origins, lines = Sessions(secret, config.session_days * DAY_S, now), Origins(config.origins), Lines()
    uploads = Uploads(data_dir / FOLDER, config.uploads, secret, now)
    standings = Standings(desk, handoff, now)
    watch = Watch(store, lines, standings, now)
    reception = Reception(
        intake=intake,
        dialogue=dialogue,
        store=store,
        desk=desk,
        lines=lines,
        watch=watch,
        uploads=uploads,
        paces=Paces(time.monotonic),
        on_feedback=on_feedback,
        max_text_chars=max_text_chars,
    )

    def reader(session: Session, line: Line, after: int, begun: float | None) -> Reader:
        return Reader(store, standings, uploads.address, session, line, after=after, begun=begun)

    def person_types(conversation_id: str, on: bool) -> None:
        lines.tell(conversation_id, {"type": "typing", "from": "person", "on": on})

    desk.on_typing = person_types
    session_of, greeting = session_by_bearer(sessions), Greeting(config.greeting, intake)
    sockets = Sockets(
        origins=origins,
        sessions=sessions,
        lines=lines,
        reception=reception,
        make_reader=reader,
        greet=greeting.begin,
        now=now,
    )
    polling = Polling(
        origins=origins,
        session_of=session_of,
        lines=lines,
        reception=reception,
        make_reader=reader,
        greet=greeting.begin,
    )
    routes = [
        web.get("/webhooks/widget/", health),
        web.get(SOCKET_PATH, sockets.serve),
        *session_route.routes(config, sessions, origins, max_text_chars=max_text_chars),
        *polling.routes(),
        *file_routes.routes(uploads, origins, session_of),
    ]
    return Widget(routes=routes, origins=origins, uploads=uploads, lines=lines, watch=watch)
