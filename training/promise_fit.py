"""Fits P(right) of candidate answers, and finds from where on answers keep the promised error rate.

The messages are cut in two. On the first part, with the assistant's own examples beside it where the messages are an
owner's labelled questions, the model is fitted, and the thresholds to test and their order are chosen. The second part
is for nothing but the tests.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from retrieval.evidence import Kind
from retrieval.promise import TERMS, Promise, PromiseFile, RightModel, terms_of
from training.metrics import RiskPoint, risk_coverage
from training.promise_evidence import Judged
from training.promise_finding import Tested, untested
from training.promise_threshold import Scored, find_threshold

LEAST_QUESTIONS = 100
LEAST_EXAMPLES = 100
FIT_SHARE = 1 / 3
LEAST_OF_A_KIND = 20  # right and wrong candidates, to fit a model by
FOLDS = 5
INVERSE_PENALTY = 1.0

Models = Mapping[Kind, RightModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseFit:
    """What came of it.

    Attributes:
        curve: Wrong answers against share answered, on the messages that were tested on.
        here: Where the promise stands on it; None without one.
    """

    file: PromiseFile
    curve: tuple[RiskPoint, ...]
    here: RiskPoint | None

    def figures(self) -> dict[str, float]:
        """For the manifest."""
        finding = self.file.finding
        figures = {
            "promise_messages": float(finding.messages),
            "promise_answered": finding.answered,
            "promise_wrong": finding.wrong,
            "promisable": finding.promisable,
        }
        return {**figures, "promised": self.file.promise.max_wrong_rate} if self.file.promise else figures


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rows:
    """All candidates of `count` messages.

    Attributes:
        terms: Shape (n, terms).
        messages: Which message each belongs to, from 0.
    """

    count: int
    terms: NDArray[np.float64]
    kinds: NDArray[np.str_]
    messages: NDArray[np.int64]
    right: NDArray[np.bool_]

    @classmethod
    def of(cls, messages: Sequence[Judged]) -> "_Rows":
        found = [
            (at, c, right) for at, m in enumerate(messages) for c, right in zip(m.candidates, m.right, strict=True)
        ]
        return cls(
            count=len(messages),
            terms=np.array([terms_of(candidate.evidence) for _, candidate, _ in found]).reshape(-1, len(TERMS)),
            kinds=np.array([candidate.kind.value for _, candidate, _ in found], np.str_),
            messages=np.array([at for at, _, _ in found], np.int64),
            right=np.array([right for _, _, right in found], bool),
        )

    def of_messages(self, chosen: NDArray[np.bool_]) -> "_Rows":
        kept = chosen[self.messages]
        return _Rows(
            count=int(chosen.sum()),
            terms=self.terms[kept],
            kinds=self.kinds[kept],
            messages=(np.cumsum(chosen) - 1)[self.messages[kept]],
            right=self.right[kept],
        )

    def and_of(self, other: "_Rows") -> "_Rows":
        return _Rows(
            count=self.count + other.count,
            terms=np.concatenate([self.terms, other.terms]),
            kinds=np.concatenate([self.kinds, other.kinds]),
            messages=np.concatenate([self.messages, other.messages + self.count]),
            right=np.concatenate([self.right, other.right]),
        )


def fit_promise(
    examples: Sequence[Judged],
    questions: Sequence[Judged],
    *,
    max_wrong_rate: float,
    confidence: float,
    seed: int,
) -> PromiseFit:
    """The promise that can be kept, if any, on messages like `questions`; where they are few, like `examples`."""
    basis = "questions" if len(questions) >= LEAST_QUESTIONS else "examples"
    messages = questions if basis == "questions" else examples
    if len(messages) < LEAST_EXAMPLES:
        found = untested(len(questions), LEAST_QUESTIONS, max_wrong_rate)
        return PromiseFit(file=PromiseFile(promise=None, finding=found), curve=(), here=None)
    order = np.random.default_rng(seed).permutation(len(messages)).tolist()
    cut = round(FIT_SHARE * len(messages))
    own, tested = (_Rows.of([messages[at] for at in part]) for part in (order[:cut], order[cut:]))
    beside = _Rows.of(examples if basis == "questions" else ())
    models = _models(own.and_of(beside))
    scored = _scored(tested, models)
    kept = find_threshold(_held_out_scores(own, beside), scored, max_wrong_rate, confidence)
    finding = Tested(
        basis=basis,
        rate=max_wrong_rate,
        confidence=confidence,
        messages=tested.count,
        share=1 - FIT_SHARE,
        first=kept.first,
        last=kept.last,
    ).finding()
    curve = tuple(risk_coverage(scored.sure, scored.right))
    if kept.threshold is None:
        return PromiseFit(file=PromiseFile(promise=None, finding=finding), curve=curve, here=None)
    promise = Promise(max_wrong_rate=max_wrong_rate, confidence=confidence, threshold=kept.threshold, models=models)
    here = RiskPoint(threshold=promise.threshold, answered=finding.answered, wrong=finding.wrong)
    return PromiseFit(file=PromiseFile(promise=promise, finding=finding), curve=curve, here=here)


def fit_models(messages: Sequence[Judged]) -> Models:
    """P(right) by kind of candidate; where there is too little to fit one, its own probability is believed."""
    return _models(_Rows.of(messages))


def score(messages: Sequence[Judged], models: Models) -> Scored:
    """For each message its likeliest candidate, by `models`."""
    return _scored(_Rows.of(messages), models)


def _models(rows: _Rows) -> Models:
    return {kind: _model(rows, kind) for kind in Kind}


def _model(rows: _Rows, kind: Kind) -> RightModel:
    terms, right = rows.terms[rows.kinds == kind], rows.right[rows.kinds == kind]
    if min(right.sum(), (~right).sum()) < LEAST_OF_A_KIND:
        return RightModel.believing(kind)
    scaler = StandardScaler().fit(terms)
    # Newton's steps: few and small, so that no threads are waited for.
    regression = LogisticRegression(C=INVERSE_PENALTY, solver="newton-cholesky", max_iter=200)
    found = regression.fit(scaler.transform(terms), right)
    weights = found.coef_[0] / scaler.scale_
    return RightModel(
        intercept=float(found.intercept_[0] - weights @ scaler.mean_),
        weights={term: float(weight) for term, weight in zip(TERMS, weights, strict=True)},
    )


def _scored(rows: _Rows, models: Models) -> Scored:
    logits = np.zeros(len(rows.right))
    for kind, model in models.items():
        of_kind = rows.kinds == kind
        weights = np.array([model.weights.get(term, 0.0) for term in TERMS])
        logits[of_kind] = model.intercept + rows.terms[of_kind] @ weights
    probabilities = 1 / (1 + np.exp(-np.clip(logits, -30.0, 30.0)))
    sure, right = np.zeros(rows.count), np.zeros(rows.count, bool)
    order = np.argsort(probabilities, kind="stable")  # the likeliest of a message is written last
    sure[rows.messages[order]] = probabilities[order]
    right[rows.messages[order]] = rows.right[order]
    return Scored(sure=sure, right=right)


def _held_out_scores(own: _Rows, beside: _Rows) -> Scored:
    """Each fifth of the messages, scored by what was fitted on the others."""
    sure, right = np.zeros(own.count), np.zeros(own.count, bool)
    for fold in range(FOLDS):
        part = np.arange(own.count) % FOLDS == fold
        scored = _scored(own.of_messages(part), _models(own.of_messages(~part).and_of(beside)))
        sure[part], right[part] = scored.sure, scored.right
    return Scored(sure=sure, right=right)
