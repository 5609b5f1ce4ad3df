"""The pairs of a release on disk: JSON Lines, read one by one when they are asked for, however many there are."""

import hashlib
import json
import mmap
from array import array
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from retrieval.pair import Pair

PAIRS_FILE = "knowledge.jsonl"
KEPT = 10_000  # pairs that stay in memory once they were read


class Pairs(Protocol):
    """Pairs by number, from 0, and by id."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Pair:
        """The pair with this number."""
        ...

    def __iter__(self) -> Iterator[Pair]: ...

    def number_of(self, pair_id: str) -> int | None:
        """The number of the pair with this id, if there is one."""
        ...


class PairList:
    """Pairs in memory."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self._pairs = tuple(pairs)
        self._numbers = {pair.id: number for number, pair in enumerate(self._pairs)}

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, number: int) -> Pair:
        return self._pairs[number]

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._pairs)

    def number_of(self, pair_id: str) -> int | None:
        """The number of the pair with this id, if there is one."""
        return self._numbers.get(pair_id)


class PairFile:
    """Pairs on disk. The file is mapped, so a million pairs take 16 bytes each until they are read.

    Args:
        path: What `write_pairs` wrote; the caller has checked its hash.

    Raises:
        ValueError: The file does not hold pairs.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            empty = not file.seek(0, 2)
            self._bytes = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        starts, keys = array("q", [0]), array("Q")
        while (end := self._bytes.find(b"\n", starts[-1])) >= 0:
            keys.append(_key(self._line(starts[-1], end).id))
            starts.append(end + 1)
        if starts[-1] != len(self._bytes):
            raise ValueError(f"{path.name} is cut off in line {len(starts)}")
        self._starts = np.array(starts, np.int64)
        unsorted = np.array(keys, np.uint64)
        self._by_key = np.argsort(unsorted, kind="stable").astype(np.int32)
        self._keys = unsorted[self._by_key]
        self._read = lru_cache(maxsize=KEPT)(lambda number: self._line(*self._starts[number : number + 2] - (0, 1)))

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, number: int) -> Pair:
        """The pair with this number.

        Raises:
            IndexError: There is none.
        """
        if not 0 <= number < len(self):
            raise IndexError(number)
        return self._read(number)

    def __iter__(self) -> Iterator[Pair]:
        return (self[number] for number in range(len(self)))

    def number_of(self, pair_id: str) -> int | None:
        """The number of the pair with this id, if there is one."""
        key = np.uint64(_key(pair_id))
        for at in range(int(np.searchsorted(self._keys, key)), len(self._keys)):
            if self._keys[at] != key:
                return None
            if self[number := int(self._by_key[at])].id == pair_id:
                return number
        return None

    def _line(self, start: int, end: int) -> Pair:
        try:
            return Pair.from_dict(json.loads(self._bytes[start:end]))
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{self._path.name} does not hold a pair at byte {start}: {error}") from error


def write_pairs(pairs: Iterable[Pair], path: Path) -> None:
    """Writes a pair a line."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for pair in pairs:
            file.write(json.dumps(pair.to_dict(), ensure_ascii=False))
            file.write("\n")


def _key(pair_id: str) -> int:
    """64 bits of a hash of `pair_id`; two ids may share them."""
    return int.from_bytes(hashlib.blake2b(pair_id.encode("utf-8"), digest_size=8).digest(), "little")
