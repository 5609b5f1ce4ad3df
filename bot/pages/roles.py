"""What people may do on the pages, and by what they were let in."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

OWNER, LOCAL = "owner", "local"  # whoever has a token of the server; whoever sits at this machine


class Role(IntEnum):
    """What a person may do; each may all that those before it may."""

    VIEWER = 1  # sees
    REVIEWER = 2  # says what messages mean
    ADMIN = 3

    @property
    def word(self) -> str:
        """As settings and pages write it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody in front of a page; `name` is what labels are kept under."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether this person may do what `role` may."""
        return self.role >= role


class Proof(StrEnum):
    """By what a person was let in."""

    OWN = "own"  # a token of the settings
    JWT = "jwt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """That a person was let in.

    Attributes:
        mark: Changes with the secret that let the person in, and tells nothing of it.
        until: Unix time at which it ends at the latest; None where only the session says so.
    """

    person: Person
    proof: Proof
    mark: str = ""
    until: float | None = None
