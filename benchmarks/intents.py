"""How well messages are understood, on public data, as `kefu train` trains: three seeds, measured again in int8.

    python benchmarks/intents.py --task banking77 [--task clinc150 ...] [--seeds 3] [--quick]

Each task trains an assistant on the task's own training split and asks its test split. Nothing of the test, nor of
the out-of-scope messages, is seen before. Beside it stands logistic regression on the same encoder untuned. Results
are kept by task, so that tasks may be run one at a time; the table shows all that were run with the present code.
"""

import argparse
import csv
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring import RESULTS, ROOT, SHARED_DATA, Must, console, finish, peak_memory, progress_of
from configs import MINIMAL, STARTERS, Assistant, read_assistant
from configs.assistant_config import EncoderConfig, Method, Precision
from configs.entity_markup import Annotation
from configs.nlu_data import Example
from nlu.checkpoint import find_checkpoint
from nlu.encoder import INTENT_HEAD, Encoded, Encoder
from nlu.intent import softmax
from nlu.onnx_encoder import OnnxEncoder
from nlu.tagging import decode_tags
from training.export import export_encoder
from training.fit import Fitted, fit_understanding
from training.intent_trainer import INVERSE_REGULARISATION_OF_PLAIN
from training.metrics import expected_calibration_error

NAME = "intents"
CHECKED_TEXTS = 64
CHINESE_ENCODER = ROOT.parent / "shared" / "models" / "multilingual-e5-small-zh-en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Messages to learn from and to ask.

    Attributes:
        outside: Messages that belong to no intent.
        threshold_from: Messages in scope that only choose the scope's threshold.
    """

    train: Sequence[Example]
    test: Sequence[Example]
    outside: Sequence[str] = ()
    threshold_from: Sequence[str] = ()
    encoder: str | None = None
    language: str = "en"


def main() -> int:
    """Runs the tasks; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=[*TASKS, "all"], action="append", help="may be given more than once")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--method", choices=[method.value for method in Method], default=Method.AUTO.value)
    parser.add_argument("--quick", action="store_true", help="the five-shot task with one seed")
    options = parser.parse_args()
    names = options.task or (["banking77-5shot"] if options.quick else ["all"])
    seeds = range(1 if options.quick else options.seeds)
    chosen = [name for name in TASKS if name in names or "all" in names]
    path = RESULTS / f"{NAME}.json"
    tasks = json.loads(path.read_text("utf-8")).get("tasks", {}) if path.exists() and not options.quick else {}
    for name in chosen:
        task = TASKS[name]()
        runs = [run(name, task, seed, Method(options.method)) for seed in seeds]
        key = name if options.method == Method.AUTO.value else f"{name}/{options.method}"
        tasks[key] = {"seeds": list(seeds), "runs": runs, **summary(runs)}
    rows, musts = table(tasks)
    return finish(f"{NAME}-quick" if options.quick else NAME, rows, {"tasks": tasks}, musts)


def run(name: str, task: Task, seed: int, method: Method) -> dict[str, float]:
    """Trains with one seed and measures."""
    template = read_assistant(MINIMAL)
    training = template.config.training
    config = template.config.model_copy(
        update={
            "training": training.model_copy(
                update={"seed": seed, "intent": training.intent.model_copy(update={"method": method})}
            ),
            "encoder": EncoderConfig(name=task.encoder) if task.encoder else template.config.encoder,
        }
    )
    assistant = replace(template, config=config, examples=tuple(task.train), language=task.language)
    checkpoint = find_checkpoint(config.encoder, ROOT)
    started = time.perf_counter()
    with progress_of(f"{name}, seed {seed}") as report, peak_memory() as peak_mb:
        fitted = fit_understanding(assistant, checkpoint, report)
        train_s, train_mb = time.perf_counter() - started, peak_mb()
        with tempfile.TemporaryDirectory() as folder:
            report.say("exporting")
            texts = [e.text for e in (*fitted.held_out.examples, *task.train)][:CHECKED_TEXTS]
            quantised = export_encoder(fitted.encoder, Path(folder), texts, Precision.INT8)
            report.say("asking in float32")
            figures = measure(fitted, fitted.encoder, task)
            figures |= {"frozen_accuracy": frozen_accuracy(fitted, task, seed)}
            report.say("asking in int8")
            served = OnnxEncoder(Path(folder), threads=2)
            for key, value in measure(fitted, served, task).items():
                figures[f"int8_{key}"] = value
    figures |= {"train_s": train_s, "int8_loss_points": 100 * (figures["accuracy"] - figures["int8_accuracy"])}
    figures |= {"train_memory_mb": train_mb, "tuned": float(fitted.method is not Method.HEAD)}
    figures |= {"int8": float(quantised is not None and quantised.precision == "int8")}
    console.print(f"{name}, seed {seed}: " + ", ".join(f"{key} {value:.4g}" for key, value in figures.items()))
    return figures


