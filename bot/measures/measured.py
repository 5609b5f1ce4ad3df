"""Figures that were asked for a moment ago are not counted again, and never two at a time."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from bot.errors import Overloaded
from bot.measures.gathering import Read, measure
from bot.measures.measures import Measures
from bot.measures.period import Period
from bot.stores.turn_counting import ALL, Only
from retrieval.promise import Promise

KEPT_S = 60.0
MOST_KEPT = 32
MOST_WAITING = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which figures somebody asks for, as he wrote it."""

    since: str
    until: str | None = None
    only: Only = ALL


class MeasuredLately:
    """Measures, and keeps what came of it for a minute."""

    def __init__(self, read: Read, promise: Callable[[], Promise | None], now: Callable[[], float]) -> None:
        self._read, self._promise, self._now = read, promise, now
        self._kept: OrderedDict[Asked, tuple[float, Measures]] = OrderedDict()
        self._one = asyncio.Lock()
        self._waiting = 0

    async def measure(self, asked: Asked, period: Period) -> Measures:
        """The figures of `period`, which is what `asked` means now.

        Raises:
            Overloaded: Too many wait for figures.
            StoreError: The store cannot be read.
        """
        if self._waiting >= MOST_WAITING:
            raise Overloaded("Too many wait for figures")
        self._waiting += 1
        try:
            async with self._one:
                return self._known(asked) or await self._measured(asked, period)
        finally:
            self._waiting -= 1

    def _known(self, asked: Asked) -> Measures | None:
        at, measures = self._kept.get(asked, (0.0, None))
        return measures if 0 <= self._now() - at < KEPT_S else None

    async def _measured(self, asked: Asked, period: Period) -> Measures:
        measures = await measure(self._read, period, asked.only, promise=self._promise())
        self._kept[asked] = (self._now(), measures)
        self._kept.move_to_end(asked)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return measures
