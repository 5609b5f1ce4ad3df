"""Goes through customers' messages in the terminal, one after the other: a key says what a message means."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from rich.console import Console
from rich.markup import escape

from bot.errors import Refused
from bot.review import Cluster, Item, Key, ReviewDesk, ShownFor
from bot.review_terminal.choosing import Choosing, Said
from bot.review_terminal.keyboard import Keyboard
from bot.review_terminal.shown import complain, show_cluster, show_item
from bot.stores.labels import LabelKind

ITEM_KEYS = (
    "[y] right  [1-9] one of these  [i]ntent  [n]ew intent  [p]air  [a]nswer  [x] ignore  [s]kip  [u]ndo  [q]uit"
)
CLUSTER_KEYS = (
    "[1-9] one of these  [i]ntent  [n]ew intent  [p]air  [a]nswer  [x] ignore  [m]ore  [s]kip  [u]ndo  [q]uit"
)
LAST_KEYS = "[u]ndo  [q]uit"
BATCH = 20

Shown: TypeAlias = Item | Cluster


@dataclass(slots=True)
class Tally:
    """What was done in one sitting."""

    labelled: dict[LabelKind, int] = field(default_factory=dict)
    skipped: int = 0

    def count(self, kind: LabelKind, change: int) -> None:
        """Takes labels into account, or back."""
        self.labelled[kind] = self.labelled.get(kind, 0) + change

    @property
    def total(self) -> int:
        """How many labels were given."""
        return sum(self.labelled.values())


class Sitting:
    """One person's sitting.

    Args:
        who: Whose labels they are.
    """

    def __init__(self, desk: ReviewDesk, who: str, console: Console, keyboard: Keyboard) -> None:
        self._desk, self._who, self._console, self._keyboard = desk, who, console, keyboard
        self._choosing = Choosing(desk, console, keyboard)
        self.tally = Tally()
        self._done: list[tuple[Shown, list[tuple[LabelKind, int]]]] = []

    async def go_through_messages(self, kind: ShownFor | None = None) -> None:
        """Until the person quits, or there are no more; each label is on disk before the next message is shown."""
        shown: list[Key] = []

        async def more() -> list[Item]:
            items = await self._desk.queue(kind, BATCH, who=self._who, after=shown)
            shown.extend(item.key for item in items)
            return items

        await self._go(more, ITEM_KEYS)

    async def go_through_clusters(self) -> None:
        """Until the person quits, or there are no more."""
        shown: set[str] = set()

        async def more() -> list[Cluster]:
            clusters = [one for one in await self._desk.clusters(BATCH) if one.id not in shown]
            shown.update(one.id for one in clusters)
            return clusters

        await self._go(more, CLUSTER_KEYS)

    async def _go(self, more: Callable[[], Awaitable[Sequence[Shown]]], keys: str) -> None:
        waiting: list[Shown] = []
        while True:
            waiting = waiting or list(await self._fetched(more))
            if waiting:
                self._show(waiting[0])
            else:
                self._console.print("\nThat was the last one." if self._done else "\nThere is nothing to look at.")
                if not self._done:
                    return
            key = await self._key(keys if waiting else LAST_KEYS)
            if key == "q":
                return
            if key == "u":
                waiting = [*await self._undo(), *waiting]
            elif await self._decide(key, waiting[0]):
                waiting.pop(0)

    async def _fetched(self, more: Callable[[], Awaitable[Sequence[Shown]]]) -> Sequence[Shown]:
        with self._console.status("Reading messages ..."):
            return await more()

    def _show(self, shown: Shown) -> None:
        if isinstance(shown, Item):
            show_item(shown, self._console)
        else:
            show_cluster(shown, self._console)

    async def _decide(self, key: str, shown: Shown) -> bool:
        """Does what was typed; whether the next one is to be shown."""
        if key == "s":
            self.tally.skipped += 1
            return True
        if isinstance(shown, Cluster) and key == "m":
            show_cluster(shown, self._console, whole=True)
            return False
        said = await self._said(key, shown)
        return said is not None and await self._keep(shown, said)

    async def _said(self, key: str, shown: Shown) -> Said | None:
        if isinstance(shown, Cluster):
            return await self._choosing.said(key, shown.nearest, shown.typical)
        if key == "y":
            return Said(kind=LabelKind.RIGHT, value="")
        return await self._choosing.said(key, shown.candidates, shown.text)

    async def _keep(self, shown: Shown, said: Said) -> bool:
        """Whether the labels were kept; if not, it is said why."""
        given: list[tuple[LabelKind, int]] = []
        try:
            given += await self._label(shown, said.kind, said.value)
            if said.answer:
                given += await self._label(shown, LabelKind.ANSWER, said.answer)
        except Refused as error:
            complain(error, self._console)
        if given:
            self._done.append((shown, given))
        return bool(given)

    async def _label(self, shown: Shown, kind: LabelKind, value: str) -> list[tuple[LabelKind, int]]:
        if isinstance(shown, Item):
            ids = [await self._desk.label(shown.key, kind, value, self._who, shown_for=shown.why)]
        else:
            ids = await self._desk.label_cluster(shown.id, kind, value, self._who)
        self.tally.count(kind, len(ids))
        return [(kind, id_) for id_ in ids]

    async def _undo(self) -> list[Shown]:
        """Takes the last decision back; what it was made on."""
        if not self._done:
            self._console.print("There is nothing to undo.")
            return []
        shown, given = self._done.pop()
        for kind, label_id in reversed(given):
            try:
                await self._desk.undo(label_id, self._who)
            except Refused as error:  # somebody else was faster
                complain(error, self._console)
            self.tally.count(kind, -1)
        return [shown]

    async def _key(self, keys: str) -> str:
        while True:
            self._console.print(f"[dim]{escape(keys)}[/dim]", soft_wrap=True)
            typed = await self._keyboard.key()
            key = "q" if typed is None else typed.lower()[:1]
            if key and (f"[{key}]" in keys or (key in "123456789" and "[1-9]" in keys)):
                return key
            self._console.print("Press one of these keys.")
