"""`kefu runs`: the trainings of an assistant, as a table and as JSON, and several of them side by side."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.runs_command import runs_app
from configs.errors import KefuError
from training.run_record import RunError, RunRecord

FIRST = RunRecord(
    format_version=1,
    release="aaaaaaaaaaaa",
    assistant="shop",
    created_at="2026-01-01T00:00:00Z",
    seconds=40.4,
    seed=42,
    versions={"kefu": "0.1.0"},
    settings={"training": {"seed": 42}},
    data={"examples": 1470, "intents": 22, "pairs": 5},
    fingerprints={"intents": "f" * 64},
    warm_from=None,
    encoder_from=None,
    figures={"validation_accuracy": 0.93, "ece": 0.05},
    curves={"measured/validation_accuracy": [(0, 0.9), (1, 0.93)]},
)
SECOND = FIRST.model_copy(
    update={
        "release": "bbbbbbbbbbbb",
        "created_at": "2026-01-02T00:00:00Z",
        "warm_from": "aaaaaaaaaaaa",
        "settings": {"training": {"seed": 7}},
        "figures": {"validation_accuracy": 0.94},
    }
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for record in (FIRST, SECOND):
        record.save(tmp_path)
    return tmp_path


def said(*arguments: str | Path) -> str:
    ended = CliRunner(env={"COLUMNS": "200"}).invoke(runs_app, [*map(str, arguments)], catch_exceptions=False)
    assert ended.exit_code == 0
    return ended.output


def test_trainings_are_listed_the_newest_first(data: Path) -> None:
    lines = said("list", "--data", data).splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["bbbbbbbbbbbb", "aaaaaaaaaaaa"]
    assert lines[1].split()[2:] == ["aaaaaaaaaaaa", "40", "1,470", "22", "0.94", "-", "-"]
    assert lines[2].split()[2:] == ["nothing", "40", "1,470", "22", "0.93", "0.05", "-"]


def test_trainings_are_listed_as_json_without_their_curves(data: Path) -> None:
    listed = json.loads(said("list", "--data", data, "--json"))
    assert listed == [record.model_dump(mode="json", exclude={"curves"}) for record in (SECOND, FIRST)]


def test_a_damaged_record_is_named_beside_the_others(data: Path) -> None:
    (data / "runs" / "aaaaaaaaaaaa" / "run.json").write_text("{}")
    shown = said("list", "--data", data)
    assert "is damaged" in shown
    assert "bbbbbbbbbbbb" in shown


def test_without_a_training_that_is_said(tmp_path: Path) -> None:
    assert "No training has left a record" in said("list", "--data", tmp_path)
    assert json.loads(said("list", "--data", tmp_path, "--json")) == []


def test_only_what_differs_is_compared(data: Path) -> None:
    shown = said("compare", FIRST.release, SECOND.release, "--data", data)
    assert "kefu.training.seed" in shown
    assert "begun from" in shown
    assert "fingerprint" not in shown
    assert (data / "runs" / "comparison.png").read_bytes().startswith(b"\x89PNG")


def test_a_comparison_comes_as_json(data: Path) -> None:
    picture = data / "curves.png"
    found = json.loads(said("compare", FIRST.release, SECOND.release, "--data", data, "--json", "--picture", picture))
    assert found["releases"] == ["aaaaaaaaaaaa", "bbbbbbbbbbbb"]
    assert found["differences"] == {"kefu.training.seed": [42, 7], "begun from": ["nothing", "aaaaaaaaaaaa"]}
    assert found["figures"]["ece"] == [0.05, None]
    assert found["picture"] == str(picture)
    assert picture.is_file()


@pytest.mark.parametrize("ids", [["aaaaaaaaaaaa"], ["aaaaaaaaaaaa", "aaaaaaaaaaaa"]])
def test_one_training_alone_is_not_compared(data: Path, ids: list[str]) -> None:
    with pytest.raises(KefuError, match="two trainings or more"):
        said("compare", *ids, "--data", data)


def test_a_training_that_is_not_there_is_named(data: Path) -> None:
    with pytest.raises(RunError, match="cccccccccccc"):
        said("compare", "aaaaaaaaaaaa", "cccccccccccc", "--data", data)
