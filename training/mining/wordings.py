"""Compares pairs and proposals by all their wordings and by their answers."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nlu.encoder import FloatArray
from retrieval.pair import Pair
from retrieval.proposals import Proposal
from training.mining.grouping import BLOCK_ROWS, SAME_QUESTION, Scale

Embed: TypeAlias = Callable[[Sequence[str]], FloatArray]
"""Texts to unit embeddings, shape (n, d)."""


@dataclass(frozen=True, slots=True, eq=False)
class Wordings:
    """All wordings of some pairs or proposals, embedded, and their answers.

    Attributes:
        rows: Shape (wordings, d).
        owners: Shape (wordings,): the pair of each wording.
        answers: Shape (pairs, d).
    """

    rows: FloatArray
    owners: NDArray[np.int64]
    answers: FloatArray

    @classmethod
    def of(cls, pairs: Sequence[Pair | Proposal], embed: Embed) -> "Wordings":
        """Embeds what is to be compared."""
        texts = [text for pair in pairs for text in pair.questions]
        owners = [place for place, pair in enumerate(pairs) for _ in pair.questions]
        rows = embed([*texts, *(pair.answer for pair in pairs)])
        return cls(rows=rows[: len(texts)], owners=np.array(owners, np.int64), answers=rows[len(texts) :])

    def alike(self, others: "Wordings", scale: Scale) -> Iterator[tuple[int, int, float, float]]:
        """Own and other pair that ask the same, with how alike their questions and their answers are."""
        least = scale.cosine(SAME_QUESTION)
        for start in range(0, len(self.rows), BLOCK_ROWS):
            cosines = self.rows[start : start + BLOCK_ROWS] @ others.rows.T
            best: dict[tuple[int, int], float] = defaultdict(float)
            for left, right in zip(*np.nonzero(cosines >= least), strict=True):
                key = int(self.owners[start + left]), int(others.owners[right])
                best[key] = max(best[key], float(cosines[left, right]))
            for (own, other), cosine in best.items():
                answer = float(self.answers[own] @ others.answers[other])
                yield own, other, scale.similarity(cosine), scale.similarity(answer)
