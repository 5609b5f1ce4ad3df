"""Entities as one tag a word, and back: begin, inside, last, outside and unit (BILOU).

A word that the tokenizer cuts into pieces has its tag on the first; where one piece spans several words, as in Chinese,
they are tagged as one. Offsets are those of the pieces in the prepared text; special tokens, and the pieces of a
prefix, have (0, 0).
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs.entity_markup import Annotation
from nlu.encoder import FloatArray
from nlu.text import PreparedText, word_spans

IGNORED = -100
OUTSIDE = 0
POSITIONS = "BILU"
_LEAST_PROBABILITY = 1e-30

Label = tuple[str, str | None, str | None]
Offsets = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class TagSet:
    """The tags there are: `O`, then four for each label.

    Attributes:
        labels: Entity, role and group of each.
    """

    labels: tuple[Label, ...]

    @classmethod
    def of(cls, annotations: Iterable[Annotation]) -> "TagSet":
        """The tags that `annotations` need, in an order that depends on nothing but their labels."""
        return cls(tuple(sorted({_label(a) for a in annotations}, key=lambda label: [part or "" for part in label])))

    @classmethod
    def from_json(cls, text: str) -> "TagSet":
        """The tag set that `to_json` wrote."""
        return cls(tuple((entity, role, group) for entity, role, group in json.loads(text)))

    def to_json(self) -> str:
        """A list with entity, role and group of each label."""
        return json.dumps(self.labels, ensure_ascii=False)

    @property
    def names(self) -> tuple[str, ...]:
        """A name to show for each tag, such as `B-city/to`."""
        shown = ["/".join(part for part in label if part) for label in self.labels]
        return ("O", *(f"{position}-{name}" for name in shown for position in POSITIONS))

    def __len__(self) -> int:
        """How many tags there are."""
        return 1 + len(POSITIONS) * len(self.labels)

    def run(self, label: Label, length: int) -> list[int]:
        """The tags of one entity that is `length` words long."""
        begin, inside, last, unit = range(1 + 4 * self.labels.index(label), 5 + 4 * self.labels.index(label))
        return [unit] if length == 1 else [begin, *[inside] * (length - 2), last]


class TaggedSpan(NamedTuple):
    """An entity in a prepared text; `confidence` is the geometric mean of its tags' probabilities, in [0, 1]."""

    start: int
    end: int
    entity: str
    role: str | None
    group: str | None
    confidence: float


class _Unit(NamedTuple):
    """One or more words that are tagged together, and their first piece."""

    piece: int
    start: int
    end: int


def in_prepared(annotations: Iterable[Annotation], prepared: PreparedText) -> list[Annotation]:
    """Annotations of an example's text, with their places in its prepared text; those of which nothing is left go."""
    moved = ((annotation, *prepared.prepared_span(annotation.start, annotation.end)) for annotation in annotations)
    return [replace(annotation, start=start, end=end) for annotation, start, end in moved if start < end]


def encode_tags(annotations: Iterable[Annotation], offsets: Offsets, text: str, tagset: TagSet) -> list[int]:
    """A tag for each piece, `IGNORED` for those that carry none.

    Annotations that end within a word are widened to it. Of two that then share a word the first one counts.

    Raises:
        ValueError: A label is not in `tagset`.
    """
    units = _units(offsets, text)
    tags = [IGNORED] * len(offsets)
    for unit in units:
        tags[unit.piece] = OUTSIDE
    for annotation, covered in _covered(annotations, units):
        run = tagset.run(_label(annotation), len(covered)) if covered else []
        for unit, tag in zip(covered, run, strict=True):
            tags[unit.piece] = tag
    return tags


def misaligned(annotations: Iterable[Annotation], offsets: Offsets, text: str) -> list[tuple[Annotation, str]]:
    """The annotations that are not learned as they were written, each with the text that is learned in its place.

    The text is empty where nothing is learned: another annotation has its words, or they lie beyond the last piece.
    For a check without a tokenizer give `word_spans(text)` as offsets.
    """
    found = []
    for annotation, covered in _covered(annotations, _units(offsets, text)):
        learned = text[covered[0].start : covered[-1].end] if covered else ""
        if learned != text[annotation.start : annotation.end].strip():
            found.append((annotation, learned))
    return found


