"""A promised error rate: how likely each candidate answer is right, and from where on answers may be given.

`training.promise_fit` finds both. Serving needs no more than the weights in a JSON file.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from retrieval.evidence import Candidate, Evidence, Kind

PROMISE_FILE = "promise.json"
LEAST_PROBABILITY = 1e-4  # as far as a probability is told from 0 and from 1


def logit(probability: float) -> float:
    """The logarithm of the odds, cut off where probabilities mean nothing any more."""
    cut = min(max(probability, LEAST_PROBABILITY), 1 - LEAST_PROBABILITY)
    return math.log(cut / (1 - cut))


def _plain(value: float) -> float:
    return value


TERMS: Mapping[str, tuple[str, Callable[[float], float]]] = {
    "scope": ("scope", _plain),
    "energy": ("energy", _plain),
    "nearness": ("nearness", _plain),
    "uncovered": ("uncovered", _plain),
    "log_length": ("length", math.log1p),
    "intent_place": ("intent_place", _plain),
    "intent_logit": ("intent_probability", logit),
    "intent_margin": ("intent_margin", _plain),
    "pair_place": ("pair_place", _plain),
    "pair_logit": ("pair_probability", logit),
    "pair_cosine": ("pair_cosine", _plain),
    "pair_score": ("pair_score", _plain),
    "pair_gap": ("pair_gap", _plain),
    "pair_lexical": ("pair_lexical", _plain),
    "pair_lexical_first": ("pair_lexical_rank", lambda rank: float(rank == 1.0)),
    "agreement": ("agreement", _plain),
}
OWN_LOGIT = {Kind.TEMPLATE: "intent_logit", Kind.PAST_ANSWER: "pair_logit"}


def terms_of(evidence: Evidence) -> list[float]:
    """What a model weighs of the evidence, in the order of `TERMS`."""
    return [form(evidence[name]) for name, form in TERMS.values()]


@dataclass(frozen=True, slots=True, kw_only=True)
class RightModel:
    """P(right) of candidates of one kind: a logistic regression.

    Attributes:
        weights: By term; a term that is left out weighs nothing.
    """

    intercept: float
    weights: Mapping[str, float]

    @classmethod
    def believing(cls, kind: Kind) -> Self:
        """The one that takes the intent's or the pair's own probability for P(right)."""
        return cls(intercept=0.0, weights={OWN_LOGIT[kind]: 1.0})

    def probability(self, evidence: Evidence) -> float:
        """That a candidate with this evidence is right, in (0, 1)."""
        total = self.intercept
        for term, weight in self.weights.items():
            name, form = TERMS[term]
            total += weight * form(evidence[name])
        return 1 / (1 + math.exp(-min(max(total, -30.0), 30.0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """When an answer may be given.

    Attributes:
        max_wrong_rate: Share of given answers that may be wrong.
        confidence: How sure it is that no more are, on messages like those it was calibrated on; in (0, 1).
        threshold: Least probability of being right for an answer to be given.
    """

    max_wrong_rate: float
    confidence: float
    threshold: float
    models: Mapping[Kind, RightModel]

    def probabilities(self, candidates: Sequence[Candidate]) -> list[float]:
        """P(right) of each candidate, in their order."""
        return [self.models[candidate.kind].probability(candidate.evidence) for candidate in candidates]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Takes back what `to_json` gave.

        Raises:
            KeyError, TypeError, ValueError: It is something else.
        """
        models = {kind: _model(values["models"][kind.value]) for kind in Kind}
        rate, confidence, threshold = (float(values[key]) for key in ("max_wrong_rate", "confidence", "threshold"))
        if not (0 < rate < 1 and 0 < confidence < 1 and math.isfinite(threshold)):
            raise ValueError("the promise is damaged")
        return cls(max_wrong_rate=rate, confidence=confidence, threshold=threshold, models=models)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What training has found out about what can be promised.

    Attributes:
        basis: `questions` where labelled customers' messages were there, else `examples`, else `nothing`.
        messages: On which the threshold was tested, and nothing was fitted.
        answered: Share of them that is answered, in [0, 1].
        wrong: Share of wrong ones among the answered, in [0, 1].
        promisable: The least rate that can be promised with the confidence asked for; 1 where nothing can.
        needed: Labelled messages that would be enough for the rate asked for, if they go on as these; None: no number.
        sentence: The same for a person.
    """

    basis: str
    messages: int = 0
    answered: float = 0.0
    wrong: float = 0.0
    promisable: float = 1.0
    needed: int | None = None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseFile:
    """A release's `promise.json`: the promise, if one can be kept, and what was found."""

    promise: Promise | None
    finding: Finding

    def save(self, folder: Path) -> None:
        """Writes it into `folder`."""
        facts = {"promise": self.promise and self.promise.to_json(), "finding": asdict(self.finding)}
        (folder / PROMISE_FILE).write_text(json.dumps(facts, indent=1), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises:
            ValueError: The file is damaged.
        """
        try:
            facts = json.loads((folder / PROMISE_FILE).read_text("utf-8"))
            promise = None if facts["promise"] is None else Promise.from_json(facts["promise"])
            return cls(promise=promise, finding=Finding(**facts["finding"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{folder}: the promise is damaged: {error!r}") from error


def _model(values: Mapping[str, Any]) -> RightModel:
    weights = {str(term): float(weight) for term, weight in values["weights"].items()}
    intercept = float(values["intercept"])
    if not set(weights) <= set(TERMS) or not all(map(math.isfinite, (intercept, *weights.values()))):
        raise ValueError("the weights of the promise are damaged")
    return RightModel(intercept=intercept, weights=weights)
