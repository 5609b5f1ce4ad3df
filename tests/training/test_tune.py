import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from bot.tune_command import pasted, print_tuned
from configs import read_assistant
from configs.assistant import Assistant
from configs.assistant_config import IntentTrainingConfig, Method, parse_config
from configs.yaml_file import parse_yaml
from nlu.checkpoint import Checkpoint, find_checkpoint
from training.fingerprint import intents_fingerprint
from training.fit import Fitting
from training.intent_trainer import best_epoch
from training.progress import Progress, silent
from training.trainer import with_intent_settings
from training.tune import STUDY_FILE, Tried, Tuned, TuneError, tune

TRIED = Tried(
    number=3,
    loss=0.25,
    accuracy=0.875,
    seconds=12.0,
    settings={"method": "lora", "learning_rate": 2e-05, "batch_size": 16},
)


@pytest.fixture(scope="module")
def quick(quick_folder_of_module: Path) -> Assistant:
    return read_assistant(quick_folder_of_module)


@pytest.fixture(scope="module")
def quick_checkpoint(quick: Assistant) -> Checkpoint:
    return find_checkpoint(quick.config.encoder, quick.root)


@pytest.fixture(scope="module")
def searched(quick: Assistant, quick_checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> list[Tuned]:
    """Two searches in one folder, of three trials and of one."""
    folder = tmp_path_factory.mktemp("tune")
    found = [tune(quick, quick_checkpoint, folder, silent, trials=n, timeout_s=None) for n in (3, 1)]
    assert (folder / STUDY_FILE).is_file()
    return found


def test_a_second_search_goes_on_from_the_first(searched: list[Tuned]) -> None:
    first, second = searched

    assert len(first.tried) + first.pruned_count == 3
    assert len(second.tried) + second.pruned_count == 4
    assert {trial.number for trial in first.tried} <= {trial.number for trial in second.tried}
    assert [trial.loss for trial in second.tried] == sorted(trial.loss for trial in second.tried)


def test_a_search_begins_with_the_settings_as_they_are(searched: list[Tuned]) -> None:
    (present,) = (trial for trial in searched[0].tried if trial.number == 0)

    assert present.settings["method"] == "full"
    assert present.settings["learning_rate"] == 2e-4
    assert present.settings["tuned_layers"] == 1
    assert present.settings["batch_size"] == 32


def test_a_trial_is_what_a_training_with_its_settings_measures(
    searched: list[Tuned], quick: Assistant, quick_checkpoint: Checkpoint
) -> None:
    best = searched[1].tried[0]
    intent = IntentTrainingConfig.model_validate(yaml.safe_load(pasted(best))["kefu"]["training"]["intent"])
    fitting = Fitting.of(with_intent_settings(quick, **dict(intent)), quick_checkpoint, silent)

    _, curve, _ = fitting.run("measured", fitting.split())

    epoch = best_epoch(curve, intent.method)
    assert epoch.validation_loss == pytest.approx(best.loss, rel=1e-6)
    assert epoch.validation_accuracy == best.accuracy


def test_an_interrupted_search_keeps_what_is_done(
    quick: Assistant, quick_checkpoint: Checkpoint, tmp_path: Path
) -> None:
    def interrupt_the_second(progress: Progress) -> None:
        if progress.stage.startswith("trial 1:"):
            raise KeyboardInterrupt

    tuned = tune(quick, quick_checkpoint, tmp_path, interrupt_the_second, trials=5, timeout_s=None)

    assert tuned.stopped
    assert [trial.number for trial in tuned.tried] == [0]


def test_without_examples_to_set_aside_there_is_nothing_to_tune_on(
    quick: Assistant, quick_checkpoint: Checkpoint, tmp_path: Path
) -> None:
    by_intent = {example.intent: example for example in quick.examples}
    few = replace(quick, examples=tuple(by_intent.values()))

    with pytest.raises(TuneError, match="No intent has three examples"):
        tune(few, quick_checkpoint, tmp_path, silent, trials=1, timeout_s=None)


def test_what_is_pasted_reads_back_as_it_was_tried() -> None:
    _, config, _ = parse_config(parse_yaml(pasted(TRIED), Path("config.yml")))

    found = config.training.intent
    assert (found.method, found.learning_rate, found.batch_size) == (Method.LORA, 2e-05, 16)


@pytest.fixture
def printed() -> Callable[[Tuned], str]:
    def show(tuned: Tuned) -> str:
        console = Console(width=80, record=True, file=io.StringIO())
        print_tuned(tuned, console)
        return console.export_text()

    return show


def test_the_best_trials_are_listed_with_their_settings(printed: Callable[[Tuned], str]) -> None:
    text = printed(Tuned(tried=(TRIED,), pruned_count=2, stopped=False))

    (row,) = (line.split() for line in text.splitlines() if line.strip().startswith("3 "))
    assert row == ["3", "0.2500", "87.5%", "12", "lora", "rate", "2e-05,", "batch", "16"]
    assert "1 trials in all, and 2 that were stopped early." in text
    assert "learning_rate: 2.0e-05" in text


def test_without_a_finished_trial_it_says_how_to_go_on(printed: Callable[[Tuned], str]) -> None:
    assert "No trial has come to its end yet" in printed(Tuned(tried=(), pruned_count=1, stopped=True))


def test_another_method_for_one_run_is_another_training(quick: Assistant, quick_checkpoint: Checkpoint) -> None:
    lora = with_intent_settings(quick, method=Method.LORA)

    assert lora.config.training.intent.max_epochs == quick.config.training.intent.max_epochs
    assert intents_fingerprint(lora, quick_checkpoint) != intents_fingerprint(quick, quick_checkpoint)
