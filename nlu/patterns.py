"""The owner's own patterns: `regex` and `lookup` entries that are named like an entity."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from configs.nlu_data import compile_pattern
from nlu.entities import OWNERS_PATTERN, Entity
from nlu.text import prepare_text, splits_word

Span = tuple[int, int]


class PatternExtractor:
    """Finds what an owner's patterns and lookup tables describe, without regard to case.

    A regex matches wherever it fits. An entry of a lookup table matches whole words only; in scripts that put no blanks
    between words it matches anywhere.

    Args:
        regexes: From an entity's name to its patterns.
        lookups: From an entity's name to all its texts.

    Raises:
        ValueError: A pattern does not compile.
    """

    def __init__(self, *, regexes: Mapping[str, Sequence[str]], lookups: Mapping[str, Sequence[str]]) -> None:
        self._regexes = [(name, compile_pattern(pattern)) for name, patterns in regexes.items() for pattern in patterns]
        self._lookups = [(name, _LookupTable(texts)) for name, texts in lookups.items()]

    def extract(self, text: str) -> list[Entity]:
        """What is found in a prepared text; entities may overlap."""
        matched = [(name, match.span()) for name, pattern in self._regexes for match in pattern.finditer(text)]
        found = [(name, span) for name, span in matched if span[0] < span[1]]
        found += [(name, span) for name, table in self._lookups for span in table.find(text)]
        return [
            Entity(entity=name, start=start, end=end, value=text[start:end], extractor=OWNERS_PATTERN)
            for name, (start, end) in found
        ]


class _LookupTable:
    """Texts in a set, and how long those are that begin with each character.

    At each place where a word begins, only as many slices are looked up as there are lengths. So the work grows with
    the message and with the number of different lengths, not with the number of texts.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = {folded for text in texts if (folded := _fold(prepare_text(text)))}
        lengths: dict[str, set[int]] = {}
        for text in self._texts:
            lengths.setdefault(text[0], set()).add(len(text))
        self._lengths = {first: sorted(found, reverse=True) for first, found in lengths.items()}

    def find(self, text: str) -> Iterator[Span]:
        """The longest text at each place, from left to right without overlap."""
        folded = _fold(text)
        start = 0
        while start < len(folded):
            end = start if splits_word(text, start) else self._longest(folded, start)
            if end > start:
                yield start, end
            start = max(end, start + 1)

    def _longest(self, folded: str, start: int) -> int:
        for length in self._lengths.get(folded[start], ()):
            end = start + length
            if end <= len(folded) and folded[start:end] in self._texts and not splits_word(folded, end):
                return end
        return start


def _fold(text: str) -> str:
    """Lower case, character by character, so that places stay; only the dotted capital I would become two."""
    return text.replace("\u0130", "i").lower()
