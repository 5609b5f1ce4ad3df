"""What was taught and is not learned, with the reason."""

from dataclasses import dataclass
from enum import StrEnum

from configs.taught import Taught


class Why(StrEnum):
    """Why a row is not learned."""

    UNKNOWN_INTENT = "unknown intent"  # neither the owner's files nor a reviewer name it
    UNKNOWN_PAIR = "unknown past answer"
    UNUSABLE = "nothing to learn"  # no words, or too long
    KNOWN = "known already"  # the owner's files say the same
    OWNER = "the owner says otherwise"
    CONTRADICTED = "contradicted"  # the same words were said to mean different things
    SET_ASIDE = "set aside for the test"
    SENDER = "too many of one sender"
    ALIKE = "too many that are alike"
    SHARE = "too many for its intent"
    QUARANTINED = "waits for an admin"
    DOUBTFUL = "doubtful"  # what is near it was said to mean something else


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A row that is not learned.

    Attributes:
        detail: What an admin has to know, or "".
    """

    row: Taught
    why: Why
    detail: str = ""
