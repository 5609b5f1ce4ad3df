"""Groups exchanges that ask the same and are answered alike.

A group is a star: a leader, the text with the most others near it, and all that are near the leader itself. So no chain
of small steps leads from one question to another. No matrix of all pairs is ever held, and memory grows with the texts
alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlu.encoder import FloatArray

BLOCK_ROWS = 512
GATHERED_PAIRS = 32_768
# Similarities, 0 for any two sentences and 1 for the same. Chosen on chats made of StackFAQ's questions and their
# paraphrases: looser ones put different questions together and found no more.
SAME_QUESTION = 0.70
SAME_ANSWER = 0.60
# Questions in quite different words belong together where the answer is nearly the same, as an agent's stored reply is.
LIKE_QUESTION = 0.50
EQUAL_ANSWER = 0.92

ANCHORS_EN = (
    "Do you deliver to other countries?",
    "My password does not work.",
    "The blue jacket is too small for me.",
    "How do I cancel my subscription?",
    "When does the train leave tomorrow morning?",
    "I was charged twice for the same thing.",
    "Is breakfast part of the price?",
    "The screen stays black when I turn it on.",
    "Can I pay in instalments?",
    "Which documents does the embassy ask for?",
    "Our dog is allergic to chicken.",
    "You find the button at the bottom of the page.",
)
ANCHORS_ZH = (
    "你们可以送到国外吗?",
    "我的密码不能用了。",
    "这件蓝色外套太小了。",
    "怎么取消会员?",
    "明天早上的火车几点开?",
    "同一笔订单扣了我两次钱。",
    "房费含早餐吗?",
    "开机以后屏幕一直是黑的。",
    "可以分期付款吗?",
    "办签证要准备哪些材料?",
    "我家的狗不能吃鸡肉。",
    "按钮在页面的最下面。",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What a cosine means for one encoder and one language.

    Attributes:
        unrelated: The mean cosine of sentences that have nothing to do with each other, in [-1, 1).
    """

    unrelated: float

    @classmethod
    def of(cls, anchors: FloatArray) -> "Scale":
        """Measured on embeddings of unrelated sentences, shape (n, d) with n at least 2."""
        cosines = anchors @ anchors.T
        count = len(anchors)
        mean = (float(cosines.sum()) - count) / (count * (count - 1))
        return cls(unrelated=min(max(mean, 0.0), 0.95))

    def cosine(self, similarity: float) -> float:
        """The cosine at which two texts have `similarity`."""
        return self.unrelated + similarity * (1 - self.unrelated)

    def similarity(self, cosine: float) -> float:
        """How alike two texts are: 0 for unrelated ones, 1 for the same."""
        return (cosine - self.unrelated) / (1 - self.unrelated)


def group(
    questions: FloatArray,
    answers: FloatArray,
    weights: NDArray[np.int64],
    scale: Scale,
    progress: Callable[[int], None],
) -> list[NDArray[np.int64]]:
    """The rows of each group, the leader first; each row is in one group, alone if nothing is like it.

    Args:
        questions: Unit rows, shape (n, d), float32.
        answers: Unit rows, shape (n, e): the answer to each question.
        weights: Shape (n,): how often each was asked.
        progress: Called with the rows done, of 2 n in all.
    """
    count = len(questions)
    near = _Near(questions, answers, scale)
    degrees = np.zeros(count, np.int64)
    for start in range(0, count, BLOCK_ROWS):
        rows = np.arange(start, min(start + BLOCK_ROWS, count))
        left, right = near.pairs(rows, None)
        degrees[rows] = np.bincount(left, weights=weights[right], minlength=len(rows)).astype(np.int64)
        progress(start + len(rows))
    # The best connected first; of equals the one that comes first.
    order = np.lexsort((np.arange(count), -degrees))
    free = np.ones(count, np.bool_)
    groups: list[NDArray[np.int64]] = []
    for start in range(0, count, BLOCK_ROWS):
        leaders = order[start : start + BLOCK_ROWS]
        leaders = leaders[free[leaders]]
        candidates = np.flatnonzero(free)
        left, right = near.pairs(leaders, candidates)
        members = np.split(candidates[right], np.searchsorted(left, np.arange(1, len(leaders))))
        for leader, others in zip(leaders, members, strict=True) if len(leaders) else ():
            if free[leader]:
                taken = others[free[others] & (others != leader)]
                groups.append(np.concatenate([[leader], taken]))
                free[groups[-1]] = False
        progress(count + min(start + BLOCK_ROWS, count))
    return groups


class _Near:
    """Finds the pairs of rows that belong together."""

    def __init__(self, questions: FloatArray, answers: FloatArray, scale: Scale) -> None:
        self._questions, self._answers = questions, answers
        self._same_question, self._same_answer = scale.cosine(SAME_QUESTION), scale.cosine(SAME_ANSWER)
        self._like_question, self._equal_answer = scale.cosine(LIKE_QUESTION), scale.cosine(EQUAL_ANSWER)

    def pairs(
        self, rows: NDArray[np.int64], others: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The place in `rows` (rising) and the place in `others`, or the row if `others` is all, of each pair."""
        questions = self._questions if others is None else self._questions[others]
        cosines = self._questions[rows] @ questions.T
        left, right = np.nonzero(cosines >= self._like_question)
        found = cosines[left, right]
        targets = right if others is None else others[right]
        answers = np.empty(len(left), np.float32)
        for start in range(0, len(left), GATHERED_PAIRS):
            part = slice(start, start + GATHERED_PAIRS)
            answers[part] = np.einsum("ij,ij->i", self._answers[rows[left[part]]], self._answers[targets[part]])
        together = ((found >= self._same_question) & (answers >= self._same_answer)) | (answers >= self._equal_answer)
        return left[together], right[together]


def medoid(rows: FloatArray, weights: Sequence[float]) -> int:
    """The place of the row that is nearest to all others together; the first of equals.

    Args:
        rows: Unit rows, shape (n, d), n at least 1.
        weights: How much each row counts, above 0.
    """
    centre = np.asarray(weights, np.float32) @ rows  # the sum of cosines to all rows is the cosine to their sum
    return int(np.argmax(rows @ centre))


def spread(rows: FloatArray, order: Sequence[int], count: int, max_cosine: float) -> list[int]:
    """Up to `count` of the places in `order`, none nearer than `max_cosine` to one taken before it."""
    taken: list[int] = []
    for place in order:
        if len(taken) == count:
            break
        if not taken or float((rows[taken] @ rows[place]).max()) < max_cosine:
            taken.append(place)
    return taken
