"""What the gate says of a candidate: passed or not, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import TypeAdapter


class Rule(StrEnum):
    """What a candidate is held to."""

    UNDERSTOOD = "understood"
    ANSWERED_RIGHT = "answered right"
    WRONG = "wrong answers"
    INTENTS = "no intent collapses"
    OUT_OF_SCOPE = "out of scope"
    CALIBRATION = "calibration"
    GOLDEN = "golden questions"
    PROMISE = "promise"
    LATENCY = "latency"
    SIZE = "size"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """What one rule says.

    Attributes:
        figures: What it was decided by; finite.
        sentence: The same for a person.
    """

    rule: Rule
    passed: bool
    figures: Mapping[str, float]
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a candidate may serve.

    Attributes:
        candidate: The release that was judged.
        current: The release that it was compared with; None for the first.
        reasons: One for each rule, in the order of `Rule`.
    """

    candidate: str
    current: str | None
    reasons: tuple[Reason, ...]

    @property
    def passed(self) -> bool:
        """Whether every rule is kept."""
        return all(reason.passed for reason in self.reasons)

    @property
    def broken(self) -> tuple[Reason, ...]:
        """The rules that are not kept."""
        return tuple(reason for reason in self.reasons if not reason.passed)

    @property
    def sentence(self) -> str:
        """The verdict in a sentence."""
        if self.passed:
            return f"The release {self.candidate} passes the gate."
        return f"The release {self.candidate} does not pass: {' '.join(each.sentence for each in self.broken)}"

    def to_json(self) -> bytes:
        """As a refresh keeps it."""
        return _ADAPTER.dump_json(self)

    @classmethod
    def from_json(cls, raw: bytes) -> "Verdict":
        """What `to_json` gave.

        Raises:
            pydantic.ValidationError: It is something else.
        """
        return _ADAPTER.validate_json(raw)


_ADAPTER: TypeAdapter[Verdict] = TypeAdapter(Verdict)
