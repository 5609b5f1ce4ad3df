"""Fits the temperature that makes intent probabilities mean what they say."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from nlu.encoder import FloatArray
from nlu.intent import softmax

_LOG_BOUNDS = (-3.0, 3.0)
_PRIOR_DEVIATION = 0.5  # of log T around 0: a handful of messages, all right, must not make the model certain


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
