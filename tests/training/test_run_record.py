"""The record that a training leaves, and several of them side by side."""

import json
from pathlib import Path

import pytest

from configs import Assistant
from training.run_comparison import compared, differences, draw_comparison, figures
from training.run_log import RunLog
from training.run_record import RunError, RunRecord, read_record, read_records
from training.trainer import Trained


@pytest.fixture(scope="module")
def record(trained: Trained) -> RunRecord:
    return read_record(trained.release.folder.parents[1], trained.release.id)


def changed(record: RunRecord, **values: object) -> RunRecord:
    return record.model_copy(update=values)


def test_a_training_leaves_a_record_of_how_it_was_made(trained: Trained, record: RunRecord, minimal: Assistant) -> None:
    manifest = trained.release.manifest
    assert (record.release, record.figures, record.fingerprints) == (
        manifest.id,
        manifest.figures,
        manifest.fingerprints,
    )
    assert record.data == {
        "examples": len(minimal.examples),
        "intents": manifest.intent_count,
        "pairs": manifest.pair_count,
    }
    assert record.seed == minimal.config.training.seed
    assert record.flat_settings()["kefu.training.intent.patience"] == minimal.config.training.intent.patience
    assert {"python", "kefu", "torch"} <= set(record.versions)
    assert (record.warm_from, record.encoder_from) == (None, None)
    assert record.seconds > 0


def test_the_curves_are_those_that_were_logged(record: RunRecord, trained: Trained) -> None:
    logged = trained.release.read_json("report/report.json")["curve"]
    accuracy = [(epoch["number"], epoch["validation_accuracy"]) for epoch in logged]
    assert record.curves["measured/validation_accuracy"] == accuracy
    assert [at for at, _ in record.curves["everything/train_loss"]]


def test_no_message_is_in_a_record(record: RunRecord, minimal: Assistant) -> None:
    written = record.model_dump_json()
    assert not [example.text for example in minimal.examples if len(example.text) > 12 and example.text in written]


def test_a_record_comes_back_as_it_was_saved(tmp_path: Path, record: RunRecord) -> None:
    other = changed(record, release="feedfeedfeed", created_at="2199-01-01T00:00:00Z")
    record.save(tmp_path)
    other.save(tmp_path)
    assert read_records(tmp_path) == ([other, record], [])


@pytest.mark.parametrize(
    ("content", "reason"),
    [("{}", "damaged"), ("not json", "damaged"), ("[" * 5_000, "damaged"), (None, "no record")],
)
def test_a_damaged_record_is_named_and_the_others_are_read(
    tmp_path: Path, record: RunRecord, content: str | None, reason: str
) -> None:
    record.save(tmp_path)
    broken = tmp_path / "runs" / "deaddeaddead"
    broken.mkdir()
    if content is not None:
        (broken / "run.json").write_text(content)
    with pytest.raises(RunError, match=reason):
        read_record(tmp_path, "deaddeaddead")
    records, wrong = read_records(tmp_path)
    assert records == [record]
    assert len(wrong) == (content is not None)


@pytest.mark.parametrize("name", ["../releases/abc", "/etc", "", "."])
def test_a_record_is_looked_for_nowhere_else(tmp_path: Path, record: RunRecord, name: str) -> None:
    record.save(tmp_path)
    (tmp_path / "runs" / "run.json").write_text(record.model_dump_json())
    with pytest.raises(RunError):
        read_record(tmp_path, name)


def test_a_record_of_another_release_is_refused(tmp_path: Path, record: RunRecord) -> None:
    record.save(tmp_path)
    (tmp_path / "runs" / record.release).rename(tmp_path / "runs" / "moved")
    with pytest.raises(RunError, match="another release"):
        read_record(tmp_path, "moved")


def test_only_what_differs_is_put_side_by_side(record: RunRecord) -> None:
    settings = json.loads(json.dumps(record.settings))
    settings["training"]["seed"] = 7
    other = changed(
        record, release="other", settings=settings, warm_from=record.release, seconds=1.0, figures={"ece": 0.5}
    )
    assert differences([record, record]) == {}
    assert differences([record, other]) == {
        "kefu.training.seed": (record.seed, 7),
        "begun from": ("nothing", record.release),
    }
    found = figures([record, other])
    assert found["seconds"] == (record.seconds, 1.0)
    assert found["ece"] == (record.figures["ece"], 0.5)
    assert found["temperature"] == (record.figures["temperature"], None)
    assert compared([record, other])["releases"] == [record.release, "other"]


def test_the_picture_is_drawn_with_and_without_curves(tmp_path: Path, record: RunRecord) -> None:
    for name, records in (
        ("with", [record, changed(record, release="b")]),
        ("without", [changed(record, curves={})] * 2),
    ):
        draw_comparison(records, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_an_epoch_shown_again_is_kept_once() -> None:
    log = RunLog(())
    for position in (0, 1, 1, 2):
        log.keep(position, {"measured/train_loss": position / 2, "measured/validation_loss": float("nan")})
    assert log.curves == {"measured/train_loss": [(0, 0.0), (1, 0.5), (2, 1.0)]}


def test_a_run_that_took_the_encoder_over_says_so(record: RunRecord) -> None:
    taken = changed(record, encoder_from="abcd", curves={})
    assert differences([record, taken]) == {"encoder taken over from": ("none", "abcd")}
