"""Fits what makes a model's figures mean what they say: the temperature of intents, and what is in scope."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression

from nlu.encoder import FloatArray
from nlu.intent import softmax
from nlu.scope import ScopeScorer, energy, nearness

_LOG_BOUNDS = (-3.0, 3.0)
_PRIOR_DEVIATION = 0.5  # of log T around 0: a handful of messages, all right, must not make the model certain
CENTRES_OF_INTENT = 8  # more find no more out-of-scope messages on CLINC150, one finds 1.5 points fewer
MAX_REFERENCE = 201
MIN_OUTSIDE = 10
MIN_SPREAD = 1e-3


def fit_temperature(logits: FloatArray, classes: NDArray[np.int64]) -> float:
    """The temperature under which the held-out `classes` are likeliest, with a normal prior on its logarithm.

    Args:
        logits: Shape (n, classes), of messages that the model has not learned from.
        classes: Shape (n,). With none given the temperature is 1.

    Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2.
    """
    if not len(classes):
        return 1.0

    def loss(log_t: float) -> float:
        prior = (log_t / _PRIOR_DEVIATION) ** 2 / (2 * len(classes))
        return negative_log_likelihood(logits, classes, float(np.exp(log_t))) + prior

    found = minimize_scalar(loss, bounds=_LOG_BOUNDS, method="bounded")
    return float(np.exp(found.x))


def negative_log_likelihood(logits: FloatArray, classes: NDArray[np.int64], temperature: float = 1.0) -> float:
    """Mean of -log p(right class), in nats."""
    probabilities = softmax(logits / temperature)[np.arange(len(classes)), classes]
    return float(-np.log(np.maximum(probabilities, 1e-12)).mean())


def intent_centres(embeddings: FloatArray, classes: NDArray[np.int64], seed: int) -> FloatArray:
    """What the examples of each class gather around: unit rows (m, d), at most `CENTRES_OF_INTENT` a class."""
    centres = []
    for label in np.unique(classes):
        rows = np.unique(embeddings[classes == label], axis=0)
        found = rows
        if len(rows) > CENTRES_OF_INTENT:
            found = KMeans(CENTRES_OF_INTENT, n_init=1, random_state=seed).fit(rows).cluster_centers_
        centres.append(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9))
    return np.ascontiguousarray(np.concatenate(centres), np.float32)


def fit_scope(
    logits: FloatArray, embeddings: FloatArray, inside: NDArray[np.bool_], centres: FloatArray
) -> ScopeScorer:
    """Weighs energy and nearness, from messages that were set aside.

    Without messages that are out of scope both count alike, each in units of its spread over the messages in scope:
    on CLINC150 that tells more of them apart than either by itself. With ten or more of them, a logistic regression
    weighs them.

    Args:
        logits: Shape (n, classes).
        embeddings: Shape (n, d), untouched.
        inside: Shape (n,), whether each message belongs to an intent.
        centres: Shape (m, d).
    """
    features = np.stack([energy(logits), nearness(embeddings, centres)], axis=1)
    own = features[inside]
    if len(own) < 2:
        return ScopeScorer(centres=centres, weights=(1.0, 1.0, 0.0), reference=np.zeros(0))
    mean, spread = own.mean(axis=0), np.maximum(own.std(axis=0), MIN_SPREAD)
    slopes, constant = np.ones(2), 0.0
    if (~inside).sum() >= MIN_OUTSIDE:
        regression = LogisticRegression(class_weight="balanced").fit((features - mean) / spread, inside)
        slopes, constant = regression.coef_[0], float(regression.intercept_[0])
    weights = slopes / spread
    scorer = ScopeScorer(
        centres=centres,
        weights=(float(weights[0]), float(weights[1]), float(constant - (weights * mean).sum())),
        reference=np.zeros(0),
    )
    sums = np.sort(scorer.sums(logits[inside], embeddings[inside]))
    quantiles = np.quantile(sums, np.linspace(0.0, 1.0, min(len(sums), MAX_REFERENCE)))
    return ScopeScorer(centres=centres, weights=scorer.weights, reference=quantiles)
