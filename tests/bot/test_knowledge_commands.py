"""`kefu knowledge`: what a person types, what comes of it in the store, and what is said where it cannot be."""

import json
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot import knowledge_commands
from bot.cli import app
from configs import MINIMAL
from configs.errors import KefuError
from retrieval.knowledge import read_knowledge
from retrieval.knowledge_store import KnowledgeStore, Put, Remove, Stored
from retrieval.pair import Pair

IN_FILES = 15


@pytest.fixture
def assistant(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MINIMAL, tmp_path / "mybot"))


@pytest.fixture
def store(assistant: Path) -> Iterator[KnowledgeStore]:
    """The store that the commands open, with nothing in it yet."""
    with KnowledgeStore(assistant / ".kefu" / "knowledge.db") as store:
        yield store


@pytest.fixture
def kefu(assistant: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command for the assistant: what it prints; an error is raised as it reaches `main`."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("LOGNAME", "ann")

    def run(*arguments: object, stdin: str | None = None) -> str:
        command = ["knowledge", *map(str, arguments), "--assistant", str(assistant)]
        result = CliRunner().invoke(app, command, input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return run


def stored(store: KnowledgeStore, pair_id: str) -> Stored:
    found = store.get(pair_id)
    assert found is not None
    return found


def test_the_first_command_takes_the_files_over_and_the_next_one_does_not(
    kefu: Any, store: KnowledgeStore, assistant: Path
) -> None:
    files = read_knowledge(sorted((assistant / "knowledge").glob("*.csv")))

    assert f"{IN_FILES} of {IN_FILES} pairs." in kefu("list")
    assert list(store.pairs()) == sorted(files, key=lambda pair: pair.id)

    kefu("remove", "h01")
    assert f"{IN_FILES - 1} of {IN_FILES - 1} pairs." in kefu("list")


def test_before_the_first_command_no_store_is_needed(kefu: Any, assistant: Path) -> None:
    assert f"{IN_FILES} of {IN_FILES} pairs." in kefu("list")
    assert (assistant / ".kefu" / "knowledge.db").is_file()


def test_a_knowledge_file_that_is_wrong_is_named_and_taken_over_once_it_is_mended(kefu: Any, assistant: Path) -> None:
    (path,) = (assistant / "knowledge").glob("*.csv")
    good = path.read_text("utf-8")
    path.write_text(good + "h99,,no question,,,,,\n", "utf-8")
    with pytest.raises(KefuError, match=rf"{path.name}:\d+: question is empty"):
        kefu("list")

    path.write_text(good, "utf-8")
    assert f"{IN_FILES} of {IN_FILES} pairs." in kefu("list")


def test_a_folder_that_is_not_there_is_named(kefu: Any, assistant: Path) -> None:
    shutil.rmtree(assistant)

    with pytest.raises(KefuError, match="there is no such folder"):
        kefu("list")
    assert not assistant.exists()


# Looking


def test_the_list_shows_pages_filters_and_json(kefu: Any, store: KnowledgeStore) -> None:
    pairs = [
        Pair(id=f"n{n}", question=f"[bold]q{n}[/bold]", answer="a", tags=("odd",) if n % 2 else ("even",))
        for n in range(6)
    ]
    store.change(Put(pair, "x") for pair in pairs)

    first = kefu("list", "--limit", 4)
    assert "[bold]q3[/bold]" in first
    assert "4 of 6 pairs.\nMore: --after n3\n" in first
    assert "More" not in kefu("list", "--after", "n3")
    found = json.loads(kefu("list", "--tag", "odd", "--search", "Q", "--after", "n1", "--json"))
    assert [Pair.from_dict(one["pair"]) for one in found] == [pairs[3], pairs[5]]
    assert found[0]["version"] == 1
    assert found[0]["by"] == "x"


def test_one_pair_is_shown_whole(kefu: Any, store: KnowledgeStore) -> None:
    pair = Pair(id="h/1", question="q", answer="line one\nline two", tags=("a",), also_asked=("p",))
    store.change([Put(pair, "bob")])

    shown = kefu("show", "h/1")
    assert 'id: h/1\nquestion: q\nanswer: line one\nline two\nalso_asked: ["p"]\ntags: ["a"]\n' in shown
    assert "version 1, bob, " in shown
    assert Pair.from_dict(json.loads(kefu("show", "h/1", "--json"))["pair"]) == pair


@pytest.mark.parametrize("command", [("show",), ("remove",), ("edit", "--answer", "x"), ("history",)])
def test_a_pair_that_is_not_there_is_named(kefu: Any, store: KnowledgeStore, command: tuple[str, ...]) -> None:
    store.change([Put(Pair(id="a", question="q", answer="a"), "x")])

    with pytest.raises(KefuError, match=r"'nobody'.*`kefu knowledge list` shows what there is"):
        kefu(command[0], "nobody", *command[1:])


def test_what_is_stored_cannot_command_the_terminal(kefu: Any, store: KnowledgeStore) -> None:
    evil = "\x1b]0;title\x07\x1b[2J\x9b1m"
    store.change([Put(Pair(id="a", question=f"q{evil}", answer=f"a{evil}", tags=(evil,)), f"x{evil}", note=evil)])

    for command in (("list",), ("show", "a"), ("history", "a")):
        shown = kefu(*command)
        assert "\ufffd" in shown
        assert not {"\x1b", "\x07", "\x9b"} & set(shown)


@pytest.mark.parametrize(
    "command", [("show", "\udcff"), ("list", "--after", "\udcff"), ("remove", "a", "--by", "\udcff")]
)
def test_an_argument_that_is_no_text_is_refused(assistant: Path, command: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, ["knowledge", *command, "--assistant", str(assistant)])

    assert result.exit_code == 2
    assert "is not UTF-8 text" in result.output


@pytest.mark.parametrize("name", ["\x1b[2J", "a\nb", " ", "x" * 256, "a\x9bm"])
def test_who_edits_must_be_a_name_that_every_history_can_show(assistant: Path, name: str) -> None:
    command = ["knowledge", "remove", "h01", "--by", name, "--assistant", str(assistant)]
    result = CliRunner().invoke(app, command)

    assert result.exit_code == 2
    assert "is no name" in result.output
    assert not {"\x1b", "\x9b"} & set(result.output)


# Editing


def test_a_pair_is_added_with_an_id_made_of_its_question(kefu: Any, store: KnowledgeStore) -> None:
    said = kefu(
        "add",
        *("--question", "Do you gift-wrap?", "--answer", "Yes.", "--also-asked", "wrapping?", "--also-asked", "bow?"),
        *("--tag", "a", "--tag", "b", "--locale", "en", "--valid-until", "2030-01-01"),
    )

    assert said == "Added do-you-gift-wrap.\n"
    assert stored(store, "do-you-gift-wrap").by == "ann"
    assert stored(store, "do-you-gift-wrap").pair == Pair(
        id="do-you-gift-wrap",
        question="Do you gift-wrap?",
        answer="Yes.",
        also_asked=("wrapping?", "bow?"),
        tags=("a", "b"),
        locale="en",
        valid_until="2030-01-01",
    )


def test_a_pair_is_added_from_json_on_standard_input(kefu: Any, store: KnowledgeStore) -> None:
    pair = {"id": "j1", "question": "q", "answer": "a", "buttons": [{"title": "T", "payload": "/p"}]}

    kefu("add", "--json", "-", "--answer", "another", "--by", "bob", stdin=json.dumps(pair))

    assert stored(store, "j1").by == "bob"
    assert stored(store, "j1").pair.to_dict() == {
        **pair,
        "answer": "another",
        "buttons": ({"title": "T", "payload": "/p"},),
    }


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--question", "q"), "Answer is empty"),
        (("--answer", "a"), "is empty"),
        (("--json", "{"), "Not JSON"),
        (("--json", "[" * 100_000), "Not JSON"),
        (("--json", "[1]"), "Not an object"),
        (("--json", '{"id": "x", "question": "q", "anwser": "a"}'), "Did you mean 'answer'"),
        (("--question", "q", "--answer", "a", "--locale", "english language"), "Locale is"),
        (("--question", "q", "--answer", "a", "--id", "h01"), r"'h01' exists already \(version 1\)"),
    ],
)
def test_what_cannot_be_added_says_why_and_adds_nothing(
    kefu: Any, store: KnowledgeStore, arguments: tuple[str, ...], problem: str
) -> None:
    kefu("list")

    with pytest.raises(KefuError, match=problem):
        kefu("add", *arguments)

    assert store.latest_seq() == IN_FILES


