"""Entities that need no examples: e-mail addresses, order numbers, amounts of money, points in time, phone numbers.

Each is a pure function of a prepared text and its context, and takes time linear in the text.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import re2
from phonenumbers import PhoneNumberFormat, PhoneNumberMatcher, format_number

from configs.nlu_data import compile_pattern
from nlu.builtin_context import BuiltinContext
from nlu.dates import find_times
from nlu.entities import BUILTIN, Entity
from nlu.money import find_money
from nlu.text import splits_word

Span = tuple[int, int]

_EMAIL = re2.compile(
    r"[A-Za-z0-9_%+-]+(?:\.[A-Za-z0-9_%+-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,24}"
)
_ORDER_NUMBER = re2.compile(
    r"(?i)#(\d{4,})"
    r"|(?:\border\b|订单|訂單|单号|單號)"
    r"((?:\s*(?:number|no\b\.?|nr\b\.?|id\b|code|is\b|was\b|号|號|编号|編號|码|碼|是|为|為|[:#]))*)"
    r"\s*([A-Z]{0,4}-?\d[\d-]{2,18}\d)"
)
_ISO_DATE = re2.compile(r"\d{4}-\d{1,2}-\d{1,2}")
MIN_DIGITS = 4
MIN_DIGITS_ALONE = 6  # in "order 2000 cups" the number is a quantity


def find_emails(text: str, context: BuiltinContext) -> list[Entity]:  # noqa: ARG001 - all built-ins are called alike
    """E-mail addresses of plain letters."""
    spans = [match.span() for match in _EMAIL.finditer(text)]
    return [_entity("email", span, text[slice(*span)]) for span in spans if not _cut(text, span)]


def find_phones(text: str, context: BuiltinContext) -> list[Entity]:
    """Valid phone numbers; their value is in E.164 form. Without a region only those with a country code are found."""
    return [
        _entity("phone", (match.start, match.end), format_number(match.number, PhoneNumberFormat.E164))
        for match in PhoneNumberMatcher(text, context.region)
    ]


def find_order_numbers(text: str, context: BuiltinContext) -> list[Entity]:
    """Order numbers by the owner's pattern, or those behind `#` or a word such as order.

    Of an owner's pattern with a group the first group is the number.
    """
    if context.order_number_pattern is None:
        found = [span for match in _ORDER_NUMBER.finditer(text) if (span := _order_number(match))]
    else:
        pattern = compile_pattern(context.order_number_pattern)
        found = [match.span(min(1, pattern.groups)) for match in pattern.finditer(text)]
    return [
        _entity("order_number", span, text[slice(*span)])
        for span in found
        if span[0] < span[1] and not _cut(text, span)
    ]


BUILTINS: Mapping[str, Callable[[str, BuiltinContext], list[Entity]]] = MappingProxyType(
    {
        "email": find_emails,
        "order_number": find_order_numbers,
        "money": find_money,
        "time": find_times,
        "phone": find_phones,
    }
)


def _order_number(match: Any) -> Span | None:
    behind_hash, link, token = match.groups()
    span: Span = match.span(1 if behind_hash else 3)
    if behind_hash:
        return span
    enough = MIN_DIGITS if link or token[0].isalpha() else MIN_DIGITS_ALONE
    digit_count = sum(character.isdigit() for character in token)
    return None if digit_count < enough or _ISO_DATE.fullmatch(token) else span


def _cut(text: str, span: Span) -> bool:
    return splits_word(text, span[0]) or splits_word(text, span[1])


def _entity(name: str, span: Span, value: str) -> Entity:
    return Entity(entity=name, start=span[0], end=span[1], value=value, extractor=BUILTIN)
