"""The pages that are connected, and which of them have which conversation open."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeAlias

from engineio.exceptions import SocketIsClosedError

from bot.channels.socketio.pulse import Pulse

MAX_LINES = 10_000
MAX_OF_ONE = 20  # pages of one conversation; the oldest gets nothing more
MAX_REMEMBERED = 8  # parts that were sent on a line and are not known to have arrived

Event: TypeAlias = tuple[str, Any]  # its name, and what it carries
Emit: TypeAlias = Callable[[str, Any, str], Awaitable[None]]


class Line:
    """One page's connection.

    Attributes:
        sid: By which Socket.IO knows it.
        owner: Whom its token names.
        conversation: What it has open; None until it has asked for it.
    """

    def __init__(self, sid: str, owner: str, pulse: Pulse) -> None:
        self.sid, self.owner, self._pulse = sid, owner, pulse
        self.conversation: str | None = None
        self._sent: dict[str, int] = {}

    async def give(self, key: str, events: Iterable[Event], emit: Emit) -> None:
        """Sends the part of this key, once."""
        if key in self._sent or self._pulse.has_ended:
            return
        while len(self._sent) >= MAX_REMEMBERED:
            del self._sent[next(iter(self._sent))]
        self._sent[key] = -1
        try:
            for name, data in events:
                await emit(name, data, self.sid)
            self._sent[key] = await self._pulse.ping()
        except SocketIsClosedError:
            pass
        except BaseException:
            self._sent.pop(key, None)
            raise

    def has(self, key: str) -> bool:
        """Whether the part of this key has arrived."""
        number = self._sent.get(key, -1)
        return number > 0 and self._pulse.is_past(number)


class Lines:
    """All of them."""

    def __init__(self) -> None:
        self._by_sid: dict[str, Line] = {}
        self._open: dict[str, list[Line]] = {}
        self._stirred: dict[str, asyncio.Event] = {}

    @property
    def is_full(self) -> bool:
        """Whether no more may connect."""
        return len(self._by_sid) >= MAX_LINES

    def connect(self, sid: str, owner: str, pulse: Pulse) -> Line:
        """A page has connected."""
        line = Line(sid, owner, pulse)
        pulse.on_pong = lambda: self._stir(line.conversation)
        self._by_sid[sid] = line
        return line

    def get(self, sid: str) -> Line | None:
        """The line of this id."""
        return self._by_sid.get(sid)

    def disconnect(self, sid: str) -> None:
        """A page has gone."""
        line = self._by_sid.pop(sid, None)
        if line is not None:
            self._leave(line)

    def join(self, line: Line, conversation: str) -> bool:
        """Opens a conversation on a line, instead of the one it had open; False where it had this one."""
        if line.conversation == conversation:
            return False
        self._leave(line)
        line.conversation = conversation
        lines = self._open.setdefault(conversation, [])
        lines.append(line)
        if len(lines) > MAX_OF_ONE:
            self._leave(lines[0])
        self._stir(conversation)
        return True

    def of(self, conversation: str) -> list[Line]:
        """The lines on which a conversation is open."""
        return list(self._open.get(conversation, ()))

    async def stirred(self, conversation: str) -> None:
        """Waits until a line has come or gone, or something has arrived on one."""
        event = self._stirred.setdefault(conversation, asyncio.Event())
        try:
            await event.wait()
        finally:
            if self._stirred.get(conversation) is event:
                del self._stirred[conversation]

    def _leave(self, line: Line) -> None:
        conversation, line.conversation = line.conversation, None
        if conversation is None:
            return
        self._open[conversation].remove(line)
        if not self._open[conversation]:
            del self._open[conversation]
        self._stir(conversation)

    def _stir(self, conversation: str | None) -> None:
        if conversation in self._stirred:
            self._stirred[conversation].set()