def measure(fitted: Fitted, encoder: Encoder, task: Task) -> dict[str, float]:
    """Accuracy, calibration, scope and entities of the test split."""
    encoded = encode(encoder, [example.text for example in task.test])
    logits, labels = encoded.logits[INTENT_HEAD], fitted.classifier.labels
    probabilities = softmax(logits / fitted.classifier.temperature)
    right = np.array([labels[row] == e.intent for row, e in zip(logits.argmax(axis=1), task.test, strict=True)])
    figures = {
        "accuracy": float(right.mean()),
        "calibration_error": expected_calibration_error(probabilities.max(axis=1), right),
    }
    if task.outside:
        figures |= scope_figures(fitted, encoder, encoded, task)
    if fitted.tags.labels:
        figures["span_f1"] = span_f1(fitted, encoded, task.test)
    return figures


def scope_figures(fitted: Fitted, encoder: Encoder, inside: Encoded, task: Task) -> dict[str, float]:
    """How well messages in and out of scope are told apart; the threshold keeps 95 % of other messages in scope."""

    def sums(encoded: Encoded) -> np.ndarray:
        return fitted.scope.sums(encoded.logits[INTENT_HEAD], encoded.plain)

    own, outside = sums(inside), sums(encode(encoder, task.outside))
    true = np.r_[np.ones(len(own)), np.zeros(len(outside))]
    figures = {"scope_auroc": float(roc_auc_score(true, np.r_[own, outside]))}
    if task.threshold_from:
        threshold = np.quantile(sums(encode(encoder, task.threshold_from)), 0.05)
        figures |= {
            "outside_found": float((outside < threshold).mean()),
            "inside_kept": float((own >= threshold).mean()),
        }
    return figures


def span_f1(fitted: Fitted, encoded: Encoded, test: Sequence[Example]) -> float:
    """F1 over whole entities: label and both ends must agree, as conlleval counts."""
    found = given = agreed = 0
    for tagged, example in zip(encoded.tagged, test, strict=True):
        prepared = tagged.pieces.prepared
        probabilities = softmax(tagged.logits).astype(np.float32)
        spans = decode_tags(probabilities, tagged.pieces.offsets, prepared.text, fitted.tags)
        left = {(*prepared.original_span(span.start, span.end), span.entity) for span in spans}
        right = {(entity.start, entity.end, entity.entity) for entity in example.entities}
        found, given, agreed = found + len(left), given + len(right), agreed + len(left & right)
    return 2 * agreed / max(1, found + given)


def frozen_accuracy(fitted: Fitted, task: Task, seed: int) -> float:
    """Logistic regression on the untouched embeddings of the same examples."""
    learned, asked = (encode(fitted.encoder, [e.text for e in part]).plain for part in (task.train, task.test))
    regression = LogisticRegression(C=INVERSE_REGULARISATION_OF_PLAIN, max_iter=1_000, random_state=seed)
    regression.fit(learned, [example.intent for example in task.train])
    return float(regression.score(asked, [example.intent for example in task.test]))


def encode(encoder: Encoder, texts: Sequence[str]) -> Encoded:
    """All texts at once; both runtimes batch by themselves."""
    return encoder.encode(list(texts))


