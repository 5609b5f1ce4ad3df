"""How a message sounds: sentiment and four emotions, read from an embedding that is computed anyway.

Owns the shipped weights and what they may be used with. They were learned from the embeddings of one encoder as it is
published, so `mood_reader_for` first embeds a few probe sentences and compares: another encoder
gets no reader instead of nonsense. They read the plain embedding, which no training moves. What they were made from is
in the JSON beside them; `training.mood_trainer` makes them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from configs.errors import KefuError
from nlu.encoder import Encoder, FloatArray
from nlu.intent import softmax

WEIGHTS_NAME = "mood_all_minilm_l6_v2"
SENTIMENTS = ("negative", "neutral", "positive")
EMOTIONS = ("anger", "frustration", "gratitude", "urgency")
FORMAT_VERSION = 1
# An int8 graph stays above 0.98; unrelated encoders lie near 0.
MIN_PROBE_COS = 0.9


class MoodError(KefuError):
    """The mood head's weights, or the texts that it learns from, are missing or damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mood:
    """How one message sounds.

    Attributes:
        sentiment: The likeliest of `SENTIMENTS`.
        sentiments: Calibrated probability of each of `SENTIMENTS`; they sum to 1.
        emotions: Calibrated probability of each of `EMOTIONS`, each on its own in [0, 1].
        felt: The emotions whose probability reaches their threshold.
    """

    sentiment: str
    sentiments: Mapping[str, float]
    emotions: Mapping[str, float]
    felt: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MoodWeights:
    """A linear head with the calibration folded in.

    Attributes:
        encoder: The name of the encoder whose embeddings it reads.
        weight: Shape (7, d), float32: the rows of `SENTIMENTS`, then of `EMOTIONS`.
        bias: Shape (7,), float32.
        thresholds: Shape (4,), float32, probabilities in the order of `EMOTIONS`.
        probes: Sentences that tell the encoder from others.
        probe_embeddings: Shape (probes, d), float32, as that encoder embeds them.
    """

    encoder: str
    weight: FloatArray
    bias: FloatArray
    thresholds: FloatArray
    probes: tuple[str, ...]
    probe_embeddings: FloatArray


class MoodReader:
    """Reads moods from embeddings of the encoder that `weights` were learned from."""

    def __init__(self, weights: MoodWeights) -> None:
        self.weights = weights

    @property
    def dimension(self) -> int:
        """Length of an embedding that can be read."""
        return int(self.weights.weight.shape[1])

    def read(self, embeddings: FloatArray) -> list[Mood]:
        """The mood of each row of `embeddings`, shape (n, d), float32, rows of length 1.

        Raises:
            ValueError: The rows are not `dimension` long.
        """
        if embeddings.ndim != 2 or embeddings.shape[1] != self.dimension:
            raise ValueError(
                f"embeddings have the shape {embeddings.shape}; the mood head reads (n, {self.dimension}), as "
                f"{self.weights.encoder} gives them"
            )
        scores = embeddings @ self.weights.weight.T + self.weights.bias
        sentiments = softmax(scores[:, : len(SENTIMENTS)])
        emotions = sigmoid(scores[:, len(SENTIMENTS) :])
        return [self._mood(*row) for row in zip(sentiments, emotions, strict=True)]

    def _mood(self, sentiments: NDArray[np.float64], emotions: NDArray[np.float64]) -> Mood:
        return Mood(
            sentiment=SENTIMENTS[int(sentiments.argmax())],
            sentiments=dict(zip(SENTIMENTS, map(float, sentiments), strict=True)),
            emotions=dict(zip(EMOTIONS, map(float, emotions), strict=True)),
            felt=tuple(
                name for name, p, least in zip(EMOTIONS, emotions, self.weights.thresholds, strict=True) if p >= least
            ),
        )


def mood_reader_for(encoder: Encoder, weights: MoodWeights | None = None) -> MoodReader | None:
    """A reader for what `encoder` embeds, or None where the weights were not learned from this encoder.

    Args:
        weights: The shipped ones where None.

    Raises:
        MoodError: The shipped weights are missing or damaged.
    """
    weights = weights or read_mood_weights()
    return MoodReader(weights) if least_probe_cos(encoder, weights) >= MIN_PROBE_COS else None


def least_probe_cos(encoder: Encoder, weights: MoodWeights) -> float:
    """Cosine of the probe that `encoder` embeds least like the encoder of `weights`; -1 at another dimension."""
    if encoder.dimension != weights.weight.shape[1]:
        return -1.0
    return float((encoder.encode(weights.probes).plain * weights.probe_embeddings).sum(axis=1).min())


def read_mood_weights(folder: Traversable | None = None) -> MoodWeights:
    """The weights in `folder`, which are the shipped ones where it is None.

    Raises:
        MoodError: A file is missing, damaged, or of another format.
    """
    folder = folder or files("nlu") / "weights"
    try:
        about = json.loads((folder / f"{WEIGHTS_NAME}.json").read_text("utf-8"))
        arrays = load((folder / f"{WEIGHTS_NAME}.safetensors").read_bytes())
        weights = MoodWeights(
            encoder=str(about["encoder"]),
            weight=arrays["weight"].astype(np.float32),
            bias=arrays["bias"].astype(np.float32),
            thresholds=arrays["thresholds"].astype(np.float32),
            probes=tuple(map(str, about["probes"])),
            probe_embeddings=arrays["probe_embeddings"].astype(np.float32),
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise MoodError(f"{folder}: the mood weights cannot be read: {error!r}. Install Kefu again.") from error
    _check(weights, about, folder)
    return weights


def _check(weights: MoodWeights, about: Mapping[str, object], folder: Traversable) -> None:
    rows = len(SENTIMENTS) + len(EMOTIONS)
    dimension = weights.weight.shape[-1]
    found = [about.get("format_version"), about.get("sentiments"), about.get("emotions")]
    wanted = [FORMAT_VERSION, list(SENTIMENTS), list(EMOTIONS)]
    shapes = [a.shape for a in (weights.weight, weights.bias, weights.thresholds, weights.probe_embeddings)]
    right = [(rows, dimension), (rows,), (len(EMOTIONS),), (len(weights.probes), dimension)]
    if found != wanted or shapes != right or not weights.probes:
        raise MoodError(
            f"{folder}: the mood weights are {found} of shapes {shapes}; this Kefu reads {wanted} of shapes {right}. "
            "Make them again with `python -m training.mood_trainer`."
        )


def sigmoid(scores: FloatArray | NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + e^-score) of each score, computed in float64 and without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * scores.astype(np.float64))))
