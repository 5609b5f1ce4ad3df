"""The answers that come into question for a message, and what speaks for each.

That is numbers: of the message, of its likeliest intents, and of the nearest pairs. They are what a promised error
rate is fitted on, and what an explanation names. Nothing here decides.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from nlu.intent import IntentScore
from nlu.understanding import Understanding
from retrieval.retriever import Hit

LOOKED_AT_INTENTS = 3
LOOKED_AT_PAIRS = 3

Evidence: TypeAlias = Mapping[str, float]

_OF_PAIR = ("place", "probability", "cosine", "score", "gap", "lexical", "lexical_rank")


class Kind(StrEnum):
    """What a candidate answer is."""

    TEMPLATE = "template"
    PAST_ANSWER = "past_answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An answer that comes into question: the template of an intent, or a stored pair."""

    answer: IntentScore | Hit
    evidence: Evidence

    @property
    def kind(self) -> Kind:
        """Which of the two it is."""
        return Kind.TEMPLATE if isinstance(self.answer, IntentScore) else Kind.PAST_ANSWER


def candidates(understanding: Understanding, hits: Sequence[Hit], answerable: Collection[str]) -> tuple[Candidate, ...]:
    """The templates of the likeliest intents, as far as something answers them, and the best pairs.

    Args:
        hits: The best first.
        answerable: Intents that something answers.
    """
    templates = [
        Candidate(answer=score, evidence=_template_evidence(understanding, hits, place))
        for place, score in enumerate(understanding.ranking[:LOOKED_AT_INTENTS])
        if score.name in answerable
    ]
    pairs = [
        Candidate(answer=hit, evidence=_pair_evidence(understanding, hits, place))
        for place, hit in enumerate(hits[:LOOKED_AT_PAIRS])
    ]
    return (*templates, *pairs)


def _template_evidence(understanding: Understanding, hits: Sequence[Hit], place: int) -> dict[str, float]:
    intent = understanding.ranking[place]
    others = [score.probability for at, score in enumerate(understanding.ranking[: place + 2]) if at != place]
    return {
        **_of_message(understanding),
        "intent_place": float(place),
        "intent_probability": intent.probability,
        "intent_margin": intent.probability - max(others, default=0.0),
        **_of_pair(hits, 0),
        "agreement": _agreement(hits[0].pair.intent, intent.name) if hits else 0.0,
    }


def _pair_evidence(understanding: Understanding, hits: Sequence[Hit], place: int) -> dict[str, float]:
    first = understanding.ranking[0] if understanding.ranking else None
    return {
        **_of_message(understanding),
        "intent_place": 0.0,
        "intent_probability": first.probability if first else 0.0,
        "intent_margin": understanding.margin if first else 0.0,
        **_of_pair(hits, place),
        "agreement": _agreement(hits[place].pair.intent, first.name) if first else 0.0,
    }


def _of_message(understanding: Understanding) -> dict[str, float]:
    return {
        "scope": understanding.scope,
        "energy": understanding.energy,
        "nearness": understanding.nearness,
        "uncovered": understanding.uncovered,
        "length": float(len(understanding.text)),
    }


def _of_pair(hits: Sequence[Hit], place: int) -> dict[str, float]:
    if not hits:
        return {f"pair_{name}": 0.0 for name in _OF_PAIR}
    hit = hits[place]
    others = [other.score for at, other in enumerate(hits[: place + 2]) if at != place]
    found = (
        float(place),
        hit.probability,
        hit.cosine,
        hit.score,
        hit.score - max(others, default=0.0),
        hit.lexical,
        float(hit.lexical_rank),
    )
    return {f"pair_{name}": value for name, value in zip(_OF_PAIR, found, strict=True)}


def _agreement(pair_intent: str, intent: str) -> float:
    """1 where the pair belongs to the intent, -1 where it belongs to another, 0 where nobody has said."""
    if not pair_intent:
        return 0.0
    return 1.0 if pair_intent == intent else -1.0
