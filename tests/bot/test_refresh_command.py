"""`kefu refresh`: what it says, with which exit code it ends, and what it will not take."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot import refresh_command
from bot.cli import app
from configs import MINIMAL
from configs.errors import SettingsError
from configs.taught import Meaning, Taught, taught_lines
from training.refresh.outcome import Came, Outcome

Run = Callable[..., Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MINIMAL, tmp_path / "mybot"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a refresh is asked for; it comes to what `came` says."""
    given: dict[str, Any] = {"came": Came.PROMOTED}

    def once(*args: Any, **options: Any) -> Outcome:
        given.update(options, folder=args[1])
        return Outcome(
            came=given["came"],
            sentence="So it went.",
            started_at=0.0,
            seconds=12.3,
            collected={"labels": 1_200, "rows": 7},
            left_out={"doubtful": 2},
            quarantined=[{"id": "5e1c0f7a", "label": 9, "found": "host:[evil].example"}],
            learned={"examples": 5, "new_intents": ["crypto"], "unanswered": ["crypto"], "past_answers": 1},
            start="From nothing.",
            reasons=[{"rule": "understood", "passed": False, "sentence": "Fewer are."}],
            steps={"done": ["limits"], "skipped": ["measure"]},
        )

    monkeypatch.setattr(refresh_command, "refresh_once", once)
    return given


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, ["refresh", *map(str, arguments)])


@pytest.mark.parametrize(
    ("came", "code"),
    [(Came.PROMOTED, 0), (Came.NOTHING_NEW, 0), (Came.CANDIDATE, 0), (Came.DRY_RUN, 0), (Came.KEPT, 3)],
)
def test_the_exit_code_says_whether_the_gate_kept_what_serves(
    root: Path, asked: dict[str, Any], came: Came, code: int
) -> None:
    asked["came"] = came
    result = run(root)

    assert result.exit_code == code
    for said in ("1,200 labels", "2 doubtful", "5 examples", "crypto", "12 s", "Fewer are.", "So it went."):
        assert said in result.output
    assert "label 9 waits for an admin, 5e1c0f7a: host:[evil].example" in result.output


def test_options_reach_the_refresh(root: Path, tmp_path: Path, asked: dict[str, Any]) -> None:
    row = Taught(number=1, conversation="a", turn=1, text="hi", meaning=Meaning.INTENT, value="greet", who="x", at=1.0)
    (tmp_path / "taught.jsonl").write_bytes(taught_lines([row]))
    given = ["--since", "1970-01-02", "--from-nothing", "--keep-candidate", "--accept-quarantined", "aa"]
    result = run(root, *given, "--taught", tmp_path / "taught.jsonl", "--data", tmp_path / "data")

    assert result.exit_code == 0, result.output
    assert asked["since"] == 86_400.0
    assert (asked["from_nothing"], asked["keep_candidate"], asked["dry_run"]) == (True, True, False)
    assert (asked["accept"], asked["taught"], asked["folder"]) == (["aa"], [row], tmp_path / "data")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "yesterday"), "--since is 'yesterday'"),
        (("--since", "99999-01-01"), "--since is"),
        (("--schedule", "now and then"), "--schedule is 'now and then'"),
        (("--schedule", "0 3 * * *", "--dry-run"), "--schedule goes without"),
    ],
)
@pytest.mark.usefixtures("asked")
def test_what_cannot_be_meant_is_refused(root: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run(root, *arguments)

    assert isinstance(result.exception, SettingsError)
    assert said in str(result.exception)


def test_a_schedule_runs_each_refresh_in_a_process_of_its_own(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    class Process:
        def __init__(self, command: list[str]) -> None:
            commands.append(command)

        def __enter__(self) -> "Process":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def wait(self) -> int:
            return 3

        def terminate(self) -> None:
            pass

    def loop(schedule: str, zone: object, refresh: Callable[[], int], say: Callable[[str], None]) -> None:
        say(f"{schedule} in {zone}: {refresh()}")
        raise KeyboardInterrupt

    monkeypatch.setattr(refresh_command.subprocess, "Popen", Process)
    monkeypatch.setattr(refresh_command.signal, "signal", lambda *_: None)
    monkeypatch.setattr("bot.refresh.schedule.keep_refreshing", loop)
    result = run(root, "--schedule", "0 3 * * *", "--since", "30d", "--from-nothing")

    assert result.exit_code == 0
    assert "0 3 * * * in UTC: 3" in result.output
    assert "Stopped." in result.output
    assert commands[0][1:] == ["-m", "bot.cli", "refresh", str(root), "--from-nothing", "--since", "30d"]
