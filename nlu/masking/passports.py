"""Finds passport numbers, which have no checksum: behind a word for a passport."""

import re
from collections.abc import Iterator

from nlu.masking.find import Find, Kind

_PASSPORT = re.compile(
    r"(?:\bpassport|\b(?:Reise)?pass(?:nummer|-?nr\.?)?\b|护照|通行证)"
    r"(?:[ -]?(?:number|nummer|no\.?|nr\.?|id|#|号码?))?[ ]?(?:is|was|ist|lautet|是|为|[:：#])?[ ]{0,2}"
    r"((?=[A-Z0-9]{0,3}\d{4})[A-Z0-9]{6,12})(?![A-Za-z0-9])",
    re.IGNORECASE,
)


def passports(text: str) -> Iterator[Find]:
    """Passport numbers."""
    for found in _PASSPORT.finditer(text):
        yield Find(kind=Kind.PASSPORT, start=found.start(1), end=found.end(1), value=found[1].upper())
