"""What the built-in entities must know besides the text."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

# Regions of languages that are mostly spoken in one; `en` is not among them.
_REGIONS: Mapping[str, str] = MappingProxyType(
    {"zh": "CN", "de": "DE", "fr": "FR", "it": "IT", "es": "ES", "nl": "NL", "pl": "PL", "ja": "JP", "ko": "KR"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltinContext:
    """Where and when a message was written.

    Attributes:
        now: When it came, with the time zone that its dates are meant in.
        language: The assistant's, such as `en` or `zh`.
        region: Two capital letters such as GB, or None where it is not known.
        order_number_pattern: The owner's pattern in RE2's syntax, or None for the default.

    Raises:
        ValueError: `now` has no time zone.
    """

    now: datetime
    language: str
    region: str | None = None
    order_number_pattern: str | None = None

    def __post_init__(self) -> None:
        if self.now.tzinfo is None:
            raise ValueError(f"now is {self.now.isoformat()}, without a time zone; attach one")


def region_of(language: str) -> str | None:
    """The region that a language tag names (`en-GB`) or implies (`zh`), or None."""
    code, _, rest = language.replace("_", "-").partition("-")
    named = [part.upper() for part in rest.split("-") if len(part) == 2 and part.isalpha()]
    return named[0] if named else _REGIONS.get(code.lower())
