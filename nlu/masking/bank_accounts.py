"""Finds international bank account numbers: of the length that their country has, and right by modulo 97."""

import re
from collections.abc import Iterator

from stdnum import iban

from nlu.masking.find import Find, Kind

MIN_SIGNS, MAX_SIGNS = 15, 34
_BETWEEN = r"[ -]?"
_BEGINS = re.compile(
    rf"(?<![A-Za-z0-9])[A-Za-z]{{2}}{_BETWEEN}\d{{2}}(?:{_BETWEEN}[A-Za-z0-9]){{{MIN_SIGNS - 4},{MAX_SIGNS - 4}}}"
)
_IN_WORD = re.compile(r"[A-Za-z0-9]")


def bank_accounts(text: str) -> Iterator[Find]:
    """IBANs, however they are grouped."""
    for found in _BEGINS.finditer(text):
        places = [found.start() + at for at, sign in enumerate(found[0]) if sign.isalnum()]
        signs = "".join(text[place] for place in places).upper()
        for count in range(len(signs), MIN_SIGNS - 1, -1):
            end = places[count - 1] + 1
            if not _IN_WORD.match(text, end) and iban.is_valid(signs[:count]):
                yield Find(kind=Kind.BANK_ACCOUNT, start=found.start(), end=end, value=signs[:count])
                break
