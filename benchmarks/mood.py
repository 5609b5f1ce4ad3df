"""How well mood can be read from the frozen embedding: Reddit, television dialogue, and customer-service messages.

    python benchmarks/mood.py [--quick]

Embeds GoEmotions once, measures the shipped weights on its test part, on EmoryNLP's (neither was learned from), on 107
labelled customer-service messages, and urgency on 60 more. A linear head on all 28 GoEmotions labels, learned here with
a threshold a label from dev, shows what the embedding holds beside published figures; it is not shipped. EmoryNLP has
no anger and annoyance apart: Mad stands for anger; Joyful, Peaceful and Powerful are positive, Sad, Mad and Scared
negative. The 400 messages of the starter's shop are hardly ever urgent: what is flagged of them is mostly false alarm.
"""

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import Progress
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring import ROOT, SHARED_DATA, Must, finish, progress
from configs import EncoderConfig
from nlu.checkpoint import find_checkpoint
from nlu.encoder import Encoder
from nlu.mood import EMOTIONS, MoodReader, mood_reader_for
from nlu.torch_encoder import load_torch_encoder
from training.metrics import expected_calibration_error
from training.mood_trainer import (
    INVERSE_REGULARISATION,
    LABELS,
    LEARNED_FROM_GOEMOTIONS,
    Embedded,
    MoodText,
    best_threshold,
    emotion_figures,
    read_goemotions,
    read_messages,
    sentiment_figures,
)

SENTIMENT_MUST, SERVICE_SENTIMENT_MUST, URGENCY_AUROC_MUST = 0.64, 0.75, 0.88
CHUNK = 512
QUICK_TEXTS = 1_500
TEST_DATA = ROOT / "tests" / "data"
EMORY_SENTIMENTS = {
    "Joyful": "positive",
    "Peaceful": "positive",
    "Powerful": "positive",
    "Neutral": "neutral",
    "Sad": "negative",
    "Mad": "negative",
    "Scared": "negative",
}


