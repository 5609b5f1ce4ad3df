"""Fits how candidates are weighed, and how sure the best one is, on the wordings of the owner's own pairs.

Each wording is once taken out of the pairs and asked instead. Where other wordings of its answer are left, they should
be found; where none is, nothing is right, which teaches what a score is worth that belongs to no answer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from nlu.encoder import FloatArray
from retrieval.pair import Pair
from retrieval.ranking import Likeness, Ranking
from retrieval.retriever import Embed, Query, Retriever

FOLDS = 5
MAX_ASKED = 2_000
LEAST_ASKED = 100  # wordings whose answer is left, to choose weights by
LEAST_OF_A_KIND = 20  # right and wrong first answers, to fit a probability by
UNANSWERED_SHARE = 0.3  # of customers' questions; how many of the wordings lose their answer says nothing of it
LEAST_GAIN = 0.01  # of the mean reciprocal rank, for other weights than the default ones
NEARER_WEIGHTS = (0.0, 1.0)
PASSAGE_WEIGHTS = (0.0, 0.5, 1.0, 1.5)
PART_WEIGHTS = (0.0, 0.25, 0.5, 1.0)
LEXICAL_WEIGHTS = (0.1, 0.3, 0.6)
FLOOR_TEXTS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingFit:
    """The fitted ranking and what it does on wordings that were taken out.

    Attributes:
        asked: Wordings that were asked.
        answerable: Those of them whose answer was left under other wordings.
        default_mrr: Mean reciprocal rank, up to ten, of the answerable ones with the default weights; NaN for none.
        mrr: The same with the weights chosen.
        recall_at_1: Share of the answerable ones whose answer came first.
        reason: What was done, in a sentence.
    """

    ranking: Ranking
    asked: int
    answerable: int
    default_mrr: float
    mrr: float
    recall_at_1: float
    reason: str

    def figures(self) -> dict[str, float]:
        """For the manifest: those that are known."""
        found = {
            "retrieval_asked": float(self.asked),
            "retrieval_recall_at_1": self.recall_at_1,
            "retrieval_mrr": self.mrr,
        }
        return {name: value for name, value in found.items() if np.isfinite(value)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Asked:
    """A wording's candidates: which answer each gives, as a number, and whether it is the right one."""

    likeness: Likeness
    answers: NDArray[np.int64]
    right: NDArray[np.bool_]


def fit_ranking(pairs: Sequence[Pair], embed: Embed, *, dimension: int, seed: int) -> RankingFit:
    """Weights and probabilities for `pairs`.

    Args:
        embed: The embeddings of texts, as search will use them.
        dimension: Their length.
    """
    sample, remembered = sample_of(pairs, seed), remembering(embed)
    default = replace(Ranking(), floor=_floor(sample, remembered, seed))
    asked = list(_ask_all(sample, remembered, dimension, seed))
    answerable = [one for one in asked if one.right.any()]
    if len(answerable) < LEAST_ASKED:
        chosen, reason = (
            default,
            f"The default weights: {len(answerable)} wordings, {LEAST_ASKED} are needed to choose.",
        )
    else:
        chosen = max(_weightings(default), key=lambda ranking: _mrr(answerable, ranking))
        if _mrr(answerable, chosen) < _mrr(answerable, default) + LEAST_GAIN:
            chosen, reason = default, f"The default weights: none are better on {len(answerable)} wordings."
        else:
            reason = f"Weights chosen on {len(answerable)} wordings."
    fitted = _with_probability(asked, chosen)
    firsts = [_ranks(one, chosen) for one in answerable]
    return RankingFit(
        ranking=fitted or chosen,
        asked=len(asked),
        answerable=len(answerable),
        default_mrr=_mrr(answerable, default),
        mrr=_mrr(answerable, chosen),
        recall_at_1=float(np.mean([rank == 1 for rank in firsts])) if firsts else float("nan"),
        reason=reason if fitted else f"{reason} Probabilities are the default ones.",
    )


def sample_of(pairs: Sequence[Pair], seed: int) -> list[Pair]:
    """All pairs of as many answers as have `MAX_ASKED` wordings."""
    by_answer: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_answer.setdefault(pair.answer, []).append(pair)
    groups = list(by_answer.values())
    chosen: list[Pair] = []
    for at in np.random.default_rng(seed).permutation(len(groups)):
        if sum(len(pair.questions) for pair in chosen) >= MAX_ASKED:
            break
        chosen += groups[at]
    return chosen


