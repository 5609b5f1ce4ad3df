"""Finds the conversation that a client means who names none, but tells each time all that was said."""

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from hashlib import sha256

from bot.api.openai_body import Said

MAX_REMEMBERED = 10_000
REMEMBERED_S = 24 * 3_600.0


class Threads:
    """Remembers of each conversation how all that was said in it reads, as a hash.

    Only who can tell the whole of a conversation goes on with it, and only once: what was said since is part of what
    has to be told next. Where two read the same, either may be taken: neither holds what the other does not. It is
    forgotten with the process.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = MAX_REMEMBERED) -> None:
        self._clock, self._most = clock, most
        self._reading: dict[bytes, list[str]] = {}
        self._remembered: OrderedDict[str, tuple[bytes, float]] = OrderedDict()

    def take(self, history: Iterable[Said]) -> str | None:
        """The conversation that reads so; it is forgotten until it is put again. None where there is none."""
        self._forget_old()
        found = self._reading.get(_hash(history))
        if not found:
            return None
        name = found[-1]
        self._forget(name)
        return name

    def put(self, history: Iterable[Said], name: str) -> None:
        """Remembers how a conversation reads."""
        if name in self._remembered:
            self._forget(name)
        key = _hash(history)
        self._reading.setdefault(key, []).append(name)
        self._remembered[name] = key, self._clock()
        self._forget_old()

    def _forget_old(self) -> None:
        while self._remembered:
            name, (_, at) = next(iter(self._remembered.items()))
            if len(self._remembered) <= self._most and self._clock() - at < REMEMBERED_S:
                return
            self._forget(name)

    def _forget(self, name: str) -> None:
        key, _ = self._remembered.pop(name)
        self._reading[key].remove(name)
        if not self._reading[key]:
            del self._reading[key]


def _hash(history: Iterable[Said]) -> bytes:
    """Who said what; clients differ in what they keep of white space."""
    read = [[role, " ".join(text.split())] for role, text in history]
    return sha256(json.dumps(read).encode("utf-8")).digest()