def test_an_edit_changes_what_is_given_and_nothing_else(kefu: Any, store: KnowledgeStore) -> None:
    pair = Pair(id="a", question="q", answer="a", tags=("x", "y"), locale="en", also_asked=("p",))
    store.change([Put(pair, "x")])

    assert kefu("edit", "a", "--answer", "b", "--tag", "z", "--locale", "") == "a has version 2.\n"
    assert stored(store, "a").pair == pair.with_values(answer="b", tags=("z",), locale="")
    assert kefu("edit", "a", "--answer", "b") == "a is as it was.\n"


@pytest.mark.parametrize("command", [("edit", "a", "--answer", "c"), ("remove", "a")])
def test_an_edit_of_another_version_is_refused(kefu: Any, store: KnowledgeStore, command: tuple[str, ...]) -> None:
    store.change([Put(Pair(id="a", question="q", answer=answer), "x") for answer in ("a", "b")])

    with pytest.raises(KefuError, match="'a' has version 2, not 1"):
        kefu(*command, "--expected-version", 1)
    assert stored(store, "a").version == 2

    kefu(*command, "--expected-version", 2)
    assert len(store.history("a")) == 3


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes an editor that replaces what it is given: `editor(old, new)`; and what else it does."""

    def make(old: str, new: str, more: str = "") -> None:
        script = tmp_path / "editor.py"
        script.write_text(
            "import pathlib, sys\n"
            "path = pathlib.Path(sys.argv[1])\n"
            f"path.write_text(path.read_text('utf-8').replace({old!r}, {new!r}), 'utf-8')\n{more}",
            "utf-8",
        )
        monkeypatch.setenv("VISUAL", shlex.join([sys.executable, str(script)]))

    return make


def test_without_options_the_pair_is_opened_in_an_editor(kefu: Any, store: KnowledgeStore, editor: Any) -> None:
    pair = Pair(id="a", question="q", answer="一 old", buttons=())
    store.change([Put(pair, "x")])
    editor("一 old", "二 new")

    assert kefu("edit", "a") == "a has version 2.\n"
    assert stored(store, "a").pair.answer == "二 new"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("{", "", "Not JSON"),
        ('"a"', '""', "Id is empty"),
        ('"a"', '"b"', "cannot change"),
        ('"question"', '"qestion"', "Did you mean 'question'"),
    ],
)
def test_what_was_written_in_the_editor_is_not_lost_where_it_cannot_be_used(
    kefu: Any, store: KnowledgeStore, editor: Any, old: str, new: str, problem: str
) -> None:
    store.change([Put(Pair(id="a", question="my question", answer="my answer"), "x")])
    editor(old, new)

    with pytest.raises(KefuError, match=problem) as error:
        kefu("edit", "a")

    kept = Path(str(error.value).rpartition("What you wrote is in ")[2].removesuffix("."))
    assert "my answer" in kept.read_text("utf-8")
    kept.unlink()
    assert stored(store, "a").version == 1


def test_an_edit_by_somebody_else_while_the_editor_is_open_is_not_lost_nor_is_ones_own(
    kefu: Any, store: KnowledgeStore, editor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.change([Put(Pair(id="a", question="q", answer="old"), "x")])
    editor("old", "mine")
    edit_in_editor = knowledge_commands.edit_in_editor

    def edit_meanwhile(text: str) -> str:
        store.change([Put(Pair(id="a", question="q", answer="theirs"), "bob")])
        return edit_in_editor(text)

    monkeypatch.setattr(knowledge_commands, "edit_in_editor", edit_meanwhile)

    with pytest.raises(KefuError, match="'a' has version 2, not 1") as error:
        kefu("edit", "a")

    assert stored(store, "a").pair.answer == "theirs"
    kept = Path(str(error.value).rpartition("What you wrote is in ")[2].removesuffix("."))
    assert "mine" in kept.read_text("utf-8")
    kept.unlink()


def test_a_pair_is_removed_its_history_stays_and_it_comes_back(kefu: Any, store: KnowledgeStore) -> None:
    store.change([Put(Pair(id="a", question="q", answer=answer), "x") for answer in ("first", "second")])

    assert kefu("remove", "a", "--by", "bob") == "Removed a.\n"
    assert store.get("a") is None
    shown = kefu("history", "a")
    assert [word for word in ("q → first", "q → second", "removed", "bob") if word not in shown] == []
    assert kefu("revert", "a", "--to", 1) == "a is again what it was in version 1.\n"
    assert kefu("revert", "a", "--to", 1) == "a is as it was.\n"
    with pytest.raises(KefuError, match="'a' has no version 9"):
        kefu("revert", "a", "--to", 9)
    told = [
        (one["version"], one["by"], one["pair"] and one["pair"]["answer"], one["note"])
        for one in json.loads(kefu("history", "a", "--json"))
    ]
    assert told == [
        (1, "x", "first", ""),
        (2, "x", "second", ""),
        (3, "bob", None, ""),
        (4, "ann", "first", "as in version 1"),
    ]


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 1000710000")

    monkeypatch.setattr(knowledge_commands.getpass, "getuser", nameless)

    assert knowledge_commands._by(None).startswith("user ")
    assert knowledge_commands._by("bob") == "bob"


# Files


def csv(folder: Path, *rows: str, name: str = "more.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes("\n".join(["id,question,answer", *rows, ""]).encode(encoding))
    return path


def test_an_import_says_what_it_read_and_the_same_again_changes_nothing(
    kefu: Any, store: KnowledgeStore, tmp_path: Path
) -> None:
    store.change([Put(Pair(id="a", question="q", answer="old"), "x")])
    path = csv(tmp_path, "a,怎么退货,七天内可以退货", "b,多少钱,四欧元", encoding="utf-16")

    said = kefu("import", path)
    assert f"{path}: read as csv, utf-16" in said
    assert "2 pairs read, 2 of them new or changed." in said
    assert [(pair.id, pair.answer) for pair in store.pairs()] == [("a", "七天内可以退货"), ("b", "四欧元")]
    assert "2 pairs read, 0 of them new or changed." in kefu("import", path)
    assert store.history("a")[1].note == "import"


def test_a_file_as_excel_in_china_writes_it_is_imported(kefu: Any, store: KnowledgeStore, tmp_path: Path) -> None:
    store.change([Put(Pair(id="a", question="q", answer="old"), "x")])
    rows = ("a,怎么退货,七天内可以退货。请保留发票", "b,运费是多少钱,四欧元九十分")
    path = csv(tmp_path, *rows, encoding="gbk")

    assert f"{path}: read as csv, gb18030." in kefu("import", path)

    assert [(pair.id, pair.question, pair.answer) for pair in store.pairs()] == [
        ("a", "怎么退货", "七天内可以退货。请保留发票"),
        ("b", "运费是多少钱", "四欧元九十分"),
    ]


def test_one_bad_row_keeps_all_out_and_every_bad_row_is_counted(
    kefu: Any, store: KnowledgeStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.change([Put(Pair(id="a", question="q", answer="old"), "x")])
    good = csv(tmp_path, "a,q,new", "b,q2,new", name="good.csv")
    bad = csv(tmp_path, "c,q3,", "a,q,again", *[f"e{n},,x" for n in range(30)], name="bad.csv")

    result = CliRunner().invoke(
        app, ["knowledge", "import", str(good), str(bad), "--assistant", str(tmp_path / "mybot")]
    )

    assert str(result.exception) == (
        "32 rows cannot be used (12 more are not shown); nothing was written. Mend them and import again."
    )
    assert f"{bad}:2: answer is empty" in result.output
    assert f"{bad}:3: the id 'a' stands twice" in result.output
    assert result.output.count(f"{bad}:") == 20 + 1  # and how it was read
    assert [(pair.id, pair.answer) for pair in store.pairs()] == [("a", "old")]


def test_a_dry_run_says_what_an_import_would_do_and_writes_nothing(
    kefu: Any, store: KnowledgeStore, tmp_path: Path
) -> None:
    store.change([Put(Pair(id=id_, question=f"{id_}?", answer="old"), "x") for id_ in ("a", "b", "c")])
    path = csv(tmp_path, "a,a?,new", "c,c?,old", "d,B,other")

    said = kefu("import", path, "--dry-run")

    assert "3 pairs can be read, 2 of them new or changed. Nothing was written." in said
    assert store.latest_seq() == 3
    found = [line for line in said.splitlines() if line.startswith("contradiction")]
    assert found == ["contradiction: b 'b?' and d 'B', another answer"]
    done = kefu("import", path)
    assert "3 pairs read, 2 of them new or changed." in done
    assert [line for line in done.splitlines() if line.startswith("contradiction")] == found


def test_an_import_of_one_pair_says_no_more_than_that(kefu: Any, store: KnowledgeStore, tmp_path: Path) -> None:
    store.change([Put(Pair(id="a", question="q", answer="old"), "x")])
    path = csv(tmp_path, "b,another one,new")

    assert kefu("import", path) == (
        f"{path}: read as csv, utf-8.\n"
        "1 pair read, 1 of them new or changed. A running bot knows them from its next messages on.\n"
    )


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_file_that_changes_after_it_was_checked_changes_nothing(
    kefu: Any, store: KnowledgeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Whatever row becomes bad, none of those before it stays."""
    store.change([Put(Pair(id="a", question="q", answer="old"), "x")])
    rows = [f"n{n},q{n},a" for n in range(1, 4)]
    path = csv(tmp_path, *rows)
    check_files = knowledge_commands.check_files

    def change_after(*arguments: Any) -> int:
        count = check_files(*arguments)
        csv(tmp_path, *[row if n != number else f"n{n},,a" for n, row in enumerate(rows, start=1)])
        return count

    monkeypatch.setattr(knowledge_commands, "check_files", change_after)

    with pytest.raises(KefuError, match=rf"more.csv:{number + 1}: question is empty"):
        kefu("import", path)
    assert [pair.id for pair in store.pairs()] == ["a"]


