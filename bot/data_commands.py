"""The commands under `kefu data`, which look at an assistant's files without training it."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import track

from configs.assistant import STARTER, read_assistant
from configs.errors import KefuError

if TYPE_CHECKING:
    from nlu.encoder import FloatArray
    from training.data_checks import DataReport, Embed, Finding

BATCH = 64
SHOWN_FINDINGS = 3
SHOWN_PASSAGES = 6
SHOWN_CHARS = 200
COLOURS = {"error": "red", "warning": "yellow", "hint": "blue"}

data_app = typer.Typer(help="Look at an assistant's data.", no_args_is_help=True, rich_markup_mode="rich")
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


@data_app.callback()
def data() -> None:
    """Look at an assistant's data."""


@data_app.command()
def validate(
    assistant: Annotated[
        Path | None,
        typer.Argument(metavar="[ASSISTANT]", help="Folder in Rasa's project layout; the starter if left out."),
    ] = None,
    questions: Annotated[
        Path | None,
        typer.Option("--questions", help="Test questions; tests/questions.jsonl of the assistant if left out."),
    ] = None,
    all_findings: Annotated[
        bool, typer.Option("--all", help="Show every finding, not only the first of each kind.")
    ] = False,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the findings as JSON.")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the findings as a page.")] = None,
) -> None:
    """Check an assistant's data before training: contradictions, wrong intents, leaks, personal data.

    [dim]Examples:[/dim]  kefu data validate    kefu data validate mybot --html report.html
    """
    _need_training_extra()
    # Heavy: `kefu run` must not load it.
    from training.data_checks import check_assistant, frozen_embed, write_html, write_json  # noqa: PLC0415

    read = read_assistant(assistant or STARTER)
    report = check_assistant(read, _with_bar(frozen_embed(read), err), questions)
    print_report(report, out, whole=all_findings)
    for path, write in ((json, write_json), (html, write_html)):
        if path is not None:
            write(report, path)
            out.print(f"Written: {escape(str(path))}", soft_wrap=True)
    if report.error_count:
        raise typer.Exit(1)


def print_report(report: "DataReport", console: Console, *, whole: bool) -> None:
    """The findings by kind, only the first of each unless `whole`, and a sentence that counts them all."""
    for (severity, kind), findings in report.by_kind().items():
        colour = COLOURS[severity]
        console.print(f"[bold {colour}]{severity}: {kind}[/] ({len(findings):,})")
        shown = len(findings) if whole else SHOWN_FINDINGS
        for finding in findings[:shown]:
            _print_finding(finding, console, whole=whole)
        if len(findings) > shown:
            console.print(f"  [dim]... and {len(findings) - shown:,} more; --all shows them.[/dim]")
        console.print()
    console.print(report.summary, soft_wrap=True)


def _print_finding(finding: "Finding", console: Console, *, whole: bool) -> None:
    console.print(f"  {escape(finding.message)}", soft_wrap=True)
    passages = finding.passages if whole else finding.passages[:SHOWN_PASSAGES]
    for passage in passages:
        place = f"{passage.path}:{passage.line}" + (f", {passage.intent}" if passage.intent else "")
        console.print(f"    - {escape(_one_line(passage.text))} [dim]{escape(place)}[/dim]", soft_wrap=True)
    if len(finding.passages) > len(passages):
        console.print(f"    [dim]... and {len(finding.passages) - len(passages):,} more places.[/dim]")
    console.print(f"    [italic]What to do: {escape(finding.advice)}[/italic]", soft_wrap=True)


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_CHARS else f"{line[:SHOWN_CHARS]}..."


def _with_bar(embed: "Embed", console: Console) -> "Embed":
    """`embed`, a batch at a time, with a bar in a terminal."""

    def embed_batches(texts: Sequence[str]) -> "FloatArray":
        starts = range(0, len(texts), BATCH)
        bar = track(starts, "reading the texts", console=console, disable=not console.is_terminal, transient=True)
        return np.concatenate([embed(texts[start : start + BATCH]) for start in bar])

    return embed_batches


def _need_training_extra() -> None:
    missing = [name for name in ("jinja2", "phonenumbers", "sklearn") if find_spec(name) is None]
    if missing:
        raise KefuError(f"{', '.join(missing)} is not installed. Run `pip install 'kefu[train]'`.")
