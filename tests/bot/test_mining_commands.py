"""`kefu knowledge mine|proposals|review`: what a person sees and types, and what comes of it."""

import io
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from ngram_embed import ngram_embed
from rich.console import Console
from typer.testing import CliRunner

import training.data_checks
import training.mining
from bot.mining_commands import register
from bot.proposal_review import ANSWER_HEADING, QUESTIONS_HEADING, Review, as_text, edit_in_editor, from_text
from configs import MINIMAL, read_assistant
from configs.errors import KefuError, SettingsError
from retrieval.knowledge import read_knowledge
from retrieval.knowledge_store import KnowledgeStore
from retrieval.knowledge_sync import BY_FILES
from retrieval.proposals import Proposal, ProposalStore, State

NORWAY = "We deliver to Norway, it takes 4 to 7 working days and costs 12 euros."


@pytest.fixture
def app() -> typer.Typer:
    knowledge_app = typer.Typer()
    register(knowledge_app)
    return knowledge_app


@pytest.fixture
def assistant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An assistant to mine for, without the model."""
    monkeypatch.setattr(training.data_checks, "frozen_embed", lambda _: ngram_embed)
    return Path(shutil.copytree(MINIMAL, tmp_path / "mybot"))


@pytest.fixture
def run(app: typer.Typer, assistant: Path) -> Callable[..., Any]:
    def invoke(*arguments: object, typed: str | None = None) -> Any:
        words = [*map(str, arguments), "--assistant", str(assistant)]
        return CliRunner().invoke(app, words, input=typed, env={"COLUMNS": "250", "KEFU_DATA_DIR": ""})

    return invoke


def talk(id_: str, question: str, answer: str) -> dict[str, Any]:
    said = (("customer", question), ("agent", answer), ("customer", "thanks!"))
    return {"conversation": id_, "turns": [{"role": role, "text": text} for role, text in said]}


@pytest.fixture
def transcripts(tmp_path: Path) -> Path:
    rows = [talk(f"n{number}", "Do you deliver to Norway?", NORWAY) for number in range(3)]
    rows += [
        talk(f"c{number}", "How do I clean the grinder?", "Take it apart and brush it dry, please.")
        for number in range(2)
    ]
    path = tmp_path / "chats.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows) + "{oops\n", encoding="utf-8")
    return path


@pytest.fixture
def store(assistant: Path) -> Iterator[ProposalStore]:
    opened = ProposalStore(assistant / ".kefu" / "proposals.db")
    yield opened
    opened.close()


def live(assistant: Path) -> list[tuple[str, str]]:
    knowledge = KnowledgeStore(assistant / ".kefu" / "knowledge.db")
    pairs = [(stored.pair.question, stored.pair.answer) for stored in knowledge.page() if stored.by != BY_FILES]
    knowledge.close()
    return pairs


def ids(store: ProposalStore) -> list[str]:
    return [filed.proposal.id for filed in store.list()]


def test_mining_says_what_it_read_and_what_it_passed_over(run: Callable[..., Any], transcripts: Path) -> None:
    result = run("mine", transcripts)

    assert result.exit_code == 0
    assert "5 conversations, 5 answered questions: 2 proposals, 2 of them new." in result.output
    assert f"passed over: {transcripts}:6: is not valid JSON" in result.output
    assert result.output.splitlines()[-1] == "Next: kefu knowledge review"


def test_nothing_is_live_before_it_is_accepted(
    run: Callable[..., Any], transcripts: Path, assistant: Path, store: ProposalStore
) -> None:
    run("mine", transcripts)
    assert live(assistant) == []

    result = run("review", "--accept", ids(store)[0], "--reject", ids(store)[1], "--by", "anna")

    assert result.exit_code == 0
    assert live(assistant) == [("Do you deliver to Norway?", NORWAY)]
    assert [filed.state for filed in store.list()] == [State.ACCEPTED, State.REJECTED]
    assert {filed.by for filed in store.list()} == {"anna"}


def test_an_accepted_pair_stands_beside_those_of_the_files(
    run: Callable[..., Any], transcripts: Path, assistant: Path, store: ProposalStore
) -> None:
    """Else `kefu knowledge export` over the files would lose them."""
    run("mine", transcripts)
    run("review", "--accept", ids(store)[0])

    with KnowledgeStore(assistant / ".kefu" / "knowledge.db") as knowledge:
        assert knowledge.count() == 1 + len(read_knowledge(read_assistant(assistant).knowledge_paths))


def test_mining_again_proposes_nothing_that_was_decided(
    run: Callable[..., Any], transcripts: Path, store: ProposalStore
) -> None:
    run("mine", transcripts)
    run("review", "--accept", ids(store)[0], "--reject", ids(store)[1])

    result = run("mine", transcripts)

    assert "0 proposals, 0 of them new." in result.output
    assert len(store.list()) == 2


def test_mining_again_before_a_decision_changes_nothing(
    run: Callable[..., Any], transcripts: Path, store: ProposalStore
) -> None:
    run("mine", transcripts)
    before = [filed.proposal for filed in store.list()]

    result = run("mine", transcripts)

    assert "2 proposals, 0 of them new." in result.output
    assert [filed.proposal for filed in store.list()] == before
    assert before[0].conversations == ("turns:n0", "turns:n1", "turns:n2")


def test_what_the_assistants_files_answer_is_not_proposed(
    run: Callable[..., Any], transcripts: Path, assistant: Path
) -> None:
    row = {"id": "k1", "question": "Do you deliver to Norway?", "answer": NORWAY}
    (assistant / "knowledge" / "more.jsonl").write_text(json.dumps(row) + "\n")

    result = run("mine", transcripts)

    assert "1 proposal, 1 of them new." in result.output
    assert "not proposed: 1 answered by a stored pair" in result.output


def test_an_interruption_changes_nothing(
    run: Callable[..., Any], transcripts: Path, store: ProposalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training.mining, "mine", interrupted)

    result = run("mine", transcripts)

    assert result.exit_code == 130
    assert "Nothing was proposed, and nothing was changed." in result.output
    assert store.list() == []


def test_only_a_bot_answering_is_said(run: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "rasa.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, sender_id TEXT, type_name TEXT, data TEXT)")
        for sender in ("a", "b"):
            for event, text in (("user", "Do you deliver to Norway?"), ("bot", NORWAY), ("user", "thanks")):
                data = json.dumps({"event": event, "text": text})
                connection.execute(
                    "INSERT INTO events (sender_id, type_name, data) VALUES (?, ?, ?)", (sender, event, data)
                )
    connection.close()

    assert "In 2 conversations only a bot answered; --bot-answers takes" in run("mine", path).output
    assert "1 proposal, 1 of them new." in run("mine", path, "--bot-answers").output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mine", "x.jsonl", "--format", "zendsk"), "Did you mean 'zendesk'?"),
        (("mine", "x.jsonl"), "there is no such file"),
        (("proposals",), "`kefu knowledge mine` makes some"),
        (("review",), "`kefu knowledge mine` makes some"),
    ],
)
def test_a_mistake_is_told_with_its_mending(run: Callable[..., Any], arguments: tuple[str, ...], message: str) -> None:
    error = run(*arguments).exception

    assert isinstance(error, KefuError)
    assert message in str(error)


def test_proposals_are_listed_and_given_as_json(
    run: Callable[..., Any], transcripts: Path, store: ProposalStore
) -> None:
    run("mine", transcripts)
    store.reject(ids(store)[1], "anna")

    listed = run("proposals").output
    as_json = [json.loads(line) for line in run("proposals", "--state", "all", "--json").output.splitlines()]

    assert ids(store)[0] in listed
    assert "Do you deliver to Norway?" in listed
    assert "clean the grinder" not in listed
    assert [(one["id"], one["state"], one["by"], one["count"]) for one in as_json] == [
        (ids(store)[0], "pending", "", 3),
        (ids(store)[1], "rejected", "anna", 2),
    ]
    assert "None is accepted." in run("proposals", "--state", "accepted").output


def test_a_review_goes_one_by_one_and_each_decision_is_kept(
    run: Callable[..., Any], transcripts: Path, store: ProposalStore, assistant: Path
) -> None:
    run("mine", transcripts)

    result = run("review", typed="x\na\nr\n")

    assert "1 of 2" in result.output
    assert "thanked 3" in result.output
    assert "Type one of these letters" in result.output
    assert result.output.splitlines()[-1] == "1 accepted, 1 rejected, 0 skipped; 0 still wait."
    assert live(assistant) == [("Do you deliver to Norway?", NORWAY)]


def test_the_end_of_input_ends_a_review(run: Callable[..., Any], transcripts: Path, store: ProposalStore) -> None:
    run("mine", transcripts)

    assert run("review", typed="r\n").output.splitlines()[-1] == "0 accepted, 1 rejected, 0 skipped; 1 still waits."


# A review without a terminal

TWO = [
    Proposal(
        id=name, question=f"{name} one?", answer=f"{name} is so.", also_asked=(f"{name} two?",), count=2, score=0.5
    )
    for name in ("a1", "b1")
]


class Sitting:
    """A review whose lines and edits are given."""

    def __init__(self, tmp_path: Path) -> None:
        self.store = ProposalStore(tmp_path / "proposals.db")
        self.store.add(TWO)
        self.knowledge = KnowledgeStore(tmp_path / "knowledge.db")
        self.screen = io.StringIO()
        self.edits: list[str] = []

    def go(self, keys: str, *edits: str) -> tuple[int, int, int]:
        lines, texts = iter(keys), iter(edits)

        def edit(text: str) -> str:
            self.edits.append(text)
            return next(texts)

        console = Console(file=self.screen, width=200)
        review = Review(self.store, self.knowledge, "anna", console, ask=lambda: next(lines, None), edit=edit)
        tally = review.go()
        return tally.accepted, tally.rejected, tally.skipped

    def states(self) -> dict[str, State]:
        return {filed.proposal.id: filed.state for filed in self.store.list()}

    def live(self) -> list[tuple[str, tuple[str, ...], str]]:
        return [(pair.question, pair.also_asked, pair.answer) for pair in self.knowledge.pairs()]


@pytest.fixture
def sitting(tmp_path: Path) -> Iterator[Sitting]:
    one = Sitting(tmp_path)
    yield one
    one.store.close()
    one.knowledge.close()


def test_undo_takes_back_the_last_decisions_one_by_one(sitting: Sitting) -> None:
    assert sitting.go("aruu") == (0, 0, 0)
    assert sitting.states() == {"a1": State.PENDING, "b1": State.PENDING}
    assert sitting.live() == []
    assert sitting.go("uraua") == (1, 1, 0)
    assert sitting.states() == {"a1": State.REJECTED, "b1": State.ACCEPTED}
    assert "There is nothing to undo." in sitting.screen.getvalue()


def test_skipping_leaves_a_proposal_for_the_next_sitting(sitting: Sitting) -> None:
    assert sitting.go("saq") == (1, 0, 1)
    assert sitting.states() == {"a1": State.PENDING, "b1": State.ACCEPTED}


def test_an_edited_proposal_is_accepted_as_it_was_edited(sitting: Sitting) -> None:
    edited = f"{QUESTIONS_HEADING}\nHow is a?\n\na, how?\nand a?\n{ANSWER_HEADING}\n# A\n\n- so\n"

    assert sitting.go("eq", edited) == (1, 0, 0)
    assert sitting.edits == [as_text(TWO[0])]
    assert sitting.live() == [("How is a?", ("a, how?", "and a?"), "# A\n\n- so")]


def test_an_unchanged_edit_accepts_nothing_and_shows_the_proposal_again(sitting: Sitting) -> None:
    assert sitting.go("erq", as_text(TWO[0])) == (0, 1, 0)
    assert sitting.states()["a1"] is State.REJECTED


def test_a_bad_edit_is_told_and_can_be_mended(sitting: Sitting) -> None:
    bad = f"{QUESTIONS_HEADING}\nHow is a?\n{ANSWER_HEADING}\n\n"
    good = f"{QUESTIONS_HEADING}\nHow is a?\n{ANSWER_HEADING}\nSo.\n"

    assert sitting.go("e\nq", bad, good) == (1, 0, 0)
    assert "answer is empty" in sitting.screen.getvalue()
    assert sitting.edits[1] == bad


def test_a_proposal_that_somebody_else_has_decided_is_passed_over(sitting: Sitting) -> None:
    other = ProposalStore(sitting.store._path)
    lines = iter("ar")

    def ask() -> str | None:
        if other.get("a1").state is State.PENDING:  # type: ignore[union-attr]
            other.reject("a1", "ben")
        return next(lines, None)

    Review(sitting.store, sitting.knowledge, "anna", Console(file=sitting.screen, width=200), ask=ask, edit=str).go()

    assert "The proposal 'a1' was rejected by ben before." in sitting.screen.getvalue()
    assert sitting.live() == []
    other.close()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("How?\nSo.", "Leave both lines that begin with ==="),
        (f"{QUESTIONS_HEADING}\n\n{ANSWER_HEADING}\nSo.", "There is no question"),
        (f"{QUESTIONS_HEADING}\nHow?\n{ANSWER_HEADING}\n", "answer is empty"),
    ],
)
def test_an_edit_that_is_no_pair_is_refused(text: str, message: str) -> None:
    with pytest.raises(KefuError, match=message):
        from_text(TWO[0], text)


def test_the_editor_is_the_persons_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "editor.sh"
    script.write_text('#!/bin/sh\nprintf more >> "$2"\n')
    script.chmod(0o755)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{script} --wait")

    assert edit_in_editor("退货 ") == "退货 more"

    monkeypatch.setenv("EDITOR", str(tmp_path / "none"))
    with pytest.raises(SettingsError, match="Set EDITOR to yours"):
        edit_in_editor("x")
