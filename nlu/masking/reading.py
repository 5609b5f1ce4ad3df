"""A text as the finders read it, and where each of its characters stands in the text as it was written.

Digits of every script, full-width letters, and the many dashes and blanks become the plain ones; characters that nobody
sees are left out. Chinese punctuation stays, because it says where a sentence ends.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nlu.masking.find import Find

MAX_EXPANSION = 4  # one character in Unicode stands for eighteen
_KEPT = frozenset("，！？；：、。（）【】「」『』《》“”‘’…")
_DASHES = frozenset("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d\u30fc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is read.

    Attributes:
        places: For each character of `text`, its place in the original; None where all are the same.
    """

    text: str
    places: Sequence[int] | None = None

    def in_original(self, find: Find) -> Find:
        """`find` with the span that it has in the original."""
        if self.places is None:
            return find
        return replace(find, start=self.places[find.start], end=self.places[find.end - 1] + 1)


def read(text: str) -> Reading:
    """`text` in its plain form."""
    if text.isascii():
        return Reading(text=text)
    forms = _Forms()
    parts = [forms[character] for character in text]
    if all(len(part) == 1 for part in parts):
        return Reading(text="".join(parts))
    places = [place for place, part in enumerate(parts) for _ in part]
    return Reading(text="".join(parts), places=places)


class _Forms(dict[str, str]):
    """The plain form of each character, worked out once for a text."""

    def __missing__(self, character: str) -> str:
        self[character] = form = _plain(character)
        return form


def _plain(character: str) -> str:
    if character.isascii() or character in _KEPT:
        return character
    if character in _DASHES:
        return "-"
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Zs":
        return " "
    if category == "Cf" or "\ufe00" <= character <= "\ufe0f":  # joiners, marks of direction, variants of a glyph
        return ""
    form = unicodedata.normalize("NFKC", character)
    return form if len(form) <= MAX_EXPANSION else character
