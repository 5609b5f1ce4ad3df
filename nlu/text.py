"""What is done to a text before any model sees it, and which part of the customer's text each character came from."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MAX_CHARS = 4_000
# Scripts written without blanks between words: Thai to Tibetan, Myanmar, Khmer, kana, Bopomofo, Chinese characters.
UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_HALVES_JOINED = re.compile("[\ud800-\udbff][\udc00-\udfff]|.", re.DOTALL)
_FULL_WIDTH = re.compile("[\uff01-\uff5e]")
_TO_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedText:
    """A text as the models see it, and the places its characters came from.

    Attributes:
        text: In NFC and half-width forms, with single blanks.
        starts: For each character of `text`, the first code point of the original that it came from; never falling.
        ends: For each character, one behind the last code point; above its start, and never falling.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original that `text[start:end]`, which is not empty, came from."""
        return self.starts[start], self.ends[end - 1]

    def prepared_span(self, start: int, end: int) -> tuple[int, int]:
        """The span of `text` that a span of the original became; empty where nothing of it is left."""
        first = bisect_right(self.ends, start)
        return first, max(first, bisect_left(self.starts, end))


def prepare_text(text: str) -> str:
    """NFC form, full-width forms made half-width, white space folded to single blanks, cut to `MAX_CHARS` characters.

    The cut comes before tokenising: a megabyte of text costs about a second in the tokenizer even though it
    keeps only the first hundred tokens. Half a surrogate pair, which JSON can hold and the tokenizer refuses,
    becomes U+FFFD.
    """
    return prepare_with_origins(text).text


def prepare_with_origins(text: str) -> PreparedText:
    """`prepare_text`, and for each character the code points of `text` that it came from."""
    text = text[:MAX_CHARS]
    prepared = PreparedText(text=text, starts=range(len(text)), ends=range(1, len(text) + 1))
    if not text.isascii():
        if _SURROGATE.search(text):
            prepared = _rewritten(prepared, _HALVES_JOINED.findall(text), _encodable)
        if _FULL_WIDTH.search(prepared.text):
            half_width = prepared.text.translate(_TO_HALF_WIDTH)
            prepared = PreparedText(text=half_width, starts=prepared.starts, ends=prepared.ends)
        if not unicodedata.is_normalized("NFC", prepared.text):
            prepared = _rewritten(prepared, _clusters(prepared.text), _composed)
    if " ".join(prepared.text.split()) != prepared.text:
        prepared = _folded(prepared)
    return prepared


def word_spans(text: str) -> list[tuple[int, int]]:
    """The words of `text`; each punctuation mark is one, and each character of a script without blanks."""
    spans: list[tuple[int, int]] = []
    for index, character in enumerate(text):
        if character.isspace():
            continue
        if spans and spans[-1][1] == index and splits_word(text, index):
            spans[-1] = (spans[-1][0], index + 1)
        else:
            spans.append((index, index + 1))
    return spans


def splits_word(text: str, index: int) -> bool:
    """Whether a cut of `text` before the character at `index` would go through a word."""
    return 0 < index < len(text) and _in_word(text[index - 1]) and _in_word(text[index])


def _in_word(character: str) -> bool:
    """Whether it is part of a word that blanks or punctuation set apart from the next."""
    if character.isascii():
        return character.isalnum() or character == "_"
    return unicodedata.category(character)[0] in "LNM" and not UNSPACED.match(character)


def _rewritten(prepared: PreparedText, parts: Sequence[str], rewrite: Callable[[str], str]) -> PreparedText:
    """Each part of the text rewritten; all that a part becomes came from the whole part."""
    characters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    begin = 0
    for part in parts:
        made = rewrite(part)
        characters.append(made)
        starts += [prepared.starts[begin]] * len(made)
        begin += len(part)
        ends += [prepared.ends[begin - 1]] * len(made)
    return PreparedText(text="".join(characters), starts=starts, ends=ends)


def _encodable(part: str) -> str:
    return part.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _composed(part: str) -> str:
    return unicodedata.normalize("NFC", part)


def _clusters(text: str) -> list[str]:
    """The text in parts that NFC changes without regard to each other."""
    clusters: list[str] = []
    for character in text:
        if clusters and _joins(clusters[-1], character):
            clusters[-1] += character
        else:
            clusters.append(character)
    return clusters


def _joins(cluster: str, character: str) -> bool:
    if unicodedata.combining(unicodedata.normalize("NFD", character)[0]):
        return True
    return _composed(cluster + character) != _composed(cluster) + _composed(character)


def _folded(prepared: PreparedText) -> PreparedText:
    """White space folded to single blanks, and taken off both ends."""
    starts: list[int] = []
    ends: list[int] = []
    last = 0
    for word in _WORD.finditer(prepared.text):
        begin, end = word.span()
        if starts:
            starts.append(prepared.starts[last])
            ends.append(prepared.ends[begin - 1])
        starts += prepared.starts[begin:end]
        ends += prepared.ends[begin:end]
        last = end
    return PreparedText(text=" ".join(prepared.text.split()), starts=starts, ends=ends)
