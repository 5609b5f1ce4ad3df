"""Entities that are marked in one example and stand unmarked in another, which teaches that they are none."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from configs.nlu_data import Example
from training.data_checks.corpus import passage_of
from training.data_checks.finding import Finding, Kind, Passage, Severity
from training.data_checks.words import words_of

Forms = tuple[str, ...]


def unmarked_entities(examples: Sequence[Example]) -> list[Finding]:
    """A finding for each marked text that stands unmarked elsewhere.

    Words are compared whole and without case; a Chinese sign is a word, so Chinese is found without blanks. It is a
    warning where the text is marked at least as often as not; else it may be an ordinary word, and it is a hint.
    """
    entities: dict[Forms, Counter[str]] = defaultdict(Counter)
    marked: dict[Forms, Passage] = {}
    for example in examples:
        for mark in example.entities:
            forms = _forms(example.text[mark.start : mark.end])
            if forms:
                entities[forms][mark.entity] += 1
                marked.setdefault(forms, passage_of(example))
    unmarked: dict[Forms, list[Passage]] = defaultdict(list)
    for example in examples:
        for forms in dict.fromkeys(_unmarked_in(example, entities)):
            unmarked[forms].append(passage_of(example))
    return [_finding(entities[forms], marked[forms], passages, forms) for forms, passages in unmarked.items()]


def _unmarked_in(example: Example, entities: Mapping[Forms, object]) -> Iterator[Forms]:
    """What of `entities` stands in `example` outside its marks; the longest first, nothing within it."""
    words = words_of(example.text)
    longest = max(map(len, entities), default=0)
    position = 0
    while position < len(words):
        for size in range(min(longest, len(words) - position), 0, -1):
            found = words[position : position + size]
            forms = tuple(word.form for word in found)
            if forms in entities:
                if all(found[-1].end <= mark.start or mark.end <= found[0].start for mark in example.entities):
                    yield forms
                position += size - 1
                break
        position += 1


def _finding(entities: Counter[str], marked: Passage, passages: list[Passage], forms: Forms) -> Finding:
    (entity, _), times = entities.most_common(1)[0], entities.total()
    places = "1 example" if len(passages) == 1 else f"{len(passages):,} examples"
    return Finding(
        kind=Kind.UNMARKED,
        severity=Severity.WARNING if times >= len(passages) else Severity.HINT,
        message=f"{_written(forms)} is marked as {entity} {times:,}x, but stands unmarked in {places}.",
        advice=f"Mark it there too, as [text]({entity}), where it means the same.",
        passages=(marked, *passages),
        weight=float(len(passages)),
    )


def _written(forms: Forms) -> str:
    separator = "" if all(len(form) == 1 and not form.isascii() for form in forms) else " "
    return f"\u201c{separator.join(forms)}\u201d"


def _forms(text: str) -> Forms:
    """The words of a marked text; none where it begins or ends with a sign such as the ++ of C++, as C is not it."""
    words = words_of(text)
    whole = bool(words) and words[0].start == 0 and words[-1].end == len(text)
    return tuple(word.form for word in words) if whole else ()
