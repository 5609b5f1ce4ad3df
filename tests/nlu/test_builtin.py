import sys
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlu.builtin import BUILTINS
from nlu.builtin_context import BuiltinContext, region_of
from nlu.chinese_numbers import read_number
from nlu.text import prepare_text

NOW = datetime(2026, 3, 4, 10, tzinfo=UTC)
ENGLISH = BuiltinContext(now=NOW, language="en", region="GB")
GERMAN = BuiltinContext(now=NOW, language="de-DE", region="DE")
CHINESE = BuiltinContext(now=NOW, language="zh", region="CN")
NOWHERE = BuiltinContext(now=NOW, language="en")


def found(kind: str, text: str, context: BuiltinContext = ENGLISH) -> list[tuple[str, object]]:
    entities = BUILTINS[kind](text, context)
    assert all((entity.entity, entity.extractor) == (kind, "KefuBuiltinExtractor") for entity in entities)
    return [(text[entity.start : entity.end], entity.value) for entity in entities]


@pytest.mark.parametrize(
    ("text", "emails"),
    [
        ("write to a.b+c@shop.co.uk.", ["a.b+c@shop.co.uk"]),
        ("邮箱是ann@x.com谢谢", ["ann@x.com"]),
        ("a@b.com,c@d.org", ["a@b.com", "c@d.org"]),
        ("@me, a@b, a@b.c1, zoé@x.com, éa@x.com, a@-b.com, a..b@", []),
    ],
)
def test_e_mail_addresses_are_found(text: str, emails: list[str]) -> None:
    assert found("email", text) == [(email, email) for email in emails]


def test_phone_numbers_are_found_by_region_and_given_with_their_country_code() -> None:
    text = "call 020 7946 0958 or +1 650-253-0000"

    assert found("phone", text) == [("020 7946 0958", "+442079460958"), ("+1 650-253-0000", "+16502530000")]
    assert found("phone", text, NOWHERE) == [("+1 650-253-0000", "+16502530000")]
    assert found("phone", "电话13812345678谢谢", CHINESE) == [("13812345678", "+8613812345678")]
    assert found("phone", "order 12345678, 2026-03-05, £1,234.50") == []


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("where is #12345?", ["12345"]),
        ("order no. AB-12345 please", ["AB-12345"]),
        ("my Order number is 4711", ["4711"]),
        ("order 123456", ["123456"]),
        ("order 12345678-90", ["12345678-90"]),
        ("订单编号:AB20231234,谢谢", ["AB20231234"]),
        ("订单号是20231234", ["20231234"]),
        ("#123, #1234x, # 1234, order 2000 cups, order 2026-03-05, border 123456, number 123456", []),
    ],
)
def test_order_numbers_stand_behind_a_hash_or_the_word(text: str, numbers: list[str]) -> None:
    assert found("order_number", text) == [(number, number) for number in numbers]


@pytest.mark.parametrize(("pattern", "number"), [(r"K-\d{3}", "K-123"), (r"K-(\d{3})", "123"), (r"K-\d*x?", "K-123")])
def test_an_owner_s_order_numbers_replace_the_default(pattern: str, number: str) -> None:
    context = BuiltinContext(now=NOW, language="en", order_number_pattern=pattern)

    assert found("order_number", "k-123".upper() + " #12345 K-12345 x", context)[:1] == [(number, number)]
    assert ("12345", "12345") not in found("order_number", "K-123 #12345", context)


