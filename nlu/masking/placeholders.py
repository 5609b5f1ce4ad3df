"""Puts placeholders into texts in the place of what points to a person."""

import re
from collections.abc import Iterable

from nlu.masking.find import Find, Kind, Regions
from nlu.masking.finding import find_private

PLACEHOLDER = re.compile(rf"\[(?:{'|'.join(Kind)})\]")


def mask(text: str, regions: Regions, names: frozenset[str] = frozenset()) -> str:
    """`text` with a placeholder, such as `[phone]`, for each thing in it that points to a person.

    Args:
        regions: Where phone numbers without a country code may be from; see `regions_of`.
        names: The names of those who take part in the conversation, where they are known.
    """
    return replaced(text, find_private(text, regions, names))


def replaced(text: str, finds: Iterable[Find], public: frozenset[str] = frozenset()) -> str:
    """`text` with a placeholder for each find whose value is not public."""
    for find in sorted(finds, key=lambda one: one.start, reverse=True):
        if find.value not in public:
            text = f"{text[: find.start]}[{find.kind}]{text[find.end :]}"
    return text


def placeholders(text: str) -> tuple[str, ...]:
    """The kinds of placeholders in a masked text, in order."""
    return tuple(found[0][1:-1] for found in PLACEHOLDER.finditer(text))
