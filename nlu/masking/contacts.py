"""Finds ways to reach a person: e-mail addresses and phone numbers."""

import re
from collections.abc import Iterator
from dataclasses import replace

import phonenumbers

from nlu.masking.find import Find, Kind, Regions

_LETTER = r"A-Za-z\u00c0-\u024f"
_LOCAL = rf"(?<![{_LETTER}0-9._%+\-])[{_LETTER}0-9._%+\-]{{1,64}}"
_LABEL = rf"[{_LETTER}0-9\-]{{1,63}}"
_EMAIL = re.compile(
    rf"{_LOCAL}@(?:{_LABEL}\.){{1,8}}[{_LETTER}]{{2,24}}"
    # As those write it who fear machines.
    rf"|{_LOCAL} ?[\[(] ?at ?[\])] ?{_LABEL}(?: ?(?:[\[(] ?(?:dot|punkt) ?[\])]|\.) ?{_LABEL}){{0,4}}"
    rf"(?: ?[\[(] ?(?:dot|punkt) ?[\])] ?|\.)[A-Za-z]{{2,24}}"
    rf"|{_LOCAL} at {_LABEL}(?: dot {_LABEL}){{0,4}} dot [A-Za-z]{{2,24}}",
    re.IGNORECASE,
)
# Names that nobody can have. Source: RFC 2606.
_RESERVED = re.compile(r"(?:[@.](?:test|example|invalid|localhost)|[@.]example\.(?:com|net|org))$", re.IGNORECASE)
_LEAST_PHONE_DIGITS = 7
_CHINESE_MOBILE = re.compile(r"(?<![\dA-Za-z+])(?:(?:\+|00)?86[ -]?)?(1[3-9](?:[ -]?\d){9})(?![\dA-Za-z])")
_IP_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_MAX_BARE_DIGITS = 12  # what is longer and has neither a plus nor a blank is no phone number
# Numbers as people write them; whether somebody can have one is not asked, because plans of numbers change.
_WRITTEN = re.compile(
    r"(?<![\w+])(?:\+\d{1,3}[ -]?\(0\)|\+)\d?(?:[ ()./-]{0,2}\d){6,14}(?![\w(]|[-.]\d)"  # with the country's code
    r"|(?<![\w+(])\(0\d{2,5}\) ?\d{3,8}(?:[ -]\d{2,6}){0,2}(?!\w)",  # with that of a place in brackets
)
_AMERICAN = re.compile(
    r"(?<![\w+])(?:(?:\+|00)?1[ .-]?)?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])\d{3}[ .-]\d{4}"
    r"(?:(?: ?x| ?ext\.? ?)\d{1,6})?(?!\w|-\d)"
)
_SAID = re.compile(  # behind a word for it
    r"(?:\b(?:phone|telephone|tel|mobile|cell|call|text|ring|reach|whatsapp|handy|telefon\w{0,8}|rufnummer|fax)\b"
    r"|电话|手机|座机|联系方式|致电|拨打?|微信)"
    r"[^\d+\n]{0,24}?(\+?\(?\d(?:[ ()./-]{0,2}\d){6,14})(?![A-Za-z0-9_]|[.,]\d)",
    re.IGNORECASE,
)
_HAN = re.compile(r"[\u4e00-\u9fff]")


def emails(text: str) -> Iterator[Find]:
    """E-mail addresses that somebody can have."""
    for found in _EMAIL.finditer(text):
        address = re.sub(r" ?[\[(] ?(?:dot|punkt) ?[\])] ?| dot ", ".", found[0], flags=re.IGNORECASE)
        address = re.sub(r" ?[\[(] ?at ?[\])] ?| at ", "@", address, flags=re.IGNORECASE)
        if not _RESERVED.search(address):
            yield Find(kind=Kind.EMAIL, start=found.start(), end=found.end(), value=address.casefold())


def phones(text: str, regions: Regions) -> list[Find]:
    """Phone numbers with a country code, and those of `regions` without one, where somebody can have them."""
    if sum(map(str.isdigit, text)) < _LEAST_PHONE_DIGITS:
        return []
    found: dict[int, Find] = {}
    if "CN" in regions or _HAN.search(text):
        for mobile in _CHINESE_MOBILE.finditer(text):
            number = re.sub(r"\D", "", mobile[1])
            found[mobile.start()] = Find(kind=Kind.PHONE, start=mobile.start(), end=mobile.end(), value=f"+86{number}")
    for region in regions:
        for match in phonenumbers.PhoneNumberMatcher(text, region):
            if match.start not in found and _is_phone(match.raw_string):
                value = phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
                found[match.start] = Find(kind=Kind.PHONE, start=match.start, end=match.end, value=value)
    return _widened(text, list(found.values()))


def likely_phones(text: str, regions: Regions) -> Iterator[Find]:
    """What is written like a phone number, or stands behind a word for one, even if nobody has been given it yet."""
    patterns = (_AMERICAN, _WRITTEN, _SAID) if {"US", "CA"} & set(regions) else (_WRITTEN, _SAID)
    for pattern in patterns:
        for found in pattern.finditer(text):
            group = pattern.groups
            value = re.sub(r"[^\d+]", "", found[group])
            yield Find(kind=Kind.PHONE, start=found.start(group), end=found.end(group), value=value)


def _is_phone(written: str) -> bool:
    digits = sum(map(str.isdigit, written))
    is_bare = digits == len(written)
    return (
        digits >= _LEAST_PHONE_DIGITS
        and not (is_bare and digits > _MAX_BARE_DIGITS)
        and not _IP_ADDRESS.fullmatch(written)
    )


def _widened(text: str, finds: list[Find]) -> list[Find]:
    """Each with what belongs to it in front or behind, such as `+44(0)`, an extension, or a bracket."""
    spans = [found.span() for pattern in (_AMERICAN, _WRITTEN) for found in pattern.finditer(text)]
    wider = []
    for find in finds:
        start, end = next(
            ((start, end) for start, end in spans if start <= find.start and find.end <= end), (find.start, find.end)
        )
        wider.append(replace(find, start=start, end=end))
    return wider
