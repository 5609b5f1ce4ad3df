from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs import Domain, Variation
from training.data_checks.finding import Finding, Kind, Passage, Severity
from training.data_checks.personal_data import (
    CARD,
    CHINESE_ID,
    EMAIL,
    PHONE,
    company_values,
    find_personal_data,
    masked,
    passes_chinese_checksum,
    passes_luhn,
    personal_data,
    regions_of,
    without_personal_data,
)

EN, ZH = regions_of("en"), regions_of("zh")


def passage(text: str, line: int = 1) -> Passage:
    return Passage(text=text, path=Path("nlu.yml"), line=line)


@pytest.mark.parametrize(
    ("text", "regions", "name", "shown"),
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
        ("身份证11010519491231002x，", ZH, CHINESE_ID, "11010519491231002x"),
    ],
)
def test_what_points_to_a_person_is_found(text: str, regions: tuple[str, ...], name: str, shown: str) -> None:
    (found,) = find_personal_data(text, regions)

    assert (found.name, text[found.start : found.end]) == (name, shown)


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
    assert find_personal_data(text, regions) == []


def test_a_number_is_one_find_however_it_is_written() -> None:
    (first,) = find_personal_data("+44 20 7946 0958", EN)
    (second,) = find_personal_data("020-7946-0958", EN)

    assert first.value == second.value == "+442079460958"


def test_several_finds_come_in_the_order_of_the_text() -> None:
    text = "a.b@c-d.net or 202-555-0143 or 4111111111111111"

    assert [found.name for found in find_personal_data(text, EN)] == [EMAIL, PHONE, CARD]
    assert masked(text, EN) == "a.*******et or 20********43 or 41************11"


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


def test_one_finding_names_every_place_of_a_number_and_none_shows_it() -> None:
    found = personal_data(
        [passage("020 7946 0958 or 020-7946-0958", 3), passage("+44 20 7946 0958", 9), passage("4111111111111111", 12)],
        EN,
    )

    assert [(f.kind, f.severity, [p.line for p in f.passages]) for f in found] == [
        (Kind.CONTACT, Severity.WARNING, [3, 9]),
        (Kind.CARD_OR_ID, Severity.ERROR, [12]),
    ]
    assert [f.message for f in found] == [
        "2 texts hold a phone number, the same.",
        "A text holds a payment card number.",
    ]
    shown = str([without_personal_data(finding, EN).passages for finding in found])
    assert "7946" not in shown
    assert "41************11" in shown


def test_a_message_is_masked_too() -> None:
    finding = Finding(
        kind=Kind.UNMARKED,
        severity=Severity.HINT,
        message="\u201c4111 1111 1111 1111\u201d is marked",
        advice="",
        passages=(),
    )

    assert without_personal_data(finding, EN).message == "\u201c41***************11\u201d is marked"


def test_what_the_responses_show_is_the_companys_own() -> None:
    domain = Domain(responses={"utter_call": (Variation(text="Call +44 20 7946 0958."), Variation(image="a.png"))})

    allowed = company_values(domain, EN)

    assert allowed == {"+442079460958"}
    assert personal_data([passage("can I call 020 7946 0958")], EN, allowed) == []
