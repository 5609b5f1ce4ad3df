"""What a check finds: a sentence anyone can read, the places it is about, and what to do."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


class Kind(StrEnum):
    """What a finding is about; the order is that of the report."""

    CARD_OR_ID = "card or identity number"
    SAME_TEXT = "same text under two intents"
    ENDLESS_FORM = "form that cannot end"
    UNDEFINED = "name that nothing defines"
    CONTRADICTION = "rules and stories that contradict each other"
    UNASKED_SLOT = "slot that nothing asks for"
    SMALL_INTENT = "intent with few examples"
    MISLABELLED = "example that looks like another intent"
    NEAR_TEXT = "nearly the same text under two intents"
    ALIKE = "intents that are mixed up"
    LEAKED = "test question that was learned"
    CONTACT = "e-mail address or phone number"
    UNMARKED = "entity that is not marked"
    UNBALANCED = "intents of very different size"
    REPEATED = "repeated example"
    UNUSED = "name that nothing uses"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A text in one of the assistant's files.

    Attributes:
        line: 1-based.
        intent: The intent it is an example of, or "".
    """

    text: str
    path: Path
    line: int
    intent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to look at.

    Attributes:
        message: A plain sentence that says what was found.
        advice: A plain sentence that says what to do.
        weight: Orders the findings of one kind, higher first.
    """

    kind: Kind
    severity: Severity
    message: str
    advice: str
    passages: tuple[Passage, ...]
    weight: float = 0.0


def by_importance(findings: list[Finding]) -> list[Finding]:
    """Errors first, then by kind, then by weight; equals keep their order."""
    severities, kinds = list(Severity), list(Kind)
    return sorted(findings, key=lambda f: (severities.index(f.severity), kinds.index(f.kind), -f.weight))
