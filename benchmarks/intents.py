"""How well messages are understood, on public data, as `kefu train` trains: three seeds, measured again in int8.

    python benchmarks/intents.py --task banking77 [--task clinc150 ...] [--seeds 3] [--quick]
    python benchmarks/intents.py --ablation [--task banking77-10shot] [--seeds 3]

Each task trains an assistant on the task's own training split and asks its test split. Beside it stands logistic
regression on the same encoder untuned. Results are kept by task and written after each seed, with the commit and the
machine's load at the time, so that tasks may be run one at a time; the table shows all of them. The tasks whose texts
have several labels (NLU++, GoEmotions) say in `label_tasks.py` what is measured. `--ablation` leaves out one ingredient
of the training at a time.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.intent_tasks import TASKS, Task, assistant_for
from benchmarks.intents_ablation import ablate
from benchmarks.label_tasks import LABEL_TASKS
from benchmarks.measuring import RESULTS, ROOT, Must, console, finish, machine, peak_memory, progress_of
from configs.assistant_config import Method, Precision
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
FEW_SHOT_TASKS = ("banking77-10shot", "banking77-5shot")


def main() -> int:
    """Runs the tasks; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=[*TASKS, *LABEL_TASKS, "all"], action="append", help="may be repeated")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seed", type=int, action="append", help="only this one, kept beside others; may be repeated")
    parser.add_argument("--method", choices=[method.value for method in Method], default=Method.AUTO.value)
    parser.add_argument("--quick", action="store_true", help="the five-shot task with one seed")
    parser.add_argument("--ablation", action="store_true", help="leave out one ingredient at a time")
    options = parser.parse_args()
    if options.ablation:
        return ablate(options.task or list(FEW_SHOT_TASKS), range(options.seeds))
    names = options.task or (["banking77-5shot"] if options.quick else ["all"])
    seeds = options.seed or range(1 if options.quick else options.seeds)
    chosen = [name for name in (*TASKS, *LABEL_TASKS) if name in names or "all" in names]
    reached = True
    for name in chosen:
        key = name if options.method == Method.AUTO.value else f"{name}/{options.method}"
        task = TASKS[name]() if name in TASKS else None
        runs: dict[int, dict[str, Any]] = {}
        for seed in seeds:
            where = {"commit": machine()["commit"], "system_load_before": round(os.getloadavg()[0], 2)}
            figures = run(name, task, seed, Method(options.method)) if task else run_labels(name, seed)
            runs[seed] = {**figures, **where}
            tasks = {} if options.quick else kept_tasks()
            others = kept_runs(tasks.get(key)) if options.seed else {}
            tasks[key] = summary({**others, **runs})
            rows, musts = table(tasks)
            reached = finish(f"{NAME}-quick" if options.quick else NAME, rows, {"tasks": tasks}, musts) == 0
    return 0 if reached else 1


def kept_tasks() -> dict[str, Any]:
    """What was measured before, by task."""
    path = RESULTS / f"{NAME}.json"
    return dict(json.loads(path.read_text("utf-8"))["figures"]["tasks"]) if path.exists() else {}


def kept_runs(entry: dict[str, Any] | None) -> dict[int, dict[str, Any]]:
    """What was measured of one task before, by seed."""
    return dict(zip(entry["seeds"], entry["runs"], strict=True)) if entry else {}


def run_labels(name: str, seed: int) -> dict[str, float]:
    """Measures a task whose texts have several labels."""
    started = time.perf_counter()
    with progress_of(f"{name}, seed {seed}") as report:
        figures = {**LABEL_TASKS[name](seed, report), "run_s": time.perf_counter() - started}
    show(name, seed, figures)
    return figures


def show(name: str, seed: int, figures: dict[str, float]) -> None:
    """Says what one seed has given."""
    console.print(f"{name}, seed {seed}: " + ", ".join(f"{key} {value:.4g}" for key, value in figures.items()))


def run(name: str, task: Task, seed: int, method: Method) -> dict[str, float]:
    """Trains with one seed and measures."""
    assistant = assistant_for(task, seed, method=method)
    checkpoint = find_checkpoint(assistant.config.encoder, ROOT)
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
            if task.has_intents:
                figures |= {"frozen_accuracy": frozen_accuracy(fitted, task, seed)}
            report.say("asking in int8")
            served = OnnxEncoder(Path(folder), threads=2)
            for key, value in measure(fitted, served, task).items():
                figures[f"int8_{key}"] = value
    for key, name_of_loss in (("accuracy", "int8_loss_points"), ("span_f1", "int8_span_loss_points")):
        if key in figures:
            figures[name_of_loss] = 100 * (figures[key] - figures[f"int8_{key}"])
    figures |= {"train_s": train_s, "train_memory_mb": train_mb, "tuned": float(fitted.method is not Method.HEAD)}
    figures |= {"int8": float(quantised is not None and quantised.precision == "int8")}
    show(name, seed, figures)
    return figures


