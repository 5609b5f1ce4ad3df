"""One page's place in its conversation: what it has read, and what comes next."""

from typing import Any

from bot.channels.widget.lines import Line
from bot.channels.widget.session import Session
from bot.channels.widget.standing import Standings
from bot.channels.widget.transcript import FileAddress, event_frames
from bot.stores.store import ConversationStore
from bot.stores.tail import Tail

VERSION = 1
CUSTOMER = "customer"  # whose verdicts a page shows
PAGE_EVENTS = 50
HISTORY_EVENTS = 1_000  # that a page is shown of a conversation at first, however long it is

Frame = dict[str, Any]


class Reader:
    """Reads a conversation from a place on; every event comes once, in order.

    Args:
        after: The number of the last event that the page has.
        begun: When the conversation began that the page has; another one is shown from its start.
    """

    def __init__(
        self,
        store: ConversationStore,
        standings: Standings,
        address: FileAddress,
        session: Session,
        line: Line,
        *,
        after: int = 0,
        begun: float | None = None,
    ) -> None:
        self._store, self._standings, self._address = store, standings, address
        self._session, self._line = session, line
        self._after, self._begun = after, begun

    async def welcome(self) -> tuple[Frame, bool]:
        """What a page is told first, and whether anything was ever said."""
        tail = await self._tail(self._after, 0)
        is_another = self._after > tail.count or self._begun not in (None, tail.begun)
        if is_another:
            self._after = 0
        if not self._after:
            self._after = max(0, tail.count - HISTORY_EVENTS)
        self._begun = tail.begun
        frame: Frame = {"type": "welcome", "v": VERSION, "session": self._session.id, "seq": tail.count}
        frame |= {"begun": tail.begun, "state": self._stand(tail)}
        return {**frame, **({"reset": True} if is_another else {})}, tail.version > 0

    async def news(self) -> tuple[list[Frame], bool]:
        """What has come since, a page at most, and whether there is more."""
        tail = await self._tail(self._after, PAGE_EVENTS)
        if tail.count < self._after or self._begun not in (None, tail.begun):
            self._after, self._begun = 0, tail.begun
            return [{"type": "reset"}], True
        self._begun = tail.begun
        frames = list(event_frames(tail, self._address))
        self._after += len(tail.events)
        before = self._line.standing
        if (standing := self._stand(tail)) != before:
            frames.append({"type": "state", **standing})
        return frames, self._after < tail.count

    def _stand(self, tail: Tail) -> Frame:
        self._line.conversation, self._line.version = tail.conversation, tail.version
        self._line.standing = self._standings.of(tail.conversation)
        return self._line.standing

    async def _tail(self, after: int, limit: int) -> Tail:
        return await self._store.tail(self._session.conversation_id, after, limit=limit, who=CUSTOMER)
