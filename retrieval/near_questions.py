"""Which of many questions are asked in nearly the same words: all pairs whose n-grams overlap enough, found exactly.

An inverted index of each question's rarest n-grams finds all that can be near; bit sets throw out most of them; what is
left is counted.
"""

import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

MAX_HOLDERS = 1_000  # of one n-gram that a question is held against: those nearest in size
BLOCK_KEYS = 20_000
BLOCK_SOUGHT = 1 << 18
BLOCK_CANDIDATES = 1 << 18
BITS = 256
_ROUNDING = 1e-9  # of products of a similarity and a size
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_NUMBER = re.compile(r"\d+")

Integers = NDArray[np.int64]


def grams_of(key: str) -> frozenset[str]:
    """The n-grams of characters of a question: pairs where it holds Chinese or Japanese signs, else triples."""
    size = 2 if _IDEOGRAPH.search(key) else 3
    framed = f"\x02{key}\x03"
    return frozenset(framed[at : at + size] for at in range(max(1, len(framed) - size + 1)))


def numbers_in(key: str) -> tuple[str, ...]:
    """Its numbers in order; questions with different ones are about different things."""
    return tuple(_NUMBER.findall(key))


def near_pairs(keys: Sequence[str], near: float) -> Iterator[tuple[int, int, float]]:
    """Every two of `keys` with the same numbers and a Jaccard similarity of their n-grams of at least `near`.

    The prefixes of two sets that are near meet: each is as long as the set can be without holding too little in common.
    All pairs are found as long as no n-gram among a question's rarest is in over `MAX_HOLDERS` others.

    Args:
        keys: Texts without what does not count.
        near: Least similarity, in (0, 1].

    Yields:
        The places of both in `keys`, and the similarity; in no order, and some twice.

    Source: Chaudhuri, Ganti and Kaushik, 2006, "A primitive operator for similarity joins in data cleaning"; Xiao,
    Wang, Lin and Yu, 2008, "Efficient similarity joins for near duplicate detection".
    """
    if not keys:
        return
    index = _Index.build(keys, near)
    for left, right in index.candidates():
        kept = (index.number_codes[left] == index.number_codes[right]) & index.may_be_near(left, right)
        for a, b in np.unique(np.stack([left[kept], right[kept]], axis=1), axis=0).tolist():
            first, second = int(index.places[a]), int(index.places[b])
            similarity = jaccard(grams_of(keys[first]), grams_of(keys[second]))
            if similarity >= near - _ROUNDING:
                yield first, second, similarity


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """Size of what both hold over what either holds, in [0, 1]."""
    both = len(left & right)
    return both / (len(left) + len(right) - both) if both else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Index:
    """An inverted index of the rarest n-grams of each question, by size, smallest first.

    Attributes:
        near: Least similarity.
        places: (n,) where each question stood.
        sizes: (n,) how many n-grams it has; never falling.
        number_codes: (n,) equal where the numbers in them are.
        bits: (n, BITS / 64) a bit for each n-gram; several share one.
        held: An n-gram's number times n, plus the question it finds; rising.
        sought: n-grams that questions look for smaller ones by.
        seekers: The question of each.
    """

    near: float
    places: Integers
    sizes: Integers
    number_codes: Integers
    bits: NDArray[np.uint64]
    held: Integers
    sought: NDArray[np.int32]
    seekers: NDArray[np.int32]

    @classmethod
    def build(cls, keys: Sequence[str], near: float) -> Self:
        vocabulary: dict[str, int] = {}
        numbers: dict[tuple[str, ...], int] = {}
        sizes = np.empty(len(keys), np.int64)
        codes = np.empty(len(keys), np.int64)
        counts = np.zeros(0, np.int64)
        for begin in range(0, len(keys), BLOCK_KEYS):
            block = range(begin, min(begin + BLOCK_KEYS, len(keys)))
            sizes[block], grams = _numbered([keys[at] for at in block], vocabulary)
            counts = np.bincount(grams, minlength=len(vocabulary)) + np.pad(counts, (0, len(vocabulary) - counts.size))
            codes[block] = [numbers.setdefault(numbers_in(keys[at]), len(numbers)) for at in block]
        rank = np.empty(counts.size, np.int64)
        rank[np.argsort(counts, kind="stable")] = np.arange(counts.size)
        places = np.argsort(sizes, kind="stable")
        parts = [
            _Block.build([keys[at] for at in places[begin : begin + BLOCK_KEYS]], begin, vocabulary, rank, near)
            for begin in range(0, len(keys), BLOCK_KEYS)
        ]
        return cls(
            near=near,
            places=places,
            sizes=sizes[places],
            number_codes=codes[places],
            bits=np.concatenate([part.bits for part in parts]),
            held=np.sort(np.concatenate([part.held.astype(np.int64) * len(keys) + part.holders for part in parts])),
            sought=np.concatenate([part.sought for part in parts]),
            seekers=np.concatenate([part.seekers for part in parts]),
        )

    def candidates(self) -> Iterator[tuple[Integers, Integers]]:
        """Blocks of questions that share an n-gram of their prefixes, the smaller or earlier one first."""
        count = self.sizes.size
        least = np.searchsorted(self.sizes, self.near * self.sizes - _ROUNDING)
        for first in range(0, self.sought.size, BLOCK_SOUGHT):
            seekers = self.seekers[first : first + BLOCK_SOUGHT].astype(np.int64)
            grams = self.sought[first : first + BLOCK_SOUGHT].astype(np.int64) * count
            end = np.searchsorted(self.held, grams + seekers)
            begin = np.maximum(np.searchsorted(self.held, grams + least[seekers]), end - MAX_HOLDERS)
            counts = np.maximum(end - begin, 0)
            reached = np.cumsum(counts)
            done = 0
            while done < seekers.size:
                before = reached[done - 1] if done else 0
                last = max(done + 1, int(np.searchsorted(reached, before + BLOCK_CANDIDATES, side="right")))
                at, which = expand(begin[done:last], counts[done:last])
                yield self.held[at] % count, seekers[done:last][which]
                done = last

    def may_be_near(self, left: Integers, right: Integers) -> NDArray[np.bool_]:
        """Whether two can have enough in common, as their bits tell: one's own bit is at least one own n-gram."""
        a, b = self.bits[left], self.bits[right]
        both = np.minimum(
            self.sizes[left] - np.bitwise_count(a & ~b).sum(axis=1, dtype=np.int64),
            self.sizes[right] - np.bitwise_count(b & ~a).sum(axis=1, dtype=np.int64),
        )
        needed = self.near / (1 + self.near) * (self.sizes[left] + self.sizes[right])
        enough: NDArray[np.bool_] = both + _ROUNDING >= needed
        return enough


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """What the index holds of some questions, of which the n-grams themselves are forgotten."""

    bits: NDArray[np.uint64]
    held: NDArray[np.int32]
    holders: NDArray[np.int32]
    sought: NDArray[np.int32]
    seekers: NDArray[np.int32]

    @classmethod
    def build(cls, keys: Sequence[str], first: int, vocabulary: dict[str, int], rank: Integers, near: float) -> Self:
        """Of `keys`, which are numbered from `first`; the n-grams become their ranks, the rarest first."""
        sizes, flat = _numbered(keys, vocabulary)
        rows, grams = np.repeat(np.arange(len(keys)), sizes), rank[flat]
        order = np.lexsort((grams, rows))
        grams = grams[order]
        bits = np.zeros((len(keys), BITS // 64), np.uint64)
        bit = grams * 0x9E3779B1 % BITS
        np.bitwise_or.at(bits, (rows, bit // 64), np.uint64(1) << (bit % 64).astype(np.uint64))
        starts = np.cumsum(sizes) - sizes
        kept_by, kept = expand(starts, sizes - np.ceil(2 * near / (1 + near) * sizes - _ROUNDING).astype(np.int64) + 1)
        sought_by, sought = expand(starts, sizes - np.ceil(near * sizes - _ROUNDING).astype(np.int64) + 1)
        return cls(
            bits=bits,
            held=grams[kept_by].astype(np.int32),
            holders=(first + kept).astype(np.int32),
            sought=grams[sought_by].astype(np.int32),
            seekers=(first + sought).astype(np.int32),
        )


def _numbered(keys: Sequence[str], vocabulary: dict[str, int]) -> tuple[Integers, Integers]:
    """How many n-grams each key has, and their numbers one after the other; `vocabulary` takes in the new ones."""
    flat, sizes = array("q"), array("q")
    for key in keys:
        found = grams_of(key)
        sizes.append(len(found))
        flat.extend(vocabulary.setdefault(gram, len(vocabulary)) for gram in found)
    return np.frombuffer(sizes, np.int64), np.frombuffer(flat, np.int64)


def expand(begins: Integers, counts: Integers) -> tuple[Integers, Integers]:
    """The numbers `begins[i]`, `begins[i] + 1` and on, `counts[i]` of them, for each i; and the i of each."""
    which = np.repeat(np.arange(counts.size), counts)
    within = np.arange(which.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return begins[which] + within, which
