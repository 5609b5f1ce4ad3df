"""`kefu data validate`: what a person sees of the checks, and how the command ends."""

import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

import training.data_checks
from bot.cli import app
from bot.data_commands import SHOWN_CHARS, print_report
from configs import MINIMAL, Assistant
from training.data_checks import DataReport, Finding, Kind, Passage, Severity


def embed(texts: Sequence[str]) -> np.ndarray:
    """A direction of its own for each text of the test, by its length."""
    rows = np.stack([np.random.default_rng(len(text)).normal(size=64) for text in texts]).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Spares the tests the model; the sizes of the batches that it was asked."""
    asked: list[int] = []

    def counting(texts: Sequence[str]) -> np.ndarray:
        asked.append(len(texts))
        return embed(texts)

    def without_model(_: Assistant) -> training.data_checks.Embed:
        return counting

    monkeypatch.setattr(training.data_checks, "frozen_embed", without_model)
    return asked


@pytest.fixture
def assistant(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MINIMAL, tmp_path / "mybot"))


def validate(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["data", "validate", *map(str, arguments)], env={"COLUMNS": "200"})
    return result.exit_code, result.output


def add_examples(assistant: Path, intent: str, *texts: str) -> None:
    written = "".join(f"    - {text}\n" for text in texts)
    (assistant / "data" / "more.yml").write_text(f"nlu:\n- intent: {intent}\n  examples: |\n{written}")


def test_help_shows_an_example() -> None:
    result = CliRunner().invoke(app, ["data", "validate", "--help"])

    assert result.exit_code == 0
    assert "kefu data validate mybot" in result.output


@pytest.mark.usefixtures("batches")
def test_without_errors_the_exit_code_is_zero_and_the_last_line_counts(assistant: Path) -> None:
    code, output = validate(assistant)

    assert code == 0
    assert output.splitlines()[-1].startswith("0 errors, ")
    assert output.splitlines()[-1].endswith("15 past answers, 24 test questions.")


@pytest.mark.usefixtures("batches")
def test_a_contradiction_is_an_error_with_its_places_and_what_to_do(assistant: Path) -> None:
    add_examples(assistant, "goodbye", "Where is my [parcel]")
    with (assistant / "data" / "more.yml").open("a") as file:
        file.write("- intent: greet\n  examples: |\n    - where is my [parcel]\n")

    code, output = validate(assistant)

    assert code == 1
    lines = output.splitlines()
    start = lines.index("error: same text under two intents (1)")
    assert lines[start + 1 : start + 4] == [
        "  The same text is an example of goodbye and greet.",
        "    - Where is my [parcel] data/more.yml:4, goodbye",
        "    - where is my [parcel] data/more.yml:7, greet",
    ]
    assert lines[start + 4].startswith("    What to do: Keep it under the intent")
    assert lines[-1].startswith("1 error, ")


@pytest.mark.usefixtures("batches")
def test_json_and_html_are_written_also_where_there_are_errors(assistant: Path, tmp_path: Path) -> None:
    add_examples(assistant, "goodbye", "my card is 4111 1111 1111 1111")

    code, output = validate(assistant, "--json", tmp_path / "r.json", "--html", tmp_path / "[r].html")

    assert code == 1
    assert f"Written: {tmp_path}/r.json" in output
    assert f"Written: {tmp_path}/[r].html" in output
    assert json.loads((tmp_path / "r.json").read_text())["counts"]["error"] == 1
    page = (tmp_path / "[r].html").read_text()
    assert "41***************11" in page
    assert "4111 1111" not in page + output


@pytest.mark.usefixtures("batches")
def test_other_questions_can_be_named(assistant: Path, tmp_path: Path) -> None:
    add_examples(assistant, "goodbye", "toodle pip")
    questions = tmp_path / "asked.jsonl"
    questions.write_text('{"text": "Toodle pip", "accept": {"intents": ["goodbye"]}}\n')

    code, output = validate(assistant, "--questions", questions)

    assert code == 0
    assert "warning: test question that was learned (1)" in output
    assert f"    - Toodle pip {questions}:1\n    - toodle pip data/more.yml:4, goodbye\n" in output


def test_the_texts_are_read_in_batches(assistant: Path, batches: list[int]) -> None:
    validate(assistant)

    assert len(batches) > 1
    assert max(batches) == 64


def findings(count: int) -> DataReport:
    passages = tuple(Passage(text=f"[x]{number} " * 60, path=Path("nlu.yml"), line=number) for number in range(1, 10))
    finding = Finding(kind=Kind.REPEATED, severity=Severity.HINT, message="[m]", advice="[a]", passages=passages)
    return DataReport(
        assistant="a", example_count=9, intent_count=1, pair_count=0, question_count=0, findings=(finding,) * count
    )


def printed(report: DataReport, *, whole: bool) -> list[str]:
    console = Console(file=io.StringIO(), width=500)
    print_report(report, console, whole=whole)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_of_each_kind_only_the_first_findings_and_places_are_shown() -> None:
    lines = printed(findings(5), whole=False)

    assert lines[0] == "hint: repeated example (5)"
    assert lines.count("  [m]") == 3
    assert lines.count("    ... and 3 more places.") == 3
    assert "  ... and 2 more; --all shows them." in lines
    assert lines[2] == f"    - {('[x]1 ' * 60)[:SHOWN_CHARS]}... nlu.yml:1"
    assert lines[-1] == "0 errors, 0 warnings, 5 hints, in 9 examples, 1 intent, 0 past answers, 0 test questions."


def test_all_shows_every_finding_and_place() -> None:
    lines = printed(findings(5), whole=True)

    assert lines.count("  [m]") == 5
    assert sum("nlu.yml:9" in line for line in lines) == 5
    assert not [line for line in lines if "... and" in line]
