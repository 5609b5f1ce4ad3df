"""Draws a training's progress in the terminal: stage, epoch, loss, validation accuracy, time left."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from training.progress import Progress as Step
from training.progress import Report


@contextmanager
def show_progress(console: Console) -> Iterator[Report]:
    """A bar on `console` that follows the reported steps; plain lines where there is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=8),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("starting", total=None, figures="")
        said = ""

        def report(step: Step) -> None:
            nonlocal said
            fine_tuning = step.epoch > 0
            total = step.total if fine_tuning else None
            bar.update(task, description=step.stage, completed=step.done, total=total, figures=_figures(step))
            headline = f"{step.stage} epoch {step.epoch}" if fine_tuning else step.stage
            if not console.is_terminal and headline != said:
                console.print(f"{step.stage} {_figures(step)}".rstrip())
                said = headline

        yield report


def _figures(step: Step) -> str:
    if not step.epoch:
        return ""
    loss = "" if step.loss is None else f" loss {step.loss:.3f}"
    accuracy = "" if step.accuracy is None else f" validation accuracy {step.accuracy:.1%}"
    return f"epoch {step.epoch}/{step.epochs}{loss}{accuracy}"
