"""Pairs that may get in each other's way: one question answered differently, or asked twice in nearly the same words.

Two wordings are the same question when only case, width, blanks and punctuation tell them apart. They are near when
their sets of character n-grams overlap by a Jaccard similarity of `NEAR` and they hold the same numbers. Only pairs
that can meet are compared: for one locale, or any, and valid at one time.
"""

import hashlib
import unicodedata
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice

from retrieval.near_questions import near_pairs
from retrieval.pair import Pair

# Of 12,039 questions about hotels and restaurants, 12 of 12 pairs that were read from here on ask the same, and 9 of 12
# from 0.7 to here.
NEAR = 0.8
MAX_CLASSES = 200  # of answers to one question that each further one is held against
_KEPT_MARKS = frozenset("#%&@*/")  # they tell C# from C and 5 % from 5
_DROPPED = frozenset("PZC")


class ConflictKind(StrEnum):
    """How two pairs get in each other's way."""

    CONTRADICTION = "contradiction"  # the same question, another answer
    DUPLICATE = "duplicate"  # the same question, the same answer
    NEAR_DUPLICATE = "near duplicate"  # nearly the same question


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Two pairs, the earlier one first.

    Attributes:
        first_question: The wording of the first pair that is like one of the second.
        second_question: That wording of the second.
        similarity: Jaccard similarity of the wordings' n-grams in [NEAR, 1]; 1 for the same question.
        same_answer: Whether both give the same answer, character for character.
    """

    kind: ConflictKind
    first_id: str
    second_id: str
    first_question: str
    second_question: str
    similarity: float
    same_answer: bool


def find_conflicts(pairs: Iterable[Pair], *, near: float = NEAR) -> list[Conflict]:
    """The conflicts among `pairs`: contradictions, then duplicates, then near duplicates, each in the order of `pairs`.

    A question that stands in many pairs gives one conflict for each further answer, with the first pair that answers
    otherwise, and one for each further pair with an answer that was given, with the first that gave it: their number
    grows with that of the pairs, not with its square. So it is with near duplicates: a wording is listed with the
    earlier one nearest to it.

    Args:
        pairs: Read once. Of each, its wordings are held, not its answer.
        near: Least Jaccard similarity of near duplicates, in (0, 1].
    """
    wordings = _Wordings()
    for pair in pairs:
        wordings.add(pair)
    groups = _groups(wordings.key)
    found = [found for group in groups for found in _of_one_question(wordings, group)]
    found += _near_questions(wordings, groups, near)
    order = list(ConflictKind)
    ranked = sorted(found, key=lambda item: (order.index(item[0]), item[2], item[1]))
    listed: dict[tuple[int, int], Conflict] = {}
    for kind, first, second, similarity in ranked:
        owners = wordings.owner[first], wordings.owner[second]
        listed.setdefault(owners, wordings.conflict(kind, first, second, similarity))
    return list(listed.values())


def question_key(text: str) -> str:
    """Equal for texts that ask the same in the same words."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(c for c in folded if c in _KEPT_MARKS or unicodedata.category(c)[0] not in _DROPPED)
    return kept or "".join(folded.split())


_Setting = tuple[str, float, float]  # a locale in lower case, and from and until when


