"""The commands under `kefu knowledge`: past answers are listed, edited, imported and exported, and live at once."""

import getpass
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bot import mining_commands
from bot.data_folder import AssistantOption, DataOption, open_knowledge_store
from bot.knowledge_import import check_files, count_changes, merged, pairs_of
from bot.proposal_review import edit_in_editor
from bot.terminal_text import harmless, one_line
from configs.errors import AssistantError, KefuError
from retrieval.conflicts import Conflict, find_conflicts
from retrieval.files import write_knowledge
from retrieval.knowledge import parse_pair, refuse_unknown
from retrieval.knowledge_store import KnowledgeStore, Put, Remove, Revision, Stored
from retrieval.pair import Pair

SHOWN = 20
MAX_COMPARED = 100_000
MAX_BY_CHARS = 255

knowledge_app = typer.Typer(
    help="List, edit, import and export past answers.", no_args_is_help=True, rich_markup_mode="rich"
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def _utf8(text: str | None) -> str | None:
    try:
        (text or "").encode("utf-8")
    except UnicodeEncodeError as error:
        raise typer.BadParameter("is not UTF-8 text.") from error
    return text


def _name(text: str | None) -> str | None:
    """Lets pass what every history can show, as over HTTP."""
    _utf8(text)
    if text and not (text.strip() and text.isprintable() and len(text) <= MAX_BY_CHARS):
        raise typer.BadParameter(f"is no name. Write 1 to {MAX_BY_CHARS} characters that can be seen.")
    return text


IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The pair's id.", callback=_utf8)]
ByOption = Annotated[str | None, typer.Option("--by", help="Who edits; the user's name if left out.", callback=_name)]
ExpectedOption = Annotated[
    int | None, typer.Option("--expected-version", min=1, help="Refuse where the pair has another version by now.")
]
QuestionOption = Annotated[str | None, typer.Option("--question", help="The question, as it is shown.")]
AnswerOption = Annotated[str | None, typer.Option("--answer", help="The answer, in Markdown.")]
AlsoAskedOption = Annotated[
    list[str] | None, typer.Option("--also-asked", help="Another wording; may be given more than once.")
]
TagOption = Annotated[list[str] | None, typer.Option("--tag", help="A tag; may be given more than once.")]
IntentOption = Annotated[str | None, typer.Option("--intent", help="The intent that the question belongs to.")]
LocaleOption = Annotated[str | None, typer.Option("--locale", help="A language tag such as en or zh-CN.")]
FromOption = Annotated[str | None, typer.Option("--valid-from", help="Date from which it may be given.")]
UntilOption = Annotated[str | None, typer.Option("--valid-until", help="Last date on which it may be given.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@knowledge_app.callback()
def knowledge() -> None:
    """List, edit, import and export past answers."""


@knowledge_app.command("list")
def list_pairs(  # noqa: PLR0913 - one filter each
    *,
    tag: Annotated[str | None, typer.Option("--tag", help="Only pairs with this tag.")] = None,
    locale: LocaleOption = None,
    intent: IntentOption = None,
    source: Annotated[str | None, typer.Option("--source", help="Only pairs from there.")] = None,
    search: Annotated[str | None, typer.Option("--search", help="Only pairs that hold this text.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many to show.")] = 50,
    after: Annotated[str, typer.Option("--after", help="Begin behind this id.", callback=_utf8)] = "",
    as_json: JsonOption = False,
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """List pairs in the order of their ids.

    [dim]Examples:[/dim]  kefu knowledge list --tag refunds    kefu knowledge list --search voucher --json
    """
    with open_knowledge_store(assistant, data) as store:
        found = store.page(after, limit, tag=tag, locale=locale, intent=intent, source=source, search=search)
        if as_json:
            _print_json([_as_json(stored) for stored in found])
            return
        table = Table("id", "question", "tags", "version")
        for stored in found:
            pair = stored.pair
            cells = map(_cell, (pair.question, " ".join(pair.tags), str(stored.version)))
            table.add_row(harmless(pair.id), *cells)
        out.print(table)
        _say(f"{len(found):,} of {_counted(store.count())}.")
        if len(found) == limit:
            _say(f"More: --after {found[-1].pair.id}")


@knowledge_app.command()
def show(
    pair_id: IdArgument, as_json: JsonOption = False, assistant: AssistantOption = None, data: DataOption = None
) -> None:
    """Show one pair with all its values.

    [dim]Example:[/dim]  kefu knowledge show h001
    """
    with open_knowledge_store(assistant, data) as store:
        stored = _existing(store, pair_id)
    if as_json:
        _print_json(_as_json(stored))
        return
    for name, value in stored.pair.to_dict().items():
        _say(f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}")
    _say(f"version {stored.version}, {stored.by}, {_when(stored.at)}")


@knowledge_app.command()
def add(  # noqa: PLR0913 - one option a value
    *,
    question: QuestionOption = None,
    answer: AnswerOption = None,
    pair_id: Annotated[str | None, typer.Option("--id", help="Its id; made of the question if left out.")] = None,
    also_asked: AlsoAskedOption = None,
    tag: TagOption = None,
    intent: IntentOption = None,
    locale: LocaleOption = None,
    valid_from: FromOption = None,
    valid_until: UntilOption = None,
    from_json: Annotated[
        str | None, typer.Option("--json", metavar="JSON", help="The pair as JSON; - reads standard input.")
    ] = None,
    by: ByOption = None,
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """Add a pair; a running bot knows it with its next message.

    [dim]Example:[/dim]  kefu knowledge add --question "Do you gift-wrap?" --answer "Yes, for 2 euros."
    """
    values = {} if from_json is None else _json_object(sys.stdin.read() if from_json == "-" else from_json)
    values |= _given(question, answer, also_asked, tag, intent, locale, valid_from, valid_until)
    values |= {"id": pair_id} if pair_id is not None else {}
    if not values.get("id"):
        values["id"] = _slug(str(values.get("question") or ""))
    pair = _checked(values)
    with open_knowledge_store(assistant, data) as store:
        if (there := store.get(pair.id)) is not None:
            raise KefuError(f"{pair.id!r} exists already (version {there.version}). Edit it, or give another --id.")
        store.change([Put(pair, _by(by), expected_version=0)])
    _say(f"Added {pair.id}.")


@knowledge_app.command()
def edit(  # noqa: PLR0913 - one option a value
    pair_id: IdArgument,
    *,
    question: QuestionOption = None,
    answer: AnswerOption = None,
    also_asked: AlsoAskedOption = None,
    tag: TagOption = None,
    intent: IntentOption = None,
    locale: LocaleOption = None,
    valid_from: FromOption = None,
    valid_until: UntilOption = None,
    expected_version: ExpectedOption = None,
    by: ByOption = None,
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """Change the values that are given; without any, open the pair in your editor.

    [dim]Examples:[/dim]  kefu knowledge edit h001 --answer "Yes, on all hobs."    kefu knowledge edit h001
    """
    changed = _given(question, answer, also_asked, tag, intent, locale, valid_from, valid_until)
    with open_knowledge_store(assistant, data) as store:
        stored = _existing(store, pair_id)
        written = "" if changed else edit_in_editor(json.dumps(stored.pair.to_dict(), ensure_ascii=False, indent=2))
        try:
            pair = _checked({**stored.pair.to_dict(), **changed} if changed else _json_object(written))
            if pair.id != pair_id:
                raise KefuError(f"The id of {pair_id!r} cannot change. Add {pair.id!r}, then remove the old one.")
            # What was read is what is edited: an edit by somebody else in between must not be lost.
            made = store.change([Put(pair, _by(by), expected_version=expected_version or stored.version)])
        except KefuError as error:
            raise (KefuError(f"{error} What you wrote is in {_kept(written)}.") if written else error) from error
    _say(f"{pair_id} has version {stored.version + 1}." if made else f"{pair_id} is as it was.")


@knowledge_app.command()
def remove(
    pair_id: IdArgument,
    expected_version: ExpectedOption = None,
    by: ByOption = None,
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """Take a pair out; its history stays, and `revert` brings it back.

    [dim]Example:[/dim]  kefu knowledge remove h001
    """
    with open_knowledge_store(assistant, data) as store:
        _existing(store, pair_id)
        store.change([Remove(pair_id, _by(by), expected_version=expected_version)])
    _say(f"Removed {pair_id}.")


@knowledge_app.command("import")
def import_files(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="CSV, JSONL or XLSX files, or folders of Markdown pages.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    by: ByOption = None,
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """Take pairs over from files, all of them or none; the same file twice changes nothing.

    [dim]Examples:[/dim]  kefu knowledge import answers.xlsx    kefu knowledge import help-pages/ --dry-run
    """
    who = _by(by)
    read = check_files(files, err)
    with open_knowledge_store(assistant, data) as store:
        if dry_run:
            new = count_changes(store, pairs_of(files, "comparing", read, err))
            _say(f"{_counted(read)} can be read, {new:,} of them new or changed. Nothing was written.")
            _warn_of_conflicts(merged(store, pairs_of(files, "comparing", read, err)), store.count() + read)
            return
        made = store.change(Put(pair, who, note="import") for pair in pairs_of(files, "writing", read, err))
        known = "A running bot knows them from its next messages on."
        _say(f"{_counted(read)} read, {made:,} of them new or changed. {known}")
        _warn_of_conflicts(store.pairs(), store.count())


@knowledge_app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Ends in .csv, .jsonl or .xlsx.")],
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """Write all pairs, as they are now, to a file that `import` and the assistant's knowledge folder take.

    [dim]Example:[/dim]  kefu knowledge export mybot/knowledge/history.csv
    """
    with open_knowledge_store(assistant, data) as store:
        count = write_knowledge(store.pairs(), file)
    _say(f"Wrote {_counted(count)} to {file}.")


@knowledge_app.command()
def history(
    pair_id: IdArgument, as_json: JsonOption = False, assistant: AssistantOption = None, data: DataOption = None
) -> None:
    """Show every version of a pair: who made it, when, and why.

    [dim]Example:[/dim]  kefu knowledge history h001
    """
    with open_knowledge_store(assistant, data) as store:
        revisions = store.history(pair_id)
    if not revisions:
        raise KefuError(f"There was never a pair {pair_id!r}. `kefu knowledge list` shows what there is.")
    if as_json:
        _print_json([_revision_as_json(revision) for revision in revisions])
        return
    table = Table("version", "when", "who", "what", "note")
    for revision in revisions:
        what = "removed" if revision.pair is None else f"{revision.pair.question} → {revision.pair.answer}"
        table.add_row(*map(_cell, (str(revision.version), _when(revision.at), revision.by, what, revision.note)))
    out.print(table)


@knowledge_app.command()
def revert(
    pair_id: IdArgument,
    version: Annotated[int, typer.Option("--to", min=1, help="The version that it shall be again.")],
    by: ByOption = None,
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """Make a pair what it was in an earlier version.

    [dim]Example:[/dim]  kefu knowledge revert h001 --to 1
    """
    with open_knowledge_store(assistant, data) as store:
        made = store.revert(pair_id, version, _by(by))
    _say(f"{pair_id} is again what it was in version {version}." if made else f"{pair_id} is as it was.")


@knowledge_app.command()
def check(
    all_found: Annotated[bool, typer.Option("--all", help="Show all, not only the first.")] = False,
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """List questions that have two answers, and questions that are nearly the same.

    [dim]Example:[/dim]  kefu knowledge check
    """
    with open_knowledge_store(assistant, data) as store:
        conflicts = find_conflicts(store.pairs())
    _print_conflicts(conflicts, len(conflicts) if all_found else SHOWN)
    if not conflicts:
        _say("No question has two answers, and none is nearly another.")


mining_commands.register(knowledge_app)


def _warn_of_conflicts(pairs: Iterable[Pair], count: int) -> None:
    """Lists the first conflicts among `pairs`, which are `count` at most."""
    if count > MAX_COMPARED:
        _say("Too many pairs to compare them in passing: `kefu knowledge check` lists contradictions.")
    elif conflicts := find_conflicts(pairs):
        several = f"{len(conflicts):,} questions contradict or repeat"
        said = several if len(conflicts) > 1 else "1 question contradicts or repeats"
        err.print(f"[yellow]note:[/yellow] {said} another:")
        _print_conflicts(conflicts, SHOWN // 4)


def _print_conflicts(conflicts: Sequence[Conflict], shown: int) -> None:
    for one in conflicts[:shown]:
        what = "the same answer" if one.same_answer else "another answer"
        _say(
            f"{one.kind.value.replace('_', ' ')}: {one.first_id} {one_line(one.first_question)!r} and {one.second_id} "
            f"{one_line(one.second_question)!r}, {what}"
        )
    if len(conflicts) > shown:
        _say(f"{len(conflicts) - shown} more: kefu knowledge check --all")


def _existing(store: KnowledgeStore, pair_id: str) -> Stored:
    stored = store.get(pair_id)
    if stored is None:
        raise KefuError(f"There is no pair {pair_id!r}. `kefu knowledge list` shows what there is.")
    return stored


def _given(
    question: str | None,
    answer: str | None,
    also_asked: list[str] | None,
    tag: list[str] | None,
    *others: str | None,
) -> dict[str, Any]:
    names = ("question", "answer", "also_asked", "tags", "intent", "locale", "valid_from", "valid_until")
    values = (question, answer, also_asked or None, tag or None, *others)
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


def _json_object(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise KefuError(f"Not JSON: {error}. Write an object with question and answer.") from error
    if not isinstance(values, dict):
        raise KefuError("Not an object. Write one with question and answer.")
    return values


def _kept(text: str) -> str:
    """The name of a file that now holds `text`, which would be lost."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="kefu-", suffix=".json", delete=False) as file:
        file.write(text)
    return file.name


def _checked(values: dict[str, Any]) -> Pair:
    here = Path("the pair")
    try:
        refuse_unknown(values, here, 1)
        return parse_pair(values, here, 1)
    except AssistantError as error:
        raise KefuError(f"{error.problem[:1].upper()}{error.problem[1:]}. {error.fix}") from error


def _slug(question: str) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in question.casefold()).split()
    return "-".join(words)[:60].rstrip("-")


def _by(given: str | None) -> str:
    if given:
        return given
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container, a user may have no name
        return f"user {os.getuid()}"


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _as_json(stored: Stored) -> dict[str, Any]:
    return {"pair": stored.pair.to_dict(), "version": stored.version, "by": stored.by, "at": stored.at}


def _revision_as_json(revision: Revision) -> dict[str, Any]:
    pair = None if revision.pair is None else revision.pair.to_dict()
    return {"version": revision.version, "pair": pair, "by": revision.by, "at": revision.at, "note": revision.note}


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def _counted(count: int) -> str:
    return "1 pair" if count == 1 else f"{count:,} pairs"


def _cell(text: str) -> str:
    return harmless(one_line(text))


def _say(text: str) -> None:
    out.print(harmless(text), soft_wrap=True)
