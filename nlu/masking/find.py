"""What a find is: a kind of personal data, where it stands, and its value however it is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Regions: TypeAlias = Sequence[str | None]


class Kind(StrEnum):
    """What points to a person; the words are those of the placeholder."""

    EMAIL = "email"
    PHONE = "phone"
    CARD = "card number"
    BANK_ACCOUNT = "bank account"
    IDENTITY = "identity number"
    PASSPORT = "passport number"
    NAME = "name"
    NUMBER = "number"
    ADDRESS = "address"
    LINK = "link"
    IP_ADDRESS = "ip address"


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """One find: `text[start:end]`; `value` is the same however it is written."""

    kind: Kind
    start: int
    end: int
    value: str
