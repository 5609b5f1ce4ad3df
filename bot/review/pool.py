"""Which messages of the last days may be worth a look, equal ones as one; no customer's words are kept here."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bot.outcome import Outcome
from bot.review.items import Key, ShownFor
from bot.stores.review_log import SeenTurn
from nlu.text import prepare_text

MAX_TEXTS = 20_000
MAX_RECENT = 20_000
_EDGES = " \t.,;:!?。，；：！？…'\"()"
_WHY = {
    Outcome.HANDED_OVER: ShownFor.HANDED_OVER,
    Outcome.FELL_BACK: ShownFor.OUT_OF_SCOPE,
    Outcome.ASKED_BACK: ShownFor.UNCERTAIN,
    Outcome.ANSWERED: ShownFor.UNCERTAIN,
}
_WEIGHT = {Outcome.HANDED_OVER: 0.9, Outcome.FELL_BACK: 0.9, Outcome.ASKED_BACK: 0.8}
SURE = 0.95
ANSWERED_WEIGHT = 0.6  # of an answer that was only just sure enough
WANTED_PERSON_WEIGHT = 0.3  # of one who asked for a person, and the bot was sure of that


@dataclass(slots=True)
class Entry:
    """Messages with the same words.

    Attributes:
        key: The newest turn, or the newest that was called wrong.
        weight: How much there may be to learn from it, in [0, 1], by what the bot did with it.
    """

    digest: bytes
    key: Key
    at: float
    weight: float
    why: set[ShownFor] = field(default_factory=set)
    count: int = 0


class Pool:
    """Entries of the last days, the newest `most` at most. For one thread at a time.

    Attributes:
        version: Rises with every change.
    """

    def __init__(self, most: int = MAX_TEXTS) -> None:
        self._most = most
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        self._recent: OrderedDict[Key, None] = OrderedDict()
        self._newest = float("-inf")
        self.version = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    @property
    def is_full(self) -> bool:
        """Whether older turns would find no place."""
        return len(self) >= self._most

    def get(self, digest: bytes) -> Entry | None:
        """The messages with these words."""
        return self._entries.get(digest)

    def add(self, seen: Iterable[SeenTurn], threshold: float, *, wrong: bool = False) -> None:
        """Takes turns in, each once however often it comes.

        Args:
            threshold: How sure the bot has to be to answer.
            wrong: Whether somebody called them wrong.
        """
        for turn in seen:
            key = (turn.conversation_id, turn.seq)
            is_new = key not in self._recent
            self._recent[key] = None
            if is_new or wrong:
                self._add(turn, key, threshold, wrong=wrong, is_new=is_new)
        while len(self._recent) > MAX_RECENT:
            self._recent.popitem(last=False)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def forget_before(self, at: float) -> None:
        """Drops what nobody has said since then."""
        for digest in [digest for digest, entry in self._entries.items() if entry.at < at]:
            self.drop(digest)

    def drop(self, digest: bytes) -> None:
        """Drops an entry, where there is one."""
        if self._entries.pop(digest, None) is not None:
            self.version += 1

    def _add(self, turn: SeenTurn, key: Key, threshold: float, *, wrong: bool, is_new: bool) -> None:
        digest = digest_of(turn.message)
        if not digest:
            return
        entry = self._entries.get(digest)
        if entry is None:
            entry = self._entries[digest] = Entry(digest=digest, key=key, at=turn.at, weight=0.0)
            self._entries.move_to_end(digest, last=wrong or turn.at >= self._newest)
        elif wrong and ShownFor.THUMBS_DOWN in entry.why and entry.key == key:
            return
        elif turn.at >= entry.at:
            self._entries.move_to_end(digest)
        if wrong or (turn.at >= entry.at and ShownFor.THUMBS_DOWN not in entry.why):
            entry.key = key
        entry.at = max(entry.at, turn.at)
        self._newest = max(self._newest, turn.at)
        entry.count += is_new
        entry.weight = max(entry.weight, 1.0 if wrong else weight_of(turn, threshold))
        entry.why.add(ShownFor.THUMBS_DOWN if wrong else _WHY.get(Outcome(turn.outcome or ""), ShownFor.UNCERTAIN))
        self.version += 1


def weight_of(turn: SeenTurn, threshold: float) -> float:
    """How much there may be to learn from a turn, in [0, 1]: most where nothing was answered."""
    sure = turn.confidence or 0.0
    if turn.outcome == Outcome.HANDED_OVER and sure >= SURE:
        return WANTED_PERSON_WEIGHT
    if turn.outcome in _WEIGHT:
        return _WEIGHT[Outcome(turn.outcome)]
    above = (sure - threshold) / max(1e-6, 1 - threshold)
    return ANSWERED_WEIGHT * min(1.0, max(0.0, 1 - above))


def digest_of(text: str) -> bytes:
    """By which messages with the same words are known, whatever their case and the marks around; empty for none."""
    words = prepare_text(text).casefold().strip(_EDGES)
    return hashlib.blake2b(words.encode("utf-8", "replace"), digest_size=8).digest() if words else b""
