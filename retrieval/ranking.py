"""How sure it is that a stored pair answers a question: several likenesses, weighed into a score and a probability."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nlu.encoder import FloatArray

SAME_SPELLING = 0.6  # paraphrases rarely share so much


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Likeness:
    """What is known of n candidates for one question.

    Attributes:
        wording: Cosine to the nearest wording of the stored question, shape (n,), in [-1, 1].
        passage: Cosine to the nearest part of the answer with the question before it, shape (n,), in [-1, 1].
        part: Cosine to the nearest part of the answer alone, shape (n,), in [-1, 1].
        lexical: BM25 over the most that a text could have, shape (n,), in [0, 1).
        spelling: Letters that the nearest wording shares in their order, as a share of both, shape (n,), in [0, 1].
    """

    wording: FloatArray
    passage: FloatArray
    part: FloatArray
    lexical: FloatArray
    spelling: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The weights of a release.

    The defaults order well on public FAQs; `training.ranking_fit` finds an assistant's own where its pairs have enough
    wordings.

    Attributes:
        floor: Cosine of texts that have nothing to do with each other: with some encoders 0.1, with others 0.8.
            Cosines are counted from it.
        nearer: Weight of the better of wording and passage, where the weight of the wording itself is 1.
        passage: Weight of that likeness.
        part: The same.
        lexical: The same.
        spelling: What a wording is worth for each point of spelling above `SAME_SPELLING`: it is the same question but
            for slips, whatever an encoder makes of them.
        intercept: Of the logit of P(right).
        slope: What a point of score adds to the logit.
        gap: What a point of distance to the best other answer adds to it.
    """

    floor: float = 0.1
    nearer: float = 1.0
    passage: float = 1.0
    part: float = 0.25
    lexical: float = 0.3
    spelling: float = 5.0
    intercept: float = -1.2
    slope: float = 0.0
    gap: float = 12.5

    def scores(self, likeness: Likeness) -> NDArray[np.float64]:
        """Shape (n,), higher is better: the weighted mean of the likenesses, and for a spelling that is near more."""
        wording, passage, part = (
            (cosines.astype(np.float64) - self.floor) / (1 - self.floor)
            for cosines in (likeness.wording, likeness.passage, likeness.part)
        )
        total = (
            wording
            + self.nearer * np.maximum(wording, passage)
            + self.passage * passage
            + self.part * part
            + self.lexical * likeness.lexical
            + self.spelling * np.maximum(likeness.spelling - SAME_SPELLING, 0.0)
        )
        return np.asarray(total / (1 + self.nearer + self.passage + self.part + self.lexical), np.float64)

    def probabilities(self, scores: Sequence[float]) -> list[float]:
        """P(right) of answers with these scores, of which only one is right, best first."""
        found = []
        for place, score in enumerate(scores):
            others = scores[1:2] if place == 0 else scores[:1]
            gap = score - others[0] if others else score
            logit = self.intercept + self.slope * score + self.gap * gap
            found.append(float(1 / (1 + np.exp(-np.clip(logit, -30, 30)))))
        return found

    def to_json(self) -> str:
        """For a file."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Takes back what `to_json` gave.

        Raises:
            ValueError: A weight is missing, unknown, or no finite number.
        """
        values: Mapping[str, float] = json.loads(text)
        if set(values) != {field.name for field in fields(cls)} or not np.isfinite(list(values.values())).all():
            raise ValueError("the ranking's weights are damaged")
        return cls(**values)
