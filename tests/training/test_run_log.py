import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from configs import read_assistant
from training.intent_trainer import Epoch
from training.progress import silent
from training.releases import Releases
from training.run_log import RunLog, RunLogError
from training.trainer import train_assistant

NAN = float("nan")


def write_a_run(log: RunLog) -> None:
    log.settings({"training": {"seed": 42}})
    fit = log.fit("measured")
    fit.epoch(Epoch(number=0, train_loss=NAN, validation_loss=2.0, validation_accuracy=0.5))
    fit.step(1, 1.5, 0.125)
    fit.step(2, 0.75, 0.25)
    fit.epoch(Epoch(number=1, train_loss=1.0, validation_loss=0.5, validation_accuracy=0.75))
    log.figures({"ece": 0.25, "accuracy": NAN})


def test_tensorboard_gets_every_step_epoch_and_figure_that_is_known(tmp_path: Path) -> None:
    with RunLog.open(tmp_path / "run") as log:
        write_a_run(log)

    events = EventAccumulator(str(tmp_path / "run"))
    events.Reload()
    found = {name: [(e.step, e.value) for e in events.Scalars(name)] for name in events.Tags()["scalars"]}
    assert found == {
        "measured/batch_loss": [(1, 1.5), (2, 0.75)],
        "measured/learning_rate": [(1, 0.125), (2, 0.25)],
        "measured/train_loss": [(1, 1.0)],
        "measured/validation_loss": [(0, 2.0), (1, 0.5)],
        "measured/validation_accuracy": [(0, 0.5), (1, 0.75)],
        "figures/ece": [(0, 0.25)],
    }
    (settings,) = events.Tensors("settings/text_summary")
    assert settings.tensor_proto.string_val == [b"    training:\n      seed: 42\n"]


def test_weights_and_biases_that_is_not_installed_is_named_with_the_way_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.run_log.find_spec", lambda _: None)

    with pytest.raises(RunLogError, match=r"wandb is not installed. Run `pip install 'kefu\[wandb\]'`"):
        RunLog.open(tmp_path / "run", wandb=True)


class FakeRun:
    """What Kefu uses of a run of wandb."""

    def __init__(self) -> None:
        self.logged: list[Mapping[str, float]] = []
        self.axes: dict[str, str] = {}
        self.config: dict[str, Any] = {}
        self.finished = False

    def define_metric(self, name: str, step_metric: str) -> None:
        self.axes[name] = step_metric

    def log(self, values: Mapping[str, float]) -> None:
        self.logged.append(values)

    def finish(self) -> None:
        self.finished = True


class FakeWandb:
    """The module `wandb`, as far as Kefu uses it."""

    class Error(Exception):
        """Its root error."""

    def __init__(self, *, broken: bool = False) -> None:
        self.run, self.broken, self.settings = FakeRun(), broken, {}

    def Settings(self, **settings: object) -> dict[str, object]:  # noqa: N802 - wandb's name
        self.settings = settings
        return settings

    def init(self, **given: object) -> FakeRun:
        if self.broken:
            raise self.Error("api_key not configured.")
        self.given = given
        return self.run


@pytest.fixture
def use_wandb(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(fake: FakeWandb) -> FakeWandb:
        monkeypatch.setitem(sys.modules, "wandb", fake)
        monkeypatch.setattr("training.run_log.find_spec", lambda _: object())
        return fake

    return use


def test_weights_and_biases_gets_the_same_over_axes_of_its_own(tmp_path: Path, use_wandb: Any) -> None:
    fake = use_wandb(FakeWandb())

    with RunLog.open(tmp_path / "f00d", wandb=True) as log:
        write_a_run(log)

    assert (fake.given["project"], fake.given["name"]) == ("kefu", "f00d")
    assert (fake.settings["console"], fake.settings["disable_code"], fake.settings["disable_git"]) == (
        "off",
        True,
        True,
    )
    assert fake.run.config == {"training": {"seed": 42}}
    assert fake.run.logged == [
        {"measured/epoch": 0, "measured/validation_loss": 2.0, "measured/validation_accuracy": 0.5},
        {"measured/step": 1, "measured/batch_loss": 1.5, "measured/learning_rate": 0.125},
        {"measured/step": 2, "measured/batch_loss": 0.75, "measured/learning_rate": 0.25},
        {
            "measured/epoch": 1,
            "measured/train_loss": 1.0,
            "measured/validation_loss": 0.5,
            "measured/validation_accuracy": 0.75,
        },
        {"figures/step": 0, "figures/ece": 0.25},
    ]
    assert fake.run.axes["measured/batch_loss"] == "measured/step"
    assert fake.run.axes["measured/train_loss"] == "measured/epoch"
    assert fake.run.finished


def test_a_run_of_weights_and_biases_that_cannot_begin_says_what_to_do(tmp_path: Path, use_wandb: Any) -> None:
    use_wandb(FakeWandb(broken=True))

    with pytest.raises(RunLogError, match=r"api_key not configured\. Log in, set WANDB_MODE=offline, or unset KEFU"):
        RunLog.open(tmp_path / "run", wandb=True)


def test_a_training_logs_its_curves_and_no_text(quick_folder: Path, releases: Releases) -> None:
    assistant = read_assistant(quick_folder)

    trained = train_assistant(assistant, releases, silent)

    folder = releases.data_dir / "runs" / trained.release.id
    logged = b"".join(path.read_bytes() for path in folder.iterdir())
    assert b"measured/validation_loss" in logged
    assert b"measured/batch_loss" in logged
    assert b"figures/validation_accuracy" in logged
    texts = [example.text.encode() for example in assistant.examples if len(example.text) > 8]
    assert [text for text in texts if text in logged] == []
    assert not (releases.data_dir / "work").exists()