@dataclass(slots=True)
class _Wordings:
    """All wordings, numbered, and what must be known of the pairs they belong to."""

    ids: list[str] = field(default_factory=list)
    answers: "array[int]" = field(default_factory=lambda: array("q"))  # equal numbers for equal answers
    settings: "array[int]" = field(default_factory=lambda: array("q"))  # and for equal locales and times
    owner: "array[int]" = field(default_factory=lambda: array("q"))
    text: list[str] = field(default_factory=list)
    key: list[str] = field(default_factory=list)
    _answer_numbers: dict[bytes, int] = field(default_factory=dict)
    _setting_numbers: dict[_Setting, int] = field(default_factory=dict)
    _settings: list[_Setting] = field(default_factory=list)

    def add(self, pair: Pair) -> None:
        number = len(self.ids)
        self.ids.append(pair.id)
        self.answers.append(self._answer_numbers.setdefault(_digest(pair.answer), len(self._answer_numbers)))
        setting = (pair.locale.casefold(), *pair.valid_seconds)
        if setting not in self._setting_numbers:
            self._setting_numbers[setting] = len(self._settings)
            self._settings.append(setting)
        self.settings.append(self._setting_numbers[setting])
        for question in pair.questions:
            self.owner.append(number)
            self.text.append(question)
            self.key.append(question_key(question))

    def setting(self, number: int) -> int:
        """For whom and when the wording's pair is meant, as a number."""
        return self.settings[self.owner[number]]

    def meet(self, left: int, right: int) -> bool:
        """Whether two wordings belong to two pairs that can both be the answer to one customer."""
        if self.owner[left] == self.owner[right]:
            return False
        locale, begin, end = self._settings[self.setting(left)]
        other, other_begin, other_end = self._settings[self.setting(right)]
        return (locale == other or not locale or not other) and begin < other_end and other_begin < end

    def same_answer(self, left: int, right: int) -> bool:
        return self.answers[self.owner[left]] == self.answers[self.owner[right]]

    def conflict(self, kind: ConflictKind, first: int, second: int, similarity: float) -> Conflict:
        return Conflict(
            kind=kind,
            first_id=self.ids[self.owner[first]],
            second_id=self.ids[self.owner[second]],
            first_question=self.text[first],
            second_question=self.text[second],
            similarity=similarity,
            same_answer=self.same_answer(first, second),
        )


_Found = tuple[ConflictKind, int, int, float]


def _groups(keys: Sequence[str]) -> list[list[int]]:
    """The places of each key that stands several times."""
    first: dict[str, int] = {}
    repeated: dict[str, list[int]] = {}
    for number, key in enumerate(keys):
        if first.setdefault(key, number) != number:
            repeated.setdefault(key, [first[key]]).append(number)
    return list(repeated.values())


def _of_one_question(wordings: _Wordings, group: Sequence[int]) -> Iterator[_Found]:
    """For each wording the first earlier one with its answer and the first with another.

    One that only repeats an answer, for the same locale and time, contradicts nothing that was not listed.
    """
    firsts: dict[tuple[int, int], int] = {}  # of each answer in each setting
    for number in group:
        kind_of_answer = (wordings.answers[wordings.owner[number]], wordings.setting(number))
        repeated = firsts.get(kind_of_answer)
        known = islice(firsts.values(), MAX_CLASSES) if repeated is None else iter((repeated,))
        met = [first for first in known if wordings.meet(first, number)]
        same = next((first for first in met if wordings.same_answer(first, number)), None)
        other = next((first for first in met if not wordings.same_answer(first, number)), None)
        if same is not None:
            yield ConflictKind.DUPLICATE, same, number, 1.0
        if other is not None:
            yield ConflictKind.CONTRADICTION, other, number, 1.0
        firsts.setdefault(kind_of_answer, number)


def _near_questions(wordings: _Wordings, groups: Sequence[Sequence[int]], near: float) -> Iterator[_Found]:
    """Each wording and the earlier one nearest to it; one that stands several times in one setting is compared once."""
    left_out = {
        number
        for group in groups
        for number in set(group) - set({wordings.setting(number): number for number in reversed(group)}.values())
    }
    compared = [number for number in range(len(wordings.key)) if number not in left_out]
    nearest: dict[int, tuple[float, int]] = {}
    for left, right, similarity in near_pairs([wordings.key[number] for number in compared], near):
        first, second = sorted((compared[left], compared[right]))
        if wordings.key[first] != wordings.key[second] and wordings.meet(first, second):
            nearest[second] = max(nearest.get(second, (0.0, 0)), (similarity, -first))
    for second, (similarity, negative) in nearest.items():
        yield ConflictKind.NEAR_DUPLICATE, -negative, second, similarity


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
