"""How few labels a person must give: an assistant that learns from what arrives, from five examples an intent on.

    python benchmarks/learning_loop.py [--quick] [--believing] [--seed 1] [--state DIR]

The assistant starts from the five-shot split of BANKING77. The full training split's other messages arrive, 500 in each
of ten rounds. A simulated reviewer labels the 100 that review proposes of all that waits (`nlu.informative.choose`),
and the assistant is trained anew. Beside it, from the same start, another labels 100 at random, and a third all 500,
which is fitted at three points only. After each round the 3,080 test messages are asked.

`labels` is how many of random's labels review needs for the accuracy that random ends at, straight lines between the
rounds. `gap` is how far review ends below labelling all that arrived. `drop` is the worst fall of the accuracy from one
round to the next: all intents are old here, so that nothing may be forgotten; two models of the same accuracy differ by
a third of a point by chance. A refresh is the fit of `kefu train`, which measures and then learns from everything, and
the export in int8. Every round is kept in the state folder: a run that was stopped goes on. `--quick` has the same loop
on the untuned encoder with logistic regression. With `--believing` review's arm also learns
the messages that nobody has labelled, as the measured fit reads them where it is sure (`training.self_training`).
"""

import argparse
import json
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.stats import binomtest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.learning_loop_arms import (
    LABELLED,
    ROUNDS,
    Arm,
    FrozenLearner,
    KefuLearner,
    Stream,
    at_random,
    reviewed,
    run_arm,
)
from benchmarks.measuring import RESULTS, Must, console, finish, machine

NAME = "learning_loop"
MOST_LABELS, RECORD_LABELS, MOST_GAP, MOST_DROP, MOST_REFRESH_S = 0.75, 0.50, 1.5, 0.5, 240.0
COLOURS = {"review": "#2f6db5", "random": "#888888", "all": "#d9731a"}
SAID = {"review": "the 100 that review proposes", "random": "100 at random", "all": "all 500"}


def main() -> int:
    """Runs the benchmark; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the untuned encoder with logistic regression")
    parser.add_argument("--seed", type=int, default=1, help="of the order in which messages arrive, and of the fits")
    parser.add_argument(
        "--state", type=Path, help="where rounds are kept; in the folder for temporary files if left out"
    )
    parser.add_argument("--believing", action="store_true", help="learn the model's own readings of the others too")
    options = parser.parse_args()
    name = "-".join([NAME, *(word for word in ("believing", "quick") if getattr(options, word))])
    state = options.state or Path(tempfile.gettempdir()) / f"kefu-{name}-{options.seed}-{machine()['commit']}"
    state.mkdir(parents=True, exist_ok=True)
    console.print(f"Rounds are kept in {state}: the same command goes on from there; remove it to begin anew.")
    stream = Stream.of(options.seed)
    learner = FrozenLearner(stream, state) if options.quick else KefuLearner(stream, options.seed)
    every = frozenset(range(ROUNDS + 1))
    arms = (
        Arm(name="review", pick=reviewed, fitted_rounds=every, believes=options.believing),
        Arm(name="random", pick=at_random(options.seed), fitted_rounds=every),
        Arm(name="all", pick=None, fitted_rounds=every if options.quick else frozenset({2, 5, ROUNDS})),
    )
    found = {arm.name: run_arm(arm, stream, learner, state / f"{arm.name}.json") for arm in arms}
    draw(found, RESULTS / f"{name}.png", "untuned encoder" if options.quick else "as `kefu train` fits")
    return report(name, found, quick=options.quick)


def report(name: str, found: dict[str, list[dict[str, Any]]], *, quick: bool) -> int:
    """The table, the figures and what must be reached."""
    review, random = found["review"], found["random"]
    drops = [before["accuracy"] - after["accuracy"] for before, after in pairwise(review)]
    refreshes = [each["refresh_s"] for each in review]
    gap = 100 * (found["all"][-1]["accuracy"] - review[-1]["accuracy"])
    ratios = label_ratios(review, random)
    rows = [("round", "labels given", *(SAID[arm] for arm in found), "refresh, s")]
    for number in range(ROUNDS + 1):
        cells = [found[arm][number].get("accuracy") for arm in found]
        shown = (f"{100 * cell:.2f} %" if cell is not None else "" for cell in cells)
        rows.append((str(number), str(LABELLED * number), *shown, f"{refreshes[number]:.0f}"))
    musts = [
        Must(name="labels needed, of random's", value=ratios[-1], limit=MOST_LABELS, at_most=True),
        Must(name="gap to labelling all, points", value=gap, limit=MOST_GAP, at_most=True),
        Must(name="worst drop between rounds, points", value=100 * max(0.0, *drops), limit=MOST_DROP, at_most=True),
        Must(name="slowest refresh, s", value=max(refreshes), limit=MOST_REFRESH_S, at_most=True),
    ]
    figures = {
        "labels_of_random": ratios[-1],
        "labels_of_random_by_round": ratios,
        "record_reached": ratios[-1] <= RECORD_LABELS,
        "gap_points": gap,
        "gap_points_to_the_whole_split": gap_to_the_whole(review[-1]["accuracy"], quick=quick),
        "drops_points": [100 * drop for drop in drops],
        "chance_of_a_drop_so_large": [
            lost_by_chance(before["right"], after["right"]) for before, after in pairwise(review)
        ],
        "accuracy": {arm: [each.get("accuracy") for each in rounds] for arm, rounds in found.items()},
        "refresh_s": {arm: [each.get("refresh_s") for each in rounds] for arm, rounds in found.items()},
        "load": [each.get("load") for each in review],
    }
    return finish(name, rows, figures, musts)


def label_ratios(review: list[dict[str, Any]], random: list[dict[str, Any]]) -> list[float]:
    """For each round of random's, the share of its labels that review needs to be as accurate; 0 labels for none."""
    labels = LABELLED * np.arange(len(review))
    reached = np.maximum.accumulate([each["accuracy"] for each in review])
    ratios = []
    for number, entry in enumerate(random[1:], start=1):
        needed = np.interp(entry["accuracy"], reached, labels, right=np.inf)
        ratios.append(float(needed / labels[number]))
    return ratios


