"""Conversations of many stretches, put together so that each counts once; none of their names is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.stores.measures import Name
from bot.stores.turn_counting import ANSWER, MESSAGE, PERSON, QUESTION


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversations:
    """How many there were.

    Attributes:
        count: With a message at all.
        asked: With a question.
        with_person: Of `asked`, those in which a person was asked for or answered.
        left: Of `asked`, those without a person in which no question was answered.
    """

    count: int = 0
    asked: int = 0
    with_person: int = 0
    left: int = 0

    @property
    def self_served(self) -> int:
        """Of `asked`, those without a person."""
        return self.asked - self.with_person


class SeenConversations:
    """What conversations had, stretch by stretch: seventeen bytes for each in each."""

    def __init__(self) -> None:
        self._keys: list[NDArray[np.int64]] = []
        self._had: list[NDArray[np.uint8]] = []
        self._channels: list[NDArray[np.int32]] = []
        self._buckets: list[NDArray[np.int32]] = []
        self._codes: dict[Name, int] = {}

    def add(self, bucket: int, seen: Sequence[tuple[str, Name, int]]) -> None:
        """Takes a stretch's conversations in: id, channel, and what they had."""
        if not seen:
            return
        names, channels, had = zip(*seen, strict=True)
        for channel in sorted({*channels} - {*self._codes}, key=str):
            self._codes[channel] = len(self._codes)
        self._keys.append(np.fromiter(map(hash, names), np.int64, len(names)))
        self._channels.append(np.fromiter(map(self._codes.__getitem__, channels), np.int32, len(names)))
        self._had.append(np.array(had, np.uint8))
        self._buckets.append(np.full(len(names), bucket, np.int32))

    def counted(self) -> Conversations:
        """All of them."""
        return _counted(_joined(self._keys, np.int64), _joined(self._had, np.uint8))

    def by_bucket(self, count: int) -> list[Conversations]:
        """Those of each bucket; who comes in two is in both."""
        return [self._where(self._buckets, bucket) for bucket in range(count)]

    def by_channel(self) -> dict[Name, Conversations]:
        """Those of each channel; what happened on others does not count."""
        found = {name: self._where(self._channels, code) for name, code in self._codes.items()}
        return {name: one for name, one in found.items() if one.count}

    def _where(self, column: Sequence[NDArray[np.int32]], value: int) -> Conversations:
        here = _joined(column, np.int32) == value
        return _counted(_joined(self._keys, np.int64)[here], _joined(self._had, np.uint8)[here])


def _joined(pieces: Sequence[NDArray[Any]], kind: type[Any]) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, kind), *pieces])


def _counted(keys: NDArray[np.int64], had: NDArray[np.uint8]) -> Conversations:
    if not len(keys):
        return Conversations()
    order = np.argsort(keys, kind="stable")
    keys, had = keys[order], had[order]
    begins = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    had = np.bitwise_or.reduceat(had, begins)
    asked = (had & QUESTION) > 0
    alone = asked & ((had & PERSON) == 0)
    return Conversations(
        count=int(((had & MESSAGE) > 0).sum()),
        asked=int(asked.sum()),
        with_person=int((asked & ~alone).sum()),
        left=int((alone & ((had & ANSWER) == 0)).sum()),
    )
