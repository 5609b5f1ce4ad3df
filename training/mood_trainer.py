"""Makes the weights of `nlu.mood` from GoEmotions and from customer-service messages written for Kefu.

    python -m training.mood_trainer GOEMOTIONS_FOLDER [--to FOLDER]

A logistic regression on the frozen encoder's embedding for each of three sentiments and four emotions. Regressions
learn from `train`; temperature, Platt scaling and thresholds come from `dev`; `test` gives the figures. GoEmotions
knows no urgency: that is learned from `training/data/service_messages.jsonl` alone and calibrated on its messages
out of fold.

Sentiments are the paper's groups. Its ambiguous group (realization, surprise, curiosity, confusion) counts as neutral,
because in customer service it is mostly a question; a text with a positive and a negative label is left out. Anger is
the label anger, and annoyance where disgust goes with it. Frustration is annoyance or disappointment, and not
disapproval, which on Reddit is mostly to contradict somebody.

Source: Demszky et al., "GoEmotions: A Dataset of Fine-Grained Emotions", ACL 2020, section 3.
"""

import argparse
import csv
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from configs.assistant_config import EncoderConfig
from configs.json_lines import read_json_lines
from nlu.checkpoint import find_checkpoint
from nlu.encoder import Encoder, FloatArray
from nlu.mood import EMOTIONS, FORMAT_VERSION, SENTIMENTS, WEIGHTS_NAME, MoodError, MoodReader, MoodWeights
from training.calibration import fit_temperature

Truth = NDArray[np.bool_]

POSITIVE = frozenset({"admiration", "amusement", "approval", "caring", "desire", "excitement"}) | frozenset(
    {"gratitude", "joy", "love", "optimism", "pride", "relief"}
)
NEGATIVE = frozenset({"anger", "annoyance", "disappointment", "disapproval", "disgust", "embarrassment"}) | frozenset(
    {"fear", "grief", "nervousness", "remorse", "sadness"}
)
AMBIGUOUS = frozenset({"confusion", "curiosity", "realization", "surprise"})
LABELS = POSITIVE | NEGATIVE | AMBIGUOUS | {"neutral"}
LEARNED_FROM_GOEMOTIONS = EMOTIONS[:3]