def gap_to_the_whole(accuracy: float, *, quick: bool) -> float | None:
    """Points below `kefu train` on all 10,003 messages, as `intents.py` has measured it; None for another model."""
    path = RESULTS / "intents.json"
    if quick or not path.is_file():
        return None
    tasks = json.loads(path.read_text("utf-8"))["figures"]["tasks"]
    return 100 * (tasks["banking77"]["accuracy"]["mean"] - accuracy)


def lost_by_chance(before: list[int], after: list[int]) -> float:
    """McNemar's exact test, one-sided: how likely so many of the changed answers are lost ones, if nothing is worse."""
    lost = sum(was > now for was, now in zip(before, after, strict=True))
    gained = sum(was < now for was, now in zip(before, after, strict=True))
    return float(binomtest(lost, lost + gained, alternative="greater").pvalue) if lost + gained else 1.0


def draw(found: dict[str, list[dict[str, Any]]], path: Path, model: str) -> None:
    """Accuracy against labels given."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for arm, rounds in found.items():
        points = [(len(each["labelled"]), 100 * each["accuracy"]) for each in rounds if "accuracy" in each]
        axes.plot(*zip(*points, strict=True), "o-", color=COLOURS[arm], label=f"labels {SAID[arm]}", markersize=4)
    axes.set(
        xlim=(-20, LABELLED * ROUNDS * 1.05),
        xlabel="labels given, besides five examples an intent",
        ylabel="test accuracy, %",
        title=f"BANKING77 while it learns ({model})",
    )
    end = 100 * found["all"][-1]["accuracy"]
    axes.axhline(end, color=COLOURS["all"], linestyle=":", linewidth=1)
    axes.annotate(f"all 5,000 labelled: {end:.1f} %", (0, end), xytext=(0, 4), textcoords="offset points", fontsize=8)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    RESULTS.mkdir(exist_ok=True)
    FigureCanvasAgg(figure).print_png(str(path))


if __name__ == "__main__":
    sys.exit(main())
