# ruff: noqa: PLC0415 - what only a refresh needs, no other command loads
"""`kefu refresh`: what people have said of messages becomes a better bot, once, or at the times of a schedule."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.data_folder import DataOption, data_dir
from configs.assistant import STARTER, Assistant, read_assistant
from configs.errors import AssistantError, KefuError, SettingsError
from configs.taught import TAUGHT_FILE, Taught, read_taught, taught_lines
from training.releases import Releases, replace_file

if TYPE_CHECKING:
    from training.refresh.outcome import Outcome

KEPT_CODE = 3
DAY_S = 86_400.0
SHOWN_WAITING = 20
FOLDER = "refresh"
_DAYS = re.compile(r"(\d{1,5})d\Z")

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def refresh(  # noqa: PLR0913 - one option each
    assistant: Annotated[
        Path | None,
        typer.Argument(metavar="[ASSISTANT]", help="Folder in Rasa's project layout; the starter if left out."),
    ] = None,
    *,
    since: Annotated[
        str | None, typer.Option("--since", help="Learn only what was said since: a date, or days such as 30d.")
    ] = None,
    schedule: Annotated[
        str | None, typer.Option("--schedule", metavar="CRON", help="Refresh at these times, without end.")
    ] = None,
    from_nothing: Annotated[
        bool, typer.Option("--from-nothing", help="Do not build on the training of the release that serves.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be learned.")] = False,
    keep_candidate: Annotated[
        bool, typer.Option("--keep-candidate", help="Do not promote the release, even if the gate lets it pass.")
    ] = False,
    accept_quarantined: Annotated[
        list[str] | None, typer.Option("--accept-quarantined", metavar="ID", help="Let a row through; repeatable.")
    ] = None,
    taught: Annotated[
        Path | None,
        typer.Option("--taught", metavar="FILE", help="Learn these rows of an export, and not the conversations."),
    ] = None,
    data: DataOption = None,
) -> None:
    """Learn from what people have said of messages, and promote what the gate lets pass.

    [dim]Examples:[/dim]  kefu refresh mybot    kefu refresh --dry-run    kefu refresh mybot --schedule "0 3 * * *"
    """
    root = assistant or STARTER
    if not root.is_dir():
        raise AssistantError(root, None, "there is no such folder", "Make one with `kefu init DIR`.")
    _need_training_extra()
    read = read_assistant(root)
    zone = ZoneInfo(read.config.refresh.timezone)
    moment = _moment(since, zone)
    if schedule is not None:
        if dry_run or accept_quarantined or taught:
            raise SettingsError("--schedule goes without --dry-run, --accept-quarantined and --taught. Leave one out.")
        flags = [("--from-nothing", from_nothing), ("--keep-candidate", keep_candidate)]
        options = [name for name, on in flags if on] + (["--since", since] if since else [])
        _refresh_on_schedule(root, data, schedule, zone, options)
    outcome = refresh_once(
        read,
        data_dir(root, data),
        data,
        since=moment,
        accept=accept_quarantined or (),
        taught=read_taught(taught) if taught else (),
        from_nothing=from_nothing,
        dry_run=dry_run,
        keep_candidate=keep_candidate,
    )
    print_outcome(outcome, out)
    if outcome.came == "kept":
        raise typer.Exit(KEPT_CODE)


def refresh_once(
    assistant: Assistant,
    folder: Path,
    data: Path | None,
    *,
    since: float,
    accept: Sequence[str],
    taught: Sequence[Taught] = (),
    **options: bool,
) -> "Outcome":
    """Refreshes once, at the lowest priority.

    Args:
        folder: The data folder.
        data: What was given as such.
        since: Unix time; what was said before is not learned.
        accept: Ids of quarantined rows to let through.
        taught: Rows in the place of those of the conversations.

    Raises:
        KefuError: Another refresh runs, or something cannot be read.
        OSError: The data folder cannot be written.
    """
    from bot.refresh import Collected
    from bot.refresh.accepted import accept as let_through
    from bot.refresh.priority import give_way
    from bot.refresh.taught import taught_of
    from bot.training_progress import show_progress
    from training.refresh.lock import one_at_a_time
    from training.refresh.pipeline import Order
    from training.refresh.pipeline import refresh as learn
    from training.refresh.threads import limit_threads

    give_way()
    limit_threads()
    with one_at_a_time(folder), show_progress(err) as report:
        accepted = let_through(folder / FOLDER, accept)
        collected = Collected(rows=tuple(taught)) if taught else taught_of(assistant, folder, data, since)
        replace_file(folder / FOLDER / TAUGHT_FILE, taught_lines(collected.rows))
        order = Order(
            root=assistant.root,
            rows=collected.rows,
            collected={
                "labels": collected.labels,
                "disagreeing": collected.disagreeing,
                "praised": collected.praised,
                "rows": len(collected.rows),
            },
            accepted=accepted,
            **options,
        )
        return learn(order, Releases(folder), report, _note)


def print_outcome(outcome: "Outcome", console: Console) -> None:
    """What was learned, what was not and why, what the gate says, and how it ended."""
    table = Table(box=None, show_header=False, padding=(0, 1))
    for name, value in _facts(outcome):
        table.add_row(name, escape(value))
    console.print(table)
    for one in outcome.reasons:
        mark = "[green]kept[/green]" if one["passed"] else "[red]broken[/red]"
        console.print(f"  {mark} {escape(one['rule'])}: {escape(one['sentence'])}", soft_wrap=True)
    for one in outcome.quarantined[:SHOWN_WAITING]:
        said = f"label {one['label']} waits for an admin, {one['id']}: {one['found']}"
        console.print(f"  [yellow]{escape(said)}[/yellow]", soft_wrap=True)
    console.print(escape(outcome.sentence), soft_wrap=True)


def _facts(outcome: "Outcome") -> list[tuple[str, str]]:
    learned = outcome.learned
    facts = [
        ("said", ", ".join(f"{count:,} {name}" for name, count in outcome.collected.items())),
        ("not learned", ", ".join(f"{count:,} {why}" for why, count in outcome.left_out.items()) or "nothing"),
        (
            "learned",
            f"{learned.get('examples', 0):,} examples, {learned.get('past_answers', 0):,} past answers changed",
        ),
        ("new intents", ", ".join(learned.get("new_intents", ()))),
        ("still without an answer", ", ".join(learned.get("unanswered", ()))),
        ("training", outcome.start),
        ("steps done", ", ".join(outcome.steps.get("done", ()))),
        ("steps found done", ", ".join(outcome.steps.get("skipped", ()))),
        ("took", f"{outcome.seconds:.0f} s"),
    ]
    return [(name, value) for name, value in facts if value]


def _refresh_on_schedule(
    root: Path, data: Path | None, schedule: str, zone: ZoneInfo, options: Sequence[str]
) -> NoReturn:
    from bot.refresh.schedule import keep_refreshing

    command = [sys.executable, "-m", "bot.cli", "refresh", str(root), *options]
    command += ["--data", str(data)] if data is not None else []

    def once() -> int:
        with subprocess.Popen(command) as process:  # noqa: S603 - our own command
            try:
                return process.wait()
            finally:
                process.terminate()  # what it has done is kept

    signal.signal(signal.SIGTERM, _stopped)
    try:
        keep_refreshing(schedule, zone, once, _say)
    except KeyboardInterrupt:
        _say("Stopped.")
    raise typer.Exit(0)


def _stopped(*_: Any) -> NoReturn:
    raise KeyboardInterrupt


def _moment(since: str | None, zone: ZoneInfo) -> float:
    if since is None:
        return 0.0
    if days := _DAYS.match(since):
        return time.time() - int(days[1]) * DAY_S
    try:
        moment = datetime.fromisoformat(since)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise SettingsError(f"--since is {since!r}. Write a date such as 2026-03-31, or days such as 30d.") from error


def _need_training_extra() -> None:
    from importlib.util import find_spec

    needed = ("cronsim", "matplotlib", "onnx", "onnxscript", "peft", "sklearn", "tensorboard")
    if missing := [name for name in needed if find_spec(name) is None]:
        raise KefuError(f"{', '.join(missing)} is not installed. Run `pip install 'kefu[train]'`.")


def _note(text: str) -> None:
    err.print(f"[yellow]note:[/yellow] {escape(text)}", soft_wrap=True)


def _say(text: str) -> None:
    out.print(escape(text), soft_wrap=True)
