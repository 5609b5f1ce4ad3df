"""Finds the numbers by which states know a person: for taxes, health, insurance, or at all.

Where a number has a checksum, only one that passes is found. A number that many others look like is found only behind
a word for it. Which digits check which is python-stdnum's knowledge, country by country.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stdnum.au import tfn
from stdnum.be import nn
from stdnum.br import cpf
from stdnum.ca import sin
from stdnum.ch import ssn as ahv
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.in_ import aadhaar
from stdnum.it import codicefiscale
from stdnum.mx import curp
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import pesel
from stdnum.se import personnummer
from stdnum.tr import tckimlik
from stdnum.us import ssn

from nlu.masking.checksums import passes_chinese_checksum, passes_taiwanese_checksum
from nlu.masking.digit_runs import digit_runs
from nlu.masking.find import Find, Kind

MAX_WORD_GAP = 40  # characters between the word for a number and the number
_CHINESE = re.compile(r"[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dX]")
_OLD_CHINESE = r"[1-9]\d{7}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}"  # until 2013, without a checksum
_S = "[ .-]?"
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Number:
    """One country's number.

    Attributes:
        is_valid: Checks the signs without what stands between them.
        words: One of them must stand before; none need where it is None.
    """

    pattern: re.Pattern[str]
    is_valid: Callable[[str], bool]
    words: re.Pattern[str] | None


def _number(pattern: str, is_valid: Callable[[str], bool] = bool, words: str | None = None) -> _Number:
    return _Number(
        pattern=re.compile(rf"(?<![A-Za-z0-9])(?:{pattern})(?![A-Za-z0-9])", re.IGNORECASE),
        is_valid=is_valid,
        words=None if words is None else re.compile(words, re.IGNORECASE),
    )


_DIGITS_9, _DIGITS_10, _DIGITS_11 = (rf"\d(?:{_S}\d){{{count - 1}}}" for count in (9, 10, 11))
_NUMBERS = (
    _number(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ -]?\d\d[ -]?\d\d[ -]?\d\d[ -]?[A-D]"),  # United Kingdom, NINO
    _number(r"[A-Z]{2}[ -]?\d\d[ -]?\d\d[ -]?\d\d[ -]?[A-Z]", words=r"national insurance|\bni\b|\bnino\b"),
    _number(r"\d{3}-\d{2}-\d{4}", ssn.is_valid),  # United States
    _number(r"9\d\d-[5-9]\d-\d{4}"),  # United States, ITIN
    _number(_DIGITS_9, ssn.is_valid, r"social security|\bssn\b"),
    _number(r"\d{8}[ -]?[A-Z]", dni.is_valid),  # Spain
    _number(r"[XYZ][ -]?\d{7}[ -]?[A-Z]", nie.is_valid),
    _number(r"[A-Z]{3} ?[A-Z]{3} ?\d\d[A-EHLMPRST]\d\d ?[A-Z]\d{3}[A-Z]", codicefiscale.is_valid),  # Italy
    _number(r"[1-478] ?\d\d ?\d\d ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d", nir.is_valid),  # France
    _number(r"\d{3}\.\d{3}\.\d{3}-\d{2}", cpf.is_valid),  # Brazil
    _number(_DIGITS_11, cpf.is_valid, r"\bcpf\b"),
    _number(r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d", nn.is_valid),  # Belgium
    _number(_DIGITS_11, nn.is_valid, r"rijksregister|registre national|national number"),
    _number(r"756[. ]?\d{4}[. ]?\d{4}[. ]?\d\d", ahv.is_valid),  # Switzerland
    _number(r"(?:19|20)?\d{6}[-+]\d{4}", personnummer.is_valid),  # Sweden
    _number(r"\d{6}[-+A-FYXWVU]\d{3}[0-9A-Y]", hetu.is_valid),  # Finland
    _number(r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[0-9A-Z]\d", curp.is_valid),  # Mexico
    _number(r"[2-9]\d{3}[ -]\d{4}[ -]\d{4}(?![ -]?\d)", aadhaar.is_valid),  # India
    _number(r"[2-9]\d{11}", aadhaar.is_valid, r"aadhaar"),
    _number(r"\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-[1-8]\d{6}"),  # Korea, random since 2020
    _number(r"[A-Z][1289]\d{8}", passes_taiwanese_checksum),
    _number(r"[A-Z]{1,2}\d{6}\([0-9A]\)?"),  # Hong Kong
    _number(_DIGITS_11, idnr.is_valid, r"steuer|\bidnr\b|\btax\b"),  # Germany
    _number(_DIGITS_11, pesel.is_valid, r"pesel"),  # Poland
    _number(_DIGITS_11, fodselsnummer.is_valid, r"f.dselsnummer|personnummer"),  # Norway
    _number(_DIGITS_11, tckimlik.is_valid, r"kimlik"),  # Turkey
    _number(_DIGITS_10, nhs.is_valid, r"\bnhs\b"),
    _number(_DIGITS_9, bsn.is_valid, r"\bbsn\b|burgerservice|sofi"),  # Netherlands
    _number(_DIGITS_9, sin.is_valid, r"social insurance|\bsin\b"),  # Canada
    _number(_DIGITS_9, tfn.is_valid, r"tax file|\btfn\b"),  # Australia
    _number(_OLD_CHINESE, bool, "身份证"),
)


def chinese_identity_numbers(text: str) -> Iterator[Find]:
    """Those of citizens of the People's Republic of China, however they are grouped."""
    for run in digit_runs(text):
        for start, end in run.parts(frozenset({18})):
            signs = run.signs[start:end]
            if _CHINESE.fullmatch(signs) and passes_chinese_checksum(signs):
                first, last = run.span(start, end)
                yield Find(kind=Kind.IDENTITY, start=first, end=last, value=signs)


def national_numbers(text: str) -> Iterator[Find]:
    """Those of other countries."""
    if not _DIGIT.search(text):
        return
    for number in _NUMBERS:
        if number.words is not None and number.words.search(text) is None:
            continue
        for found in number.pattern.finditer(text):
            value = re.sub(r"[^A-Z0-9]", "", found[0].upper())
            if _follows(number.words, text, found.start()) and number.is_valid(_as_written(found[0], value)):
                yield Find(kind=Kind.IDENTITY, start=found.start(), end=found.end(), value=value)


def _follows(words: re.Pattern[str] | None, text: str, place: int) -> bool:
    return words is None or words.search(text, max(0, place - MAX_WORD_GAP), place) is not None


def _as_written(shown: str, value: str) -> str:
    """Where the sign between says something, as in Sweden and Finland, it is left in."""
    return shown.upper() if re.search(r"\d[-+]\d", shown) else value
