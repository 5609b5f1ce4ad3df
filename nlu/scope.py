"""Whether a message is about anything the assistant was taught.

A classifier's surest guess says little about a message that belongs to no intent. Two other things do: the energy of
its logits, and how near the message lies to the examples in the space that fine-tuning has not touched. Both are
compared with what they are for messages that do belong, which needs no message that does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlu.encoder import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScopeScorer:
    """Scores how a message compares with messages that were set aside and belong to an intent.

    Attributes:
        centres: Shape (m, d), unit rows: what the examples of the intents gather around, in untouched embeddings.
        weights: Of the energy, of the nearness, and a constant: what is added up.
        reference: The sums of the messages that were set aside, rising; some hundred quantiles of them at most.
    """

    centres: FloatArray
    weights: tuple[float, float, float]
    reference: NDArray[np.float64]

    def score(self, logits: FloatArray, embeddings: FloatArray) -> NDArray[np.float64]:
        """For each message, the share of messages in scope that look less like one, in [0, 1]: higher is surer.

        Whatever share lies below a threshold is the share of customers' proper messages that it turns away.

        Args:
            logits: Shape (n, classes).
            embeddings: Shape (n, d), untouched.
        """
        sums = self.sums(logits, embeddings)
        if len(self.reference) < 2:
            return np.ones(len(sums))
        return np.interp(sums, self.reference, np.linspace(0.0, 1.0, len(self.reference)))

    def sums(self, logits: FloatArray, embeddings: FloatArray) -> NDArray[np.float64]:
        """The weighted sum of energy and nearness that `reference` orders, shape (n,); higher is surer."""
        by_energy, by_nearness, constant = self.weights
        near = nearness(embeddings, self.centres)
        return np.asarray(by_energy * energy(logits) + by_nearness * near + constant)

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """As a release keeps it."""
        return {
            "centres": self.centres,
            "weights": np.array(self.weights, np.float32),
            "reference": self.reference.astype(np.float32),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float32]]) -> "ScopeScorer":
        """What `to_arrays` gave.

        Raises:
            ValueError: They do not fit together.
        """
        centres, weights, reference = (arrays[name] for name in ("centres", "weights", "reference"))
        if centres.ndim != 2 or weights.shape != (3,) or reference.ndim != 1:
            raise ValueError("the scope scores have the wrong shapes")
        return cls(
            centres=np.ascontiguousarray(centres),
            weights=(float(weights[0]), float(weights[1]), float(weights[2])),
            reference=reference.astype(np.float64),
        )


def energy(logits: FloatArray) -> NDArray[np.float64]:
    """Log sum exp of each row, shape (n,): high where some class fits well.

    Source: Liu et al., "Energy-based Out-of-distribution Detection", NeurIPS 2020, equation 4, with the sign turned.
    """
    highest = logits.max(axis=1, initial=-np.inf)
    return np.asarray(highest + np.log(np.exp(logits.astype(np.float64) - highest[:, None]).sum(axis=1)))


def nearness(embeddings: FloatArray, centres: FloatArray) -> NDArray[np.float64]:
    """Cosine of each row to the nearest centre, shape (n,)."""
    return np.asarray((embeddings @ centres.T).max(axis=1, initial=-1.0), np.float64)