def main() -> int:
    """Runs the benchmark; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED_DATA)
    parser.add_argument("--quick", action="store_true", help="1,500 texts of each part: no musts")
    options = parser.parse_args()
    encoder = load_torch_encoder(find_checkpoint(EncoderConfig(), Path()), 2, torch.device("cpu"))
    reader = mood_reader_for(encoder)
    if reader is None:
        raise RuntimeError("The shipped mood weights do not belong to the default encoder")
    most = QUICK_TEXTS if options.quick else None
    folder = options.data / "senti_en_goemotions"
    texts = {part: read_goemotions(folder / f"{part}.csv")[:most] for part in ("train", "dev", "test")}
    texts["emory"] = read_emorynlp(options.data / "senti_en_emorynlp" / "test.csv")[:most]
    texts["service"] = read_messages(TEST_DATA / "mood_messages.jsonl")
    texts["urgency"] = read_messages(TEST_DATA / "urgency_messages.jsonl")
    texts["shop"] = read_shop(TEST_DATA / "shop_questions.jsonl")
    with progress() as bar:
        parts = {name: embed_slowly(encoder, part, bar, name) for name, part in texts.items()}
        linear = linear_head_macro_f1(parts["train"], parts["dev"], parts["test"], bar)
    return report(reader, parts, linear, quick=options.quick)


def report(reader: MoodReader, parts: dict[str, Embedded], linear: float, *, quick: bool) -> int:
    """Measures the shipped weights and writes everything down."""
    shown = {"goemotions": "test", "emorynlp": "emory", "service": "service"}
    sentiments = {name: sentiment_figures(reader, parts[part]) for name, part in shown.items()}
    emotions = {
        name: {
            emotion: emotion_figures(reader, parts[part], emotion)
            for emotion in LEARNED_FROM_GOEMOTIONS
            if parts[part].shows(emotion).any()
        }
        for name, part in shown.items()
    }
    emotions["urgency_messages"] = {"urgency": emotion_figures(reader, parts["urgency"], "urgency")}
    false_alarms = {name: flagged(reader, parts[name]) for name in ("shop", "service", "test")}
    figures: dict[str, Any] = {
        "texts": {name: len(part.texts) for name, part in parts.items()},
        "goemotions_28_macro_f1": linear,
        "sentiment": sentiments,
        "sentiment_ece": {name: sentiment_ece(reader, parts[part]) for name, part in shown.items()},
        "emotions": emotions,
        "flagged": false_alarms,
    }
    musts = []
    if not quick:
        urgency = emotions["urgency_messages"]["urgency"]["auroc"]
        musts = [
            Must(
                name="sentiment macro-F1, GoEmotions", value=sentiments["goemotions"]["macro_f1"], limit=SENTIMENT_MUST
            ),
            Must(
                name="sentiment macro-F1, service",
                value=sentiments["service"]["macro_f1"],
                limit=SERVICE_SENTIMENT_MUST,
            ),
            Must(name="urgency AUROC", value=urgency, limit=URGENCY_AUROC_MUST),
        ]
    return finish("mood-quick" if quick else "mood", table(figures), figures, musts)


def table(figures: dict[str, Any]) -> list[tuple[str, ...]]:
    """The rows that are printed."""
    rows = [("", "texts or shown", "F1", "precision", "recall", "AUROC")]
    linear = f"{figures['goemotions_28_macro_f1']:.3f}"
    rows.append(("28 labels, macro, linear", str(figures["texts"]["test"]), linear, "", "", ""))
    for name, found in figures["sentiment"].items():
        rows.append((f"sentiment, macro, {name}", str(found["texts"]), f"{found['macro_f1']:.3f}", "", "", ""))
    for name, by_emotion in figures["emotions"].items():
        for emotion, found in by_emotion.items():
            measured = (f"{found[key]:.3f}" for key in ("f1", "precision", "recall", "auroc"))
            rows.append((f"{emotion}, {name}", str(found["shown"]), *measured))
    for name, shares in figures["flagged"].items():
        rows.append((f"urgency flagged of {name}", f"{shares['urgency']:.1%}", "", "", "", ""))
    return rows


def embed_slowly(encoder: Encoder, texts: Sequence[MoodText], bar: Progress, name: str) -> Embedded:
    """Embeds in chunks of like length, so that the bar moves and little is padded."""
    task = bar.add_task(f"embed {name}", total=len(texts))
    embeddings = np.zeros((len(texts), encoder.dimension), np.float32)
    order = sorted(range(len(texts)), key=lambda index: len(texts[index].text))
    for start in range(0, len(order), CHUNK):
        chunk = order[start : start + CHUNK]
        embeddings[chunk] = encoder.encode([texts[index].text for index in chunk]).plain
        bar.advance(task, len(chunk))
    return Embedded(texts=texts, embeddings=embeddings)


def linear_head_macro_f1(train: Embedded, dev: Embedded, test: Embedded, bar: Progress) -> float:
    """Macro-F1 on test of one logistic regression a label, with the threshold that is best on dev."""
    scores = []
    for label in bar.track(sorted(LABELS), description="28 labels"):
        truth = {part: np.array([label in text.labels for text in part.texts]) for part in (train, dev, test)}
        if not all(shown.any() for shown in truth.values()):
            continue
        regression = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=1_000).fit(train.embeddings, truth[train])
        on_dev, on_test = (regression.predict_proba(part.embeddings)[:, 1] for part in (dev, test))
        threshold = best_threshold(on_dev, truth[dev], np.ones(len(on_dev)))
        scores.append(f1_score(truth[test], on_test >= threshold))
    return float(np.mean(scores))


def sentiment_ece(reader: MoodReader, part: Embedded) -> float:
    """Expected calibration error of the likeliest sentiment."""
    classes = part.classes()
    clear = classes >= 0
    rows = np.array([list(mood.sentiments.values()) for mood in reader.read(part.embeddings[clear])])
    return expected_calibration_error(rows.max(axis=1), rows.argmax(axis=1) == classes[clear])


def flagged(reader: MoodReader, part: Embedded) -> dict[str, float]:
    """The share of messages in which each emotion is felt."""
    moods = reader.read(part.embeddings)
    return {emotion: float(np.mean([emotion in mood.felt for mood in moods])) for emotion in EMOTIONS}


def read_emorynlp(path: Path) -> list[MoodText]:
    """Utterances with their sentiment and with anger."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            MoodText(
                text=row["text"],
                sentiment=EMORY_SENTIMENTS[row["emotion"]],
                emotions=frozenset({"anger"} if row["emotion"] == "Mad" else ()),
            )
            for row in csv.DictReader(file)
        ]


def read_shop(path: Path) -> list[MoodText]:
    """The starter's test messages, of which no mood is known."""
    lines = path.read_text("utf-8").splitlines()
    return [MoodText(text=json.loads(line)["text"], sentiment=None, emotions=frozenset()) for line in lines]


if __name__ == "__main__":
    sys.exit(main())
