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
BLOCK_CANDIDATES = 1 << 20
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
    sets = _GramSets.build(keys)
    prefixes = sets.prefixes(near)
    for left, right in prefixes.candidates(sets, near):
        kept = (sets.number_codes[left] == sets.number_codes[right]) & sets.may_be_near(left, right, near)
        for a, b in np.unique(np.stack([left[kept], right[kept]], axis=1), axis=0).tolist():
            similarity = sets.similarity(a, b)
            if similarity >= near - _ROUNDING:
                yield int(sets.places[a]), int(sets.places[b]), similarity


@dataclass(frozen=True, slots=True, kw_only=True)
class _GramSets:
    """The questions by size, smallest first; each a set of n-grams, which are numbered from the rarest.

    Attributes:
        places: (n,) where each stood.
        grams: All sets one after the other, each in rising order.
        starts: (n + 1,) where each set begins in `grams`.
        number_codes: (n,) equal where the numbers in them are.
        bits: (n, BITS / 64) a bit for each n-gram; several share one.
    """

    places: Integers
    grams: Integers
    starts: Integers
    number_codes: Integers
    bits: NDArray[np.uint64]

    @classmethod
    def build(cls, keys: Sequence[str]) -> Self:
        vocabulary: dict[str, int] = {}
        flat, sizes, codes = array("q"), array("q"), array("q")
        numbers: dict[tuple[str, ...], int] = {}
        for key in keys:
            found = grams_of(key)
            flat.extend(vocabulary.setdefault(gram, len(vocabulary)) for gram in found)
            sizes.append(len(found))
            codes.append(numbers.setdefault(numbers_in(key), len(numbers)))
        size = np.frombuffer(sizes, np.int64)
        grams = np.frombuffer(flat, np.int64)
        counts = np.bincount(grams, minlength=len(vocabulary))
        rank = np.empty(len(vocabulary), np.int64)
        rank[np.argsort(counts, kind="stable")] = np.arange(len(vocabulary))
        places = np.argsort(size, kind="stable")
        row = np.empty(len(keys), np.int64)
        row[places] = np.arange(len(keys))
        rows, grams = np.repeat(row, size), rank[grams]
        order = np.lexsort((grams, rows))
        rows, grams = rows[order], grams[order]
        bits = np.zeros((len(keys), BITS // 64), np.uint64)
        bit = grams * 0x9E3779B1 % BITS
        np.bitwise_or.at(bits, (rows, bit // 64), np.uint64(1) << (bit % 64).astype(np.uint64))
        return cls(
            places=places,
            grams=grams,
            starts=np.concatenate([[0], np.cumsum(size[places])]),
            number_codes=np.frombuffer(codes, np.int64)[places],
            bits=bits,
        )

    @property
    def sizes(self) -> Integers:
        return np.diff(self.starts)

    def similarity(self, left: int, right: int) -> float:
        a = self.grams[self.starts[left] : self.starts[left + 1]]
        b = self.grams[self.starts[right] : self.starts[right + 1]]
        both = np.intersect1d(a, b, assume_unique=True).size
        return both / (a.size + b.size - both)

    def may_be_near(self, left: Integers, right: Integers, near: float) -> NDArray[np.bool_]:
        """Whether two sets can have enough in common, as their bits tell: one's own bit is at least one own n-gram."""
        sizes = self.sizes
        a, b = self.bits[left], self.bits[right]
        both = np.minimum(
            sizes[left] - np.bitwise_count(a & ~b).sum(axis=1, dtype=np.int64),
            sizes[right] - np.bitwise_count(b & ~a).sum(axis=1, dtype=np.int64),
        )
        enough: NDArray[np.bool_] = both + _ROUNDING >= near / (1 + near) * (sizes[left] + sizes[right])
        return enough

    def prefixes(self, near: float) -> "_Prefixes":
        """The rarest n-grams of each set: those a larger set is found by, and those it looks for smaller ones by."""
        sizes = self.sizes
        kept_by = sizes - np.ceil(2 * near / (1 + near) * sizes - _ROUNDING).astype(np.int64) + 1
        sought_by = sizes - np.ceil(near * sizes - _ROUNDING).astype(np.int64) + 1
        gram, row = self._first(kept_by)
        order = np.lexsort((row, gram))
        return _Prefixes(held=gram[order] * sizes.size + row[order], holder=row[order], sought=self._first(sought_by))

    def _first(self, counts: Integers) -> tuple[Integers, Integers]:
        """The first `counts` n-grams of each set, and the set of each."""
        at, row = expand(self.starts[:-1], counts)
        return self.grams[at], row


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prefixes:
    """An inverted index of n-grams, and what is looked up in it.

    Attributes:
        held: n-gram times n, plus the set that holds it; rising.
        holder: The set of each.
        sought: n-grams, and the set that looks for each.
    """

    held: Integers
    holder: Integers
    sought: tuple[Integers, Integers]

    def candidates(self, sets: _GramSets, near: float) -> Iterator[tuple[Integers, Integers]]:
        """Blocks of sets that share an n-gram of their prefixes, the smaller or earlier one first."""
        gram, row = self.sought
        sizes = sets.sizes
        least = np.searchsorted(sizes, near * sizes - _ROUNDING)[row]
        end = np.searchsorted(self.held, gram * sizes.size + row)
        begin = np.maximum(np.searchsorted(self.held, gram * sizes.size + least), end - MAX_HOLDERS)
        counts = np.maximum(end - begin, 0)
        reached = np.cumsum(counts)
        first = 0
        while first < row.size:
            before = reached[first - 1] if first else 0
            last = max(first + 1, int(np.searchsorted(reached, before + BLOCK_CANDIDATES, side="right")))
            at, which = expand(begin[first:last], counts[first:last])
            yield self.holder[at], row[first:last][which]
            first = last


def expand(begins: Integers, counts: Integers) -> tuple[Integers, Integers]:
    """The numbers `begins[i]`, `begins[i] + 1` and on, `counts[i]` of them, for each i; and the i of each."""
    which = np.repeat(np.arange(counts.size), counts)
    within = np.arange(which.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return begins[which] + within, which