def measure(fitted: Fitted, encoder: Encoder, task: Task) -> dict[str, float]:
    """Accuracy, calibration, scope and entities of the test split."""
    encoded = encode(encoder, [example.text for example in task.test])
    figures: dict[str, float] = {}
    if task.has_intents:
        logits, labels = encoded.logits[INTENT_HEAD], fitted.classifier.labels
        probabilities = softmax(logits / fitted.classifier.temperature)
        right = np.array([labels[row] == e.intent for row, e in zip(logits.argmax(axis=1), task.test, strict=True)])
        figures["accuracy"] = float(right.mean())
        figures["calibration_error"] = expected_calibration_error(probabilities.max(axis=1), right)
    if task.outside:
        figures |= scope_figures(fitted, encoder, encoded, task)
    if fitted.tags.labels:
        figures |= span_figures(fitted, encoded, task.test)
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


def span_figures(fitted: Fitted, encoded: Encoded, test: Sequence[Example]) -> dict[str, float]:
    """F1 over whole entities: label and both ends must agree, as conlleval counts; and the mean of each label's own."""
    counts: dict[str, list[int]] = {}
    for tagged, example in zip(encoded.tagged, test, strict=True):
        prepared = tagged.pieces.prepared
        probabilities = softmax(tagged.logits).astype(np.float32)
        spans = decode_tags(probabilities, tagged.pieces.offsets, prepared.text, fitted.tags)
        left = {(*prepared.original_span(span.start, span.end), span.entity) for span in spans}
        right = {(entity.start, entity.end, entity.entity) for entity in example.entities}
        for index, group in enumerate((left, right, left & right)):
            for *_, entity in group:
                counts.setdefault(entity, [0, 0, 0])[index] += 1
    found, given, agreed = (sum(count[index] for count in counts.values()) for index in range(3))
    return {
        "span_f1": 2 * agreed / max(1, found + given),
        "span_macro_f1": float(np.mean([2 * both / max(1, own + gold) for own, gold, both in counts.values()])),
    }


def frozen_accuracy(fitted: Fitted, task: Task, seed: int) -> float:
    """Logistic regression on the untouched embeddings of the same examples."""
    learned, asked = (encode(fitted.encoder, [e.text for e in part]).plain for part in (task.train, task.test))
    regression = LogisticRegression(C=INVERSE_REGULARISATION_OF_PLAIN, max_iter=1_000, random_state=seed)
    regression.fit(learned, [example.intent for example in task.train])
    return float(regression.score(asked, [example.intent for example in task.test]))


def encode(encoder: Encoder, texts: Sequence[str]) -> Encoded:
    """All texts at once; both runtimes batch by themselves."""
    return encoder.encode(list(texts))


def summary(runs: Mapping[int, dict[str, Any]]) -> dict[str, Any]:
    """All runs in the order of their seeds, and the mean and standard deviation of each figure."""
    seeds = sorted(runs)
    figures: dict[str, Any] = {"seeds": seeds, "runs": [runs[seed] for seed in seeds]}
    for key in runs[seeds[0]]:
        values = [runs[seed][key] for seed in seeds if isinstance(runs[seed].get(key), float)]
        if len(values) == len(seeds):
            deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
            figures[key] = {"mean": float(np.mean(values)), "deviation": deviation}
    return figures


def table(tasks: dict[str, Any]) -> tuple[list[tuple[str, ...]], list[Must]]:
    """Rows for the screen, and what must be reached."""
    rows: list[tuple[str, ...]] = [("task", *COLUMNS)]
    musts: list[Must] = []
    for name, found in tasks.items():
        rows.append((name, *(cell(found, *choices) for choices in COLUMNS.values())))
        musts += [
            Must(name=f"{name}: {key}", value=found[key]["mean"], limit=limit, at_most=key.endswith(AT_MOST))
            for key, limit in MUSTS.get(name, {}).items()
        ]
    return rows, musts


def cell(found: dict[str, Any], form: str, *keys: str) -> str:
    """Mean and deviation of the first of `keys` that was measured."""
    for key in keys:
        if key in found:
            spread = found[key]["deviation"]
            shown = format(found[key]["mean"], form)
            return shown if spread is None else f"{shown} ±{format(spread, form)}"
    return ""


# By heading: the format, and the figures of which the first that was measured is shown.
COLUMNS = {
    "accuracy": (".2%", "accuracy"),
    "frozen": (".2%", "frozen_accuracy", "frozen_micro_f1"),
    "int8": (".2%", "int8_accuracy"),
    "ECE": (".4f", "int8_calibration_error"),
    "scope": (".4f", "int8_scope_auroc"),
    "outside": (".2%", "int8_outside_found"),
    "span F1": (".2%", "int8_span_f1"),
    "label F1": (".2%", "int8_macro_f1", "tuned_micro_f1"),
    "seconds": (".0f", "train_s", "run_s"),
}
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
    "snips": {"int8_span_f1": 0.950, "int8_loss_points": 0.3, "int8_span_loss_points": 0.3},
    "shop-zh": {"int8_accuracy": 0.93, "int8_scope_auroc": 0.93, "int8_loss_points": 0.3},
    "restaurants8k": {"int8_span_loss_points": 0.3},
    "goemotions": {"int8_macro_f1": 0.44, "int8_loss_points": 0.3},
}


if __name__ == "__main__":
    sys.exit(main())
