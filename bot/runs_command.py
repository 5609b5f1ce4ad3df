"""The commands under `kefu runs`: the trainings of an assistant, and several of them side by side."""

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.data_folder import AssistantOption, DataOption, data_dir
from configs.assistant import STARTER
from configs.errors import KefuError

if TYPE_CHECKING:
    from training.run_record import RunRecord

PICTURE = "comparison.png"
SHOWN_FIGURES = ("validation_accuracy", "ece", "promise_answered")
FEWEST = 2

runs_app = typer.Typer(help="Look at an assistant's trainings.", no_args_is_help=True, rich_markup_mode="rich")
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@runs_app.callback()
def runs() -> None:
    """Look at an assistant's trainings."""


@runs_app.command("list")
def list_runs(
    assistant: AssistantOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the trainings, the newest first, with what they came to.

    [dim]Examples:[/dim]  kefu runs list    kefu runs list --assistant mybot --json
    """
    # Heavy: `kefu run` must not load it.
    from training.run_record import read_records  # noqa: PLC0415

    folder = data_dir(assistant or STARTER, data)
    records, wrong = read_records(folder)
    for sentence in wrong:
        err.print(f"[yellow]note:[/yellow] {escape(sentence)}", soft_wrap=True)
    if as_json:
        out.print_json(data=[record.model_dump(mode="json", exclude={"curves"}) for record in records])
    elif records:
        out.print(_listed(records))
    else:
        out.print(escape(f"No training has left a record in {folder}. `kefu train` leaves one."), soft_wrap=True)


@runs_app.command()
def compare(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Releases that the trainings have made.")],
    assistant: AssistantOption = None,
    data: DataOption = None,
    picture: Annotated[
        Path | None,
        typer.Option("--picture", metavar="FILE", help="The picture of the curves; in the data folder if left out."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare trainings: settings and data that differ, figures, and a picture of their curves.

    [dim]Example:[/dim]  kefu runs compare 3f9c21aa08de 71b0c9d2e4f5
    """
    _need_pictures()
    if len(set(ids)) < FEWEST:
        raise KefuError("Name two trainings or more. `kefu runs list` lists them.")
    # Heavy: `kefu run` must not load it.
    from training.run_comparison import compared, differences, draw_comparison, figures  # noqa: PLC0415
    from training.run_record import RUNS_FOLDER, read_record  # noqa: PLC0415

    folder = data_dir(assistant or STARTER, data)
    records = [read_record(folder, release) for release in dict.fromkeys(ids)]
    path = picture or folder / RUNS_FOLDER / PICTURE
    draw_comparison(records, path)
    if as_json:
        out.print_json(data={**compared(records), "picture": str(path)})
        return
    different = differences(records)
    if different:
        out.print(_side_by_side("What differs", records, different, _as_text))
    else:
        out.print("Settings, data and code are the same.")
    out.print(_side_by_side("What came of it", records, figures(records), _as_figure))
    out.print(escape(f"Curves: {path}"), soft_wrap=True)


def _listed(records: Sequence["RunRecord"]) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for heading in ("release", "made", "begun from"):
        table.add_column(heading, no_wrap=True)
    for heading in ("seconds", "examples", "intents", *(name.replace("_", " ") for name in SHOWN_FIGURES)):
        table.add_column(heading, justify="right")
    for record in records:
        begun = record.warm_from or (f"{record.encoder_from} (taken over)" if record.encoder_from else "nothing")
        counts = (f"{record.data['examples']:,}", f"{record.data['intents']:,}")
        shown = (_as_figure(record.figures.get(name)) for name in SHOWN_FIGURES)
        table.add_row(
            escape(record.release), escape(record.created_at), escape(begun), f"{record.seconds:.0f}", *counts, *shown
        )
    return table


def _side_by_side(
    title: str, records: Sequence["RunRecord"], rows: Mapping[str, Sequence[Any]], form: Callable[[Any], str]
) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("")
    for record in records:
        table.add_column(escape(record.release), justify="right")
    for name, values in rows.items():
        table.add_row(escape(name), *(escape(form(value)) for value in values))
    return table


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _as_figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _need_pictures() -> None:
    if find_spec("matplotlib") is None:
        raise KefuError("matplotlib is not installed. Run `pip install 'kefu[train]'`.")
