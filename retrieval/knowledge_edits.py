"""What is done to the knowledge store, and what it tells: edits, the revisions they make, and pairs as they stand."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from configs.errors import KefuError
from retrieval.pair import Pair

BATCH = 500

Item = TypeVar("Item")


class VersionConflict(KefuError):
    """A pair was changed since the version that an edit was made from."""

    def __init__(self, pair_id: str, expected: int, found: int) -> None:
        """Version 0 stands for a pair that does not exist."""
        super().__init__(
            f"{pair_id!r} has version {found}, not {expected}: it was changed meanwhile. Look at it first."
            if found
            else f"{pair_id!r} does not exist (any more). Look at the list, or leave the expected version out."
        )
        self.pair_id, self.expected, self.found = pair_id, expected, found


@dataclass(frozen=True, slots=True)
class Put:
    """Write a pair, whether it exists or not.

    Attributes:
        expected_version: The version that must stand, 0 for a pair that must not exist; None for any.
    """

    pair: Pair
    by: str
    expected_version: int | None = None
    note: str = ""

    @property
    def pair_id(self) -> str:
        """Of the pair that is written."""
        return self.pair.id


@dataclass(frozen=True, slots=True)
class Remove:
    """Take a pair out; nothing happens where there is none, unless a version is expected."""

    pair_id: str
    by: str
    expected_version: int | None = None
    note: str = ""


Edit: TypeAlias = Put | Remove


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One change of one pair.

    Attributes:
        seq: Rises from change to change, over all pairs.
        version: Of this pair, from 1.
        pair: What it became; None where it was removed.
        at: Seconds since 1970.
    """

    seq: int
    pair_id: str
    version: int
    pair: Pair | None
    by: str
    at: float
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A pair as it is now, and who made it so when."""

    pair: Pair
    version: int
    by: str
    at: float


def batches(items: Iterable[Item], pair_id: Callable[[Item], str]) -> Iterator[list[Item]]:
    """Batches in which no pair is named twice."""
    batch: list[Item] = []
    named: set[str] = set()
    for item in items:
        if len(batch) == BATCH or pair_id(item) in named:
            yield batch
            batch, named = [], set()
        batch.append(item)
        named.add(pair_id(item))
    if batch:
        yield batch
