"""The labels that stand, as review looks them up; followed by their ids, so that each is read once."""

from collections import Counter
from collections.abc import Collection, Iterable
from functools import partial

from bot.review.items import Agreements, Key
from bot.review.pool import digest_of
from bot.stores.labels import Label, LabelKind, disagreements
from bot.stores.review_log import given_labels, undone_labels
from bot.stores.store import ConversationStore

MAX_LABELS = 50_000
PAGE = 1_000
OVERLAP_IDS = 100  # ids are given before they are committed: one may come up after a higher one
OVERLAP_S = 120.0  # clocks of several servers differ


class LabelBook:
    """The newest labels that stand."""

    def __init__(self, most: int = MAX_LABELS) -> None:
        self._most = most
        self._labels: dict[int, Label] = {}
        self._of_turn: dict[Key, dict[int, Label]] = {}
        self._people: dict[bytes, Counter[str]] = {}
        self._last_id = 0
        self._looked_at = 0.0

    async def catch_up(self, store: ConversationStore, now: float) -> None:
        """Reads what was said and taken back since the last time."""
        after = max(0, self._last_id - OVERLAP_IDS)
        while given := await store.read(partial(given_labels, after_id=after, most=PAGE)):
            self.add(given)
            after = given[-1].id
            if len(given) < PAGE:
                break
        self.remove(await store.read(partial(undone_labels, since=self._looked_at - OVERLAP_S)))
        self._looked_at = now

    def add(self, given: Iterable[Label]) -> None:
        """Takes labels in."""
        for label in given:
            if label.id in self._labels:
                continue
            self._labels[label.id] = label
            self._of_turn.setdefault((label.conversation_id, label.turn_seq), {})[label.id] = label
            self._people.setdefault(digest_of(label.text), Counter())[label.who] += 1
            self._last_id = max(self._last_id, label.id)
        while len(self._labels) > self._most:
            self.remove([min(self._labels)])

    def remove(self, ids: Iterable[int]) -> None:
        """Takes labels out."""
        for id_ in ids:
            label = self._labels.pop(id_, None)
            if label is None:
                continue
            key, digest = (label.conversation_id, label.turn_seq), digest_of(label.text)
            self._of_turn[key].pop(id_)
            if not self._of_turn[key]:
                del self._of_turn[key]
            self._people[digest][label.who] -= 1
            self._people[digest] += Counter()  # what has come to nothing goes
            if not self._people[digest]:
                del self._people[digest]

    def of(self, key: Key) -> tuple[Label, ...]:
        """What people say of a turn."""
        return tuple(self._of_turn.get(key, {}).values())

    def people(self, key: Key, digest: bytes) -> Collection[str]:
        """Who has said something of this turn, or of one with the same words."""
        return {label.who for label in self.of(key)} | set(self._people.get(digest, ()))

    def digests(self, most: int) -> list[bytes]:
        """The words of the newest labels, at most so many."""
        newest = sorted(self._labels, reverse=True)[:most]
        return list(dict.fromkeys(digest_of(self._labels[id_].text) for id_ in newest))

    def new_intents(self) -> frozenset[str]:
        """The intents that people have named."""
        return frozenset(label.value for label in self._labels.values() if label.kind is LabelKind.NEW_INTENT)

    def disagreements(self) -> list[tuple[Label, ...]]:
        """The labels of each turn of which people say different things."""
        return disagreements([label for said in self._of_turn.values() if len(said) > 1 for label in said.values()])

    def agreements(self) -> Agreements:
        """How far people agree."""
        unlike = self.disagreements()
        twice = sum(len({label.who for label in said.values()}) > 1 for said in self._of_turn.values())
        return Agreements(
            by_person=dict(Counter(label.who for label in self._labels.values()).most_common()),
            turns=len(self._of_turn),
            twice=twice,
            agreed=twice - len(unlike),
            disagreements=tuple(unlike),
        )
