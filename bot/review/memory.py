"""What the review desk remembers of the store: the messages of the last days, the labels, and how messages are read.

Nothing is here that cannot be found again in the store, and all of it is bounded.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from bot.inference import Inference
from bot.review.items import Key
from bot.review.label_book import LabelBook
from bot.review.pool import Entry, Pool
from bot.review.readings import Readings
from bot.stores.review_log import Place, called_wrong, page_after, page_before, turns_of
from bot.stores.store import ConversationStore
from bot.stores.turn_log import LoggedTurn
from nlu.encoder import FloatArray

DAY_S = 86_400.0
OVERLAP_S = 120.0  # a turn is dated when it begins, and written when it ends
MAX_CALLED_WRONG = 1_000
MAX_KNOWN = 500
TURNS_AT_ONCE = 100


class ReviewMemory:
    """Follows the store.

    Args:
        days: What is older is forgotten.
        clock: Seconds, rising.
    """

    def __init__(
        self,
        store: ConversationStore,
        inference: Inference,
        *,
        days: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._inference, self._days, self._clock = store, inference, days, clock
        self.pool, self.book, self.readings = Pool(), LabelBook(), Readings(inference, clock)
        self._newest: Place | None = None
        self._oldest: Place | None = None
        self._has_old = False
        self._wrong_since = 0.0

    async def catch_up(self, now: float, budget_s: float | None = None) -> None:
        """Takes in what is new, and then, until the time is used up, what is older, a page of the log at a time.

        Commits come in between the pages. What is older is not needed where as much is newer as can be kept.
        """
        ends = None if budget_s is None else self._clock() + budget_s
        since, threshold = now - self._days * DAY_S, self._threshold()
        self.pool.forget_before(since)
        await self._take_new(now, threshold)
        while not self._has_old and not self.pool.is_full and (ends is None or self._clock() < ends):
            await self._take_old(since, threshold)
        wrong_since = max(since, self._wrong_since - OVERLAP_S)
        wrong = await self._store.read(partial(called_wrong, since=wrong_since, most=MAX_CALLED_WRONG))
        self.pool.add([turn for turn in wrong if turn.at >= since], threshold, wrong=True)
        self._wrong_since = now
        await self.catch_up_labels(now)

    async def catch_up_labels(self, now: float) -> None:
        """Takes in what was said and taken back."""
        await self.book.catch_up(self._store, now)

    async def _take_new(self, now: float, threshold: float) -> None:
        place = self._newest or (now - OVERLAP_S, "", 0)
        self._oldest = self._oldest or place
        is_last = False
        while not is_last:
            page = await self._store.read(partial(page_after, place=place, sure=half_way(threshold)))
            await asyncio.to_thread(self.pool.add, page.seen, threshold)
            place, is_last = page.place or place, page.is_last
        self._newest = max(self._newest or (0.0, "", 0), (place[0] - OVERLAP_S, "", 0))

    async def _take_old(self, since: float, threshold: float) -> None:
        place = self._oldest or (since, "", 0)
        page = await self._store.read(partial(page_before, place=place, sure=half_way(threshold)))
        await asyncio.to_thread(self.pool.add, [turn for turn in page.seen if turn.at >= since], threshold)
        self._oldest = page.place or place
        self._has_old = page.is_last or self._oldest[0] < since

    async def read(self, entries: Sequence[Entry], budget_s: float | None) -> None:
        """Has messages read that were not yet, until the time is used up; None for no limit."""
        ends = None if budget_s is None else self._clock() + budget_s
        missing = [entry for entry in entries if self.readings.get(entry.digest) is None]
        for begin in range(0, len(missing), TURNS_AT_ONCE):
            few = missing[begin : begin + TURNS_AT_ONCE]
            texts = {}
            for entry, turn in zip(few, await self.turns([entry.key for entry in few]), strict=True):
                if turn is None or not turn.message:  # it was erased
                    self.pool.drop(entry.digest)
                    self.readings.forget(entry.digest)
                else:
                    texts[entry.digest] = turn.message
            if not await self.readings.read(texts, ends):
                break

    async def turns(self, keys: Sequence[Key]) -> list[LoggedTurn | None]:
        """The turns with these keys, in their order; None for those that are gone."""
        found: list[LoggedTurn | None] = []
        for begin in range(0, len(keys), TURNS_AT_ONCE):
            found += await self._store.read(partial(turns_of, keys=keys[begin : begin + TURNS_AT_ONCE]))
        return found

    def labelled_by(self, entry: Entry) -> frozenset[str]:
        """Who has labelled messages with these words."""
        return frozenset(self.book.people(entry.key, entry.digest))

    def known(self) -> FloatArray:
        """The embeddings of messages that were labelled, of those that are at hand; shape (m, d)."""
        kept = [kept for digest in self.book.digests(MAX_KNOWN) if (kept := self.readings.get(digest)) is not None]
        return np.stack([one.embedding for one in kept]) if kept else np.zeros((0, 0), np.float32)

    def _threshold(self) -> float:
        """How sure the release in use has to be to answer."""
        engine = self._inference.host.engine
        return engine.promise.threshold if engine.promise is not None else engine.spec.policy.template_threshold


def half_way(threshold: float) -> float:
    """Answers given with this confidence or more are not shown: they lie nearer to certainty than to the threshold."""
    return (1 + threshold) / 2
