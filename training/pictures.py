"""The report's pictures, drawn without a screen. The only file that imports matplotlib."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from training.metrics import Bin, RiskPoint

if TYPE_CHECKING:
    from training.intent_trainer import Epoch

BLUE, ORANGE, GREY = "#2f6db5", "#d9731a", "#888888"


def draw_learning_curve(curve: Sequence["Epoch"], path: Path) -> None:
    """Validation accuracy and loss by epoch; epoch 0 is the frozen encoder."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    left = figure.add_subplot()
    epochs = [epoch.number for epoch in curve]
    left.plot(epochs, [100 * epoch.validation_accuracy for epoch in curve], "o-", color=BLUE)
    left.set(xlabel="epoch (0: frozen encoder)", title="Learning curve", xticks=epochs)
    left.set_ylabel("validation accuracy, %", color=BLUE)
    right = left.twinx()
    right.plot(epochs, [epoch.validation_loss for epoch in curve], "s--", color=ORANGE)
    right.set_ylabel("validation loss, nats", color=ORANGE)
    _save(figure, path)


def draw_reliability(bins: Sequence[Bin], error: float, path: Path) -> None:
    """Share right against confidence; a calibrated model lies on the diagonal."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], "--", color=GREY, label="as sure as right")
    axes.plot([b.confidence for b in bins], [b.accuracy for b in bins], "o-", color=BLUE, label="this model")
    for bar in bins:
        axes.annotate(
            str(bar.count),
            (bar.confidence, bar.accuracy),
            textcoords="offset points",
            xytext=(6, -10),
            fontsize=8,
        )
    axes.set(
        xlim=(0, 1),
        ylim=(0, 1.02),
        xlabel="mean confidence (number of messages beside)",
        ylabel="share right",
        title=f"Reliability on validation, ECE {error:.3f}",
    )
    axes.legend(loc="upper left")
    _save(figure, path)


def draw_confusion(true: Sequence[str], predicted: Sequence[str], names: Sequence[str], path: Path) -> None:
    """Counts of true against predicted class, for the classes `names`; other predictions are in the last column."""
    index = {name: position for position, name in enumerate(names)}
    counts = np.zeros((max(1, len(names)), len(names) + 1), int)
    for wanted, got in zip(true, predicted, strict=True):
        if wanted in index:
            counts[index[wanted], index.get(got, len(names))] += 1
    size = 3 + 0.42 * len(names)
    figure = Figure(figsize=(size + 1, size), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(counts, cmap="Blues")
    # An intent's name is no formula, though it hold a dollar sign.
    axes.set_xticks(range(len(names) + 1), [*names, "another"], rotation=60, ha="right", parse_math=False)
    axes.set_yticks(range(len(names)), list(names), parse_math=False)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            dark = count > counts.max() / 2
            axes.text(column, row, str(count), ha="center", va="center", color="white" if dark else "black")
    title = "The intents most often mixed up (validation)" if names else "No examples were set aside"
    axes.set(xlabel="predicted", ylabel="true", title=title)
    _save(figure, path)


def draw_risk_coverage(points: Sequence[RiskPoint], here: RiskPoint, path: Path) -> None:
    """Wrong answers against share answered; the cross is where the bot stands."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([100 * p.answered for p in points], [100 * p.wrong for p in points], color=BLUE)
    axes.plot([100 * here.answered], [100 * here.wrong], "x", color=ORANGE, markersize=11, markeredgewidth=3)
    axes.annotate(
        f"today: answers {here.answered:.0%}, {here.wrong:.1%} of them wrong",
        (100 * here.answered, 100 * here.wrong),
        textcoords="offset points",
        xytext=(-10, 12),
        ha="right",
    )
    axes.set(
        xlim=(0, 100),
        ylim=(0, None),
        xlabel="messages answered, %",
        ylabel="wrong among answered, %",
        title="Wrong answers against share answered",
    )
    axes.grid(alpha=0.3)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    with warnings.catch_warnings():
        # The font has no Chinese, say: a box is drawn for each such character, and report.md has the names.
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        FigureCanvasAgg(figure).print_png(str(path))  # type: ignore[no-untyped-call]
