"""What `kefu tune` prints: the best trials, and the settings of the first as they stand in a `config.yml`."""

import yaml
from rich.console import Console
from rich.table import Table

from training.tune import Tried, Tuned

SHOWN = 10
WORDS = {
    "learning_rate": "rate",
    "head_learning_rate": "head rate",
    "layer_decay": "decay",
    "tuned_layers": "layers",
    "batch_size": "batch",
    "max_epochs": "epochs",
    "label_smoothing": "smoothing",
}


def print_tuned(tuned: Tuned, console: Console) -> None:
    """A table of the best trials, and the best one's settings to paste."""
    if not tuned.tried:
        console.print("No trial has come to its end yet. Run the command again: it goes on.")
        return
    console.print(_table(tuned.tried[:SHOWN]))
    console.print(f"{len(tuned.tried)} trials in all, and {tuned.pruned_count} that were stopped early.")
    console.print("The best settings, for config.yml:\n")
    console.print(pasted(tuned.tried[0]), markup=False, soft_wrap=True)


def pasted(tried: Tried) -> str:
    """The settings of a trial as YAML, from `kefu:` down."""
    section = {"kefu": {"training": {"intent": dict(tried.settings)}}}
    return yaml.safe_dump(section, sort_keys=False)


def _table(tried: tuple[Tried, ...]) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for heading in ("trial", "loss", "accuracy", "seconds"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("method", no_wrap=True)
    table.add_column("settings")
    for trial in tried:
        figures = (str(trial.number), f"{trial.loss:.4f}", f"{trial.accuracy:.1%}", f"{trial.seconds:.0f}")
        table.add_row(*figures, trial.settings["method"], _in_words(trial))
    return table


def _in_words(tried: Tried) -> str:
    return ", ".join(f"{word} {tried.settings[name]:g}" for name, word in WORDS.items() if name in tried.settings)