@pytest.mark.parametrize(
    ("text", "context", "amounts"),
    [
        ("$20", ENGLISH, [("$20", "20.00 USD")]),
        ("I paid US$ 1,234.50!", ENGLISH, [("US$ 1,234.50", "1234.50 USD")]),
        ("4,90 € or €4.9", ENGLISH, [("4,90 €", "4.90 EUR"), ("€4.9", "4.90 EUR")]),
        (
            "20 dollars, 1 pound, 3 EUR",
            ENGLISH,
            [("20 dollars", "20.00 USD"), ("1 pound", "1.00 GBP"), ("3 EUR", "3.00 EUR")],
        ),
        ("£1.234 and £1,234", ENGLISH, [("£1.234", "1.234 GBP"), ("£1,234", "1234.00 GBP")]),
        ("1.234 € und 1,234 €", GERMAN, [("1.234 €", "1234.00 EUR"), ("1,234 €", "1.234 EUR")]),
        ("EUR 3.000.000,50", GERMAN, [("EUR 3.000.000,50", "3000000.50 EUR")]),
        (
            "$5k, $1.5 million, 2万元",
            ENGLISH,
            [("$5k", "5000.00 USD"), ("$1.5 million", "1500000.00 USD"), ("2万元", "20000.00 CNY")],
        ),
        ("$20", BuiltinContext(now=NOW, language="en", region="CA"), [("$20", "20.00 CAD")]),
        ("¥500", ENGLISH, [("¥500", "500.00 JPY")]),
        ("¥20和￥30", CHINESE, [("¥20", "20.00 CNY"), ("￥30", "30.00 CNY")]),
        (
            "人民币20,二十块钱,两千零五十元,3块",
            CHINESE,
            [
                ("人民币20", "20.00 CNY"),
                ("二十块钱", "20.00 CNY"),
                ("两千零五十元", "2050.00 CNY"),
                ("3块", "3.00 CNY"),
            ],
        ),
        ("100-150元", CHINESE, [("150元", "150.00 CNY")]),
        ("1,23456 €, $20x, 20, a dollar, 20 dollarsign, 1.2.3 €, $1.2.3, x20€", ENGLISH, []),
        ("一块去,三块,几十元,万元,百元,一十百元", CHINESE, []),
    ],
)
def test_amounts_of_money_have_a_number_and_a_currency(
    text: str, context: BuiltinContext, amounts: list[tuple[str, str]]
) -> None:
    written = [(words, f"{value['amount']} {value['currency']}") for words, value in found("money", text, context)]  # type: ignore[index]

    assert written == amounts


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("十", 10),
        ("十二", 12),
        ("二十", 20),
        ("一百零五", 105),
        ("两千零五十", 2050),
        ("二〇二六", 2026),
        ("十万", 100_000),
        ("三万五千", 35_000),
    ],
)
def test_chinese_numbers_are_read(text: str, value: int) -> None:
    assert read_number(text) == value


@pytest.mark.parametrize("text", ["百", "万", "客", "二客", "十客"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no digit|nothing stands before"):
        read_number(text)


@pytest.mark.parametrize(
    ("language", "region"),
    [("en", None), ("en-GB", "GB"), ("zh", "CN"), ("zh-Hant-TW", "TW"), ("de_AT", "AT"), ("pt", None), ("DE", "DE")],
)
def test_a_language_says_its_region_or_does_not(language: str, region: str | None) -> None:
    assert region_of(language) == region


@settings(deadline=None)
@given(st.text(max_size=80), st.sampled_from([ENGLISH, GERMAN, CHINESE, NOWHERE]))
def test_every_entity_of_any_text_lies_in_it(text: str, context: BuiltinContext) -> None:
    prepared = prepare_text(text)
    for find in BUILTINS.values():
        assert all(0 <= entity.start < entity.end <= len(prepared) for entity in find(prepared, context))


HOSTILE = [
    *(
        "1",
        "1 ",
        "(",
        "+1",
        "a@",
        "a.",
        "@",
        "order ",
        "order number is ",
        "#1234 ",
        "$1",
        "1,",
        "1.1.",
        "1,234,",
        "€ ",
    ),
    *(
        "1-1-",
        "in 1 day ",
        "5 may ",
        "5 may",
        "12:30 ",
        "today at ",
        "一",
        "一月",
        "十万",
        "三点",
        "今晚",
        "周",
        "1234567 ext ",
    ),
]


def lines_run(kind: str, text: str) -> int:
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        BUILTINS[kind](text, CHINESE)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("kind", BUILTINS)
def test_four_times_the_hostile_text_takes_about_four_times_the_steps(kind: str) -> None:
    BUILTINS[kind]("+8613812345678 1", CHINESE)  # what is loaded once does not count
    for part in HOSTILE:
        short, long = ((part * 1_000)[:length] for length in (200, 800))
        assert lines_run(kind, long) < 5 * lines_run(kind, short) + 1_000, part
