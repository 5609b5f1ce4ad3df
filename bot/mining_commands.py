"""The commands under `kefu knowledge` that mine conversations, list what was found, and let a person decide."""

import getpass
import json
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from bot.data_folder import AssistantOption, DataOption, data_dir, open_knowledge_store
from bot.proposal_review import Review, Tally, edit_in_editor
from configs.assistant import STARTER, Assistant, read_assistant
from configs.errors import KefuError, SettingsError
from configs.yaml_file import nearest
from nlu.masking import regions_of
from retrieval.knowledge import read_knowledge
from retrieval.knowledge_store import KnowledgeStore
from retrieval.pair import Pair
from retrieval.proposals import PROPOSALS_FILE, Added, Filed, ProposalStore, State
from training.releases import KNOWLEDGE_FILE

if TYPE_CHECKING:
    from training.mining import Mined
    from training.mining.conversation import Read
    from training.progress import Progress as Step

SHOWN_BAD_RECORDS = 5
SHOWN_CHARS = 70
FORMATS = ("auto", "turns", "kefu", "chatwoot", "zendesk")

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

ByOption = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who decides; the user's name if left out.")]


def register(knowledge_app: typer.Typer) -> None:
    """Adds the commands to `kefu knowledge`."""
    knowledge_app.command("mine")(mine)
    knowledge_app.command("proposals")(proposals)
    knowledge_app.command("review")(review)


