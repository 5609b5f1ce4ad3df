"""Finds payment cards: numbers of a length and a beginning that an issuer has, whose last digit checks the others."""

import re
from collections.abc import Iterator

from nlu.masking.checksums import passes_luhn
from nlu.masking.digit_runs import DigitRun, digit_runs
from nlu.masking.find import Find, Kind

_LONG = frozenset(range(16, 20))
# Source: ISO/IEC 7812-1 and the issuers' own ranges.
_ISSUERS = (
    (re.compile(r"4"), frozenset({13, 16, 19})),  # Visa
    (re.compile(r"5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)"), frozenset({16})),  # Mastercard
    (re.compile(r"3[47]|2131|1800"), frozenset({15})),  # American Express, and JCB as it was
    (re.compile(r"3(?:0[0-59]|[689])"), frozenset({14, 16, 19})),  # Diners Club
    (re.compile(r"35|6(?:011|4[4-9]|5|2)|81|220[0-4]"), _LONG),  # JCB, Discover, UnionPay, Mir
    (re.compile(r"50|5[6-8]|6"), frozenset(range(12, 20))),  # Maestro
)
_LENGTHS = frozenset(length for _, lengths in _ISSUERS for length in lengths)
_LEAST_AMONG_OTHERS = 13  # a shorter one is found only where no other digits stand beside it


def cards(text: str) -> Iterator[Find]:
    """Payment cards, alone or beside a date of expiry or a security code."""
    for run in digit_runs(text):
        behind = 0
        for start, end in run.parts(_LENGTHS):
            if start >= behind and _is_card(run, start, end):
                first, last = run.span(start, end)
                yield Find(kind=Kind.CARD, start=first, end=last, value=run.signs[start:end])
                behind = end


def _is_card(run: DigitRun, start: int, end: int) -> bool:
    digits = run.signs[start:end]
    is_whole = len(digits) == len(run.signs)
    if not digits.isdigit() or (len(digits) < _LEAST_AMONG_OTHERS and not is_whole):
        return False
    return any(len(digits) in lengths and begins.match(digits) for begins, lengths in _ISSUERS) and passes_luhn(digits)