def summary(runs: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Mean and standard deviation over the seeds."""
    return {
        key: {"mean": float(np.mean(values)), "deviation": float(np.std(values, ddof=1)) if len(values) > 1 else None}
        for key in runs[0]
        if (values := [found[key] for found in runs])
    }


def table(tasks: dict[str, Any]) -> tuple[list[tuple[str, ...]], list[Must]]:
    """Rows for the screen, and what must be reached."""
    rows = [("task", "accuracy", "frozen + LR", "int8", "ECE", "scope AUROC", "outside found", "span F1", "training")]
    musts: list[Must] = []
    for name, found in tasks.items():

        def cell(key: str, form: str = ".2%", found: dict[str, Any] = found) -> str:
            if key not in found:
                return ""
            spread = found[key]["deviation"]
            shown = format(found[key]["mean"], form)
            return shown if spread is None else f"{shown} ±{format(spread, form)}"

        keys = [("accuracy",), ("frozen_accuracy",), ("int8_accuracy",), ("int8_calibration_error", ".4f")]
        keys += [("int8_scope_auroc", ".4f"), ("int8_outside_found",), ("int8_span_f1",), ("train_s", ".0f")]
        rows.append((name, *(cell(*key) for key in keys)))
        task_musts = MUSTS.get(name, {})
        musts += [
            Must(name=f"{name}: {key}", value=found[key]["mean"], limit=limit, at_most=key.endswith(AT_MOST))
            for key, limit in task_musts.items()
        ]
    return rows, musts


AT_MOST = ("error", "loss_points", "train_s", "memory_mb")
# As it is served: in int8. The loss is against float32.
MUSTS: dict[str, dict[str, float]] = {
    "banking77": {
        "int8_accuracy": 0.940,
        "int8_calibration_error": 0.02,
        "int8_loss_points": 0.3,
        "train_s": 600,
        "train_memory_mb": 3_000,
    },
    "banking77-10shot": {"int8_accuracy": 0.875, "int8_loss_points": 0.3},
    "banking77-5shot": {"int8_accuracy": 0.820, "int8_loss_points": 0.3},
    "clinc150": {
        "int8_accuracy": 0.965,
        "int8_scope_auroc": 0.977,
        "int8_outside_found": 0.88,
        "int8_loss_points": 0.3,
    },
    "clinc150-10shot": {"int8_accuracy": 0.930, "int8_loss_points": 0.3},
    "snips": {"int8_span_f1": 0.950, "int8_loss_points": 0.3},
    "shop-zh": {"int8_accuracy": 0.93, "int8_scope_auroc": 0.93, "int8_loss_points": 0.3},
}


def example(text: str, intent: str, entities: Sequence[Annotation] = ()) -> Example:
    """An example that stands in no file."""
    return Example(text=text, intent=intent, path=Path("benchmark"), line=0, entities=tuple(entities))


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def banking77(train: str) -> Task:
    """77 banking intents."""
    folder = SHARED_DATA / "intent_en_banking77"
    learned, asked = (
        [example(row["text"], row["intent"]) for row in rows_of(folder / name)] for name in (train, "test.csv")
    )
    return Task(train=learned, test=asked)


def clinc150(train: str | None) -> Task:
    """150 intents of an assistant, and 1,000 messages that belong to none."""
    folder = SHARED_DATA / "intent_en_clinc150_oos"
    full = rows_of(folder / "full.csv")

    def part(split: str, *, outside: bool = False) -> list[Example]:
        rows = [row for row in full if row["split"] == split and (row["intent"] == "oos") is outside]
        return [example(row["text"], row["intent"]) for row in rows]

    few = [example(row["text"], row["intent"]) for row in rows_of(folder / train)] if train else part("train")
    return Task(
        train=few,
        test=part("test"),
        outside=[e.text for e in part("test", outside=True)],
        threshold_from=[e.text for e in part("val")],
    )


def snips() -> Task:
    """Seven intents with their slots; tokens are joined by blanks."""

    def part(name: str) -> list[Example]:
        lines = (SHARED_DATA / "slots_en_snips" / f"{name}.jsonl").read_text("utf-8").splitlines()
        return [slotted(row["tokens"], row["tags"], row["intent"]) for row in map(json.loads, lines)]

    return Task(train=part("train"), test=part("test"))


def slotted(tokens: Sequence[str], tags: Sequence[str], intent: str) -> Example:
    """An example from tokens with tags in the BIO scheme."""
    starts = np.cumsum([0, *(len(token) + 1 for token in tokens)])
    spans: list[tuple[int, int, str]] = []
    for index, tag in enumerate(tags):
        end = int(starts[index]) + len(tokens[index])
        if tag.startswith("I-") and spans and spans[-1][2] == tag[2:] and spans[-1][1] == int(starts[index]) - 1:
            spans[-1] = (spans[-1][0], end, tag[2:])
        elif tag != "O":
            spans.append((int(starts[index]), end, tag[2:]))
    text = " ".join(tokens)
    return example(text, intent, [Annotation(start=s, end=e, entity=n, value=text[s:e]) for s, e, n in spans])


def shop_zh() -> Task:
    """The Chinese starter and its test messages."""
    assistant: Assistant = read_assistant(STARTERS["shop-zh"])
    lines = (ROOT / "tests" / "data" / "shop_zh_questions.jsonl").read_text("utf-8").splitlines()
    questions = [json.loads(line) for line in lines]
    asked = [
        example(question["text"], question["accept"]["intents"][0])
        for question in questions
        if question["accept"] != "out_of_scope" and question["accept"].get("intents")
    ]
    return Task(
        train=assistant.examples,
        test=asked,
        outside=[question["text"] for question in questions if question["accept"] == "out_of_scope"],
        encoder=str(CHINESE_ENCODER),
        language="zh",
    )


TASKS: dict[str, Callable[[], Task]] = {
    "banking77": lambda: banking77("train.csv"),
    "banking77-10shot": lambda: banking77("train_10shot.csv"),
    "banking77-5shot": lambda: banking77("train_5shot.csv"),
    "clinc150": lambda: clinc150(None),
    "clinc150-10shot": lambda: clinc150("train_10shot.csv"),
    "snips": snips,
    "shop-zh": shop_zh,
}


if __name__ == "__main__":
    sys.exit(main())
