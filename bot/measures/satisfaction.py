"""What customers say of whole conversations: the scores of the widget's survey."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from bot.measures.share import Share

SCORES = (1, 2, 3, 4, 5)
SATISFIED = 4  # and above


@dataclass(frozen=True, slots=True, kw_only=True)
class Satisfaction:
    """The last score of each conversation.

    Attributes:
        scores: How many gave 1, 2, 3, 4 and 5.
    """

    scores: tuple[int, ...] = (0,) * len(SCORES)

    @property
    def satisfied(self) -> Share:
        """Those who gave 4 or 5, of those who gave a score."""
        return Share(count=sum(self.scores[SATISFIED - 1 :]), of=sum(self.scores))

    @property
    def mean(self) -> float | None:
        """From 1 to 5; None where nobody gave a score."""
        count = sum(self.scores)
        return sum(score * n for score, n in zip(SCORES, self.scores, strict=True)) / count if count else None


def satisfaction(scores: Iterable[int]) -> Satisfaction:
    """Of these scores."""
    counts = Counter(scores)
    return Satisfaction(scores=tuple(counts[score] for score in SCORES))
