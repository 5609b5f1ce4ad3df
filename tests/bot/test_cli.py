"""The command: every mistake that a person can mend is one line on standard error and exit code 1."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot import cli
from configs import MINIMAL, STARTER, read_assistant

COMMANDS = (
    *("init", "train", "run", "shell", "evaluate", "parse", "tune"),
    *("review", "refresh", "report", "groups", "erase", "export"),
)

pytestmark = pytest.mark.usefixtures("plain_logging")

Kefu = Callable[..., tuple[int, str, str]]


@pytest.fixture
def kefu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Kefu:
    """Runs the command in this process: exit code, standard output, standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["kefu", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


def the_line(outcome: tuple[int, str, str]) -> str:
    """The one line that a failed command says."""
    code, out, err = outcome
    assert code == 1
    assert out == ""
    assert "Traceback" not in err
    (line,) = err.splitlines()
    assert line.startswith("kefu: ")
    return line


@pytest.fixture
def assistant(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MINIMAL, tmp_path / "mybot"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    result = CliRunner().invoke(cli.app, [command, "--help"])

    assert result.exit_code == 0
    assert re.search(r"Examples?:", result.output)
    assert f"kefu {command}" in result.output


def test_no_command_goes_undocumented() -> None:
    result = CliRunner().invoke(cli.app, ["--help"])

    assert result.exit_code == 0
    assert {command.callback.__name__ for command in cli.app.registered_commands if command.callback} == set(COMMANDS)
    assert all(command in result.output for command in COMMANDS)


def test_a_command_that_does_not_exist_is_named(kefu: Kefu) -> None:
    code, _, err = kefu("tarin")

    assert code == 2
    assert "No such command 'tarin'" in err


def test_init_writes_an_assistant_that_can_be_read(kefu: Kefu, tmp_path: Path) -> None:
    code, out, err = kefu("init", tmp_path / "new")

    assert (code, err) == (0, "")
    assert f"kefu train {tmp_path}/new" in out, "a command is not broken over two lines"
    written, shipped = read_assistant(tmp_path / "new"), read_assistant(MINIMAL)
    assert written.domain == shipped.domain
    assert [example.text for example in written.examples] == [example.text for example in shipped.examples]
    assert (tmp_path / "new" / "knowledge" / "history.csv").is_file()


def test_a_folder_whose_name_looks_like_markup_is_named_as_it_is(kefu: Kefu, tmp_path: Path) -> None:
    assert f"Wrote a small assistant to {tmp_path}/[bold]new." in kefu("init", tmp_path / "[bold]new")[1]


def test_init_takes_an_empty_folder(kefu: Kefu, tmp_path: Path) -> None:
    assert kefu("init", tmp_path)[0] == 0
    assert (tmp_path / "domain.yml").is_file()


def test_init_leaves_a_folder_with_something_in_it_alone(kefu: Kefu, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")

    line = the_line(kefu("init", tmp_path))

    assert f"{tmp_path}: exists and is not an empty folder" in line
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_init_where_nothing_can_be_written_says_so(kefu: Kefu) -> None:
    assert "/proc/nowhere" in the_line(kefu("init", "/proc/nowhere/mybot"))


def test_train_on_a_missing_folder(kefu: Kefu, tmp_path: Path) -> None:
    line = the_line(kefu("train", tmp_path / "gone"))

    assert f"{tmp_path}/gone: there is no such folder" in line
    assert "kefu init" in line


@pytest.mark.parametrize("arguments", [("run",), ("shell",), ("parse", "hello")])
def test_an_assistant_that_is_missing_is_named(kefu: Kefu, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert f"{tmp_path}/gone: there is no such folder" in the_line(kefu(*arguments, tmp_path / "gone"))


@pytest.mark.parametrize(
    "arguments", [("run",), ("shell",), ("evaluate", "--questions", "q.jsonl"), ("parse", "hello")]
)
def test_without_a_release_the_way_on_is_to_train(kefu: Kefu, assistant: Path, arguments: tuple[str, ...]) -> None:
    line = the_line(kefu(*arguments, assistant))

    assert f"There is no release in {assistant}/.kefu" in line
    assert "kefu train" in line


@pytest.mark.parametrize(
    ("name", "written", "place", "said"),
    [
        ("config.yml", "language: en\nkefu:\n  polcy:\n    answer_threshold: 0.5\n", ":3:", "Did you mean 'policy'?"),
        ("config.yml", "kefu:\n  policy:\n    answer_threshold: 1.5\n", ":3:", "kefu.policy.answer_threshold is 1.5"),
        ("config.yml", "kefu: [\n", ":2:", "not valid YAML"),
        ("domain.yml", "version: x\nintents:\n  greet: 1\n", ":2:", "`intents` must be a list"),
        ("data/nlu.yml", "nlu: 3\n", ":1:", "nlu"),
        ("config.yml", "language: \x00en\n", "", "not valid YAML"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    kefu: Kefu, assistant: Path, name: str, written: str, place: str, said: str
) -> None:
    (assistant / name).write_text(written)

    line = the_line(kefu("train", assistant))

    assert f"{assistant}/{name}{place}" in line
    assert said in line


def test_a_broken_knowledge_file_is_named_with_its_line(kefu: Kefu, assistant: Path) -> None:
    (assistant / "knowledge" / "history.csv").write_text("id,question,answer\nh1,,Yes.\n")

    line = the_line(kefu("train", assistant))

    assert f"{assistant}/knowledge/history.csv:2: question is empty" in line


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("not json\n", ":1: not valid JSON"),
        ('{"text": "hi", "accept": "out_of_scope"}\n{"text": 3}\n', ":2: no `text`"),
        ('{"text": "hi"}\n', ":1: `accept` is None"),
        ('{"text": "hi", "accept": {"intents": ["no_such"]}}\n', ":1: accept.intents names 'no_such'"),
        ('{"text": "hi", "accept": {"pairs": ["h99"]}}\n', ":1: accept.pairs names 'h99'"),
        ('{"text": "hi", "accept": {}}\n', ":1: `accept` names nothing"),
        ("\n", ": there are no questions"),
    ],
)
def test_a_bad_questions_file_is_named_with_its_line(
    kefu: Kefu, minimal_folder: Path, trained_dir: Path, tmp_path: Path, written: str, said: str
) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text(written)

    line = the_line(kefu("evaluate", minimal_folder, "--data", trained_dir, "--questions", questions))

    assert f"{questions}{said}" in line


def test_a_missing_questions_file_is_named(kefu: Kefu, minimal_folder: Path, trained_dir: Path, tmp_path: Path) -> None:
    questions = tmp_path / "gone.jsonl"

    line = the_line(kefu("evaluate", minimal_folder, "--data", trained_dir, "--questions", questions))

    assert f"{questions}: there is no such file" in line


def test_evaluate_prints_the_tables_and_writes_figures_and_picture(
    kefu: Kefu, minimal_folder: Path, trained_dir: Path, tmp_path: Path
) -> None:
    questions = MINIMAL / "tests" / "questions.jsonl"

    code, out, err = kefu(
        "evaluate", minimal_folder, "--data", trained_dir, "--questions", questions, "--output", tmp_path / "figures"
    )

    assert (code, err) == (0, "")
    count = len(questions.read_text("utf-8").splitlines())
    assert f"{count} messages, 6 of them out of scope" in out
    assert "right among given answers" in out
    assert "near_miss" in out
    assert "misspelt" in out
    assert "Wrong answers against share answered" in out
    figures = json.loads((tmp_path / "figures" / "evaluation.json").read_text())
    assert (figures["count"], figures["in_scope"], figures["out_of_scope"]) == (count, count - 6, 6)
    assert sum(figures["did"].values()) == count
    assert figures["accuracy_of_answers"] > 0.4, "far better than chance among eight intents"
    assert figures["answered_right"] > 0.3
    assert len(figures["curve"]) > 1
    assert (tmp_path / "figures" / "risk_coverage.png").read_bytes().startswith(b"\x89PNG")


def test_evaluations_go_to_the_data_folder_unless_told_otherwise(
    kefu: Kefu, minimal_folder: Path, data_dir: Path, tmp_path: Path
) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"text": "hello", "accept": {"intents": ["greet"]}}\n')

    code, out, _ = kefu("evaluate", minimal_folder, "--data", data_dir, "--questions", questions)

    assert code == 0
    release = (data_dir / "CURRENT").read_text().strip()
    assert f"{data_dir}/evaluations/{release}/evaluation.json" in out
    assert (data_dir / "evaluations" / release / "risk_coverage.png").is_file()


def test_parse_prints_how_a_message_is_understood_as_json(kefu: Kefu, minimal_folder: Path, trained_dir: Path) -> None:
    code, out, err = kefu("parse", "  when are you open  ", minimal_folder, "--data", trained_dir, "--json")

    parsed = json.loads(out)
    assert (code, err) == (0, "")
    assert parsed["text"] == "when are you open"
    assert parsed["intent"]["name"] == "opening_hours"
    assert parsed["intent_ranking"][0] == parsed["intent"]
    assert parsed["kefu"]["release"] == (trained_dir / "CURRENT").read_text().strip()
    assert len(parsed["kefu"]["past_answers"]) == 3


@pytest.mark.parametrize("text", ["", "   ", "\u200b", "a\udcff", "a\x00b", "x" * 4001])
def test_parse_of_what_no_channel_would_take_is_refused(
    kefu: Kefu, minimal_folder: Path, trained_dir: Path, text: str
) -> None:
    assert "text " in the_line(kefu("parse", text, minimal_folder, "--data", trained_dir))


def test_train_says_when_nothing_has_changed(kefu: Kefu, minimal_folder: Path, data_dir: Path) -> None:
    code, out, _ = kefu("train", minimal_folder, "--data", data_dir)

    assert code == 0
    assert "Nothing has changed" in out
    assert "--force" in out


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("KEFU_PORT", "70000", "KEFU_PORT is '70000'"),
        ("KEFU_MAX_BATCH", "many", "KEFU_MAX_BATCH is 'many'"),
        ("KEFU_LOG_FORMAT", "xml", "KEFU_LOG_FORMAT is 'xml'"),
    ],
)
def test_a_wrong_setting_is_named(
    kefu: Kefu, assistant: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)

    assert said in the_line(kefu("run", assistant))


def test_a_wrong_option_is_named(kefu: Kefu, assistant: Path) -> None:
    code, _, err = kefu("run", assistant, "--port", "http")

    assert code == 2
    assert "--port" in err


def test_data_lies_beside_the_assistant_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cli.data_dir(tmp_path, None) == tmp_path / ".kefu"
    assert cli.data_dir(STARTER, None) == Path(".kefu"), "the starter may lie in a read-only installation"
    assert cli.data_dir(tmp_path, tmp_path / "given") == tmp_path / "given"
    monkeypatch.setenv("KEFU_DATA_DIR", str(tmp_path / "env"))
    assert cli.data_dir(tmp_path, None) == tmp_path / "env"
    assert cli.data_dir(tmp_path, tmp_path / "given") == tmp_path / "given"


def test_a_data_folder_that_is_a_file_is_named(kefu: Kefu, assistant: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert f"{tmp_path}/file" in the_line(kefu("shell", assistant, "--data", tmp_path / "file"))
