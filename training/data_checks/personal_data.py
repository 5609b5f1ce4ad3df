"""Finds what points to a person: e-mail addresses, phone numbers, payment cards, Chinese identity numbers.

What is found is never shown whole, here or in the findings of other checks.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import phonenumbers

from configs.domain import Domain
from training.data_checks.finding import Finding, Kind, Passage, Severity

EMAIL, PHONE = "an e-mail address", "a phone number"
CARD, CHINESE_ID = "a payment card number", "a Chinese identity number"
_EMAIL = re.compile(r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9._%+\-]+@(?:[A-Za-z0-9\-]+\.)+[A-Za-z]{2,}")
# Names that nobody can have. Source: RFC 2606.
_RESERVED = re.compile(r"(?:[@.](?:test|example|invalid|localhost)|[@.]example\.(?:com|net|org))$", re.IGNORECASE)
_CARD = re.compile(r"(?<![\dA-Za-z])\d(?:[ \-]?\d){12,18}(?![\dA-Za-z])")
# Mastercard, Amex, JCB, Visa, Maestro, Discover and UnionPay. Source: ISO/IEC 7812-1, first digits of issuers.
_CARD_START = re.compile(r"2[2-7]|3[457]|4|5[0-8]|6")
_CHINESE_ID = re.compile(
    r"(?<![\dA-Za-z])[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])"
)
_CHINESE_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_LEAST_PHONE_DIGITS = 7
# Where a number without a country code may be from. Numbers with one are found everywhere.
_REGIONS = {
    "de": ("DE", "AT", "CH"),
    "en": ("US", "GB"),
    "es": ("ES", "MX"),
    "fr": ("FR",),
    "it": ("IT",),
    "ja": ("JP",),
    "ko": ("KR",),
    "nl": ("NL",),
    "pt": ("PT", "BR"),
    "zh": ("CN",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalData:
    """One find: `text[start:end]`; `value` is the same however it is written."""

    name: str
    start: int
    end: int
    value: str


def regions_of(language: str) -> tuple[str | None, ...]:
    """Regions whose phone numbers are looked for; the region of a code such as `en-GB` comes alone."""
    code, _, region = language.replace("_", "-").partition("-")
    own = (region.upper(),) if len(region) == 2 else _REGIONS.get(code.lower(), ())
    return own or (None,)


def find_personal_data(text: str, regions: Sequence[str | None]) -> list[PersonalData]:
    """What `text` holds, in order; of finds that overlap, one that has a checksum counts."""
    found: list[PersonalData] = []
    for find in (_identity_numbers, _cards, _emails, lambda given: _phones(given, regions)):
        found += [new for new in find(text) if all(new.end <= old.start or old.end <= new.start for old in found)]
    return sorted(found, key=lambda one: one.start)


def masked(text: str, regions: Sequence[str | None]) -> str:
    """`text` with all but the first and last two characters of each find as asterisks."""
    for one in find_personal_data(text, regions):
        inside = "*" * (one.end - one.start - 4)
        text = f"{text[: one.start + 2]}{inside}{text[one.end - 2 :]}"
    return text


def personal_data(
    passages: Sequence[Passage], regions: Sequence[str | None], allowed: frozenset[str] = frozenset()
) -> list[Finding]:
    """A finding for each address or number, with all its places; `allowed` are values that the company shows itself."""
    places: dict[tuple[str, str], list[Passage]] = defaultdict(list)
    for passage in passages:
        here = dict.fromkeys((one.name, one.value) for one in find_personal_data(passage.text, regions))
        for name, value in here:
            if value not in allowed:
                places[name, value].append(passage)
    return [_finding(name, found) for (name, _), found in places.items()]


def company_values(domain: Domain, regions: Sequence[str | None]) -> frozenset[str]:
    """The addresses and numbers in the responses: those are the company's own."""
    texts = (variation.text or "" for variations in domain.responses.values() for variation in variations)
    return frozenset(one.value for text in texts for one in find_personal_data(text, regions))


def without_personal_data(finding: Finding, regions: Sequence[str | None]) -> Finding:
    """`finding` with its passages masked."""
    passages = tuple(replace(passage, text=masked(passage.text, regions)) for passage in finding.passages)
    return replace(finding, message=masked(finding.message, regions), passages=passages)


def _finding(name: str, passages: list[Passage]) -> Finding:
    grave = name in (CARD, CHINESE_ID)
    keep = "" if grave else " If it is your company's own, put it into a response of the domain, and it is left alone."
    return Finding(
        kind=Kind.CARD_OR_ID if grave else Kind.CONTACT,
        severity=Severity.ERROR if grave else Severity.WARNING,
        message=f"A text holds {name}." if len(passages) == 1 else f"{len(passages):,} texts hold {name}, the same.",
        advice=f"Replace it by an invented one: whoever has the files or asks the assistant can read it.{keep}",
        passages=tuple(passages),
        weight=float(len(passages)),
    )


def _emails(text: str) -> Iterator[PersonalData]:
    for found in _EMAIL.finditer(text):
        if not _RESERVED.search(found[0]):
            yield PersonalData(name=EMAIL, start=found.start(), end=found.end(), value=found[0].casefold())


def _cards(text: str) -> Iterator[PersonalData]:
    for found in _CARD.finditer(text):
        digits = re.sub(r"\D", "", found[0])
        if _CARD_START.match(digits) and passes_luhn(digits):
            yield PersonalData(name=CARD, start=found.start(), end=found.end(), value=digits)


def _identity_numbers(text: str) -> Iterator[PersonalData]:
    for found in _CHINESE_ID.finditer(text):
        if passes_chinese_checksum(found[0]):
            yield PersonalData(name=CHINESE_ID, start=found.start(), end=found.end(), value=found[0].upper())


def _phones(text: str, regions: Sequence[str | None]) -> Iterator[PersonalData]:
    if sum(map(str.isdigit, text)) < _LEAST_PHONE_DIGITS:
        return
    seen: set[int] = set()
    for region in regions:
        for found in phonenumbers.PhoneNumberMatcher(text, region):
            if found.start not in seen:
                seen.add(found.start)
                value = phonenumbers.format_number(found.number, phonenumbers.PhoneNumberFormat.E164)
                yield PersonalData(name=PHONE, start=found.start, end=found.end, value=value)


def passes_luhn(digits: str) -> bool:
    """Whether the last digit checks the others. Source: ISO/IEC 7812-1, annex B."""
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(map(int, digits[::-2]))) % 10 == 0


def passes_chinese_checksum(number: str) -> bool:
    """Whether the 18th sign checks the other 17. Source: GB 11643-1999, ISO 7064 MOD 11-2."""
    total = sum(weight * int(digit) for weight, digit in zip(_CHINESE_ID_WEIGHTS, number[:17], strict=True))
    return "10X98765432"[total % 11] == number[17].upper()
