"""BM25 over texts that come and go: scores are always those of an index built anew from the texts that are left.

The libraries keep scores computed once, which are wrong after the first edit; here counts are kept, and a score is
computed from them when it is asked for. `bm25s` is the oracle of the tests.
"""

import re
import unicodedata
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import accumulate
from math import log1p
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nlu.text import UNSPACED

# Okapi BM25 with Lucene's idf. Source: Robertson and Zaragoza, The Probabilistic Relevance Framework (2009); Kamphuis
# et al., Which BM25 Do You Mean? (2020), variant "Lucene (accurate)".
K1 = 1.2
B = 0.75
MAX_COUNT = 65_535  # of one term in one text
# Of scripts without blanks (see `nlu.text`) a run; of the others a word.
_TERM = re.compile(rf"{UNSPACED.pattern}+|(?:(?!{UNSPACED.pattern})[^\W_])+")


def terms(text: str) -> list[str]:
    """The terms of `text`, in order: words without case, and of scripts without blanks every two neighbouring signs."""
    found: list[str] = []
    for run in _TERM.findall(unicodedata.normalize("NFKC", text).casefold()):
        if len(run) > 1 and UNSPACED.match(run):
            found += [run[at : at + 2] for at in range(len(run) - 1)]
        else:
            found.append(run)
    return found


class LexicalIndex:
    """Texts, numbered from 0 as they were given, searched by their terms.

    Args:
        arrays: What `to_arrays` gave.

    Raises:
        KeyError: An array is missing.
        ValueError: The arrays do not belong together.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._arrays = dict(arrays)
        names = arrays["vocabulary"].astype(np.uint8).tobytes().decode("utf-8")
        self._vocabulary = {term: at for at, term in enumerate(names.split("\n") if names else ())}
        self._starts, self._texts, self._counts = arrays["starts"], arrays["texts"], arrays["counts"]
        lengths = arrays["lengths"]
        if len(self._starts) != len(self._vocabulary) + 1 or not (
            len(self._texts) == len(self._counts) == self._starts[-1]
            and self._texts.min(initial=0) >= 0
            and self._texts.max(initial=-1) < len(lengths)
        ):
            raise ValueError("The lexical index is damaged: its arrays do not belong together")
        self._count = self._alive_count = len(lengths)
        self._total_length = int(lengths.sum())
        self._lengths: NDArray[np.int32] = np.array(lengths, np.int32)
        self._change: Counter[str] = Counter()  # of the number of texts with a term, since the arrays
        self._added: dict[str, dict[int, int]] = defaultdict(dict)

    @classmethod
    def build(cls, texts: Iterable[str]) -> Self:
        """An index of `texts`, which may be a stream."""
        postings: dict[str, tuple[array[int], array[int]]] = {}
        lengths = array("i")
        for number, text in enumerate(texts):
            counted = Counter(terms(text))
            lengths.append(counted.total())
            for term, count in counted.items():
                numbers, counts = postings.setdefault(term, (array("i"), array("H")))
                numbers.append(number)
                counts.append(min(count, MAX_COUNT))
        vocabulary = sorted(postings)
        sizes = [len(postings[term][0]) for term in vocabulary]
        return cls(
            {
                "vocabulary": np.frombuffer("\n".join(vocabulary).encode("utf-8"), np.uint8),
                "starts": np.array([0, *accumulate(sizes)], np.int64),
                "texts": np.concatenate([np.zeros(0, np.int32), *(postings[term][0] for term in vocabulary)]).astype(
                    np.int32
                ),
                "counts": np.concatenate([np.zeros(0, np.uint16), *(postings[term][1] for term in vocabulary)]).astype(
                    np.uint16
                ),
                "lengths": np.array(lengths, np.int32),
            }
        )

    def __len__(self) -> int:
        """Texts that were ever given; one that was removed keeps its number."""
        return self._count

    def add(self, text: str) -> int:
        """Adds a text and returns its number."""
        number, counted = self._count, Counter(terms(text))
        if number == len(self._lengths):
            self._lengths = np.concatenate([self._lengths, np.zeros(max(1_024, number // 8), np.int32)])
        self._lengths[number] = counted.total()
        for term, count in counted.items():
            self._added[term][number] = min(count, MAX_COUNT)
        self._count += 1
        self._note(counted, 1)
        return number

    def remove(self, number: int, text: str) -> None:
        """Takes out `text`, which stands under `number` and was not removed before."""
        counted = Counter(terms(text))
        for term in counted.keys() & self._added.keys():
            self._added[term].pop(number, None)
        self._note(counted, -1)

    def scores(self, query: str) -> NDArray[np.float32]:
        """For each text how well it fits, in [0, 1): its BM25 over the most that a text could have for `query`.

        Shape (n,); what stands for a text that was removed means nothing.
        """
        scores = np.zeros(self._count, np.float32)
        average = max(self._total_length / max(self._alive_count, 1), 1.0)
        most = 0.0
        for term in dict.fromkeys(terms(query)):
            numbers, counts, frequency = self._postings(term)
            weight = log1p((self._alive_count - frequency + 0.5) / (frequency + 0.5))
            most += weight
            if len(numbers):
                saturation = counts + K1 * (1 - B + B * self._lengths[numbers] / average)
                scores[numbers] += weight * counts / saturation
        return scores / np.float32(most) if most else scores

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What the index was made from: `add` and `remove` are not in it."""
        return self._arrays

    def _postings(self, term: str) -> tuple[NDArray[np.int32], NDArray[np.float64], int]:
        """Texts with `term`, how often each has it, and how many there are without those that were removed."""
        added = self._added.get(term, {})
        numbers = np.fromiter(added.keys(), np.int32, len(added))
        counts = np.fromiter(added.values(), np.float64, len(added))
        frequency = self._change[term]
        if (at := self._vocabulary.get(term)) is not None:
            start, end = int(self._starts[at]), int(self._starts[at + 1])
            numbers = np.concatenate([self._texts[start:end], numbers])
            counts = np.concatenate([self._counts[start:end], counts])
            frequency += end - start
        return numbers, counts, frequency

    def _note(self, counted: Counter[str], change: int) -> None:
        self._alive_count += change
        self._total_length += change * counted.total()
        for term in counted:
            self._change[term] += change
