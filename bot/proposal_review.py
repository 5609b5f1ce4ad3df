"""Goes through mined proposals in the terminal, one after the other: accept, edit, reject, skip, undo."""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from configs.errors import KefuError, SettingsError
from retrieval.knowledge import parse_pair
from retrieval.pair import Pair
from retrieval.proposals import Filed, Knowledge, Proposal, ProposalError, ProposalStore, State

QUESTIONS_HEADING = "=== Questions, one a line; the first is the one that is shown ==="
ANSWER_HEADING = "=== Answer, Markdown ==="
KEYS = "[a]ccept  [e]dit  [r]eject  [s]kip  [u]ndo  [q]uit"
LAST_KEYS = "[u]ndo  [q]uit"

Edit = Callable[[str], str]
"""Lets a person change a text; what comes back unchanged is not accepted."""


@dataclass(slots=True)
class Tally:
    """What was decided in one sitting."""

    accepted: int = 0
    rejected: int = 0
    skipped: int = 0

    def count(self, state: State, change: int) -> None:
        """Takes a decision into account, or back."""
        self.accepted += change * (state is State.ACCEPTED)
        self.rejected += change * (state is State.REJECTED)
        self.skipped += change * (state is State.PENDING)


class Review:
    """One sitting.

    Args:
        by: Who decides.
        ask: Reads a line; None at the end of input.
        edit: Opens an editor.
    """

    def __init__(
        self,
        store: ProposalStore,
        knowledge: Knowledge,
        by: str,
        console: Console,
        *,
        ask: Callable[[], str | None],
        edit: Edit,
    ) -> None:
        self._store, self._knowledge, self._by, self._console = store, knowledge, by, console
        self._ask, self._edit = ask, edit

    def go(self) -> Tally:
        """Until the person quits, or all was shown; each decision is on disk before the next is asked for."""
        pending = self._store.list(State.PENDING)
        tally, place, decided = Tally(), 0, list[tuple[int, State]]()
        while place < len(pending) or decided:
            if place < len(pending):
                show(pending[place], self._console, heading=f"{place + 1} of {len(pending)}")
                key = self._key(KEYS)
            else:
                self._console.print("\nThat was the last one.")
                key = self._key(LAST_KEYS)
            if key == "q":
                break
            if key == "u":
                place = self._undo(pending, decided, tally, place)
                continue
            try:
                outcome = self._decide(key, pending[place].proposal)
            except ProposalError as error:  # somebody else was faster
                self._console.print(f"[yellow]{escape(str(error))}[/yellow]", soft_wrap=True)
                place += 1
                continue
            if outcome is not None:
                decided.append((place, outcome))
                tally.count(outcome, 1)
                place += 1
        return tally

    def _decide(self, key: str, proposal: Proposal) -> State | None:
        """Does what was typed; what has become of the proposal, or None where it is to be shown again."""
        if key == "a":
            self._store.accept(proposal.id, self._by, self._knowledge)
            return State.ACCEPTED
        if key == "e":
            return State.ACCEPTED if self._edited(proposal) else None
        if key == "r":
            self._store.reject(proposal.id, self._by)
            return State.REJECTED
        return State.PENDING

    def _key(self, keys: str) -> str:
        while True:
            self._console.print(f"[dim]{escape(keys)}[/dim]")
            line = self._ask()
            key = "q" if line is None else line.strip().lower()[:1]
            if key and f"[{key}]" in keys:
                return key
            self._console.print("Type one of these letters, then Enter.")

    def _edited(self, proposal: Proposal) -> bool:
        """Whether it was accepted as the person has edited it."""
        text = as_text(proposal)
        while True:
            changed = self._edit(text)
            if changed.strip() == text.strip():
                self._console.print("Nothing was changed, so nothing was accepted.")
                return False
            try:
                self._store.accept(proposal.id, self._by, self._knowledge, from_text(proposal, changed))
            except ProposalError:
                raise
            except KefuError as error:
                self._console.print(f"[red]{escape(str(error))}[/red]", soft_wrap=True)
                self._console.print("[dim]Enter edits again, s goes back.[/dim]")
                if (self._ask() or "s").strip().lower().startswith("s"):
                    return False
                text = changed
                continue
            return True

    def _undo(self, pending: list[Filed], decided: list[tuple[int, State]], tally: Tally, place: int) -> int:
        """Takes the last decision back; the place to go on at."""
        if not decided:
            self._console.print("There is nothing to undo.")
            return place
        last, state = decided.pop()
        try:
            if state is not State.PENDING:
                self._store.reopen(pending[last].proposal.id, self._by, self._knowledge)
        except KefuError as error:
            self._console.print(f"[red]{escape(str(error))}[/red]", soft_wrap=True)
            return place
        tally.count(state, -1)
        return last


def show(filed: Filed, console: Console, heading: str) -> None:
    """A proposal with all that speaks for and against it."""
    proposal = filed.proposal
    plural = "" if proposal.count == 1 else "s"
    console.print(
        f"\n[bold]{escape(heading)}[/bold] [dim]{proposal.id}, {proposal.count:,} conversation{plural}, "
        f"score {proposal.score:.2f}[/dim]"
    )
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    table.add_row("Question", escape(proposal.question))
    for wording in proposal.also_asked:
        table.add_row("", f"[dim]{escape(wording)}[/dim]")
    table.add_row("Answer", escape(proposal.answer))
    table.add_row("Evidence", escape(", ".join(f"{name} {value}" for name, value in proposal.evidence.items())))
    for warning in proposal.warnings:
        table.add_row("[yellow]Look at[/yellow]", f"[yellow]{escape(warning)}[/yellow]")
    console.print(table)


def as_text(proposal: Proposal) -> str:
    """A proposal as a person edits it."""
    return "\n".join([QUESTIONS_HEADING, *proposal.questions, "", ANSWER_HEADING, proposal.answer, ""])


def from_text(proposal: Proposal, text: str) -> Pair:
    """The pair that an edited text says.

    Raises:
        KefuError: A heading is missing, or what it says is no pair.
    """
    head, questions_found, rest = text.partition(QUESTIONS_HEADING)
    questions, answer_found, answer = rest.partition(ANSWER_HEADING)
    if head.strip() or not questions_found or not answer_found:
        raise ProposalError("The two headings are not as they were. Leave both lines that begin with === in place.")
    pair = proposal.to_pair()
    wordings = [line.strip() for line in questions.splitlines() if line.strip()]
    if not wordings:
        raise SettingsError("There is no question. Write at least one below the first heading.")
    row = {**pair.to_dict(), "question": wordings[0], "also_asked": wordings[1:], "answer": answer.strip()}
    return parse_pair(row, Path("the edited proposal"), 1)


def edit_in_editor(text: str) -> str:
    """The text after $VISUAL or $EDITOR, or vi, has had it.

    Raises:
        SettingsError: The editor cannot be started, or failed.
    """
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "proposal.md"
        path.write_text(text, encoding="utf-8")
        try:
            subprocess.run([*command, str(path)], check=True)  # noqa: S603 - the person's own editor
        except (OSError, subprocess.CalledProcessError) as error:
            raise SettingsError(f"The editor {command[0]!r} did not work: {error}. Set EDITOR to yours.") from error
        return path.read_text(encoding="utf-8")
