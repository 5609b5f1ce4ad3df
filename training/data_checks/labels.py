"""Examples that look as if they belonged to another intent, by confident learning on held-out probabilities."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from nlu.encoder import FloatArray
from training.data_checks.corpus import Corpus
from training.data_checks.finding import Finding, Kind, Severity
from training.data_checks.neighbours import nearest_rows

FOLDS = 5
INVERSE_REGULARISATION = 10.0
# How much likelier than its own intent another one must be. With a twentieth of the labels of BANKING77 swapped,
# seven of ten examples found from 0.2 on are swapped ones; the false alarms on a clean file lie mostly below 0.5.
HINT_MARGIN, WARNING_MARGIN = 0.2, 0.5
Probabilities = NDArray[np.float64]


def deal_folds(groups: Sequence[object], classes: NDArray[np.int64], seed: int = 0) -> NDArray[np.int64]:
    """A fold for each example: the examples of a class are spread evenly, and a group stays in one fold.

    Args:
        groups: Of each example; examples of one group, such as equal texts, must not stand on both sides.
        classes: Of each example.
    """
    dealt: dict[object, int] = {}
    order = np.random.default_rng(seed).permutation(len(classes))
    for position in order[np.argsort(classes[order], kind="stable")]:
        dealt.setdefault(groups[position], len(dealt) % FOLDS)
    return np.array([dealt[group] for group in groups], np.int64)


def held_out_probabilities(
    embeddings: FloatArray, classes: NDArray[np.int64], folds: NDArray[np.int64]
) -> Probabilities:
    """Shape (n, classes): of each example by a logistic regression that did not learn its fold.

    A class that stands in one fold only has probability 0 there.
    """
    probabilities = np.zeros((len(classes), int(classes.max()) + 1))
    for fold in np.unique(folds):
        held = folds == fold
        known = np.unique(classes[~held])
        if len(known) == 1:
            probabilities[held, known[0]] = 1.0
        elif len(known):
            regression = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=1_000)
            regression.fit(embeddings[~held], classes[~held])
            probabilities[np.ix_(held, known)] = regression.predict_proba(embeddings[held])
    return probabilities


def confident_classes(probabilities: Probabilities, classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each example the likeliest class among those it belongs to with confidence, or -1.

    It belongs to a class with confidence if its probability reaches the mean that the examples given that class
    have there. An example counted under another class than its own is likely mislabelled: it lies off the diagonal
    of the confident joint.

    Source: Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 2021,
    equations 1 and 2.
    """
    count = probabilities.shape[1]
    thresholds = np.full(count, np.inf)
    for number in np.unique(classes):
        thresholds[number] = probabilities[classes == number, number].mean()
    confident = np.where(probabilities >= thresholds, probabilities, -1.0)
    best: NDArray[np.int64] = confident.argmax(axis=1).astype(np.int64)
    best[confident.max(axis=1) < 0.0] = -1
    return best


def mislabelled(corpus: Corpus, probabilities: Probabilities) -> list[Finding]:
    """The examples that count under another intent, and whose nearest other example is of that intent too."""
    rows = np.arange(len(corpus.classes))
    looks_like = confident_classes(probabilities, corpus.classes)
    margins = probabilities[rows, looks_like] - probabilities[rows, corpus.classes]
    nearest = nearest_rows(corpus.embeddings, corpus.embeddings, corpus.key_ids, corpus.key_ids).row
    return [
        Finding(
            kind=Kind.MISLABELLED,
            severity=Severity.WARNING if margins[row] >= WARNING_MARGIN else Severity.HINT,
            message=f"This example of {corpus.examples[row].intent} looks like {corpus.intents[looks_like[row]]}; "
            "the example most like it stands there.",
            advice=f"If {corpus.intents[looks_like[row]]} has the better answer, move it there; if not, write more "
            f"examples of {corpus.examples[row].intent} like it.",
            passages=(corpus.passage(int(row)), corpus.passage(int(nearest[row]))),
            weight=float(margins[row]),
        )
        for row in np.flatnonzero((looks_like >= 0) & (looks_like != corpus.classes) & (margins >= HINT_MARGIN))
        if nearest[row] >= 0 and corpus.classes[nearest[row]] == looks_like[row]
    ]
