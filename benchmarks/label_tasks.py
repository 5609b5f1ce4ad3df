"""Data sets whose texts have several labels each: NLU++'s intents and GoEmotions' emotions."""

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from benchmarks.intent_tasks import Task, assistant_for, example, rows_of
from benchmarks.measuring import ROOT, SHARED_DATA
from benchmarks.multi_label import (
    LabelledTexts,
    Truth,
    fit_labels,
    frozen_probabilities,
    label_probabilities,
    micro_f1,
)
from configs.assistant_config import IntentTrainingConfig, Precision
from nlu.checkpoint import find_checkpoint
from nlu.encoder import INTENT_HEAD
from nlu.onnx_encoder import OnnxEncoder
from nlu.several_intents import parts_of
from training.export import export_encoder
from training.fit import fit_understanding
from training.mood_trainer import LABELS, best_threshold, read_goemotions
from training.progress import Report

FOLDS, SPLIT_SYMBOL, NO_INTENT = 20, "+", "none"
EPOCHS_OF_A_FOLD = 20
THRESHOLDS = np.linspace(0.1, 0.9, 17)
EMOTION_EPOCHS = 4
CHECKED_TEXTS = 64

Probabilities = NDArray[np.float64]


def nlupp(domain: str, seed: int, report: Report) -> dict[str, float]:
    """Micro-F1 of a domain's intents, the mean of ten folds: each learns from a twentieth twice and asks the rest.

    Measured are three ways: what a Kefu assistant can be taught today, which is one label for each combination of
    intents, joined by `intent_split_symbol`; a yes or no for each intent by logistic regression on the untouched
    embedding; and by the tuned encoder. The last two give an intent from a threshold that two halves of the examples
    have chosen for each other.

    Source: Casanueva et al., "NLU++", Findings of NAACL 2022, and the `10-fold` setup of its data loader.
    """
    rows = rows_of(SHARED_DATA / "intent_en_nlupp" / f"{domain}.jsonl")
    labels = sorted({intent for row in rows for intent in row["intents"]})
    data = LabelledTexts(
        texts=[row["text"] for row in rows],
        truth=np.array([[label in row["intents"] for label in labels] for row in rows]),
    )
    folds = np.array([row["fold"] for row in rows])
    by_fold = []
    for first in range(0, FOLDS, 2):
        halves = [np.flatnonzero(folds == number).tolist() for number in (first, first + 1)]
        asked = np.flatnonzero((folds != first) & (folds != first + 1)).tolist()
        by_fold.append(nlupp_fold(data, labels, halves, asked, seed, report))
    figures = {f"{way}_micro_f1": float(np.mean([fold[way] for fold in by_fold])) for way in by_fold[0]}
    deviations = {f"{way}_fold_deviation": float(np.std([fold[way] for fold in by_fold], ddof=1)) for way in by_fold[0]}
    return {**figures, **deviations}


def nlupp_fold(
    data: LabelledTexts,
    labels: Sequence[str],
    halves: Sequence[Sequence[int]],
    asked: Sequence[int],
    seed: int,
    report: Report,
) -> dict[str, float]:
    """Micro-F1 of one fold, by way."""
    train, test = data.only([*halves[0], *halves[1]]), data.only(asked)
    config = IntentTrainingConfig(max_epochs=EPOCHS_OF_A_FOLD)
    encoder = fit_labels(train, config, report, seed=seed)
    tuned, frozen = [], []
    for learned, held in (halves, halves[::-1]):
        half, other = data.only(learned), data.only(held)
        tuned.append((label_probabilities(fit_labels(half, config, report, seed=seed), other.texts), other.truth))
        frozen.append((frozen_probabilities(encoder, half, other.texts), other.truth))
    found = {
        "joined": joined_intents(train, test.texts, labels, seed, report),
        "frozen": frozen_probabilities(encoder, train, test.texts) >= best_common_threshold(frozen),
        "tuned": label_probabilities(encoder, test.texts) >= best_common_threshold(tuned),
    }
    return {way: micro_f1(each, test.truth) for way, each in found.items()}


def best_common_threshold(held_out: Sequence[tuple[Probabilities, Truth]]) -> float:
    """The threshold for all labels with the best micro-F1 on what was held out."""
    probabilities, truth = (np.concatenate(parts) for parts in zip(*held_out, strict=True))
    return float(max(THRESHOLDS, key=lambda threshold: micro_f1(probabilities >= threshold, truth)))


def joined_intents(
    train: LabelledTexts, texts: Sequence[str], labels: Sequence[str], seed: int, report: Report
) -> Truth:
    """The intents in the likeliest joined label of each text, as an assistant is trained by `kefu train`."""

    def joined(truth: NDArray[np.bool_]) -> str:
        return SPLIT_SYMBOL.join(np.array(labels)[truth]) or NO_INTENT

    examples = [example(text, joined(truth)) for text, truth in zip(train.texts, train.truth, strict=True)]
    assistant = assistant_for(Task(train=examples, test=()), seed)
    fitted = fit_understanding(assistant, find_checkpoint(assistant.config.encoder, ROOT), report)
    likeliest = fitted.encoder.encode(list(texts)).logits[INTENT_HEAD].argmax(axis=1)
    parts = [parts_of(fitted.classifier.labels[row], SPLIT_SYMBOL) for row in likeliest]
    return np.array([[label in found for label in labels] for found in parts])


def goemotions(seed: int, report: Report) -> dict[str, float]:
    """Macro-F1 over 27 emotions and neutral, with the threshold of each that is best on dev; again in int8.

    Source: Demszky et al., "GoEmotions", ACL 2020.
    """
    labels = sorted(LABELS)
    train, dev, test = (
        emotion_texts(SHARED_DATA / "senti_en_goemotions" / f"{part}.csv", labels) for part in ("train", "dev", "test")
    )
    encoder = fit_labels(train, IntentTrainingConfig(max_epochs=EMOTION_EPOCHS), report, seed=seed)
    on_dev = label_probabilities(encoder, dev.texts)
    weights = np.ones(len(dev.texts))
    thresholds = [best_threshold(on_dev[:, i], dev.truth[:, i], weights) for i in range(len(labels))]

    def figures(probabilities: Probabilities) -> dict[str, float]:
        found = probabilities >= thresholds
        return {"macro_f1": float(f1_score(test.truth, found, average="macro", zero_division=0.0))}

    measured = figures(label_probabilities(encoder, test.texts))
    with tempfile.TemporaryDirectory() as folder:
        export_encoder(encoder, Path(folder), dev.texts[:CHECKED_TEXTS], Precision.INT8)
        served = figures(label_probabilities(OnnxEncoder(Path(folder), threads=2), test.texts))
    return {
        **measured,
        "dev_macro_f1": float(f1_score(dev.truth, on_dev >= thresholds, average="macro", zero_division=0.0)),
        "int8_macro_f1": served["macro_f1"],
        "int8_loss_points": 100 * (measured["macro_f1"] - served["macro_f1"]),
    }


def emotion_texts(path: Path, labels: Sequence[str]) -> LabelledTexts:
    """The texts of one part with their emotions."""
    rows = read_goemotions(path)
    return LabelledTexts(
        texts=[row.text for row in rows], truth=np.array([[label in row.labels for label in labels] for row in rows])
    )


LABEL_TASKS: dict[str, Callable[[int, Report], dict[str, float]]] = {
    "nlupp-banking": partial(nlupp, "banking"),
    "nlupp-hotels": partial(nlupp, "hotels"),
    "goemotions": goemotions,
}
