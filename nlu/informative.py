"""Which messages teach most when a person says what they mean. Pure: arrays in, places out."""

import numpy as np
from numpy.typing import NDArray

from nlu.encoder import FloatArray

Floats = NDArray[np.float64]

NEIGHBOURS = 20
TYPICAL_POWER = 0.5
SAME = 0.1  # squared distance, a cosine of 0.95: what lies nearer to a known message says hardly anything new
BLOCK = 512


def uncertainty(probabilities: FloatArray) -> Floats:
    """1 minus the margin between the two likeliest classes, shape (n,), in [0, 1], higher is less sure.

    Args:
        probabilities: Shape (n, c), each row a distribution.

    Source: Scheffer, Decomain and Wrobel, 2001, "Active hidden Markov models for information extraction".
    """
    if probabilities.shape[1] < 2:
        return np.ones(len(probabilities))
    top = np.partition(np.asarray(probabilities, np.float64), -2, axis=1)[:, -2:]
    margins: Floats = top[:, 1] - top[:, 0]
    return np.clip(1 - margins, 0.0, 1.0)


def typicality(embeddings: FloatArray, neighbours: int = NEIGHBOURS) -> Floats:
    """How much like others each message is: its mean cosine to the nearest of them, shape (n,), in [0, 1].

    Source: Settles and Craven, 2008, "An analysis of active learning strategies for sequence labeling tasks", whose
    information density it is, over near messages instead of all.
    """
    others = min(neighbours, len(embeddings) - 1)
    if others < 1:
        return np.ones(len(embeddings))
    found = np.empty(len(embeddings))
    for begin in range(0, len(embeddings), BLOCK):
        alike = embeddings[begin : begin + BLOCK] @ embeddings.T
        rows = np.arange(len(alike))
        alike[rows, begin + rows] = -np.inf
        nearest = np.partition(alike, -others, axis=1)[:, -others:]
        found[begin : begin + BLOCK] = nearest.mean(axis=1, dtype=np.float64)
    return np.clip(found, 0.0, 1.0)


def choose(
    probabilities: FloatArray,
    embeddings: FloatArray,
    count: int,
    *,
    known: FloatArray,
    weights: NDArray[np.floating] | None = None,
) -> list[int]:
    """The places of at most `count` messages, those first from which most is learned; always the same ones.

    One after the other that message is taken of which uncertainty, the root of its typicality, and squared distance to
    the nearest one taken before make the highest product: the seeding of k-means++ without its dice, weighted by how
    unsure the model is, so that a second message like the first has to wait. Distance to known messages counts only
    within `SAME`: further on, what is near to known ones lies where meanings meet, and teaches more than what is far.

    Args:
        probabilities: Shape (n, c), each row a distribution.
        embeddings: Shape (n, d), float32, rows of length 1.
        known: Shape (m, d): messages whose meaning is known already; none are needed.
        weights: Shape (n,), not negative: what else speaks for a message.

    Source: Arthur and Vassilvitskii, 2007, "k-means++: the advantages of careful seeding"; Ash, Zhang, Krishnamurthy,
    Langford and Agarwal, 2020, "Deep batch active learning by diverse, uncertain gradient lower bounds".
    """
    values = uncertainty(probabilities) * typicality(embeddings) ** TYPICAL_POWER
    if weights is not None:
        values = values * weights
    if len(known):
        values = values * np.minimum(1.0, _squared_distances(embeddings, known) / SAME)
    far = np.full(len(embeddings), 2.0)
    left = np.ones(len(embeddings), bool)
    taken: list[int] = []
    for _ in range(min(count, len(embeddings))):
        place = int(np.argmax(np.where(left, values * far, -1.0)))
        taken.append(place)
        left[place] = False
        far = np.minimum(far, _squared_distances(embeddings, embeddings[[place]]))
    return taken


def _squared_distances(embeddings: FloatArray, others: FloatArray) -> Floats:
    """To the nearest of the others, shape (n,), in [0, 4]."""
    nearest = np.clip((embeddings @ others.T).max(axis=1), -1.0, 1.0)
    return np.asarray(2 - 2 * nearest, np.float64)
