"""Looks for the training settings that suit an assistant's examples, trial by trial.

Every trial is the fit that `kefu train` measures, on the same split; its value is the negative log-likelihood of the
examples that were set aside, at the best temperature. All trials are kept, so that another search goes on from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import optuna
import transformers
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy import URL

from configs.assistant import Assistant
from configs.assistant_config import IntentTrainingConfig, Method
from configs.errors import KefuError
from nlu.checkpoint import Checkpoint
from training.fingerprint import intents_fingerprint
from training.fit import Fitting
from training.intent_trainer import Epoch, best_epoch, suited_to, tuned_layers
from training.progress import Progress, Report
from training.trainer import with_intent_settings

Range: TypeAlias = CategoricalDistribution | FloatDistribution | IntDistribution

STUDY_FILE = "study.db"
STARTUP_TRIALS = 5  # before a trial can be stopped for lagging behind the median


class TuneError(KefuError):
    """There is nothing to tune on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One trial that came to its end.

    Attributes:
        loss: Validation negative log-likelihood in nats at the best temperature and epoch; lower is better.
        accuracy: Validation accuracy at that epoch, in [0, 1].
        settings: What was set under `kefu.training.intent`.
    """

    number: int
    loss: float
    accuracy: float
    seconds: float
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What is known after a search.

    Attributes:
        tried: The best first; trials of earlier searches too.
        pruned_count: Trials that were stopped early.
        stopped: Whether the search was interrupted.
    """

    tried: tuple[Tried, ...]
    pruned_count: int
    stopped: bool


def tune(
    assistant: Assistant, checkpoint: Checkpoint, folder: Path, report: Report, *, trials: int, timeout_s: float | None
) -> Tuned:
    """Tries settings on the assistant's examples; Ctrl-C ends the search and keeps what is done.

    Args:
        folder: Where the study is kept, `<data>/tune`.
        trials: How many are begun, besides those of earlier searches.
        timeout_s: No trial is begun after this many seconds.

    Raises:
        TuneError: No intent has enough examples for one to be set aside.
    """
    fitting = Fitting.of(assistant, checkpoint, report)
    if not fitting.split().validation:
        raise TuneError("No intent has three examples, so none can be set aside to tune on. Write more examples.")
    layer_count = int(transformers.AutoConfig.from_pretrained(checkpoint.source).num_hidden_layers)
    search = _Search(fitting=fitting, space=_space(layer_count))
    study = _open_study(folder, assistant, checkpoint)
    if not study.trials:
        study.enqueue_trial(_present(assistant, search.space, layer_count))
    stopped = False
    try:
        study.optimize(search.run, n_trials=trials, timeout=timeout_s)
    except KeyboardInterrupt:
        stopped = True
    done = sorted(study.get_trials(states=[TrialState.COMPLETE]), key=lambda trial: trial.value or 0.0)
    pruned = study.get_trials(deepcopy=False, states=[TrialState.PRUNED])
    return Tuned(tried=tuple(map(_tried, done)), pruned_count=len(pruned), stopped=stopped)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    fitting: Fitting
    space: Mapping[str, Range]

    def run(self, trial: Trial) -> float:
        """One measured fit with settings that the sampler has chosen."""
        settings = self.settings(trial)
        assistant = with_intent_settings(self.fitting.assistant, **settings | {"method": Method(settings["method"])})
        trial.set_user_attr("settings", settings)

        def report(progress: Progress) -> None:
            self.fitting.report(replace(progress, stage=f"trial {trial.number}: {progress.stage}"))

        fitting = replace(self.fitting, assistant=assistant, report=report, watch=lambda _: _TrialWatcher(trial))
        _, curve, _ = fitting.run("measured", fitting.split())
        best = best_epoch(curve, assistant.config.training.intent.method)
        trial.set_user_attr("accuracy", best.validation_accuracy)
        return best.validation_loss

    def settings(self, trial: Trial) -> dict[str, Any]:
        """What the sampler chooses; `head` has nothing else to choose."""
        method = self._suggest(trial, "method")
        if method == Method.HEAD:
            return {"method": method}
        return {"method": method} | {name: self._suggest(trial, name) for name in self.space if name != "method"}

    def _suggest(self, trial: Trial, name: str) -> Any:
        match self.space[name]:
            case CategoricalDistribution(choices=choices):
                return trial.suggest_categorical(name, choices)
            case IntDistribution(low=low, high=high):
                return trial.suggest_int(name, low, high)
            case FloatDistribution(low=low, high=high, log=log):
                # Three digits, so that what is pasted into a file is what was tried.
                return float(f"{trial.suggest_float(name, low, high, log=log):.3g}")


class _TrialWatcher:
    """Tells a trial how its epochs went, and ends it where others were better by then."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial

    def step(self, number: int, loss: float, learning_rate: float) -> None:
        """Steps tell nothing of the examples that were set aside."""

    def epoch(self, epoch: Epoch) -> None:
        """Ends a trial that lags behind; epoch 0 is the same for all."""
        if epoch.number:
            self.trial.report(epoch.validation_loss, epoch.number)
            if self.trial.should_prune():
                raise optuna.TrialPruned


def _space(layer_count: int) -> dict[str, Range]:
    return {
        "method": CategoricalDistribution(
            [Method.FULL.value, Method.LORA.value, Method.BITFIT.value, Method.HEAD.value]
        ),
        "learning_rate": FloatDistribution(2e-5, 3e-3, log=True),
        "head_learning_rate": FloatDistribution(2e-4, 2e-2, log=True),
        "tuned_layers": IntDistribution(1, layer_count),
        "label_smoothing": FloatDistribution(0.0, 0.3),
        "max_epochs": IntDistribution(2, 16),
        "layer_decay": FloatDistribution(0.6, 1.0),
        "batch_size": CategoricalDistribution([8, 16, 32, 64]),
    }


def _present(assistant: Assistant, space: Mapping[str, Range], layer_count: int) -> dict[str, Any]:
    """The settings as they are, so that the search begins with what it has to beat; without those out of its ranges."""
    config = suited_to(assistant.config.training.intent, len(assistant.examples))
    method = Method.FULL if config.method is Method.AUTO else config.method
    values = config.model_dump() | {"method": method.value, "tuned_layers": max(1, tuned_layers(config, layer_count))}
    return {name: values[name] for name, allowed in space.items() if _allows(allowed, values[name])}


def _allows(range_: Range, value: Any) -> bool:
    if isinstance(range_, CategoricalDistribution):
        return value in range_.choices
    return bool(range_.low <= value <= range_.high)


def _open_study(folder: Path, assistant: Assistant, checkpoint: Checkpoint) -> optuna.Study:
    """The study of these examples; others begin one of their own, as losses on other examples compare to nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    untuned = with_intent_settings(assistant, **dict(IntentTrainingConfig()))
    url = str(URL.create("sqlite", database=str(folder / STUDY_FILE)))
    study = optuna.create_study(
        storage=url,
        study_name=intents_fingerprint(untuned, checkpoint)[:16],
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS, n_warmup_steps=1),
    )
    # Another seed for every search, or the second would draw what the first has drawn.
    study.sampler = optuna.samplers.TPESampler(seed=(assistant.config.training.seed + len(study.trials)) % 2**32)
    return study


def _tried(trial: FrozenTrial) -> Tried:
    assert trial.value is not None  # noqa: S101 - it is complete
    return Tried(
        number=trial.number,
        loss=trial.value,
        accuracy=trial.user_attrs["accuracy"],
        seconds=trial.duration.total_seconds() if trial.duration else 0.0,
        settings=trial.user_attrs["settings"],
    )
