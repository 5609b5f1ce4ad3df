"""Several intents in one message: those that one label names together, and those of a message's clauses."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from nlu.language import HAN, KANA, script_of
from nlu.text import word_spans
from nlu.understanding import Understander, Understanding

MAX_CLAUSES = 8
MIN_WORDS = 3
MIN_SIGNS = 4
# What is kept belongs to the clause before it. A full stop needs a blank behind it: `4.50` is one number.
_CUT = re.compile(
    r"(?P<kept>[!?;。！？；\n]+|\.+(?=\s))|,?\s(?:and\s+also|and|also)(?=\s)|[，,]\s?(?=另外|还有|還有|顺便|順便)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentSpan:
    """An intent, and the part of a message that it was read from.

    Attributes:
        probability: Calibrated, in [0, 1].
        start: First code point of the part, from 0.
        end: One behind the last code point.
    """

    name: str
    probability: float
    start: int
    end: int


def intents_of(
    understander: Understander,
    whole: Understanding,
    is_sure: Callable[[Understanding], bool],
    *,
    split_symbol: str | None = None,
) -> tuple[IntentSpan, ...]:
    """The intents of a message in the order of their places; none where it is not sure what is meant.

    A message of several clauses has several intents where each clause is sure and they differ. Asking costs a forward
    pass, which a message of one clause is spared.

    Args:
        is_sure: Whether the likeliest intent of a text is sure.
        split_symbol: Joins the parts of a label that names several intents, such as `+` in `cancel+refund`.
    """
    found = _intents_of_clauses(understander, whole.text, is_sure)
    if len(found) < 2:
        found = [_span(whole, 0, len(whole.text))] if is_sure(whole) else []
    return tuple(replace(span, name=part) for span in found for part in parts_of(span.name, split_symbol))


def parts_of(label: str, split_symbol: str | None) -> list[str]:
    """The intents that a label names together, as Rasa's `intent_split_symbol` joins them."""
    return [part for part in label.split(split_symbol) if part] if split_symbol else [label]


def clause_spans(text: str) -> list[tuple[int, int]]:
    """Where the clauses of `text` lie, at most `MAX_CLAUSES`.

    They end with a sentence, with a semicolon, before "and" or "also", or before 另外, 还有 or 顺便 behind a comma.
    What is shorter than `MIN_WORDS` words or `MIN_SIGNS` Chinese characters or kana stays with what follows.
    """
    is_long = _length_check(text)
    spans: list[tuple[int, int]] = []
    begin = 0
    for cut in _CUT.finditer(text):
        end = cut.end() if cut["kept"] else cut.start()
        if len(spans) < MAX_CLAUSES - 1 and is_long(begin, end) and is_long(cut.end(), len(text)):
            spans.append((begin, end))
            begin = cut.end()
    return [_trimmed(text, *span) for span in (*spans, (begin, len(text)))]


def _intents_of_clauses(
    understander: Understander, text: str, is_sure: Callable[[Understanding], bool]
) -> list[IntentSpan]:
    """The intents of the clauses, neighbours with one intent joined; none for one clause, or where one is unsure."""
    spans = clause_spans(text)
    if len(spans) < 2:
        return []
    clauses = understander.understand([text[start:end] for start, end in spans])
    if not all(map(is_sure, clauses)):
        return []
    return _joined(_span(clause, *span) for clause, span in zip(clauses, spans, strict=True))


def _joined(found: Iterable[IntentSpan]) -> list[IntentSpan]:
    joined: list[IntentSpan] = []
    for span in found:
        if joined and joined[-1].name == span.name:
            probability = min(joined[-1].probability, span.probability)
            joined[-1] = replace(joined[-1], probability=probability, end=span.end)
        else:
            joined.append(span)
    return joined


def _span(understanding: Understanding, start: int, end: int) -> IntentSpan:
    likeliest = understanding.intent
    return IntentSpan(name=likeliest.name, probability=likeliest.probability, start=start, end=end)


def _length_check(text: str) -> Callable[[int, int], bool]:
    """Tells in no time whether a part of `text` is long enough for a clause."""
    starts = [start for start, _ in word_spans(text) if text[start].isalnum()]
    signs = [start for start in starts if script_of(text[start]) in (HAN, KANA)]
    words = sorted(set(starts).difference(signs))

    def is_long(start: int, end: int) -> bool:
        return _count(words, start, end) >= MIN_WORDS or _count(signs, start, end) >= MIN_SIGNS

    return is_long


def _count(places: Sequence[int], start: int, end: int) -> int:
    return bisect_left(places, end) - bisect_left(places, start)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    begin = start + len(part) - len(part.lstrip())
    return begin, begin + len(part.strip())
