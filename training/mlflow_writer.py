"""Sends a training's curves to MLflow, into files beside the run unless another place is named."""

import os
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from configs.errors import KefuError

EXPERIMENT = "kefu"
MOST_CHARS = 500  # of a parameter's value
FOLDER = "mlflow"


class MlflowError(KefuError):
    """MLflow was asked for and cannot be used."""


class MlflowWriter:
    """A run of MLflow; a `training.run_log.Writer`.

    It goes where `MLFLOW_TRACKING_URI` says, else to `<data>/runs/mlflow`, which needs no server and no network.

    Raises:
        MlflowError: The package is not installed, or the run cannot be begun.
    """

    def __init__(self, folder: Path) -> None:
        if find_spec("mlflow") is None:
            raise MlflowError("mlflow is not installed. Run `pip install 'kefu[mlflow]'`, or unset KEFU_MLFLOW.")
        # MLflow asks for this to be set where runs go to files, which it no longer recommends for many users.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        mlflow: Any = import_module("mlflow")
        where = os.environ.get("MLFLOW_TRACKING_URI") or (folder.parent / FOLDER).resolve().as_uri()
        try:
            self._client = mlflow.MlflowClient(tracking_uri=where)
            self._run = self._client.create_run(self._experiment(), run_name=folder.name).info.run_id
        except mlflow.MlflowException as error:
            raise MlflowError(
                f"MLflow cannot be used: {error} Mend MLFLOW_TRACKING_URI, or unset KEFU_MLFLOW."
            ) from error

    def scalars(self, axis: str, position: int, values: Mapping[str, float]) -> None:
        """See `Writer.scalars`; every name has an axis of its own here."""
        del axis
        for name, value in values.items():
            self._client.log_metric(self._run, name, value, step=position)

    def settings(self, settings: Mapping[str, Any]) -> None:
        """See `Writer.settings`."""
        for name, value in _flat("", settings):
            self._client.log_param(self._run, name, str(value)[:MOST_CHARS])

    def close(self) -> None:
        """See `Writer.close`."""
        self._client.set_terminated(self._run)

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(EXPERIMENT)
        return str(found.experiment_id if found else self._client.create_experiment(EXPERIMENT))


def _flat(prefix: str, value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        return [(prefix, value)]
    return [each for key, inner in value.items() for each in _flat(f"{prefix}.{key}" if prefix else key, inner)]