def test_an_import_warns_of_two_answers_to_one_question(kefu: Any, store: KnowledgeStore, tmp_path: Path) -> None:
    store.change([Put(Pair(id="a", question="How much is delivery?", answer="4.90"), "x")])

    said = kefu("import", csv(tmp_path, "b,how much is delivery,5.90"))

    assert "contradiction: a 'How much is delivery?' and b 'how much is delivery', another answer" in said
    assert "contradiction: a " in kefu("check")


def test_a_check_without_findings_says_so(kefu: Any, store: KnowledgeStore) -> None:
    store.change([Put(Pair(id="a", question="How much is delivery?", answer="4.90"), "x")])

    assert kefu("check") == "No question has two answers, and none is nearly another.\n"


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".xlsx"])
def test_what_is_exported_and_imported_into_another_store_is_the_same(
    kefu: Any, store: KnowledgeStore, tmp_path: Path, ending: str
) -> None:
    kefu("list")
    store.change([Put(Pair(id="z", question="=1+1", answer='a\n"b", c', tags=("t",)), "x")])
    before = list(store.pairs())
    path = tmp_path / f"out{ending}"

    assert kefu("export", path) == f"Wrote {IN_FILES + 1} pairs to {path}.\n"
    store.change(Remove(pair.id, "x") for pair in before)
    kefu("import", path)

    assert list(store.pairs()) == before


def test_a_file_of_another_kind_is_refused(kefu: Any, tmp_path: Path) -> None:
    with pytest.raises(KefuError, match=r"Name it \.csv"):
        kefu("export", tmp_path / "out.pdf")
    with pytest.raises(KefuError, match="there is no such file"):
        kefu("import", tmp_path / "missing.pdf")
