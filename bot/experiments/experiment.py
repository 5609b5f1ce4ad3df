"""What is being tried: one experiment a data folder, in a small file that every process that serves it follows."""

import hashlib
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from configs.errors import KefuError
from training.releases import replace_file

EXPERIMENT_FILE = "EXPERIMENT"
_MAX_BYTES = 10_000
_ReleaseId = Annotated[str, Field(pattern=r"^[0-9a-z][0-9a-z-]{3,63}$")]


class ExperimentError(KefuError):
    """An experiment cannot be begun, or its file cannot be used; the message says why."""


class Kind(StrEnum):
    """How a candidate is tried."""

    SHADOW = "shadow"  # it reads what customers write, and nobody hears of it
    AB = "ab"  # it answers some of the customers


class Experiment(BaseModel):
    """A candidate and who it is tried on.

    Attributes:
        id: Another one for each experiment, so that each draws other conversations.
        release: The candidate.
        base: The release that was served when it began.
        share: Of the conversations.
        since: When it began, Unix time.
        ended: When it was switched off; the file stays for the report.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: Kind
    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    release: _ReleaseId
    base: _ReleaseId
    share: float = Field(gt=0, le=1)
    since: float = Field(ge=0)
    ended: float | None = None

    @classmethod
    def of(cls, kind: Kind, release: str, base: str, share: float, now: float) -> "Experiment":
        """A new one."""
        return cls(kind=kind, id=secrets.token_hex(8), release=release, base=base, share=share, since=now)

    def takes(self, conversation_id: str) -> bool:
        """Whether a conversation is tried on; always the same of one conversation."""
        drawn = hashlib.sha256(f"{self.id}\0{conversation_id}".encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(drawn[:8], "big") < self.share * 2**64


def read_experiment(data_dir: Path) -> Experiment | None:
    """The experiment of a data folder, also one that has ended; None where there was none.

    Raises:
        ExperimentError: The file cannot be used.
    """
    path = data_dir / EXPERIMENT_FILE
    if not path.exists() and not path.is_symlink():
        return None
    mend = "Remove it, or begin an experiment anew."
    if not path.is_file():  # opening a pipe would wait for ever
        raise ExperimentError(f"{path} is not a file. {mend}")
    try:
        with path.open("rb") as file:
            return Experiment.model_validate_json(file.read(_MAX_BYTES))
    except OSError as error:
        raise ExperimentError(f"{path} cannot be read: {error.strerror}. {mend}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        reason = f"{field}: {first['msg']}" if field else first["msg"]
        raise ExperimentError(f"{path} is damaged: {reason}. {mend}") from error


def write_experiment(data_dir: Path, experiment: Experiment) -> None:
    """Puts an experiment in the place of the one before, in one step."""
    replace_file(data_dir / EXPERIMENT_FILE, experiment.model_dump_json(indent=1).encode("utf-8") + b"\n")
