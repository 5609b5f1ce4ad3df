"""What people are shown of the log: messages in their order, clusters, and how many wait."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from bot.inference import Inference
from bot.review.clusters import clustered, members_of
from bot.review.items import Cluster, Item, Key, ShownFor
from bot.review.memory import ReviewMemory
from bot.review.order import in_order, shortlist, waiting
from bot.review.pool import Entry, digest_of
from bot.review.readings import Kept
from bot.review.showing import Showing
from bot.stores.labels import Label
from bot.stores.turn_log import LoggedTurn

CATCH_UP_S = 0.3
QUEUE_BUDGET_S = 0.4
CLUSTER_BUDGET_S = 2.0


class ReviewView:
    """Looks at what is remembered of the store. One call at a time, for all of them change what is remembered.

    Args:
        now: Unix time.
        patient: See `ReviewDesk`.
    """

    def __init__(
        self, memory: ReviewMemory, inference: Inference, now: Callable[[], float], *, patient: bool = False
    ) -> None:
        self.memory, self.showing = memory, Showing(inference.host)
        self._now, self._patient = now, patient
        self._clustered: frozenset[bytes] = frozenset()
        self._found: tuple[frozenset[bytes], list[list[tuple[Entry, Kept]]]] = (frozenset(), [])
        self._one_at_a_time = asyncio.Lock()

    async def queue(self, kind: ShownFor | None, limit: int, who: str | None, after: Sequence[Key]) -> list[Item]:
        """See `ReviewDesk.queue`."""
        seen = frozenset(after)
        async with self._one_at_a_time:
            await self._catch_up()
            items = await self._disagreed(limit, seen) if kind in (None, ShownFor.DISAGREEMENT) else []
            if kind is not ShownFor.DISAGREEMENT and len(items) < limit:
                passed = seen | {item.key for item in items}
                entries = [entry for entry in self.memory.pool if entry.key not in passed]
                items += await self._ranked(entries, kind, who, limit - len(items))
        return items

    async def counts(self, who: str | None) -> dict[ShownFor, int]:
        """See `ReviewDesk.counts`."""
        async with self._one_at_a_time:
            await self._catch_up()
            memory = self.memory
            counted = partial(waiting, memory.pool, memory.labelled_by, who=who, clustered=self._clustered)
            found = await asyncio.to_thread(counted)
            return {**found, ShownFor.DISAGREEMENT: len(memory.book.disagreements())}

    async def clusters(self, limit: int) -> list[Cluster]:
        """See `ReviewDesk.clusters`."""
        async with self._one_at_a_time:
            await self._catch_up()
            memory = self.memory
            entries = members_of(entry for entry in memory.pool if not memory.labelled_by(entry))
            await memory.read(entries, None if self._patient else CLUSTER_BUDGET_S)
            shown = []
            for members in (await self._grouped(entries))[:limit]:
                turns = await memory.turns([entry.key for entry, _ in members])
                there = [(*one, turn) for one, turn in zip(members, turns, strict=True) if turn and turn.message]
                if there:
                    shown.append(self.showing.cluster(there))
            return shown

    def item(self, turn: LoggedTurn, labels: Sequence[Label]) -> Item:
        """One turn as it would be shown."""
        digest, key = digest_of(turn.message or ""), (turn.conversation_id, turn.seq)
        entry = self.memory.pool.get(digest) or Entry(digest=digest, key=key, at=turn.at, weight=0.0)
        return self._item(turn, entry, entry.weight, labels)

    async def warm(self) -> None:
        """See `ReviewDesk.warm`."""
        async with self._one_at_a_time:
            await self._catch_up()
            listed = shortlist(self.memory.pool, self.memory.labelled_by, kind=None, who=None)
            await self.memory.read([entry for entry, _ in listed], QUEUE_BUDGET_S)

    async def look_at_labels(self) -> None:
        """Takes in what was said and taken back."""
        async with self._one_at_a_time:
            await self.memory.catch_up_labels(self._now())

    async def _catch_up(self) -> None:
        await self.memory.catch_up(self._now(), None if self._patient else CATCH_UP_S)

    async def _ranked(self, entries: Sequence[Entry], kind: ShownFor | None, who: str | None, limit: int) -> list[Item]:
        memory = self.memory
        listed = await asyncio.to_thread(
            partial(shortlist, entries, memory.labelled_by, kind=kind, who=who, clustered=self._clustered)
        )
        await memory.read([entry for entry, _ in listed], None if self._patient else QUEUE_BUDGET_S)
        readings = [memory.readings.get(entry.digest) for entry, _ in listed]
        chosen = await asyncio.to_thread(in_order, listed, readings, memory.known(), limit)
        turns = await memory.turns([entry.key for entry, _ in chosen])
        return [
            self._item(turn, entry, score, memory.book.of(entry.key))
            for (entry, score), turn in zip(chosen, turns, strict=True)
            if turn is not None and turn.message
        ]

    async def _disagreed(self, limit: int, seen: frozenset[Key]) -> list[Item]:
        said = [labels for labels in self.memory.book.disagreements() if _key(labels[0]) not in seen][:limit]
        turns = await self.memory.turns([_key(labels[0]) for labels in said])
        return [
            self._item(turn, Entry(digest=digest_of(turn.message), key=_key(one[0]), at=turn.at, weight=1.0), 1.0, one)
            for turn, one in zip(turns, said, strict=True)
            if turn is not None and turn.message
        ]

    async def _grouped(self, entries: Sequence[Entry]) -> list[list[tuple[Entry, Kept]]]:
        """The clusters of what was read; those of the last time where nothing has come since."""
        readings = self.memory.readings
        read = [(entry, kept) for entry in entries if (kept := readings.get(entry.digest)) is not None]
        words = frozenset(entry.digest for entry, _ in read)
        if words != self._found[0]:
            self._found = (words, await asyncio.to_thread(clustered, read))
            self._clustered = frozenset(entry.digest for members in self._found[1] for entry, _ in members)
        return self._found[1]

    def _item(self, turn: LoggedTurn, entry: Entry, score: float, labels: Sequence[Label]) -> Item:
        kept = self.memory.readings.get(entry.digest)
        return self.showing.item(turn, entry, score, kept=kept, labels=labels, clustered=self._clustered)


def _key(label: Label) -> Key:
    return (label.conversation_id, label.turn_seq)
