"""The commands under `kefu knowledge`: past answers are listed, edited, imported and exported, and live at once."""

import getpass
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from bot import mining_commands
from bot.data_folder import AssistantOption, DataOption, data_dir
from bot.proposal_review import edit_in_editor
from configs.assistant import STARTER, read_assistant
from configs.errors import AssistantError, KefuError
from retrieval.conflicts import Conflict, find_conflicts
from retrieval.files import BadRow, open_knowledge
from retrieval.files.writing import write_knowledge
from retrieval.knowledge import parse_pair, read_knowledge, refuse_unknown
from retrieval.knowledge_store import KnowledgeStore, Put, Remove, Revision, Stored
from retrieval.knowledge_sync import sync_files
from retrieval.pair import Pair
from training.releases import KNOWLEDGE_FILE

SHOWN = 20
MAX_COMPARED = 100_000
SHOWN_CHARS = 90

knowledge_app = typer.Typer(
    help="List, edit, import and export past answers.", no_args_is_help=True, rich_markup_mode="rich"
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The pair's id.")]
ByOption = Annotated[str | None, typer.Option("--by", help="Who edits; the user's name if left out.")]
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
    after: Annotated[str, typer.Option("--after", help="Begin behind this id.")] = "",
    as_json: JsonOption = False,
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """List pairs in the order of their ids.

    [dim]Examples:[/dim]  kefu knowledge list --tag refunds    kefu knowledge list --search voucher --json
    """
    with open_store(assistant, data) as store:
        found = store.page(after, limit, tag=tag, locale=locale, intent=intent, source=source, search=search)
        if as_json:
            _print_json([_as_json(stored) for stored in found])
            return
        table = Table("id", "question", "tags", "version")
        for stored in found:
            pair = stored.pair
            table.add_row(*map(escape, (pair.id, _short(pair.question), " ".join(pair.tags), str(stored.version))))
        out.print(table)
        _say(f"{len(found)} of {store.count()} pairs.")
        if len(found) == limit:
            _say(f"More: --after {found[-1].pair.id}")


@knowledge_app.command()
def show(
    pair_id: IdArgument, as_json: JsonOption = False, assistant: AssistantOption = None, data: DataOption = None
) -> None:
    """Show one pair with all its values.

    [dim]Example:[/dim]  kefu knowledge show h001
    """
    with open_store(assistant, data) as store:
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
    values = _json_values(from_json) if from_json is not None else {}
    values |= _given(question, answer, also_asked, tag, intent, locale, valid_from, valid_until)
    values |= {"id": pair_id} if pair_id is not None else {}
    if not values.get("id"):
        values["id"] = _slug(str(values.get("question") or ""))
    pair = _checked(values)
    with open_store(assistant, data) as store:
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
    with open_store(assistant, data) as store:
        stored = _existing(store, pair_id)
        if changed:
            values = {**stored.pair.to_dict(), **changed}
        else:
            written = edit_in_editor(json.dumps(stored.pair.to_dict(), ensure_ascii=False, indent=2))
            values = _json_values(written if written is not None else "null")
        pair = _checked(values)
        if pair.id != pair_id:
            raise KefuError(f"The id of {pair_id!r} cannot change. Add {pair.id!r}, then remove the old one.")
        # What was read is what is edited: an edit by somebody else in between must not be lost.
        made = store.change([Put(pair, _by(by), expected_version=expected_version or stored.version)])
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
    with open_store(assistant, data) as store:
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
    read = _check_files(files)
    with open_store(assistant, data) as store:
        if dry_run:
            _say(f"{read} pairs can be read. Nothing was written.")
            return
        made = store.change(Put(pair, who, note="import") for pair in _pairs_of(files, "writing", read))
        _say(f"{read} pairs read, {made} of them new or changed. A running bot knows them from its next messages on.")
        _warn_of_conflicts(store)


@knowledge_app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Ends in .csv, .jsonl or .xlsx.")],
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """Write all pairs, as they are now, to a file that `import` and the assistant's knowledge folder take.

    [dim]Example:[/dim]  kefu knowledge export mybot/knowledge/history.csv
    """
    with open_store(assistant, data) as store:
        count = write_knowledge(store.pairs(), file)
    _say(f"Wrote {count} pairs to {file}.")


@knowledge_app.command()
def history(
    pair_id: IdArgument, as_json: JsonOption = False, assistant: AssistantOption = None, data: DataOption = None
) -> None:
    """Show every version of a pair: who made it, when, and why.

    [dim]Example:[/dim]  kefu knowledge history h001
    """
    with open_store(assistant, data) as store:
        revisions = store.history(pair_id)
    if not revisions:
        raise KefuError(f"There was never a pair {pair_id!r}. `kefu knowledge list` shows what there is.")
    if as_json:
        _print_json([_revision_as_json(revision) for revision in revisions])
        return
    table = Table("version", "when", "who", "what", "note")
    for revision in revisions:
        what = "removed" if revision.pair is None else _short(f"{revision.pair.question} → {revision.pair.answer}")
        table.add_row(*map(escape, (str(revision.version), _when(revision.at), revision.by, what, revision.note)))
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
    with open_store(assistant, data) as store:
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
    with open_store(assistant, data) as store:
        conflicts = find_conflicts(store.pairs())
    _print_conflicts(conflicts, len(conflicts) if all_found else SHOWN)
    if not conflicts:
        _say("No question has two answers, and none is nearly another.")


mining_commands.register(knowledge_app)


def open_store(assistant: Path | None, data: Path | None) -> KnowledgeStore:
    """The assistant's knowledge store; one that is new takes the assistant's knowledge files over.

    Raises:
        KefuError: It cannot be opened, or a knowledge file is wrong.
    """
    root = assistant or STARTER
    if not root.is_dir():
        raise AssistantError(root, None, "there is no such folder", "Make one with `kefu init DIR`.")
    path = data_dir(root, data) / KNOWLEDGE_FILE
    is_new = not path.exists()
    store = KnowledgeStore(path)
    if is_new or not store.latest_seq():
        sync_files(store, read_knowledge(read_assistant(root).knowledge_paths))
    return store


def _check_files(files: Sequence[Path]) -> int:
    """Reads all rows once, so that nothing is written where one is bad; returns how many there are."""
    bad: list[str] = []
    count = 0
    seen: set[bytes] = set()  # of hashes: a million ids would take 100 MB
    for path in files:
        opened = open_knowledge(path)
        notes = [f"{path}: read as {opened.format}, {opened.encoding}.", *opened.notes]
        for note in notes:
            err.print(escape(note), soft_wrap=True)
        with _bar() as bar:
            task = bar.add_task(f"reading {path.name}", total=opened.total)
            for row in opened.rows():
                if isinstance(row, BadRow):
                    bad.append(f"{path}:{row.line}: {row.message}")
                elif (key := hashlib.blake2b(row.pair.id.encode("utf-8"), digest_size=10).digest()) in seen:
                    bad.append(f"{path}:{row.line}: the id {row.pair.id!r} stands twice. Give it its own.")
                else:
                    seen.add(key)
                    count += 1
                bar.update(task, completed=opened.position())
    for line in bad[:SHOWN]:
        err.print(escape(line), soft_wrap=True)
    if bad:
        more = f" ({len(bad) - SHOWN} more are not shown)" if len(bad) > SHOWN else ""
        raise KefuError(f"{len(bad)} rows cannot be used{more}; nothing was written. Mend them and import again.")
    return count


def _pairs_of(files: Sequence[Path], title: str, count: int) -> Iterator[Pair]:
    with _bar() as bar:
        task = bar.add_task(title, total=count)
        for path in files:
            for row in open_knowledge(path).rows():
                if isinstance(row, BadRow):  # the file has changed since it was checked
                    raise AssistantError(path, row.line, row.problem, row.fix)
                yield row.pair
                bar.advance(task)


def _warn_of_conflicts(store: KnowledgeStore) -> None:
    if store.count() > MAX_COMPARED:
        _say("Too many pairs to compare them in passing: `kefu knowledge check` lists contradictions.")
    elif conflicts := find_conflicts(store.pairs()):
        err.print(f"[yellow]note:[/yellow] {len(conflicts)} questions contradict or repeat another:")
        _print_conflicts(conflicts, SHOWN // 4)


def _print_conflicts(conflicts: Sequence[Conflict], shown: int) -> None:
    for one in conflicts[:shown]:
        what = "the same answer" if one.same_answer else "another answer"
        _say(
            f"{one.kind.value.replace('_', ' ')}: {one.first_id} {_short(one.first_question)!r} and {one.second_id} "
            f"{_short(one.second_question)!r}, {what}"
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


def _json_values(text: str) -> dict[str, Any]:
    read = sys.stdin.read() if text == "-" else text
    try:
        values = json.loads(read)
    except (ValueError, RecursionError) as error:
        raise KefuError(f"Not JSON: {error}. Write an object with question and answer.") from error
    if not isinstance(values, dict):
        raise KefuError("Not an object. Write one with question and answer.")
    return values


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
    return given or getpass.getuser()


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_CHARS else f"{line[: SHOWN_CHARS - 1]}…"


def _as_json(stored: Stored) -> dict[str, Any]:
    return {"pair": stored.pair.to_dict(), "version": stored.version, "by": stored.by, "at": stored.at}


def _revision_as_json(revision: Revision) -> dict[str, Any]:
    pair = None if revision.pair is None else revision.pair.to_dict()
    return {"version": revision.version, "pair": pair, "by": revision.by, "at": revision.at, "note": revision.note}


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def _bar() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=err, transient=True)


def _say(text: str) -> None:
    out.print(escape(text), soft_wrap=True)
