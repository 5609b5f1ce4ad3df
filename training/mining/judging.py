"""Judges exchanges that ask the same: what stands for them, what speaks for it, and what a reviewer should look at."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nlu.encoder import FloatArray
from nlu.masking import Kind, placeholders
from training.data_checks.words import same_text_key
from training.mining.extraction import SETTLED, Exchange, Outcome
from training.mining.grouping import medoid
from training.mining.phrases import Asking
from training.mining.sentences import word_count

MAX_SHOWN_WORDS = 25  # of a question that stands for others
MAX_PLACEHOLDERS = 1  # in an answer; more of one customer's data makes it that customer's answer
SHORT_ANSWER_WORDS = 12  # with a placeholder, an answer of fewer words says nothing to others

_OUTCOMES = {Outcome.THANKED: 1.0, Outcome.ENDED: 0.8, Outcome.MOVED_ON: 0.6, Outcome.WENT_ON: 0.3}
_ASKINGS = {Asking.ASKED: 1.0, Asking.WISHED: 0.8, Asking.PROBLEM: 0.8, Asking.STATED: 0.3}
_PARTICULARS = (
    re.compile(r"\d+(?:[.,:]\d+)*"),
    re.compile(r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|[周期拜][一二三四五六日天]", re.IGNORECASE),
    re.compile(r"(?<=[a-z,;] )[A-Z]\w+"),
)


@dataclass(slots=True)
class Gathered:
    """Exchanges whose masked question and answer are the same but for case and blanks."""

    question: str
    answer: str
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def conversations(self) -> list[str]:
        """The ids of those in which it was asked."""
        return list(dict.fromkeys(one.conversation_id for one in self.exchanges))


def unfit(exchange: Exchange, question: str, answer: str) -> str:
    """Why an exchange is not used, or ""."""
    if exchange.leans:
        return "not to be understood alone"
    own = [kind for kind in placeholders(answer) if kind != Kind.NAME]
    if len(own) > MAX_PLACEHOLDERS or (own and word_count(answer) < SHORT_ANSWER_WORDS):
        return "an answer for one customer"
    if word_count(re.sub(r"\[[a-z ]+\]", "", question)) < 2:
        return "nothing but personal data in the question"
    return ""


def score(exchange: Exchange) -> float:
    """How well an exchange went, in [0, 1]: how it ended, how plainly it asked, the answer's length, whose it is."""
    words = word_count(exchange.answer)
    length = min(1.0, words / 8) if words < 150 else 150 / words
    shared = max(0.0, 1.0 - 0.5 * exchange.acted - 0.5 * exchange.identified)
    return 0.35 * _OUTCOMES[exchange.outcome] + 0.25 * _ASKINGS[exchange.asking] + 0.2 * length + 0.2 * shared


def best_question(gathered: Sequence[Gathered], weights: Sequence[float], rows: FloatArray) -> int:
    """The wording in the middle of the plain ones: short, asked at once, without personal data."""
    plain = [
        place
        for place, one in enumerate(gathered)
        if not placeholders(one.question) and word_count(one.question) <= MAX_SHOWN_WORDS
    ] or list(range(len(gathered)))
    plain = [place for place in plain if not is_pieced(gathered[place])] or plain
    centre = np.asarray(weights, np.float32) @ rows
    return plain[int(np.argmax(rows[plain] @ centre))]


def best_answer(gathered: Sequence[Gathered], weights: Sequence[float], rows: FloatArray) -> int:
    """The answer given most often among those that settled the question and hold for everyone; else the middle one."""

    def clean(one: Gathered) -> bool:
        return not placeholders(one.answer) and not any(exchange.acted for exchange in one.exchanges)

    def settled(one: Gathered) -> bool:
        return any(exchange.outcome in SETTLED for exchange in one.exchanges)

    everyone = list(enumerate(gathered))
    choices = (
        [place for place, one in everyone if clean(one) and settled(one)],
        [place for place, one in everyone if clean(one)],
        [place for place, one in everyone if settled(one)],
        [place for place, _ in everyone],
    )
    places = next(choice for choice in choices if choice)
    said: Counter[str] = Counter()
    for place in places:
        said[same_text_key(gathered[place].answer)] += int(weights[place])
    (answer, most), *rest = said.most_common(2)
    if most > 1 and (not rest or most > rest[0][1]):
        return next(place for place in places if same_text_key(gathered[place].answer) == answer)
    return places[medoid(rows[places], [weights[place] for place in places])]


def is_pieced(one: Gathered) -> bool:
    """Whether the wording is a question and the replies to what an agent asked back."""
    return all(exchange.clarifications for exchange in one.exchanges)


def differs_by_case(gathered: Sequence[Gathered], answer: str) -> bool:
    """Whether the answers share a pattern but not their numbers, days and names, as an agent's look-ups do."""
    own = _particulars(answer)
    alike = others = 0
    for one in gathered:
        if all(_agree(left, right) for left, right in zip(own, _particulars(one.answer), strict=True)):
            alike += len(one.conversations)
        else:
            others += len(one.conversations)
    return others >= alike


def _particulars(answer: str) -> tuple[frozenset[str], ...]:
    """The numbers, the days and the names in an answer: what it says beyond its pattern."""
    return tuple(frozenset(found[0].casefold() for found in kind.finditer(answer)) for kind in _PARTICULARS)


def _agree(left: frozenset[str], right: frozenset[str]) -> bool:
    """Whether one says no more than the other, or both mostly the same."""
    return left <= right or right <= left or 2 * len(left & right) >= len(left | right)


def evidence(gathered: Sequence[Gathered], said: Gathered) -> dict[str, Any]:
    """Figures that a reviewer can read; conversations are counted, each once for each figure."""
    ids: dict[str, set[str]] = defaultdict(set)
    for one in gathered:
        for exchange in one.exchanges:
            ids[exchange.outcome.value].add(exchange.conversation_id)
            for name in ("identified", "acted"):
                if getattr(exchange, name):
                    ids[name].add(exchange.conversation_id)
            if exchange.clarifications:
                ids["asked back"].add(exchange.conversation_id)
            if exchange.attempts:
                ids["not the first answer"].add(exchange.conversation_id)
    answers = {same_text_key(one.answer) for one in gathered}
    given = {
        id_ for one in gathered if same_text_key(one.answer) == same_text_key(said.answer) for id_ in one.conversations
    }
    counted: dict[str, Any] = {name: len(those) for name, those in sorted(ids.items())}
    return {**counted, "wordings of the answer": len(answers), "this answer": len(given)}


def warnings_for(all_exchanges: Sequence[Exchange], said: Gathered) -> Iterable[str]:
    """What a reviewer should look at, in sentences; `said` is what became the answer."""
    if kinds := sorted(set(placeholders(said.answer))):
        yield f"the answer holds one customer's own: {', '.join(kinds)}"
    if 2 * sum(one.identified for one in all_exchanges) > len(all_exchanges):
        yield "customers mostly had to say who they are first: the answer may hold for one of them only"
    if any(one.acted for one in said.exchanges):
        yield "the answer tells what was done for one customer"
    if all(one.outcome is Outcome.WENT_ON for one in all_exchanges):
        yield "no customer said that it helped, and all went on about something"
