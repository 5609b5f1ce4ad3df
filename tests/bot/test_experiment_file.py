"""The file that says what is being tried: whole or refused, and which conversations it draws."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.experiments.experiment import (
    EXPERIMENT_FILE,
    Experiment,
    ExperimentError,
    Kind,
    read_experiment,
    write_experiment,
)

EXPERIMENT = Experiment(kind=Kind.AB, id="0123456789abcdef", release="new1", base="old1", share=0.25, since=5.0)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert read_experiment(tmp_path) is None
    write_experiment(tmp_path, EXPERIMENT)

    assert read_experiment(tmp_path) == EXPERIMENT
    assert [path.name for path in tmp_path.iterdir()] == [EXPERIMENT_FILE]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        *(({"release": "../../etc"}, "release"), ({"release": "abcd\n"}, "release"), ({"base": ""}, "base")),
        *(({"share": 0}, "share"), ({"share": 1.5}, "share"), ({"share": "half"}, "share"), ({"kind": "c"}, "kind")),
        *(({"id": "x" * 16}, "id"), ({"since": -1}, "since"), ({"more": 1}, "more"), ({"share": None}, "share")),
    ],
)
def test_a_field_that_is_wrong_is_named(tmp_path: Path, changed: dict[str, Any], field: str) -> None:
    good = EXPERIMENT.model_dump(mode="json")
    (tmp_path / EXPERIMENT_FILE).write_text(json.dumps({**good, **changed}))

    with pytest.raises(ExperimentError, match=rf"EXPERIMENT is damaged: {field}: .*begin an experiment anew"):
        read_experiment(tmp_path)


def as_folder(path: Path) -> None:
    path.mkdir()


def as_pipe(path: Path) -> None:
    os.mkfifo(path)


def as_link_to_nowhere(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def as_half(path: Path) -> None:
    path.write_text(EXPERIMENT.model_dump_json()[:40])


def as_much(path: Path) -> None:
    path.write_bytes(b"[" * 100_000)


def as_bytes(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


@pytest.mark.parametrize("spoil", [as_folder, as_pipe, as_link_to_nowhere, as_half, as_much, as_bytes])
def test_a_spoilt_file_is_refused_by_name(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    spoil(tmp_path / EXPERIMENT_FILE)

    with pytest.raises(ExperimentError, match=EXPERIMENT_FILE):
        read_experiment(tmp_path)


def test_a_conversation_keeps_its_arm_and_the_share_is_kept() -> None:
    names = [f"customer {number}" for number in range(4_000)]
    drawn = {name for name in names if EXPERIMENT.takes(name)}

    assert drawn == {name for name in names if EXPERIMENT.takes(name)}
    assert len(drawn) == pytest.approx(1_000, abs=4 * (4_000 * 0.25 * 0.75) ** 0.5)


def test_another_experiment_draws_other_conversations_and_a_larger_share_more() -> None:
    names = [f"customer {number}" for number in range(1_000)]
    other = EXPERIMENT.model_copy(update={"id": "f" * 16})
    wider = EXPERIMENT.model_copy(update={"share": 0.5})

    drawn = {name for name in names if EXPERIMENT.takes(name)}
    assert drawn != {name for name in names if other.takes(name)}
    assert drawn < {name for name in names if wider.takes(name)}
    assert all(EXPERIMENT.model_copy(update={"share": 1.0}).takes(name) for name in (*names, "", "\ud800"))
