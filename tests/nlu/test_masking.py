"""What points to a person is found however it is written, and what does not is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.masking import (
    Kind,
    find_sure,
    mask,
    passes_chinese_checksum,
    passes_luhn,
    placeholders,
    regions_of,
)

EN, ZH = regions_of("en"), regions_of("zh")
REGIONS = ("US", "GB", "CN")
EMAIL, PHONE, CARD, IDENTITY = Kind.EMAIL, Kind.PHONE, Kind.CARD, Kind.IDENTITY


@pytest.mark.parametrize(
    ("text", "regions", "kind", "shown"),
    [
        ("write to anna.berg@fernpost.net.", EN, EMAIL, "anna.berg@fernpost.net"),
        ("邮箱是li.wei@youxiang.cn谢谢", ZH, EMAIL, "li.wei@youxiang.cn"),
        ("call me on 020 7946 0958 please", EN, PHONE, "020 7946 0958"),
        ("my number is +44 20 7946 0958", ZH, PHONE, "+44 20 7946 0958"),
        ("ring 202-555-0143", EN, PHONE, "202-555-0143"),
        ("请打13812345678给我", ZH, PHONE, "13812345678"),
        ("电话010-62345678", ZH, PHONE, "010-62345678"),
        ("card 4111 1111 1111 1111 is refused", EN, CARD, "4111 1111 1111 1111"),
        ("amex 3782-822463-10005", EN, CARD, "3782-822463-10005"),
        ("卡号6222021234567890128", ZH, CARD, "6222021234567890128"),
        ("身份证11010519491231002x，", ZH, IDENTITY, "11010519491231002x"),
    ],
)
def test_what_points_to_a_person_is_found(text: str, regions: tuple[str, ...], kind: Kind, shown: str) -> None:
    (found,) = find_sure(text, regions)

    assert (found.kind, text[found.start : found.end]) == (kind, shown)


@pytest.mark.parametrize(
    ("text", "regions"),
    [
        ("FW-482913 any news, or FW-905512", EN),
        ("help@fernway.example, a@example.com, b@mail.test", EN),
        ("delivered on 2025-01-14 at 14:05, 200x200 cm, EUR 1,250.00", EN),
        ("card 4111 1111 1111 1112 is refused", EN),
        ("parcel 1234567890123452", EN),
        ("身份证110105194912310021", ZH),
        ("身份证110105194913310028", ZH),
        ("快递单号SF1234567890123，订单号202411220001", ZH),
        ("call me on 020 7946 0958 please", (None,)),
        ("someone @ home", EN),
    ],
)
def test_other_numbers_and_reserved_names_are_left_alone(text: str, regions: tuple[str | None, ...]) -> None:
    assert find_sure(text, regions) == []


def test_a_number_is_one_find_however_it_is_written() -> None:
    (first,) = find_sure("+44 20 7946 0958", EN)
    (second,) = find_sure("020-7946-0958", EN)

    assert first.value == second.value == "+442079460958"


def test_several_finds_come_in_the_order_of_the_text() -> None:
    text = "a.b@c-d.net or 202-555-0143 or 4111111111111111"

    assert [found.kind for found in find_sure(text, EN)] == [EMAIL, PHONE, CARD]


@pytest.mark.parametrize(
    ("language", "regions"),
    [("zh", ("CN",)), ("zh-TW", ("TW",)), ("en_GB", ("GB",)), ("en", ("US", "GB")), ("xx", (None,)), ("", (None,))],
)
def test_the_language_says_where_numbers_without_a_country_may_be_from(language: str, regions: object) -> None:
    assert regions_of(language) == regions


@given(st.integers(0, 10**15))
def test_of_ten_last_digits_one_passes_luhn(number: int) -> None:
    assert sum(passes_luhn(f"{number}{digit}") for digit in range(10)) == 1


def test_checksums_worked_by_hand() -> None:
    # 7992739871 doubled from the right: 2 7 16 9 6 7 4 9 18 7 -> digit sums 2 7 7 9 6 7 4 9 9 7 = 67; 3 makes it 70
    assert passes_luhn("79927398713")
    # 1*7 + 1*9 + 0 + 1*5 + 0 + 5*4 + 1*2 + 9*1 + 4*6 + 9*3 + 1*7 + 2*9 + 3*10 + 1*5 + 0 + 0 + 2*2 = 167 = 15*11 + 2
    assert passes_chinese_checksum("11010519491231002X")
    assert not passes_chinese_checksum("110105194912310029")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Mail me at jo.fox@mailbox.org please", "Mail me at [email] please"),
        ("Call +44 20 7946 0018 today", "Call [phone] today"),
        ("我的手机是13812345678", "我的手机是[phone]"),
        ("I paid with 4111 1111 1111 1111", "I paid with [card number]"),
        ("Where is order 4471928?", "Where is order [number]?"),
        ("my order number is AB-1234", "my order number is [number]"),
        ("订单号202603310078到哪了", "订单号[number]到哪了"),
        ("Ticket #5512 is open", "Ticket [number] is open"),
        ("Send it to 12 Green Hill Road, London", "Send it to [address]"),
        ("寄到幸福路12号3栋501室", "寄到[address]"),
        ("See https://shop.example/track?id=9f8e7d6c", "See [link]"),
    ],
)
def test_each_thing_that_points_to_a_person_becomes_a_placeholder(text: str, shown: str) -> None:
    assert mask(text, REGIONS) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Delivery takes 3 to 5 days and costs EUR 4.90",
        "We are closed on 2026-12-24",
        "It holds 1,500 ml and has 220 V",
        "满200元减30元，7天内可以退",
        "See https://shop.example/help/returns",
        "May I return it in August?",
    ],
)
def test_what_holds_for_everyone_stays(text: str) -> None:
    assert mask(text, REGIONS, frozenset({"May", "August"})) == text


def test_placeholders_are_counted_by_kind() -> None:
    assert placeholders("Order [number] of [name], not [this]") == ("number", "name")
