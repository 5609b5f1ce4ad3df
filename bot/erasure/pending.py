"""An erasure that is not done yet: what to look for still, so that running it again finishes it.

It holds hashes only, and goes once nothing is left.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.erasure.traces import Traces, hidden
from configs.errors import KefuError
from training.releases import replace_file

FOLDER = "erasures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """One file.

    Attributes:
        traces: Of this run and of those before it that could not finish.
        releases: Ids of releases that were found to hold something.
    """

    path: Path
    traces: Traces
    releases: tuple[str, ...] = ()

    def looking_for(self, more: Traces) -> "Pending":
        """With more to look for; it is on disk when this returns.

        Raises:
            KefuError: It cannot be written.
        """
        return self._written(replace(self, traces=self.traces.with_others(more)))

    def holding(self, releases: Iterable[str]) -> "Pending":
        """With releases that hold something; it is on disk when this returns.

        Raises:
            KefuError: It cannot be written.
        """
        return self._written(replace(self, releases=tuple(sorted({*self.releases, *releases}))))

    def clear(self) -> None:
        """Removes it."""
        self.path.unlink(missing_ok=True)
        if self.path.parent.is_dir() and not any(self.path.parent.iterdir()):
            self.path.parent.rmdir()

    @property
    def is_new(self) -> bool:
        """Whether no earlier run has left anything."""
        return self.traces == Traces()

    @staticmethod
    def _written(new: "Pending") -> "Pending":
        content = json.dumps({"traces": new.traces.to_dict(), "releases": new.releases}).encode()
        try:
            new.path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(new.path, content)
        except OSError as error:
            raise KefuError(f"{new.path} cannot be written: {error}. Nothing was erased.") from error
        return new


def pending_of(data_dir: Path, sender: str) -> Pending:
    """What earlier runs have left to do; nothing where there were none.

    Raises:
        KefuError: It cannot be read.
    """
    path = data_dir / FOLDER / f"{hidden(sender)[:32]}.json"
    if not path.exists():
        return Pending(path=path, traces=Traces())
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return Pending(path=path, traces=Traces.from_dict(found["traces"]), releases=tuple(found["releases"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KefuError(
            f"{path} cannot be read: {error}. Remove it; what it was to find is not found again."
        ) from error
