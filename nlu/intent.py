"""Logits in, calibrated intent probabilities out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlu.encoder import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentScore:
    """An intent and its calibrated probability in [0, 1], higher is surer."""

    name: str
    probability: float


class IntentClassifier:
    """Names the head's classes and softens its logits.

    Args:
        labels: The intent of each class, in the head's order.
        temperature: Logits are divided by it before the softmax; above 1 makes the model less sure.
            Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2.
    """

    def __init__(self, labels: Sequence[str], temperature: float = 1.0) -> None:
        if not temperature > 0:
            raise ValueError(f"temperature is {temperature}; it must be above 0")
        self.labels = tuple(labels)
        self.temperature = temperature

    def rank(self, logits: FloatArray) -> list[tuple[IntentScore, ...]]:
        """All intents of each row of `logits` (n, classes), the likeliest first."""
        probabilities = softmax(logits / self.temperature)
        order = np.argsort(-probabilities, axis=1, kind="stable")
        return [
            tuple(IntentScore(name=self.labels[i], probability=row[i]) for i in indices)
            for row, indices in zip(probabilities.tolist(), order.tolist(), strict=True)
        ]


def softmax(logits: FloatArray | NDArray[np.float64]) -> NDArray[np.float64]:
    """Row-wise softmax, computed in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True, initial=-np.inf)
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
