"""What a training leaves to look at while it runs and afterwards: curves, figures and settings, never a message.

TensorBoard's event files are always written; Weights & Biases and MLflow get the same where they are asked for. The
curves are kept in memory too, for the record of the run.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import yaml

from configs.errors import KefuError
from training.mlflow_writer import MlflowWriter

if TYPE_CHECKING:  # its torch takes seconds to load
    from training.intent_trainer import Epoch

PROJECT = "kefu"


class RunLogError(KefuError):
    """Weights & Biases was asked for and cannot be used."""


class Writer(Protocol):
    """One place to write to."""

    def scalars(self, axis: str, position: int, values: Mapping[str, float]) -> None:
        """Finite values by name, at a position of the axis that they are drawn over."""
        ...

    def settings(self, settings: Mapping[str, Any]) -> None:
        """What the training was told."""
        ...

    def close(self) -> None:
        """Ends the run; everything is written then."""
        ...


class TensorBoardWriter:
    """Event files in `folder`; look at them with `tensorboard --logdir`."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - seconds

        self._events = SummaryWriter(str(folder))

    def scalars(self, axis: str, position: int, values: Mapping[str, float]) -> None:
        """See `Writer.scalars`; every name has an axis of its own here."""
        del axis
        for name, value in values.items():
            self._events.add_scalar(name, value, position)

    def settings(self, settings: Mapping[str, Any]) -> None:
        """See `Writer.settings`."""
        indented = "".join(f"    {line}\n" for line in yaml.safe_dump(dict(settings)).splitlines())
        self._events.add_text("settings", indented)

    def close(self) -> None:
        """See `Writer.close`."""
        self._events.close()


class WandbWriter:
    """A run of Weights & Biases; what the program prints, its code and its repository are not sent.

    Raises:
        RunLogError: The package is not installed, or the run cannot be begun.
    """

    def __init__(self, folder: Path) -> None:
        if find_spec("wandb") is None:
            raise RunLogError("wandb is not installed. Run `pip install 'kefu[wandb]'`, or unset KEFU_WANDB.")
        wandb: Any = import_module("wandb")
        quiet = wandb.Settings(console="off", disable_code=True, disable_git=True, silent=True)
        try:
            self._run = wandb.init(project=PROJECT, name=folder.name, dir=folder, settings=quiet)
        except wandb.Error as error:
            raise RunLogError(
                f"Weights & Biases cannot be used: {error} Log in, set WANDB_MODE=offline, or unset KEFU_WANDB."
            ) from error
        self._axes: set[str] = set()

    def scalars(self, axis: str, position: int, values: Mapping[str, float]) -> None:
        """See `Writer.scalars`."""
        for name in values.keys() - self._axes:
            self._run.define_metric(name, step_metric=axis)
        self._axes |= values.keys()
        self._run.log({axis: position, **values})

    def settings(self, settings: Mapping[str, Any]) -> None:
        """See `Writer.settings`."""
        self._run.config.update(dict(settings))

    def close(self) -> None:
        """See `Writer.close`."""
        self._run.finish()


class RunLog:
    """The log of one training, in all the places that were asked for; a context that closes them."""

    def __init__(self, writers: Sequence[Writer]) -> None:
        self._writers = writers
        self.curves: dict[str, list[tuple[float, float]]] = {}

    @classmethod
    def open(cls, folder: Path, *, wandb: bool = False, mlflow: bool = False) -> Self:
        """A log in `folder`, which is `<data>/runs/<release id>`.

        Raises:
            KefuError: Weights & Biases or MLflow was asked for and cannot be used.
        """
        folder.mkdir(parents=True, exist_ok=True)
        asked_for: list[Writer] = [WandbWriter(folder)] if wandb else []
        asked_for += [MlflowWriter(folder)] if mlflow else []
        return cls([*asked_for, TensorBoardWriter(folder)])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers:
            writer.close()

    def settings(self, settings: Mapping[str, Any]) -> None:
        """Writes what the training was told."""
        for writer in self._writers:
            writer.settings(settings)

    def scalars(self, axis: str, position: int, values: Mapping[str, float]) -> None:
        """Writes values at a position of an axis; those that could not be measured are left out."""
        known = {name: value for name, value in values.items() if isfinite(value)}
        for writer in self._writers if known else ():
            writer.scalars(axis, position, known)

    def keep(self, position: int, values: Mapping[str, float]) -> None:
        """Adds a point to each curve of the record; one that is shown again counts once."""
        for name, value in values.items():
            if isfinite(value):
                curve = self.curves.setdefault(name, [])
                curve[:] = [point for point in curve if point[0] < position] + [(position, value)]

    def figures(self, figures: Mapping[str, float]) -> None:
        """Writes what the training came to."""
        self.scalars("figures/step", 0, {f"figures/{name}": value for name, value in figures.items()})

    def fit(self, name: str) -> "FitLog":
        """What watches one of the training's fits; its curves stand under `name`."""
        return FitLog(self, name)


class FitLog:
    """Writes the steps and epochs of one fit; a `training.intent_trainer.Watcher`."""

    def __init__(self, log: RunLog, name: str) -> None:
        self._log = log
        self._name = name

    def step(self, number: int, loss: float, learning_rate: float) -> None:
        """Writes the loss of one batch, and the rate of the step."""
        values = {f"{self._name}/batch_loss": loss, f"{self._name}/learning_rate": learning_rate}
        self._log.scalars(f"{self._name}/step", number, values)

    def epoch(self, epoch: "Epoch") -> None:
        """Writes a line of the learning curve."""
        values = {
            f"{self._name}/train_loss": epoch.train_loss,
            f"{self._name}/validation_loss": epoch.validation_loss,
            f"{self._name}/validation_accuracy": epoch.validation_accuracy,
        }
        self._log.keep(epoch.number, values)
        self._log.scalars(f"{self._name}/epoch", epoch.number, values)
