"""What a training says of the model it made: report.json, report.md and the pictures."""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import f1_score

from training.fit import Fitted
from training.intent_trainer import Epoch, best_epoch
from training.metrics import Bin, Confusion, confusions, expected_calibration_error, reliability_bins
from training.pictures import draw_confusion, draw_learning_curve, draw_reliability, draw_risk_coverage
from training.promise_fit import PromiseFit
from training.quantize import Quantised

WORST_INTENTS = 15
PROMISE_HEADING = "## The promised error rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentReport:
    """How well intents are told apart, on examples that were set aside.

    Attributes:
        accuracy: Share of validation examples with the right intent first, in [0, 1].
        macro_f1: Mean F1 over the intents of the validation examples, in [0, 1].
        frozen_accuracy: The same accuracy for the untuned encoder with logistic regression.
        ece: Expected calibration error with the temperature applied, in [0, 1], lower is better.
    """

    train_count: int
    validation_count: int
    accuracy: float
    macro_f1: float
    frozen_accuracy: float
    ece: float
    temperature: float
    method: str
    best_epoch: int
    fit_s: float
    precision: str
    precision_reason: str
    curve: tuple[Epoch, ...]
    bins: tuple[Bin, ...]
    confusions: tuple[Confusion, ...]
    true: tuple[str, ...]
    predicted: tuple[str, ...]

    def figures(self) -> dict[str, float]:
        """What the release's manifest keeps; figures that could not be measured are left out."""
        figures = {
            "validation_accuracy": self.accuracy,
            "frozen_accuracy": self.frozen_accuracy,
            "ece": self.ece,
            "temperature": self.temperature,
            "fit_s": self.fit_s,
        }
        return {name: value for name, value in figures.items() if np.isfinite(value)}


def measure_intents(fitted: Fitted, quantised: Quantised | None) -> IntentReport:
    """Compares the classifier's first choice with the intents of the examples that were set aside."""
    held_out = fitted.held_out
    rankings = fitted.classifier.rank(held_out.logits)
    true = tuple(example.intent for example in held_out.examples)
    predicted = tuple(ranking[0].name for ranking in rankings)
    sure = np.array([ranking[0].probability for ranking in rankings])
    right = np.array([left == other for left, other in zip(true, predicted, strict=True)], bool)
    return IntentReport(
        train_count=fitted.learned_count,
        validation_count=len(true),
        accuracy=float(right.mean()) if len(right) else float("nan"),
        macro_f1=float(f1_score(true, predicted, average="macro", labels=sorted(set(true))))
        if len(right)
        else float("nan"),
        frozen_accuracy=fitted.curve[0].validation_accuracy,
        ece=expected_calibration_error(sure, right),
        temperature=fitted.classifier.temperature,
        method=fitted.method.value,
        best_epoch=best_epoch(fitted.curve, fitted.method).number,
        fit_s=fitted.fit_s,
        precision=quantised.precision if quantised else "float32",
        precision_reason=quantised.reason if quantised else "It was asked for.",
        curve=fitted.curve,
        bins=tuple(reliability_bins(sure, right)),
        confusions=tuple(confusions(true, predicted)),
        true=true,
        predicted=predicted,
    )


def write_report(report: IntentReport, folder: Path) -> None:
    """Writes report.json, report.md and the pictures into `folder`."""
    facts = asdict(report)
    del facts["true"], facts["predicted"]
    (folder / "report.json").write_text(json.dumps(_without_nan(facts), indent=1), "utf-8")
    (folder / "report.md").write_text(_markdown(report), "utf-8")
    draw_learning_curve(report.curve, folder / "learning_curve.png")
    draw_reliability(report.bins, report.ece, folder / "reliability.png")
    draw_confusion(report.true, report.predicted, _worst_intents(report), folder / "confusion.png")


def write_promise(fit: PromiseFit, folder: Path) -> None:
    """Writes the report's section on the promised error rate, in place of one that is there, and its picture."""
    path = folder / "report.md"
    before = path.read_text("utf-8").split(PROMISE_HEADING)[0].rstrip() if path.is_file() else "# Training report"
    lines = [before, "", PROMISE_HEADING, "", fit.file.finding.sentence, ""]
    if fit.curve:
        draw_risk_coverage(fit.curve, fit.here, folder / "promise.png")
        lines += ["![](promise.png)", ""]
    path.write_text("\n".join(lines), "utf-8")


def _worst_intents(report: IntentReport) -> list[str]:
    """The intents that take part in most confusions; the first ones where there is none."""
    counts: Counter[str] = Counter()
    for confusion in report.confusions:
        counts[confusion.true] += confusion.count
        counts[confusion.predicted] += confusion.count
    order = [*(name for name, _ in counts.most_common()), *dict.fromkeys(report.true)]
    return sorted(list(dict.fromkeys(order))[:WORST_INTENTS])


def _markdown(report: IntentReport) -> str:
    rows = [
        ("examples learned from", f"{report.train_count:,}"),
        ("examples set aside", f"{report.validation_count:,}"),
        ("right intent first", _figure(report.accuracy, ".1%")),
        ("the same, frozen encoder + logistic regression", _figure(report.frozen_accuracy, ".1%")),
        ("macro F1", _figure(report.macro_f1, ".3f")),
        ("expected calibration error", f"{report.ece:.3f}"),
        ("temperature", f"{report.temperature:.3f}"),
        ("method", report.method),
        ("best epoch", f"{report.best_epoch}"),
        ("fine-tuning", f"{report.fit_s:.0f} s"),
        ("serves in", f"{report.precision}: {report.precision_reason}"),
    ]
    lines = [
        "# Training report",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in rows),
        "",
    ]
    lines += ["## Learning curve", "", "![](learning_curve.png)", ""]
    lines += ["| epoch | training loss | validation loss | validation accuracy |", "|---|---|---|---|"]
    lines += [
        f"| {epoch.number} | {_figure(epoch.train_loss, '.3f')} | {_figure(epoch.validation_loss, '.3f')} | "
        f"{_figure(epoch.validation_accuracy, '.1%')} |"
        for epoch in report.curve
    ]
    lines += ["", "## How sure, how right", "", "![](reliability.png)", ""]
    lines += ["## Mixed up most often", "", "![](confusion.png)", ""]
    lines += ["| meant | taken for | times |", "|---|---|---|"]
    lines += [f"| {mixed.true} | {mixed.predicted} | {mixed.count} |" for mixed in report.confusions[:20]]
    return "\n".join(lines) + "\n"


def _figure(value: float, form: str) -> str:
    return "-" if np.isnan(value) else format(value, form)


def _without_nan(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
