"""The report's pictures, drawn without a screen. The only file that imports matplotlib."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager, get_font

from training.metrics import Bin, RiskPoint

if TYPE_CHECKING:
    from training.intent_trainer import Epoch

Curve: TypeAlias = Sequence[tuple[float, float]]

BLUE, ORANGE, GREY = "#2f6db5", "#d9731a", "#888888"

# Fonts with Chinese, as systems name them; the first that is installed is drawn with where the usual one lacks a sign.
CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",  # the same file as SC, which matplotlib names after its first face
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "SimHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Arial Unicode MS",
)


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


def draw_curves(runs: Mapping[str, Mapping[str, Curve]], names: Sequence[str], path: Path) -> None:
    """The curves of several trainings, a panel for each name that any of them has, a colour for each training."""
    shown = [name for name in names if any(name in curves for curves in runs.values())]
    figure = Figure(figsize=(5.5 * max(1, len(shown)), 4), layout="constrained")
    panels = figure.subplots(1, max(1, len(shown)), squeeze=False)[0]
    for axes, name in zip(panels, shown, strict=False):
        for run, curves in runs.items():
            points = curves.get(name, ())
            axes.plot([at for at, _ in points], [value for _, value in points], "o-", markersize=3, label=run)
        axes.set(xlabel="epoch", title=name)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    if not shown:
        panels[0].set(title="None of these trainings has fitted anything")
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
    """Counts of true against predicted class, for the classes `names`; other predictions are in the last column.

    Where no font has the signs of a name, numbers stand for the names, in their order.
    """
    index = {name: position for position, name in enumerate(names)}
    counts = np.zeros((max(1, len(names)), len(names) + 1), int)
    for wanted, got in zip(true, predicted, strict=True):
        if wanted in index:
            counts[index[wanted], index.get(got, len(names))] += 1
    size = 3 + 0.42 * len(names)
    figure = Figure(figsize=(size + 1, size), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(counts, cmap="Blues")
    font = font_for(names)
    labels = [str(number) for number in range(1, len(names) + 1)] if font is None else list(names)
    # An intent's name is no formula, though it hold a dollar sign.
    axes.set_xticks(range(len(names) + 1), [*labels, "another"], rotation=60, ha="right", parse_math=False, font=font)
    axes.set_yticks(range(len(names)), labels, parse_math=False, font=font)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            dark = count > counts.max() / 2
            axes.text(column, row, str(count), ha="center", va="center", color="white" if dark else "black")
    title = "The intents most often mixed up (validation)" if names else "No examples were set aside"
    axes.set(xlabel="predicted", ylabel="true", title=title)
    _save(figure, path)


def draw_risk_coverage(points: Sequence[RiskPoint], here: RiskPoint | None, path: Path) -> None:
    """Wrong answers against share answered; the cross is where the bot stands, if that is known."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([100 * p.answered for p in points], [100 * p.wrong for p in points], color=BLUE)
    if here is not None:
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


def draw_risk_coverages(
    curves: Mapping[str, Sequence[RiskPoint]], here: Mapping[str, RiskPoint], promised: float | None, target: BytesIO
) -> None:
    """Wrong answers against share answered, of several releases; a cross for where each stands."""
    figure = Figure(figsize=(6.5, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for (name, points), colour in zip(curves.items(), _of_releases(len(curves)), strict=False):
        axes.plot([100 * p.answered for p in points], [100 * p.wrong for p in points], color=colour, label=name)
        stands = here[name]
        axes.plot([100 * stands.answered], [100 * stands.wrong], "x", color=colour, markersize=11, markeredgewidth=3)
    if promised is not None:
        axes.axhline(100 * promised, linestyle=":", color=GREY)
    axes.set(xlim=(0, 100), ylim=(0, None), xlabel="messages answered, %", ylabel="wrong among answered, %")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    _save(figure, target)


def draw_reliabilities(bins: Mapping[str, Sequence[Bin]], target: BytesIO) -> None:
    """Share right against confidence, of several releases."""
    figure = Figure(figsize=(6.5, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], "--", color=GREY, label="as sure as right")
    for (name, bars), colour in zip(bins.items(), _of_releases(len(bins)), strict=False):
        axes.plot([b.confidence for b in bars], [b.accuracy for b in bars], "o-", color=colour, label=name)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="mean confidence", ylabel="share right")
    axes.legend(loc="upper left")
    _save(figure, target)


def _of_releases(count: int) -> tuple[str, ...]:
    """Colours: the last is the release that is looked at."""
    return (ORANGE, BLUE)[-count:] if count else ()


def font_for(names: Sequence[str]) -> FontProperties | None:
    """A font that has every sign of `names`: the usual one, else an installed Chinese one, else None."""
    signs = {sign for name in names for sign in name if not sign.isspace()}
    installed = {font.name for font in fontManager.ttflist}
    for family in ("DejaVu Sans", *CHINESE_FONTS):
        if family in installed:
            font = FontProperties(family=family, size="medium")
            if signs <= _signs_of(font):
                return font
    return None


def _signs_of(font: FontProperties) -> set[str]:
    return {chr(code) for code in get_font(fontManager.findfont(font)).get_charmap()}


def _save(figure: Figure, target: Path | BytesIO) -> None:
    FigureCanvasAgg(figure).print_png(target)  # type: ignore[no-untyped-call]
