"""What came of an erasure: what is gone, what could not be reached, and which releases still hold something."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A store that could not be reached.

    Attributes:
        store: What is kept there.
        reason: What was wrong, and what to do.
    """

    store: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was done.

    Attributes:
        conversations: How many were erased.
        done: For each store in which there was something, what became of it.
        derived: What had been made of the sender's messages, one a line.
        releases: Ids of the releases that were trained with rows of the sender, or hold their wordings.
        failures: Empty where nothing of the sender is left but in releases.
    """

    conversations: int
    done: tuple[str, ...]
    derived: tuple[str, ...]
    releases: tuple[str, ...]
    failures: tuple[Failure, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every store was reached."""
        return not self.failures

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
