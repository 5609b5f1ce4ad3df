"""The words of a text, for comparing texts and finding one in another. A Chinese or Japanese sign is a word."""

import re
from dataclasses import dataclass

from nlu.text import prepare_text

# Han, with extensions A and B and on, and Japanese syllables: written without blanks between words.
_SIGN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_WORD = re.compile(rf"[{_SIGN}]|[^\W{_SIGN}]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word in lower case, and where it stands: `text[start:end]`."""

    form: str
    start: int
    end: int


def words_of(text: str) -> list[Word]:
    """The words of `text`, in order, without punctuation."""
    return [Word(form=found[0].casefold(), start=found.start(), end=found.end()) for found in _WORD.finditer(text)]


def same_text_key(text: str) -> str:
    """Equal for texts that a reader, and the model, take for one: case and white space do not count."""
    return prepare_text(text).casefold()


def word_overlap(left: frozenset[str], right: frozenset[str]) -> float:
    """Jaccard similarity in [0, 1]: words in both, of the words in either; 0 where there are none."""
    return len(left & right) / len(left | right) if left or right else 0.0
