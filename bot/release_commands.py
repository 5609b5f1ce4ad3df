"""The commands under `kefu releases`: which releases there are, what differs, which one serves, and what may go."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.data_folder import AssistantOption, DataOption, data_dir
from bot.terminal_text import harmless, one_line
from configs.assistant import STARTER
from configs.errors import AssistantError
from training.releases import How, Release, ReleaseError, Releases

SHOWN_NAMES = 12
DAY_S = 86_400.0

releases_app = typer.Typer(
    help="List, compare, promote, try and remove releases.", no_args_is_help=True, rich_markup_mode="rich"
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The release's id.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@releases_app.callback()
def releases() -> None:
    """List, compare, promote, try and remove releases."""


@releases_app.command("list")
def list_releases(as_json: JsonOption = False, assistant: AssistantOption = None, data: DataOption = None) -> None:
    """List all releases, those made last first.

    [dim]Examples:[/dim]  kefu releases list    kefu releases list --assistant mybot --json
    """
    from bot.release_view import shown_size, view_releases  # noqa: PLC0415 - other commands do without

    found = view_releases(releases_of(assistant, data))
    if as_json:
        out.print_json(data=[one.to_json() for one in found])
        return
    table = Table("id", "made", "accuracy", "promise", "size", "")
    for one in found:
        accuracy = "" if one.accuracy is None else f"{one.accuracy:.1%}"
        promise = "" if one.promise is None else f"wrong in {one.promise[0]:.1%} at most"
        marks = f"damaged: {one.damage}" if one.damage else one.marks
        made = one.made_at[:16].replace("T", " ")
        table.add_row(one.id, made, accuracy, promise, shown_size(one.size_bytes), harmless(marks))
    out.print(table)
    say(f"{len(found):,} releases." if len(found) != 1 else "1 release.")


@releases_app.command()
def show(
    release_id: IdArgument, as_json: JsonOption = False, assistant: AssistantOption = None, data: DataOption = None
) -> None:
    """Show what a release says of itself, and whether its files are as they were written.

    [dim]Example:[/dim]  kefu releases show ef57cb307057
    """
    from bot.release_view import shown_size, view_release  # noqa: PLC0415

    kept = releases_of(assistant, data)
    manifest, view = kept.manifest(release_id), view_release(kept, release_id)
    try:
        kept.open(release_id)
        verified = "every file is as it was written"
    except ReleaseError as error:
        verified = str(error)
    trained_with = getattr(manifest, "trained_with", None)
    facts = {
        **manifest.model_dump(mode="json", exclude={"files", "figures", "fingerprints", "trained_with"}),
        **view.to_json(),
        "verified": verified,
        "trained_with": _plain(trained_with),
        "figures": dict(manifest.figures),
        "fingerprints": dict(manifest.fingerprints),
        "files": {name: entry.bytes for name, entry in sorted(manifest.files.items())},
    }
    if as_json:
        out.print_json(data=facts)
        return
    for name, value in facts.items():
        if isinstance(value, dict) and name not in ("promise", "trained_with"):
            say(f"{name}:")
            for key, inner in value.items():
                say(f"  {key}: {shown_size(inner) if name == 'files' else inner}")
        else:
            say(f"{name}: {'' if value is None else value}")


@releases_app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="A release's id.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The id of the one to compare with it.")],
    as_json: JsonOption = False,
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """Show what release B has otherwise than release A.

    [dim]Example:[/dim]  kefu releases diff ef57cb307057 8a1db94be615
    """
    from bot.release_diff import diff_releases  # noqa: PLC0415

    kept = releases_of(assistant, data)
    try:
        found = diff_releases(kept.open(before), kept.open(after))
    except ValueError as error:
        raise ReleaseError(f"The releases cannot be compared: {one_line(str(error))}") from error
    if as_json:
        out.print_json(data=asdict(found))
        return
    for kind, change in found.parts.items():
        for word, names in (("gone", change.gone), ("added", change.added), ("changed", change.changed)):
            if names:
                say(f"{kind} {word} ({len(names):,}): {_few(names)}")
    if found.without_examples:
        say("examples: cannot be compared, since one of the releases has not kept them")
    table = Table("", before, after)
    for name, (old, new) in found.figures.items():
        table.add_row(name, *("" if value is None else f"{value:.4g}" for value in (old, new)))
    for name, (old, new) in found.config.items():
        table.add_row(name, *(harmless(one_line(str(value))) for value in (old, new)))
    out.print(table)


@releases_app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A release's folder, or an archive of one.")],
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """Take in a release that another machine has made; it is verified, and not promoted.

    [dim]Examples:[/dim]  kefu releases import ef57cb307057.tar.gz    kefu releases import made/releases/ef57cb307057
    """
    from bot.refresh.release_import import import_release  # noqa: PLC0415 - other commands do without

    release = import_release(source, releases_of(assistant, data))
    say(f"Took in the release {release.id}; every file is as it was written. Next: kefu refresh")


@releases_app.command()
def promote(release_id: IdArgument, assistant: AssistantOption = None, data: DataOption = None) -> None:
    """Verify a release, ask its smoke questions, and have it served.

    A server on the same data folder follows within a second.

    [dim]Example:[/dim]  kefu releases promote 8a1db94be615
    """
    kept = releases_of(assistant, data)
    release = verified(kept, release_id)
    before = _current(kept)
    kept.promote(release)
    if before == release.id:
        say(f"Release {release.id} is served already; it is whole. A server that had refused it tries it again.")
    else:
        say(f"Release {release.id} is served now" + (f", instead of {before}." if before else "."))


@releases_app.command()
def rollback(assistant: AssistantOption = None, data: DataOption = None) -> None:
    """Go back to the release that was promoted before the one that is served.

    One rollback after another goes further and further back. What is gone or damaged is passed over.

    [dim]Example:[/dim]  kefu releases rollback --assistant mybot
    """
    kept = releases_of(assistant, data)
    current = _current(kept)
    for release_id in kept.earlier():
        try:
            release = verified(kept, release_id)
        except ReleaseError as error:
            note(f"{error}")
            continue
        kept.promote(release, How.ROLLED_BACK, instead_of=current)
        say(f"Back to release {release.id}, from {current}. Past answers stay as they are now.")
        return
    raise ReleaseError(
        f"There is no release to go back to from {current}. `kefu releases list` shows what can be promoted."
    )


@releases_app.command()
def prune(
    *,
    keep: Annotated[int, typer.Option("--keep", min=1, help="Promotions whose releases stay.")] = 5,
    older_than: Annotated[float, typer.Option("--older-than", min=0, help="Only those made so many days ago.")] = 0.0,
    yes: Annotated[bool, typer.Option("--yes", help="Remove them; else they are only shown.")] = False,
    as_json: JsonOption = False,
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """Remove releases that are not needed any more, with the traces of their trainings.

    What is served, tried or loaded somewhere stays in any case.

    [dim]Examples:[/dim]  kefu releases prune    kefu releases prune --keep 3 --older-than 30 --yes
    """
    from bot.release_view import USED_FOR, shown_size, spared_by_experiment  # noqa: PLC0415
    from training.pruning import plan_pruning  # noqa: PLC0415
    from training.pruning import prune as remove  # noqa: PLC0415

    kept = releases_of(assistant, data)
    spared = {one: USED_FOR[kind] for one, kind in spared_by_experiment(kept.data_dir).items()}
    plan = plan_pruning(kept, keep=keep, older_than_s=older_than * DAY_S, spared=spared, now=time.time())
    gone = remove(kept, plan.goes, keep=keep) if yes else []
    if as_json:
        shown = [{"id": one.release_id, "size_bytes": one.size_bytes} for one in plan.goes]
        out.print_json(data={"goes": shown, "stays": dict(plan.stays), "removed": gone})
        return
    for release_id, reason in sorted(plan.stays.items()):
        say(f"stays: {release_id}, {reason}")
    for one in plan.goes:
        word = "removed" if one.release_id in gone else "stays: in use" if yes else "would go"
        say(f"{word}: {one.release_id}, {shown_size(one.size_bytes)}")
    size = shown_size(sum(one.size_bytes for one in plan.goes if not yes or one.release_id in gone))
    say(f"{len(gone)} removed, {size}." if yes else f"{len(plan.goes)} would go, {size}. Remove them with --yes.")


def releases_of(assistant: Path | None, data: Path | None) -> Releases:
    """The releases that the options of a command name.

    Raises:
        AssistantError: There is no such assistant.
    """
    root = assistant or STARTER
    if not root.is_dir():
        raise AssistantError(root, None, "there is no such folder", "Make one with `kefu init DIR`.")
    return Releases(data_dir(root, data))


def verified(kept: Releases, release_id: str) -> Release:
    """A release whose files are whole and which answers its smoke questions.

    Raises:
        ReleaseError: It is not.
    """
    from bot.engine import Engine  # noqa: PLC0415 - heavy

    hold = kept.hold(release_id)
    try:
        release = kept.open(release_id)
        Engine(release, live=False)
        return release
    finally:
        hold.close()


def say(text: str) -> None:
    """Prints a line as it is."""
    out.print(harmless(text), soft_wrap=True)


def note(text: str) -> None:
    """Says something beside the result."""
    err.print(f"[yellow]note:[/yellow] {escape(text)}", soft_wrap=True)


def _current(kept: Releases) -> str | None:
    try:
        return kept.current_id()
    except ReleaseError as error:
        note(str(error))
        return None


def _few(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:SHOWN_NAMES])
    return shown if len(names) <= SHOWN_NAMES else f"{shown} and {len(names) - SHOWN_NAMES:,} more"


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value
