"""The commands under `kefu releases` that try a release on customers: `shadow`, silently, and `ab`, on a share."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.table import Table
from sqlalchemy import Connection

from bot.data_folder import AssistantOption, DataOption
from bot.experiments.experiment import Experiment, ExperimentError, Kind, read_experiment, write_experiment
from bot.release_commands import JsonOption, note, out, releases_app, releases_of, say, verified
from bot.terminal_text import harmless, one_line
from configs.settings import load_settings
from training.releases import Releases

Result = TypeVar("Result")
__all__ = ["releases_app"]

TryArgument = Annotated[str | None, typer.Argument(metavar="[ID]", help="The release to try.")]
OffOption = Annotated[bool, typer.Option("--off", help="End it.")]
ReportOption = Annotated[bool, typer.Option("--report", help="Show how it stands.")]


@releases_app.command()
def shadow(  # noqa: PLR0913 - one option each
    release_id: TryArgument = None,
    *,
    share: Annotated[float, typer.Option("--share", help="Of the conversations, above 0 to 1.")] = 1.0,
    off: OffOption = False,
    report: ReportOption = False,
    texts: Annotated[bool, typer.Option("--texts", help="Show customers' words in the report.")] = False,
    as_json: JsonOption = False,
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """Have a release read what customers write, silently, and see what it would have answered.

    [dim]Examples:[/dim]  kefu releases shadow 8a1db94be615    kefu releases shadow --report
    """
    kept = releases_of(assistant, data)
    match _asked(release_id, off=off, report=report):
        case "begin":
            _begin(kept, Kind.SHADOW, str(release_id), share)
        case "off":
            _end(kept, Kind.SHADOW)
        case _:
            _report_shadow(kept, data, texts=texts, as_json=as_json)


@releases_app.command()
def ab(
    release_id: TryArgument = None,
    *,
    share: Annotated[float, typer.Option("--share", help="Of the conversations, above 0 and below 1.")] = 0.5,
    off: OffOption = False,
    report: ReportOption = False,
    as_json: JsonOption = False,
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """Have a release answer a share of the customers, and see which of the two does better.

    [dim]Examples:[/dim]  kefu releases ab 8a1db94be615 --share 0.2    kefu releases ab --report
    """
    kept = releases_of(assistant, data)
    match _asked(release_id, off=off, report=report):
        case "begin":
            if share >= 1:
                raise typer.BadParameter("is 1 or more; with nobody left there is nothing to compare.")
            _begin(kept, Kind.AB, str(release_id), share)
        case "off":
            _end(kept, Kind.AB)
        case _:
            _report_ab(kept, data, as_json=as_json)


def _asked(release_id: str | None, *, off: bool, report: bool) -> str:
    if (release_id is not None) + off + report != 1:
        raise typer.BadParameter("Give one of: the id of a release, --off, --report.")
    return "begin" if release_id is not None else "off" if off else "report"


def _begin(kept: Releases, kind: Kind, release_id: str, share: float) -> None:
    if not 0 < share <= 1:
        raise typer.BadParameter(f"--share is {share:g}; it is above 0 and at most 1.")
    under_way = _experiment(kept)
    if under_way is not None and under_way.ended is None and under_way.kind is not kind:
        raise ExperimentError(
            f"{under_way.release} is being tried already. End that with `kefu releases {under_way.kind} --off`."
        )
    base = kept.current_id()
    if base is None:
        raise ExperimentError("No release is served yet. Run `kefu train` first.")
    if release_id == base:
        raise ExperimentError(f"{release_id} is served to everybody; try another release beside it.")
    verified(kept, release_id)
    write_experiment(kept.data_dir, Experiment.of(kind, release_id, base, share, time.time()))
    what = "reads" if kind is Kind.SHADOW else "answers"
    say(f"Release {release_id} {what} {share:.0%} of the conversations from now on, beside {base}.")


def _end(kept: Releases, kind: Kind) -> None:
    experiment = _experiment(kept)
    if experiment is None or experiment.kind is not kind or experiment.ended is not None:
        say("Nothing of the kind is under way.")
        return
    write_experiment(kept.data_dir, experiment.model_copy(update={"ended": time.time()}))
    say(f"Release {experiment.release} is not tried any more. The report stays until another release is tried.")


def _experiment(kept: Releases) -> Experiment | None:
    """What the file says; one that is damaged is said and counts as none, so that it can be replaced."""
    try:
        return read_experiment(kept.data_dir)
    except ExperimentError as error:
        note(str(error))
        return None


def _of_kind(kept: Releases, kind: Kind) -> Experiment:
    experiment = read_experiment(kept.data_dir)
    if experiment is None or experiment.kind is not kind:
        raise ExperimentError(f"There is nothing to report. Begin with `kefu releases {kind} ID`.")
    return experiment


def _report_shadow(kept: Releases, data: Path | None, *, texts: bool, as_json: bool) -> None:
    from bot.experiments.shadow_report import report_shadow  # noqa: PLC0415
    from bot.stores.shadows import count_read, shadows_beside  # noqa: PLC0415

    experiment = _of_kind(kept, Kind.SHADOW)

    def read(connection: Connection) -> tuple[Any, int]:
        turns = shadows_beside(connection, experiment.release, experiment.since)
        return turns, count_read(connection, experiment.base, experiment.since, experiment.ended or time.time())

    turns, possible = _read_beside(kept, data, read)
    found = report_shadow(turns, with_texts=texts)
    if as_json:
        shown = {**_shown(experiment), "messages": possible, **asdict(found)}
        out.print_json(data=shown)
        return
    say(_sentence(kept, experiment))
    say(f"It has read {found.read:,} of {possible:,} messages, and would have done the same in {found.agrees:,}.")
    say(f"It would have answered {found.answers_more:,} more, and {found.answers_less:,} less.")
    say(f"{found.answers_otherwise:,} it would have answered otherwise.")
    table = Table("conversation", "turn", "what was done", "what it would have done", *(["message"] if texts else []))
    for one in found.differences:
        cells = (one.conversation_id, str(one.turn), one.was, one.would_be, *([one.text or ""] if texts else []))
        table.add_row(*(harmless(one_line(cell)) for cell in cells))
    if found.differences:
        out.print(table)


def _report_ab(kept: Releases, data: Path | None, *, as_json: bool) -> None:
    from bot.experiments.ab_report import MEASURES, report_ab  # noqa: PLC0415
    from bot.stores.arm_turns import arm_turns, thumbs  # noqa: PLC0415

    experiment, now = _of_kind(kept, Kind.AB), time.time()

    def read(connection: Connection) -> Any:
        turns = list(arm_turns(connection, experiment.since, experiment.ended or now))
        return turns, thumbs(connection, experiment.since)

    turns, given = _read_beside(kept, data, read)
    found = report_ab(experiment, turns, given, now)
    if as_json:
        out.print_json(data={**_shown(experiment), **asdict(found)})
        return
    say(_sentence(kept, experiment))
    table = Table("", f"{experiment.base}", f"{experiment.release}", "difference", "evidence")
    table.add_row("conversations", *(f"{count:,}" for count in found.conversations), "", "")
    for name, one in found.compared.items():
        arms = (f"{mean:.1%} of {seen:,}" if seen else "" for mean, seen in zip(one.means, one.seen, strict=True))
        low, high = one.difference
        table.add_row(MEASURES[name], *arms, f"{low:+.1%} to {high:+.1%}", f"{one.evidence:.3g}")
    out.print(table)
    say(f"{found.under_way:,} are under way; {found.mixed:,} were answered by another release too and are left out.")
    for sentence in found.advice:
        say(sentence)


def _read_beside(kept: Releases, data: Path | None, work: Callable[[Connection], Result]) -> Result:
    from bot.stores.location import connector_of, database_of  # noqa: PLC0415
    from bot.stores.read_beside import read_beside  # noqa: PLC0415

    settings = load_settings(data_dir=data)
    database, connector = database_of(settings, kept.data_dir), connector_of(settings, kept.data_dir)
    return asyncio.run(read_beside(database, connector, work))


def _sentence(kept: Releases, experiment: Experiment) -> str:
    """What is tried since when, and whether it can be."""
    from bot.release_view import shown_time  # noqa: PLC0415

    until = "" if experiment.ended is None else f" to {shown_time(experiment.ended)}"
    said = f"Release {experiment.release} beside {experiment.base}, on {experiment.share:.0%} of the conversations, "
    said += f"from {shown_time(experiment.since)}{until}."
    if experiment.ended is None:
        if (current := kept.current_id()) != experiment.base:
            said += f" Meanwhile {current} has come to be served."
        try:
            verified(kept, experiment.release)
        except Exception as error:  # whatever it is, it is the report's business to say it
            said += f" It cannot be served: {one_line(str(error), 400)}"
    return said


def _shown(experiment: Experiment) -> dict[str, Any]:
    return {"experiment": experiment.model_dump(mode="json")}
