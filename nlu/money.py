"""Amounts of money with their currency: `$20`, `4,90 €`, `20 dollars`, `三十块钱`."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import re2

from nlu.builtin_context import BuiltinContext
from nlu.chinese_numbers import CHARACTERS, read_number
from nlu.entities import BUILTIN, Entity
from nlu.text import splits_word

_CURRENCIES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("us$", "dollar", "dollars", "美元", "美金"), "USD"),
        **dict.fromkeys(("€", "euro", "euros", "欧元"), "EUR"),
        **dict.fromkeys(("£", "pound", "pounds", "英镑"), "GBP"),
        **dict.fromkeys(("yuan", "rmb", "人民币", "元", "块", "块钱"), "CNY"),
        **dict.fromkeys(("yen", "日元", "円"), "JPY"),
        **dict.fromkeys(("港元", "港币"), "HKD"),
        **{
            code: code.upper() for code in ("usd", "eur", "gbp", "cny", "jpy", "hkd", "chf", "cad", "aud", "inr", "krw")
        },
    }
)
_DOLLARS: Mapping[str, str] = MappingProxyType(
    {"CA": "CAD", "AU": "AUD", "NZ": "NZD", "SG": "SGD", "HK": "HKD", "TW": "TWD"}
)
_FACTORS: Mapping[str, int] = MappingProxyType(
    {"k": 1_000, "thousand": 1_000, "million": 10**6, "万": 10**4, "亿": 10**8}
)
_COMMA_LANGUAGES = frozenset(
    ("da", "de", "es", "fi", "fr", "id", "it", "nb", "nl", "pl", "pt", "ro", "ru", "sv", "tr", "uk", "vi")
)

_AMOUNT = r"\d{1,3}(?:[,.' ]\d{3})+(?:[.,]\d{1,2})?|\d{1,12}(?:[.,]\d{1,3})?"
_FACTOR = r"\s?(?:k\b|thousand\b|million\b|万|亿)"
_MONEY = re2.compile(
    rf"(?i)(?P<before>us\$|[$€£¥￥]|\b(?:usd|eur|gbp|cny|rmb|jpy|hkd|chf|cad|aud|inr|krw)\b|人民币)\s?"
    rf"(?P<amount>{_AMOUNT})(?P<factor>{_FACTOR})?"
    rf"|(?:(?P<amount2>{_AMOUNT})(?P<factor2>{_FACTOR})?|(?P<chinese>[{CHARACTERS}]{{1,12}}))\s?"
    r"(?P<behind>us\$|[$€£¥￥]|(?:dollars?|euros?|pounds?|yuan|rmb|yen|usd|eur|gbp|cny|jpy|hkd|chf|cad|aud|inr|krw)\b"
    r"|人民币|美元|美金|欧元|英镑|日元|港元|港币|块钱|块|元|円)"
)


def find_money(text: str, context: BuiltinContext) -> list[Entity]:
    """Amounts with a currency.

    The value holds `amount`, a decimal number with a point and two places or more, and `currency`, an ISO 4217 code.
    """
    return [entity for match in _MONEY.finditer(text) if (entity := _money(text, match, context))]


def _money(text: str, match: Any, context: BuiltinContext) -> Entity | None:
    start, end = match.span()
    if splits_word(text, start) or splits_word(text, end) or _within_number(text, start, end):
        return None
    written = (match["before"] or match["behind"]).lower()
    amount = match["amount"] or match["amount2"]
    if amount:
        factor = (match["factor"] or match["factor2"] or "").strip().lower()
        value = _decimal(amount, context.language) * _FACTORS.get(factor, 1)
    elif written == "块" or text[max(0, start - 1) : start] in ("几", "数"):
        return None  # 一块 is "together", 三块 "three pieces", 几十元 "some tens"
    else:
        try:
            value = Decimal(read_number(match["chinese"]))
        except ValueError:
            return None
    shown = f"{value:f}" if -int(value.as_tuple().exponent) > 2 else f"{value:.2f}"
    money = {"amount": shown, "currency": _currency(written, context)}
    return Entity(entity="money", start=start, end=end, value=money, extractor=BUILTIN)


def _within_number(text: str, start: int, end: int) -> bool:
    """Whether the digits go on before or behind, so that the amount would be a part of them only."""
    before, behind = text[max(0, start - 2) : start], text[end : end + 2]
    goes_on_before = len(before) == 2 and before[0].isdigit() and before[1] in ".,'" and text[start].isdigit()
    goes_on_behind = len(behind) == 2 and behind[0] in ".,'" and behind[1].isdigit() and text[end - 1].isdigit()
    return goes_on_before or goes_on_behind


def _decimal(amount: str, language: str) -> Decimal:
    """The number; three digits behind its only separator are decimals only where the language writes them so."""
    separators = [character for character in amount if not character.isdigit()]
    whole, _, decimals = amount.rpartition(separators[-1]) if separators else (amount, "", "")
    mark = "," if language.replace("_", "-").split("-")[0].lower() in _COMMA_LANGUAGES else "."
    if separators and len(decimals) == 3 and (len(separators) > 1 or separators[-1] != mark):
        whole, decimals = whole + decimals, ""
    digits = "".join(character for character in whole if character.isdigit())
    return Decimal(f"{digits}.{decimals}" if decimals else digits)


def _currency(written: str, context: BuiltinContext) -> str:
    if written == "$":
        return _DOLLARS.get(context.region or "", "USD")
    if written in "¥￥":
        return "CNY" if context.region == "CN" or context.language.lower().startswith("zh") else "JPY"
    return _CURRENCIES[written]
