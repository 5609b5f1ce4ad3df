"""How the release in use reads messages, kept by their words: a queue is quick, and customers do not wait for it."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bot.engine import Reading
from bot.errors import Refused
from bot.inference import Inference
from bot.review.items import Candidate
from bot.stores.labels import LabelKind
from nlu.encoder import FloatArray

MAX_READINGS = 8_000
AT_ONCE = 4  # a customer's message waits for no more than these
SHOWN_CANDIDATES = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kept:
    """What review needs of a reading.

    Attributes:
        probabilities: Shape (c,), float32, of the intents in the order of their names.
        embedding: Shape (d,), float32, length 1.
        scope: See `Understanding.scope`.
        candidates: What it may mean, the likeliest first.
    """

    release_id: str
    probabilities: FloatArray
    embedding: FloatArray
    scope: float
    candidates: tuple[Candidate, ...]


class Readings:
    """The newest readings by the release in use.

    Args:
        clock: Seconds, rising.
    """

    def __init__(self, inference: Inference, clock: Callable[[], float], most: int = MAX_READINGS) -> None:
        self._inference, self._clock, self._most = inference, clock, most
        self._kept: OrderedDict[bytes, Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, digest: bytes) -> Kept | None:
        """The reading of these words by the release in use, if there is one."""
        kept = self._kept.get(digest)
        return kept if kept is not None and kept.release_id == self._inference.host.engine.id else None

    def forget(self, digest: bytes) -> None:
        """Drops a reading, where there is one."""
        self._kept.pop(digest, None)

    async def read(self, texts: Mapping[bytes, str], ends: float | None = None) -> bool:
        """Reads what was not read yet, a few at a time; says whether all of it is.

        Args:
            ends: By the clock, when no more is begun; None for no limit.
        """
        missing = [digest for digest in texts if self.get(digest) is None]
        for begin in range(0, len(missing), AT_ONCE):
            if ends is not None and self._clock() >= ends:
                return False
            few = missing[begin : begin + AT_ONCE]
            try:
                readings = await asyncio.gather(*(self._inference.read(texts[digest]) for digest in few))
            except Refused:  # customers need the thread
                return False
            self._keep(few, readings)
        return True

    def _keep(self, digests: Sequence[bytes], readings: Sequence[Reading]) -> None:
        for digest, reading in zip(digests, readings, strict=True):
            self._kept[digest] = kept_of(reading)
            self._kept.move_to_end(digest)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)


def kept_of(reading: Reading) -> Kept:
    """What review needs of a reading."""
    read, spec = reading.understanding, reading.engine.spec
    by_name = sorted((score.name, score.probability) for score in read.ranking)
    intents = [
        Candidate(
            kind=LabelKind.INTENT,
            value=score.name,
            title=spec.titles.get(score.name, score.name),
            probability=score.probability,
        )
        for score in read.ranking[:SHOWN_CANDIDATES]
    ]
    pairs = [
        Candidate(kind=LabelKind.PAIR, value=hit.pair.id, title=hit.pair.question, probability=hit.probability)
        for hit in reading.hits[:SHOWN_CANDIDATES]
    ]
    return Kept(
        release_id=reading.engine.id,
        probabilities=np.array([probability for _, probability in by_name], np.float32),
        embedding=read.embedding,
        scope=read.scope,
        candidates=tuple(sorted([*intents, *pairs], key=lambda one: -(one.probability or 0.0))),
    )
