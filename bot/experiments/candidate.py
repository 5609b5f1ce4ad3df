"""Holds the release that is tried, beside the one that serves, and follows the file that says so."""

from dataclasses import dataclass
from typing import Any

import structlog

from bot.engine import Engine
from bot.experiments.experiment import Experiment, ExperimentError, Kind, read_experiment
from bot.model_host import ModelHost, return_freed_memory
from training.releases import ReleaseError

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    """What is tried, in one value, so that no turn sees half of a change.

    Attributes:
        experiment: As the file has it; None where there is none, or it cannot be read.
        engine: The candidate; None where none is tried, or it cannot be.
        reason: Why an experiment that has not ended is not running.
    """

    experiment: Experiment | None = None
    engine: Engine | None = None
    reason: str | None = None


class CandidateHost:
    """The candidate in use. One that cannot be loaded is never served: the release in use takes its conversations."""

    def __init__(self, host: ModelHost) -> None:
        self._host = host
        self._tried = _Tried()
        self.follow()

    def follow(self) -> bool:
        """Looks into the file, and loads what is to be tried. Blocking; True if anything has changed.

        A candidate that cannot be loaded is tried once; beginning the experiment anew tries it again.
        """
        tried = self._tried
        found = self._found(tried)
        if found == tried:
            return False
        self._tried = found
        _tell(tried, found)
        del tried
        return_freed_memory()
        return True

    def engine_for(self, conversation_id: str) -> Engine:
        """The release that takes a conversation's turns.

        Raises:
            Refused: 409; no model is loaded.
        """
        return self._drawn(Kind.AB, conversation_id) or self._host.engine

    def shadow_for(self, conversation_id: str) -> Engine | None:
        """The release that reads a conversation's messages silently; None where none does."""
        return self._drawn(Kind.SHADOW, conversation_id)

    def shown(self) -> dict[str, Any] | None:
        """What `/status` says; None where nothing is tried."""
        tried = self._tried
        if tried.experiment is None or tried.experiment.ended is not None:
            return None if tried.reason is None else {"kind": None, "running": False, "reason": tried.reason}
        return {
            "kind": tried.experiment.kind.value,
            "release": tried.experiment.release,
            "share": tried.experiment.share,
            "running": tried.engine is not None,
            "reason": tried.reason,
        }

    def _drawn(self, kind: Kind, conversation_id: str) -> Engine | None:
        tried = self._tried
        if tried.engine is None or tried.experiment is None or not self._host.is_loaded:
            return None
        return tried.engine if tried.experiment.kind is kind and tried.experiment.takes(conversation_id) else None

    def _found(self, before: _Tried) -> _Tried:
        try:
            experiment = read_experiment(self._host.releases.data_dir)
        except ExperimentError as error:
            return _Tried(reason=str(error))
        if experiment is None or experiment.ended is not None:
            return _Tried(experiment=experiment)
        served = f"The candidate {experiment.release} is served to everybody by now."
        if self._host.is_loaded and self._host.engine.id == experiment.release:
            return _Tried(experiment=experiment, reason=served)
        if experiment == before.experiment and before.reason != served:
            return before
        try:
            return _Tried(experiment=experiment, engine=self._host.engine_of(experiment.release))
        except ReleaseError as error:
            return _Tried(experiment=experiment, reason=str(error))


def _tell(before: _Tried, now: _Tried) -> None:
    release = now.experiment and now.experiment.release
    if now.reason is not None:
        _log.warning("candidate_not_served", release=release, reason=now.reason)
    elif now.engine is not None and now.experiment is not None:
        _log.info("candidate_loaded", release=release, kind=now.experiment.kind.value)
    elif before.engine is not None:
        _log.info("candidate_unloaded", release=before.engine.id)
