"""Notices what is new for connected pages: at once what this process commits, within a moment what others do."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from bot.channels.widget.lines import Line, Lines
from bot.channels.widget.standing import Standings
from bot.conversation import Conversation
from bot.events import Event
from bot.stores.store import ConversationStore
from configs.errors import KefuError

THINKING_S = 30.0  # after which a bot that has not answered does not seem to write any more

_log = structlog.get_logger()


class Watch:
    """Wakes the lines of conversations that have changed.

    Args:
        now: Unix time.
    """

    def __init__(self, store: ConversationStore, lines: Lines, standings: Standings, now: Callable[[], float]) -> None:
        self._store, self._lines, self._standings, self._now = store, lines, standings, now
        self._thinking: dict[str, float] = {}

    def saw(self, conversation: Conversation, events: Sequence[Event]) -> None:
        """Takes note of what was committed here."""
        del events
        self.stir(conversation.id)

    def thinks(self, conversation_id: str) -> None:
        """Has the bot seem to write, until it has answered."""
        self._thinking[conversation_id] = self._now() + THINKING_S
        self._lines.tell(conversation_id, {"type": "typing", "from": "bot", "on": True})

    async def look(self) -> None:
        """Finds out what others have done, and who stands elsewhere as time has passed."""
        for conversation_id in [name for name, until in self._thinking.items() if until <= self._now()]:
            self._think_no_more(conversation_id)
        names = self._lines.conversations
        found = await self._store.versions(names) if names else {}
        for line in self._lines:
            if line.version not in (None, found.get(line.conversation_id, 0)):
                self.stir(line.conversation_id)
            elif line.is_behind or self._has_moved(line):
                line.wake()

    async def follow(self, interval_s: float) -> None:
        """Looks every `interval_s`, until it is cancelled."""
        while True:
            try:
                await self.look()
            except KefuError as error:
                _log.warning("widget_not_caught_up", reason=str(error))
            except Exception:
                _log.exception("widget_failed")
            await asyncio.sleep(interval_s)

    def _has_moved(self, line: Line) -> bool:
        return line.conversation is not None and self._standings.of(line.conversation) != line.standing

    def stir(self, conversation_id: str) -> None:
        """Has all pages of a conversation look at the store."""
        self._think_no_more(conversation_id)
        for line in self._lines.of(conversation_id):
            line.wake()

    def _think_no_more(self, conversation_id: str) -> None:
        if self._thinking.pop(conversation_id, None) is not None:
            self._lines.tell(conversation_id, {"type": "typing", "from": "bot", "on": False})
