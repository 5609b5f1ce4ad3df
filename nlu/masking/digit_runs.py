"""Runs of digits as people group them, with blanks, dashes or dots between the groups."""

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass

_BETWEEN = r"(?: ?[-.] ?| {1,3})?"
# What is longer than the longest card with its neighbours is cut, so that no text takes long.
_RUN = re.compile(rf"(?<![\dA-Za-z+])\d(?:{_BETWEEN}\d){{10,41}}(?:{_BETWEEN}[Xx])?(?![\dA-Za-z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitRun:
    """A run of digits, which may end in an X.

    Attributes:
        signs: The digits alone.
        places: Where each of them stands in the text.
        starts: Where in `signs` a group begins; the number of signs is one of them.
    """

    signs: str
    places: tuple[int, ...]
    starts: tuple[int, ...]

    def parts(self, lengths: Set[int]) -> Iterator[tuple[int, int]]:
        """From where to where in `signs` whole groups together have one of `lengths`; the longest first."""
        for position, start in enumerate(self.starts):
            for end in reversed(self.starts[position + 1 :]):
                if end - start in lengths:
                    yield start, end

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where such a part stands in the text."""
        return self.places[start], self.places[end - 1] + 1


def digit_runs(text: str) -> Iterator[DigitRun]:
    """Every run of eleven digits or more."""
    for found in _RUN.finditer(text):
        places = tuple(found.start() + at for at, sign in enumerate(found[0]) if sign.isalnum())
        begins = [at for at in range(1, len(places)) if places[at] > places[at - 1] + 1]
        yield DigitRun(
            signs="".join(text[place] for place in places).upper(),
            places=places,
            starts=(0, *begins, len(places)),
        )