INVERSE_REGULARISATION = 10.0
SERVICE_WEIGHT = 10.0  # one of our messages against one of Reddit; costs under half a point on GoEmotions dev
URGENT_SHARE = 0.1  # assumed of real messages; nearly half of ours are urgent
FOLDS = 10
PROBES = (
    "Where is my order?",
    "I want to send the red shoes back and get my money.",
    "You have charged me twice, this is unacceptable!",
    "Thank you so much for your help.",
    "Please stop the delivery, it is urgent.",
    "My grandmother bakes bread in the mountains on Sundays.",
)
SOURCES = (
    {
        "name": "GoEmotions",
        "url": "https://github.com/google-research/google-research/tree/master/goemotions",
        "licence": "Apache-2.0",
    },
    {"name": "training/data/service_messages.jsonl, written for Kefu", "licence": "Apache-2.0"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoodText:
    """A text with what is known of its mood.

    Attributes:
        sentiment: One of `SENTIMENTS`, or None where it is mixed.
        emotions: Those of `EMOTIONS` that it shows.
        labels: Of GoEmotions; none for other texts.
    """

    text: str
    sentiment: str | None
    emotions: frozenset[str]
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Embedded:
    """Texts with their embeddings, shape (n, d)."""

    texts: Sequence[MoodText]
    embeddings: FloatArray

    def shows(self, emotion: str) -> Truth:
        """Shape (n,): which texts show `emotion`."""
        return np.array([emotion in text.emotions for text in self.texts], bool)

    def classes(self) -> NDArray[np.int64]:
        """Shape (n,): the number of each text's sentiment in `SENTIMENTS`, -1 where it is mixed."""
        return np.array(
            [-1 if text.sentiment is None else SENTIMENTS.index(text.sentiment) for text in self.texts], np.int64
        )


def sentiment_of(labels: frozenset[str]) -> str | None:
    """The sentiment of a text with these GoEmotions labels; None where they contradict each other."""
    positive, negative = bool(labels & POSITIVE), bool(labels & NEGATIVE)
    if positive and negative:
        return None
    return "positive" if positive else "negative" if negative else "neutral"


def emotions_of(labels: frozenset[str]) -> frozenset[str]:
    """The emotions of `nlu.mood` that these GoEmotions labels stand for."""
    shown = {
        "anger": "anger" in labels or {"annoyance", "disgust"} <= labels,
        "frustration": bool(labels & {"annoyance", "disappointment"}),
        "gratitude": "gratitude" in labels,
    }
    return frozenset(name for name, present in shown.items() if present)


def read_goemotions(path: Path) -> list[MoodText]:
    """The texts of a CSV file with the columns `text` and `labels`, the latter joined by a bar.

    Raises:
        MoodError: The file is missing, lacks a column, or has a label that GoEmotions does not know.
    """
    texts = []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in (reader := csv.DictReader(file)):
                labels = frozenset(row["labels"].split("|"))
                if unknown := labels - LABELS:
                    raise MoodError(f"{path}:{reader.line_num}: unknown labels {sorted(unknown)}. Use GoEmotions'.")
                texts.append(
                    MoodText(
                        text=row["text"], sentiment=sentiment_of(labels), emotions=emotions_of(labels), labels=labels
                    )
                )
    except (OSError, UnicodeDecodeError, KeyError) as error:
        raise MoodError(f"{path} cannot be read: {error!r}. It needs the columns text and labels.") from error
    return texts


def read_messages(path: Path) -> list[MoodText]:
    """Messages written for Kefu: objects with `text` and, where known, `sentiment`, `emotions` and `urgent`.

    Raises:
        AssistantError: The file cannot be read or is not JSON Lines.
        MoodError: A sentiment or an emotion has another name.
    """
    messages = []
    for line, row in read_json_lines(path):
        emotions = frozenset(row.get("emotions", ())) | (frozenset({"urgency"}) if row.get("urgent") else frozenset())
        if row.get("sentiment") not in (None, *SENTIMENTS) or not emotions <= set(EMOTIONS):
            raise MoodError(f"{path}:{line}: unknown mood {row}. Use {SENTIMENTS} and {EMOTIONS}.")
        messages.append(MoodText(text=row["text"], sentiment=row.get("sentiment"), emotions=emotions))
    return messages


def embed(encoder: Encoder, texts: Sequence[MoodText]) -> Embedded:
    """`texts` with what `encoder` makes of them."""
    return Embedded(texts=texts, embeddings=encoder.encode([text.text for text in texts]).plain)


def fit_mood(encoder: Encoder, train: Embedded, dev: Embedded, service: Embedded, name: str) -> MoodWeights:
    """Learns the head.

    Args:
        encoder: What embedded the texts; it embeds the probes, too.
        train: GoEmotions, to learn from.
        dev: GoEmotions, to calibrate on.
        service: Our own messages, with urgency.
        name: Of the encoder.
    """
    rows = [_fit_emotion(train, dev, service, emotion) for emotion in LEARNED_FROM_GOEMOTIONS]
    rows.append(_fit_urgency(service))
    weight, bias = _fit_sentiment(train, dev, service)
    return MoodWeights(
        encoder=name,
        weight=np.concatenate([weight, *(row[0] for row in rows)]).astype(np.float32, order="C"),
        bias=np.concatenate([bias, *(row[1] for row in rows)]).astype(np.float32),
        thresholds=np.array([row[2] for row in rows], np.float32),
        probes=PROBES,
        probe_embeddings=encoder.encode(PROBES).plain,
    )


def _regression() -> LogisticRegression:
    return LogisticRegression(C=INVERSE_REGULARISATION, max_iter=1_000)


def _fit_sentiment(train: Embedded, dev: Embedded, service: Embedded) -> tuple[FloatArray, FloatArray]:
    """Weight (3, d) and bias (3,), divided by the temperature."""
    rows, classes, weights = _joined(train, service, Embedded.classes)
    known = classes >= 0
    regression = _regression().fit(rows[known], classes[known], sample_weight=weights[known])
    dev_classes = dev.classes()
    clear = dev_classes >= 0
    temperature = fit_temperature(regression.decision_function(dev.embeddings[clear]), dev_classes[clear])
    return regression.coef_ / temperature, regression.intercept_ / temperature


def _fit_emotion(
    train: Embedded, dev: Embedded, service: Embedded, emotion: str
) -> tuple[FloatArray, FloatArray, float]:
    """Weight (1, d), bias (1,) and threshold."""
    rows, shown, weights = _joined(train, service, lambda part: part.shows(emotion))
    regression = _regression().fit(rows, shown, sample_weight=weights)
    truth = dev.shows(emotion)
    scores = regression.decision_function(dev.embeddings)
    return _calibrated(regression, scores, truth, np.ones(len(truth)))


def _fit_urgency(service: Embedded) -> tuple[FloatArray, FloatArray, float]:
    """As `_fit_emotion`; calibrated on scores that each come from a regression without that message."""
    truth = service.shows("urgency")
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    scores = cross_val_predict(_regression(), service.embeddings, truth, cv=folds, method="decision_function")
    weights = np.where(truth, URGENT_SHARE / truth.mean(), (1 - URGENT_SHARE) / (1 - truth.mean()))
    return _calibrated(_regression().fit(service.embeddings, truth), scores, truth, weights)


def _joined(
    train: Embedded, service: Embedded, target: Callable[[Embedded], NDArray[Any]]
) -> tuple[FloatArray, NDArray[Any], NDArray[np.float64]]:
    """Embeddings, targets and weights of both."""
    rows = np.concatenate([train.embeddings, service.embeddings])
    weights = np.repeat([1.0, SERVICE_WEIGHT], [len(train.texts), len(service.texts)])
    return rows, np.concatenate([target(train), target(service)]), weights


def _calibrated(
    regression: LogisticRegression, scores: NDArray[np.float64], truth: Truth, weights: NDArray[np.float64]
) -> tuple[FloatArray, FloatArray, float]:
    """The regression with Platt scaling folded in, and the threshold of the best F1.

    Source: Platt, "Probabilistic Outputs for Support Vector Machines", 1999.
    """
    platt = LogisticRegression(C=1e6).fit(scores[:, None], truth, sample_weight=weights)
    slope, shift = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    threshold = best_threshold(platt.predict_proba(scores[:, None])[:, 1], truth, weights)
    return regression.coef_ * slope, regression.intercept_ * slope + shift, threshold


def best_threshold(probabilities: NDArray[np.float64], truth: Truth, weights: NDArray[np.float64]) -> float:
    """The threshold with the best weighted F1 for `probabilities` at or above it; the highest of equals.

    It lies halfway between two neighbouring probabilities, so that rounding does not move a text across it.
    """
    order = np.argsort(-probabilities, kind="stable")
    sure, hits, taken = probabilities[order], np.cumsum((truth * weights)[order]), np.cumsum(weights[order])
    ends = np.flatnonzero(np.append(np.diff(sure) != 0, True))
    best = int(ends[np.argmax((2 * hits / (taken + hits[-1]))[ends])])
    below = float(sure[best + 1]) if best + 1 < len(sure) else 0.0
    return (float(sure[best]) + below) / 2


def sentiment_figures(reader: MoodReader, part: Embedded) -> dict[str, float]:
    """Macro-F1 and accuracy over the texts whose sentiment is clear."""
    classes = part.classes()
    clear = classes >= 0
    moods = reader.read(part.embeddings[clear])
    read = np.array([SENTIMENTS.index(mood.sentiment) for mood in moods])
    return {
        "texts": len(moods),
        "macro_f1": float(f1_score(classes[clear], read, average="macro")),
        "accuracy": float((classes[clear] == read).mean()),
    }


def emotion_figures(reader: MoodReader, part: Embedded, emotion: str) -> dict[str, float]:
    """F1, precision and recall at the shipped threshold, and AUROC, which needs none."""
    truth = part.shows(emotion)
    moods = reader.read(part.embeddings)
    felt = np.array([emotion in mood.felt for mood in moods])
    hits = float((truth & felt).sum())
    return {
        "shown": int(truth.sum()),
        "f1": float(f1_score(truth, felt)),
        "precision": hits / max(1.0, float(felt.sum())),
        "recall": hits / max(1.0, float(truth.sum())),
        "auroc": float(roc_auc_score(truth, [mood.emotions[emotion] for mood in moods])),
    }


def write_mood_weights(weights: MoodWeights, figures: Mapping[str, Any], folder: Path, made_on: str) -> None:
    """Writes the two files that `nlu.mood.read_mood_weights` reads; equal weights give equal bytes."""
    # safetensors writes memory as it lies, so anything but C order would come back as other numbers.
    arrays: dict[str, NDArray[Any]] = {
        "weight": weights.weight.astype(np.float16, order="C"),
        "bias": weights.bias,
        "thresholds": weights.thresholds,
        "probe_embeddings": weights.probe_embeddings.astype(np.float16, order="C"),
    }
    about = {
        "format_version": FORMAT_VERSION,
        "encoder": weights.encoder,
        "sentiments": SENTIMENTS,
        "emotions": EMOTIONS,
        "probes": weights.probes,
        "sources": SOURCES,
        "made_on": made_on,
        "figures": figures,
    }
    (folder / f"{WEIGHTS_NAME}.safetensors").write_bytes(save(arrays))
    (folder / f"{WEIGHTS_NAME}.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")


def make_mood_weights(encoder: Encoder, goemotions: Path, service: Path, to: Path, name: str) -> dict[str, Any]:
    """Reads, embeds, fits, writes to the folder `to`, and returns the figures on GoEmotions' test part."""
    train, dev, test = (embed(encoder, read_goemotions(goemotions / f"{p}.csv")) for p in ("train", "dev", "test"))
    weights = fit_mood(encoder, train, dev, embed(encoder, read_messages(service)), name)
    reader = MoodReader(weights)
    figures = {
        "goemotions_test_sentiment": sentiment_figures(reader, test),
        **{f"goemotions_test_{e}": emotion_figures(reader, test, e) for e in LEARNED_FROM_GOEMOTIONS},
    }
    rounded = {name: {key: round(value, 4) for key, value in part.items()} for name, part in figures.items()}
    write_mood_weights(weights, rounded, to, datetime.now(UTC).date().isoformat())
    return rounded


def main() -> int:
    """Makes the shipped weights anew."""
    import torch  # noqa: PLC0415

    from nlu.torch_encoder import load_torch_encoder  # noqa: PLC0415

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("goemotions", type=Path, help="folder with train.csv, dev.csv and test.csv")
    parser.add_argument("--to", type=Path, default=Path(str(files("nlu") / "weights")))
    options = parser.parse_args()
    config = EncoderConfig()
    encoder = load_torch_encoder(find_checkpoint(config, Path()), 2, torch.device("cpu"))
    service = Path(str(files("training") / "data" / "service_messages.jsonl"))
    figures = make_mood_weights(encoder, options.goemotions, service, options.to, config.name)
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