def mine(
    transcripts: Annotated[list[Path], typer.Argument(metavar="TRANSCRIPTS...", help="Files of conversations.")],
    format_: Annotated[
        str, typer.Option("--format", help="auto, turns, kefu, chatwoot or zendesk; auto looks into each file.")
    ] = "auto",
    min_count: Annotated[
        int, typer.Option("--min-count", min=1, help="Conversations in which a question must have been answered.")
    ] = 2,
    bot_answers: Annotated[
        bool, typer.Option("--bot-answers", help="Take what a bot said for answers too, not only what people wrote.")
    ] = False,
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """Propose pairs from conversation histories; nothing goes live before a person has accepted it.

    [dim]Examples:[/dim]  kefu knowledge mine chats.jsonl    kefu knowledge mine tickets/*.json --format zendesk
    """
    if format_ not in FORMATS:
        known = ", ".join(FORMATS)
        raise SettingsError(f"--format is {format_!r}. Write one of {known}.{nearest(format_, FORMATS)}")
    _need_training_extra()
    # Heavy: `kefu run` must not load it.
    from training.data_checks import frozen_embed  # noqa: PLC0415
    from training.data_checks.personal_data import company_values  # noqa: PLC0415
    from training.mining import Format, MiningOptions, Transcripts  # noqa: PLC0415
    from training.mining import mine as mine_conversations  # noqa: PLC0415

    files = [Transcripts(path, Format(format_)) for path in transcripts]
    read = read_assistant(assistant or STARTER)
    folder = data_dir(read.root, data)
    store = ProposalStore(folder / PROPOSALS_FILE)
    try:
        with _bar() as bar:
            task = bar.add_task("reading the conversations", total=sum(file.total for file in files) or None)

            def conversations() -> "Iterator[Read]":
                behind = 0
                for file in files:
                    for one in file:
                        bar.update(task, completed=behind + file.position)
                        yield _placed(one, file.path, file.format.value)
                    behind += file.total

            def report(step: "Step") -> None:
                bar.update(task, description=step.stage, completed=step.done, total=step.total)

            mined = mine_conversations(
                conversations(),
                frozen_embed(read),
                MiningOptions(
                    min_count=min_count,
                    language=read.language,
                    public=company_values(read.domain, regions_of(read.language)),
                    bot_answers=bot_answers,
                ),
                existing=_live_pairs(read, folder),
                known=store.list(),
                report=report,
            )
        added = store.add(mined.proposals)  # the only thing that is written, and all at once
    except KeyboardInterrupt:
        err.print("Stopped. Nothing was proposed, and nothing was changed.")
        raise typer.Exit(130) from None
    finally:
        store.close()
    _print_mined(mined, added, min_count, bot_answers=bot_answers)


def proposals(
    state: Annotated[
        str, typer.Option("--state", help="pending, accepted, rejected, or all of them: all.")
    ] = State.PENDING.value,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON, an object a line.")] = False,
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """List the mined proposals, the most frequent first.

    [dim]Examples:[/dim]  kefu knowledge proposals    kefu knowledge proposals --state rejected --json
    """
    states = [one.value for one in State]
    if state not in (*states, "all"):
        raise SettingsError(f"--state is {state!r}. Write one of {', '.join(states)}, all.{nearest(state, states)}")
    store = _open_store(assistant, data)
    found = store.list(*(() if state == "all" else (State(state),)))
    store.close()
    if as_json:
        for filed in found:
            out.print(json.dumps(_as_dict(filed), ensure_ascii=False), markup=False, soft_wrap=True)
        return
    if not found:
        out.print("There are none." if state == "all" else f"None is {state}.")
        return
    table = Table(box=None, header_style="bold", padding=(0, 1))
    table.add_column("id", no_wrap=True)
    table.add_column("asked", justify="right", no_wrap=True)
    table.add_column("question")
    table.add_column("answer")
    table.add_column("look at", style="yellow")
    for filed in found:
        one = filed.proposal
        cells = (one.id, f"{one.count:,}", _short(one.question), _short(one.answer), _short("; ".join(one.warnings)))
        table.add_row(*map(escape, cells))
    out.print(table)


def review(
    accept: Annotated[
        list[str] | None, typer.Option("--accept", metavar="ID", help="Accept this one; for scripts.")
    ] = None,
    reject: Annotated[
        list[str] | None, typer.Option("--reject", metavar="ID", help="Reject this one; for scripts.")
    ] = None,
    by: ByOption = None,
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """Decide on the proposals, one after the other: an accepted one answers customers from then on.

    [dim]Examples:[/dim]  kefu knowledge review    kefu knowledge review --accept 4f0c2a9be1d3 --by anna
    """
    store = _open_store(assistant, data)
    knowledge = open_knowledge_store(assistant, data)
    who = by or getpass.getuser()
    try:
        if accept or reject:
            for id_ in accept or ():
                pair = store.accept(id_, who, knowledge)
                out.print(f"Accepted {id_}: the pair {pair.id}.", markup=False, soft_wrap=True)
            for id_ in reject or ():
                store.reject(id_, who)
                out.print(f"Rejected {id_}.", markup=False, soft_wrap=True)
            return
        tally = Review(store, knowledge, who, out, ask=_read_line, edit=edit_in_editor).go()
        out.print(_summary(tally, len(store.list(State.PENDING))))
    finally:
        store.close()
        knowledge.close()


def _summary(tally: Tally, pending: int) -> str:
    return (
        f"{tally.accepted} accepted, {tally.rejected} rejected, {tally.skipped} skipped; "
        f"{pending:,} still {'waits' if pending == 1 else 'wait'}."
    )


def _print_mined(mined: "Mined", added: Added, min_count: int, *, bot_answers: bool) -> None:
    for bad in mined.bad_records[:SHOWN_BAD_RECORDS]:
        err.print(f"[yellow]passed over:[/yellow] {escape(bad.message)}", soft_wrap=True)
    if mined.bad_record_count > SHOWN_BAD_RECORDS:
        err.print(f"[yellow]... and {mined.bad_record_count - SHOWN_BAD_RECORDS:,} more records.[/yellow]")
    out.print(
        f"{_counted(mined.conversation_count, 'conversation')}, "
        f"{_counted(mined.exchange_count, 'answered question')}: "
        f"{_counted(len(mined.proposals), 'proposal')}, {added.new:,} of them new.",
        soft_wrap=True,
    )
    for reason, count in sorted(mined.left_out.items(), key=lambda item: -item[1]):
        out.print(f"  not proposed: {count:,} {escape(reason)}", soft_wrap=True)
    if mined.bot_only_count and not bot_answers:
        out.print(
            f"In {_counted(mined.bot_only_count, 'conversation')} only a bot answered; "
            "--bot-answers takes its answers too.",
            soft_wrap=True,
        )
    if mined.proposals:
        out.print("Next: kefu knowledge review", soft_wrap=True)
    elif mined.exchange_count and min_count > 1:
        out.print("With --min-count 1, questions that were asked once are proposed too.", soft_wrap=True)


def _placed(read: "Read", path: Path, format_: str) -> "Read":
    """A bad record with its file; a conversation whose id cannot be that of another system's."""
    from training.mining import BadRecord  # noqa: PLC0415

    if isinstance(read, BadRecord):
        place = str(path) if read.number == 0 else f"{path}:{read.number}"
        return replace(read, message=f"{place}: {read.message}.")
    return replace(read, id=f"{format_}:{read.id}")


def _live_pairs(assistant: Assistant, folder: Path) -> Iterator[Pair]:
    """The pairs that answer customers, or will after the next training."""
    seen: set[str] = set()
    path = folder / KNOWLEDGE_FILE
    if path.exists():
        for pair in KnowledgeStore(path).pairs():
            seen.add(pair.id)
            yield pair
    for pair in read_knowledge(assistant.knowledge_paths):
        if pair.id not in seen:
            yield pair


def _open_store(assistant: Path | None, data: Path | None) -> ProposalStore:
    path = _folder(assistant, data) / PROPOSALS_FILE
    if not path.exists():
        raise KefuError(f"There are no proposals in {path.parent}. `kefu knowledge mine` makes some.")
    return ProposalStore(path)


def _folder(assistant: Path | None, data: Path | None) -> Path:
    return data_dir(assistant or STARTER, data)


def _as_dict(filed: Filed) -> dict[str, object]:
    return {**filed.proposal.to_dict(), "state": filed.state, "by": filed.by, "at": filed.at, "pair_id": filed.pair_id}


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_CHARS else f"{line[: SHOWN_CHARS - 1]}…"


def _read_line() -> str | None:
    try:
        return input("> ")
    except EOFError:
        out.print()
        return None


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), TimeRemainingColumn(compact=True))
    return Progress(*columns, console=err, disable=not err.is_terminal, transient=True)


def _need_training_extra() -> None:
    missing = [name for name in ("jinja2", "sklearn") if find_spec(name) is None]
    if missing:
        raise KefuError(f"{', '.join(missing)} is not installed. Run `pip install 'kefu[train]'`.")
