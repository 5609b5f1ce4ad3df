"""How near two texts are letter by letter: what finds a stored question that was typed with slips."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from rapidfuzz import fuzz, process

from nlu.encoder import FloatArray
from nlu.text import prepare_text

KEPT = 16_384  # plain texts; the questions that many messages come near are compared again and again


def spelling_of(text: str, wordings: Sequence[Sequence[str]]) -> FloatArray:
    """For each group of `wordings` the likeness of the nearest to `text`, shape (groups,), in [0, 1].

    Twice the length of the longest common subsequence over both lengths; case and width do not count.
    """
    if not wordings:
        return np.zeros(0, np.float32)
    every = [_plain(wording) for group in wordings for wording in group]
    starts = np.cumsum([0, *(len(group) for group in wordings)])[:-1]
    (ratios,) = process.cdist([_plain(text)], every, scorer=fuzz.ratio, dtype=np.float32)
    return np.asarray(np.maximum.reduceat(ratios, starts) / np.float32(100.0), np.float32)


@lru_cache(maxsize=KEPT)
def _plain(text: str) -> str:
    return prepare_text(text).casefold()