def _floor(pairs: Sequence[Pair], embed: Embed, seed: int) -> float:
    """The median cosine of different stored questions, at most 0.95; the default encoder's where there are few."""
    questions = list(dict.fromkeys(pair.question for pair in pairs))
    if len(questions) < 10:
        return Ranking().floor
    chosen = np.random.default_rng(seed).permutation(len(questions))[:FLOOR_TEXTS]
    rows = embed([questions[at] for at in chosen])
    return float(np.clip(np.median((rows @ rows.T)[np.triu_indices(len(rows), 1)]), 0.0, 0.95))


def remembering(embed: Embed) -> Embed:
    """`embed`, which embeds no text twice."""
    known: dict[str, FloatArray] = {}

    def remembered(texts: Sequence[str]) -> FloatArray:
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(new, embed(new), strict=True) if new else ())
        return np.stack([known[text] for text in texts])

    return remembered


def _ask_all(pairs: Sequence[Pair], embed: Embed, dimension: int, seed: int) -> Iterator[_Asked]:
    answers = {answer: at for at, answer in enumerate(dict.fromkeys(pair.answer for pair in pairs))}
    for retriever, removed in without_folds(pairs, embed, dimension=dimension, seed=seed):
        for wording, pair, embedding in removed:
            found, likeness = retriever.candidates(Query(text=wording, embedding=embedding))
            if found:
                numbers = np.array([answers[other.answer] for other in found])
                yield _Asked(likeness=likeness, answers=numbers, right=numbers == answers[pair.answer])


def without_folds(
    pairs: Sequence[Pair], embed: Embed, *, dimension: int, seed: int
) -> Iterator[tuple[Retriever, list[tuple[str, Pair, FloatArray]]]]:
    """Retrievers that each lack a fifth of the wordings, and those wordings with their pairs and embeddings."""
    units = [(pair.id, wording) for pair in pairs for wording in pair.questions]
    fold_of = dict(zip(units, np.random.default_rng(seed).integers(0, FOLDS, len(units)).tolist(), strict=True))
    for fold in range(FOLDS):
        left, removed = [], []
        for pair in pairs:
            kept = [wording for wording in pair.questions if fold_of[pair.id, wording] != fold]
            removed += [(wording, pair) for wording in pair.questions if fold_of[pair.id, wording] == fold]
            if kept:
                left.append(pair.with_values(question=kept[0], also_asked=tuple(kept[1:])))
        if left and removed:
            embeddings = embed([wording for wording, _ in removed])
            yield (
                Retriever.build(left, embed, dimension=dimension),
                [(wording, pair, row) for (wording, pair), row in zip(removed, embeddings, strict=True)],
            )


def _weightings(default: Ranking) -> Iterator[Ranking]:
    for nearer, passage, part, lexical in product(NEARER_WEIGHTS, PASSAGE_WEIGHTS, PART_WEIGHTS, LEXICAL_WEIGHTS):
        yield replace(default, nearer=nearer, passage=passage, part=part, lexical=lexical)


def _ranks(asked: _Asked, ranking: Ranking) -> int:
    """The place of the right answer among the answers, 1 for the first."""
    scores = ranking.scores(asked.likeness)
    best = scores[asked.right].max()
    return 1 + len(np.unique(asked.answers[scores > best]))


def _mrr(asked: Sequence[_Asked], ranking: Ranking) -> float:
    ranks = np.array([_ranks(one, ranking) for one in asked], np.float64)
    return float(np.mean((ranks <= 10) / ranks)) if len(ranks) else float("nan")


def _with_probability(asked: Sequence[_Asked], ranking: Ranking) -> Ranking | None:
    """`ranking` with a probability fitted to how often the first answer was right; None where there is too little."""
    rows, right, answered = [], [], []
    for one in asked:
        scores = ranking.scores(one.likeness)
        first = int(scores.argmax())
        others = scores[one.answers != one.answers[first]]
        rows.append((scores[first], scores[first] - others.max(initial=0.0)))
        right.append(bool(one.right[first]))
        answered.append(bool(one.right.any()))
    if min(sum(right), len(right) - sum(right)) < LEAST_OF_A_KIND:
        return None
    left = np.array(answered)
    if left.all():
        weights = np.ones(len(left))
    else:
        weights = np.where(left, (1 - UNANSWERED_SHARE) / left.sum(), UNANSWERED_SHARE / (~left).sum()) * len(left)
    for used in ([0, 1], [1], [0]):  # neither a higher score nor a wider gap may make an answer less likely
        # Two numbers of unlike spread: with a weak penalty their scale does not matter.
        regression = LogisticRegression(C=100.0, max_iter=1_000)
        regression.fit(np.array(rows)[:, used], right, sample_weight=weights)
        if regression.coef_.min() >= 0:
            slope, gap = (dict(zip(used, map(float, regression.coef_[0]), strict=True)).get(at, 0.0) for at in (0, 1))
            return replace(ranking, intercept=float(regression.intercept_[0]), slope=slope, gap=gap)
    return None
