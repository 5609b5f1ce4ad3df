"""The pages that are connected: for each a line on which it is told something, or that there is news in the store."""

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Any

from bot.conversation import Conversation
from bot.errors import Overloaded

MAX_NOTICES = 200
MAX_LINES = 2_000
MAX_OF_ONE = 20  # pages of one session; the oldest gives way to the next

Frame = dict[str, Any]


class Line:
    """What one page is to be told.

    Attributes:
        conversation: As the page knows it; None before it knows any.
        version: How many commits had made that; None before it knows any.
        standing: What the page was told last of where it stands.
        is_behind: Whether there was news that could not be read.
        ends: Why the line ends, as `bye` says it; None while it goes on.
    """

    def __init__(self, conversation_id: str) -> None:
        self.conversation_id = conversation_id
        self.conversation: Conversation | None = None
        self.version: int | None = None
        self.standing: Frame = {}
        self.is_behind = False
        self.ends: str | None = None
        self._notices: deque[Frame] = deque()
        self._has_news = False
        self._stirred = asyncio.Event()

    def tell(self, frame: Frame) -> None:
        """Adds a frame; who does not read them loses the line."""
        if self.ends is not None:
            return
        self._notices.append(frame)
        if len(self._notices) > MAX_NOTICES:
            self._notices.clear()
            self.end("lost")
        self._stirred.set()

    def wake(self) -> None:
        """Says that there may be news in the store."""
        self._has_news, self.is_behind = True, False
        self._stirred.set()

    def end(self, reason: str) -> None:
        """Ends the line once what it holds was read."""
        self.ends = self.ends or reason
        self._stirred.set()

    async def stirred(self) -> None:
        """Waits until there is something to do."""
        await self._stirred.wait()
        self._stirred.clear()

    def notices(self) -> Iterator[Frame]:
        """What it holds, taken off one by one."""
        while self._notices:
            yield self._notices.popleft()

    def take_news(self) -> bool:
        """Whether the store is to be looked at."""
        has_news, self._has_news = self._has_news, False
        return has_news


class Lines:
    """All lines that are open."""

    def __init__(self) -> None:
        self._open: dict[str, list[Line]] = {}
        self._count = 0
        self._ended: str | None = None

    def __iter__(self) -> Iterator[Line]:
        return (line for lines in list(self._open.values()) for line in list(lines))

    @property
    def conversations(self) -> list[str]:
        """Whose lines they are."""
        return list(self._open)

    def open(self, conversation_id: str) -> Line:
        """A new line; `drop` it when its page is gone.

        Raises:
            Overloaded: There are too many.
        """
        if self._count >= MAX_LINES:
            raise Overloaded(f"{MAX_LINES:,} pages are connected")
        line = Line(conversation_id)
        lines = self._open.setdefault(conversation_id, [])
        lines.append(line)
        self._count += 1
        if len(lines) > MAX_OF_ONE:
            lines[0].end("lost")
        if self._ended is not None:
            line.end(self._ended)
        return line

    def drop(self, line: Line) -> None:
        """Forgets a line."""
        lines = self._open.get(line.conversation_id, [])
        if line in lines:
            lines.remove(line)
            self._count -= 1
        if not lines:
            self._open.pop(line.conversation_id, None)

    def of(self, conversation_id: str) -> list[Line]:
        """The lines of one conversation."""
        return list(self._open.get(conversation_id, ()))

    def tell(self, conversation_id: str, frame: Frame, *, besides: Line | None = None) -> None:
        """Tells all pages of a conversation, except the one that knows already."""
        for line in self.of(conversation_id):
            if line is not besides:
                line.tell(frame)

    def end(self, reason: str) -> None:
        """Ends all lines, and every one that is opened from now on."""
        self._ended = reason
        for line in self:
            line.end(reason)