def decode_tags(probabilities: FloatArray, offsets: Offsets, text: str, tagset: TagSet) -> list[TaggedSpan]:
    """The entities on the likeliest path of tags that is legal.

    Args:
        probabilities: Shape (pieces, tags), float32, each row a distribution.
    """
    units = _units(offsets, text)
    if not units:
        return []
    scores = np.log(np.maximum(probabilities[[unit.piece for unit in units]], _LEAST_PROBABILITY, dtype=np.float64))
    path = _likeliest_path(scores)
    spans: list[TaggedSpan] = []
    begin = 0
    for index, tag in enumerate(path):
        label, position = divmod(tag - 1, 4)
        if tag == OUTSIDE or position in (0, 3):
            begin = index
        if tag != OUTSIDE and position in (2, 3):
            rows = np.arange(begin, index + 1)
            mean = float(np.exp(scores[rows, path[begin : index + 1]].mean()))
            entity, role, group = tagset.labels[label]
            spans.append(TaggedSpan(units[begin].start, units[index].end, entity, role, group, min(mean, 1.0)))
    return spans


def _likeliest_path(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Viterbi's algorithm over BILOU's legal steps, in time linear in words and tags.

    After `O`, `L` and `U` comes `O` or any `B` or `U`; after `B` and `I` the same label's `I` or `L`.

    Args:
        scores: Shape (words, tags), log probabilities; one word or more.
    """
    count = scores.shape[1]
    begins, insides, lasts, units = (np.arange(position, count, 4) for position in range(1, 5))
    outer = np.concatenate([[OUTSIDE], lasts, units])
    best = np.where(np.isin(np.arange(count), np.concatenate([insides, lasts])), -np.inf, scores[0])
    came_from = np.zeros(scores.shape, np.int64)
    for row in range(1, len(scores)):
        previous = came_from[row]
        previous[:] = outer[best[outer].argmax()]
        previous[insides] = previous[lasts] = np.where(best[insides] > best[begins], insides, begins)
        best = best[previous] + scores[row]
    path = np.empty(len(scores), np.int64)
    path[-1] = outer[best[outer].argmax()]
    for row in range(len(scores) - 1, 0, -1):
        path[row - 1] = came_from[row, path[row]]
    return path


def _units(offsets: Offsets, text: str) -> list[_Unit]:
    words = word_spans(text)
    starts, ends = [start for start, _ in words], [end for _, end in words]
    units: list[_Unit] = []
    for piece, (start, end) in enumerate(offsets):
        first = bisect_right(ends, start)
        behind = bisect_left(starts, end)
        if start >= end or first >= behind:
            continue  # a special token, or nothing but a blank
        if units and starts[first] < units[-1].end:
            units[-1] = units[-1]._replace(end=max(units[-1].end, ends[behind - 1]))
        else:
            units.append(_Unit(piece, starts[first], ends[behind - 1]))
    return units


def _covered(annotations: Iterable[Annotation], units: Sequence[_Unit]) -> list[tuple[Annotation, Sequence[_Unit]]]:
    """Each annotation with the units it touches; none where an earlier one has touched any of them."""
    starts, ends = [unit.start for unit in units], [unit.end for unit in units]
    taken: set[int] = set()
    covered: list[tuple[Annotation, Sequence[_Unit]]] = []
    for annotation in annotations:
        touched = range(bisect_right(ends, annotation.start), bisect_left(starts, annotation.end))
        free = taken.isdisjoint(touched)
        taken.update(touched)
        covered.append((annotation, [units[index] for index in touched] if free else []))
    return covered


def _label(annotation: Annotation) -> Label:
    return annotation.entity, annotation.role, annotation.group
