"""Each kind of personal data in the ways that people write it, and what only looks like it."""

import sys
import time
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import SettingsError
from nlu.masking import Kind, find_private, mask
from nlu.masking import presidio as presidio_module
from nlu.masking.checksums import passes_taiwanese_checksum
from nlu.masking.reading import read

REGIONS = ("US", "GB", "DE", "CN")
# What the slowest takes is below 1.2 s a 100,000 characters; a pattern that were quadratic would take minutes.
PATIENCE_S = 10.0
SLOWEST = ["1 ", "4 ", "1号", "\n", "a@", "+1("]
HOSTILE = [
    "4111 ", "Thanks\n\n", "1.2.3.4.", "Mr. ", "https://", "https://?a=", "GB29 NWBK ", "省市区", "我叫", "phone 1 ",
    "ssn 1", "My name is ", "Am Markt ", "1\u200b", "\ufdfa", "A1 ", "12 Ab ", "::", "passport ", "a at b dot ",
    "order 1", "Flat 1, ", "X",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("card 4111 1111 1111 1111 exp 12/27 cvv 123", "card [card number] exp 12/27 cvv 123"),
        ("4111-1111-1111-1111 123", "[card number] 123"),
        ("卡号４１１１－１１１１－１１１１－１１１１。", "卡号[card number]。"),
        ("4111\u200b111111\u200d111111", "[card number]"),
        ("visa 4222222222222", "visa [card number]"),
        ("maestro 501800000009", "maestro [card number]"),
        ("to DE89 3704 0044 0532 0130 00 thanks", "to [bank account] thanks"),
        ("iban: gb29nwbk60161331926819.", "iban: [bank account]."),
        ("IT60-X054-2811-1010-0000-0123-456", "[bank account]"),
        ("身份证110105 19491231 002x，", "身份证[identity number]，"),
        ("１１０１０５１９４９１２３１００２Ｘ", "[identity number]"),
        ("my SSN is 123-45-6789", "my SSN is [identity number]"),
        ("ITIN 912-70-1234", "ITIN [identity number]"),
        ("NI number AB 12 34 56 C", "NI number [identity number]"),
        ("NHS 943 476 5919", "NHS [identity number]"),
        ("DNI 12345678Z", "DNI [identity number]"),
        ("NIE X-1234567-L", "NIE [identity number]"),
        ("RSSMRA85T10A562S", "[identity number]"),
        ("CPF 529.982.247-25", "CPF [identity number]"),
        ("AHV 756.9217.0769.85", "AHV [identity number]"),
        ("Steuer-ID 86 095 742 719", "Steuer-ID [identity number]"),
        ("PESEL 44051401359", "PESEL [identity number]"),
        ("身分證A123456789", "身分證[identity number]"),
        ("Hong Kong A123456(3)", "Hong Kong [identity number]"),
        ("passport number is X12345678", "passport number is [passport number]"),
        ("护照号码：E12345678", "护照号码：[passport number]"),
        ("jo.fox (at) mailbox (dot) org", "[email]"),
        ("müller@straße-shop.de", "[email]"),
        ("＋86 138-1234-5678", "[phone]"),
        ("请打１３８　１２３４　５６７８给我", "请打[phone]给我"),
        ("call me on +44(0)20 7946 0018", "call me on [phone]"),
        ("reach me at 555-010-9999 x12", "reach me at [phone]"),
        ("Handy: 01296 70008", "Handy: [phone]"),
        ("my IP is 142.223.37.207", "my IP is [ip address]"),
        ("IP地址2a00:1450:4001:81b::200e登录不了", "IP地址[ip address]登录不了"),
        ("https://shop.example/reset/0a1B2c3D4e5F6g7H8i9J0k", "[link]"),
        ("see t.me/laura_b.", "see [link]."),
        ("deliver to Flat 2, 12 Green Hill Road, London, SW1A 1AA please", "deliver to [address] please"),
        ("I live at 55 Cabrera Divide, Danielsmouth, IN 66282", "I live at [address]"),
        ("P.O. Box 77", "[address]"),
        ("Bitte an Karl-Heinz-Straße 8a, 80331 München liefern", "Bitte an [address] liefern"),
        ("Ich wohne Am Markt 5", "Ich wohne [address]"),
        ("我住在浙江省杭州市西湖区文三路138号5栋1单元302室", "我住在[address]"),
        ("Ich heiße Petra Vogel", "Ich heiße [name]"),
        ("我叫张伟，想退货", "我叫[name]，想退货"),
    ],
)
def test_each_form_becomes_its_placeholder(text: str, shown: str) -> None:
    assert mask(text, REGIONS) == shown


@pytest.mark.parametrize(
    "text",
    [
        "version 10.4.22.1 and firmware 1.2.3.4",
        "my router is at 192.168.0.1",
        "the total was $1,234.56 on 2025-11-03 at 14:05",
        "从2024年到2025年，一共12,500元",
        "it is 200x60x75 cm and 1500 ml",
        "https://shop.example/help/returns",
        "the street is long and the road is 5 km",
        "我想换一个大一点的",
        "I am Happy with it? No.",
    ],
)
def test_what_is_nobodys_stays(text: str) -> None:
    assert mask(text, REGIONS) == text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("parcel 4111111111111112", Kind.CARD),
        ("reference DE89370400440532013001", Kind.BANK_ACCOUNT),
        ("单号110105194912310021", Kind.IDENTITY),
        ("12345678A", Kind.IDENTITY),
        ("A123456780", Kind.IDENTITY),
    ],
)
def test_a_number_that_fails_its_checksum_is_none_of_its_kind(text: str, kind: Kind) -> None:
    assert kind not in [find.kind for find in find_private(text, REGIONS)]


def test_the_taiwanese_checksum_worked_by_hand() -> None:
    # A is 10: 1*1 + 0*9 + 1*8 + 2*7 + 3*6 + 4*5 + 5*4 + 6*3 + 7*2 + 8*1 + 9 = 130
    assert passes_taiwanese_checksum("A123456789")
    assert not passes_taiwanese_checksum("A123456788")


def test_a_value_is_the_same_however_it_is_written() -> None:
    ways = ("4111 1111 1111 1111", "4111-1111-1111-1111", "４１１１１１１１１１１１１１１１")

    assert {find.value for way in ways for find in find_private(way, REGIONS)} == {"4111111111111111"}


@given(st.text(max_size=80))
def test_spans_lie_in_the_original_in_order_and_apart(text: str) -> None:
    finds = find_private(text, REGIONS)

    places = [0, *(place for find in finds for place in (find.start, find.end)), len(text)]
    assert places == sorted(places)
    assert all(find.start < find.end for find in finds)


@given(st.text(max_size=60))
def test_each_character_that_is_read_stands_where_it_says(text: str) -> None:
    reading = read(text)

    places = range(len(text)) if reading.places is None else reading.places
    assert len(places) == len(reading.text)
    assert list(places) == sorted(places)


@pytest.mark.parametrize(("units", "chars"), [(SLOWEST, 100_000), (HOSTILE, 20_000)])
def test_no_text_takes_long(units: list[str], chars: int) -> None:
    for unit in units:
        text = (unit * (chars // len(unit) + 1))[:chars]
        began = time.process_time()
        mask(text, ("GB",))
        assert time.process_time() - began < PATIENCE_S, repr(unit)


@pytest.fixture
def presidio_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("KEFU_PRESIDIO_MODELS", '{"en": "sys"}')
    presidio_module.load_models.cache_clear()
    yield
    presidio_module.load_models.cache_clear()


@pytest.mark.usefixtures("presidio_is_asked_for")
def test_presidio_that_is_not_installed_is_named_with_the_way_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presidio_module, "find_spec", lambda _: None)

    with pytest.raises(SettingsError, match=r'not installed. Run pip install "kefu\[presidio\]".'):
        mask("hello", REGIONS)


@pytest.mark.usefixtures("presidio_is_asked_for")
def test_a_model_that_is_not_installed_is_named_and_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presidio_module, "find_spec", lambda name: name == "presidio_analyzer" or None)

    with pytest.raises(SettingsError, match="names 'sys', which is not installed"):
        mask("hello", REGIONS)


@pytest.mark.usefixtures("presidio_is_asked_for")
def test_what_presidio_finds_is_masked_where_nothing_else_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def analyze(text: str, language: str, score_threshold: float) -> list[SimpleNamespace]:
        assert (language, score_threshold) == ("en", presidio_module.MIN_SCORE)
        found = [("PERSON", "Laura Bennett"), ("LOCATION", "London"), ("PHONE_NUMBER", "4111 1111")]
        return [
            SimpleNamespace(entity_type=kind, start=text.index(value), end=text.index(value) + len(value))
            for kind, value in found
        ]

    fake, engine = ModuleType("presidio_analyzer"), ModuleType("presidio_analyzer.nlp_engine")
    fake.AnalyzerEngine = lambda **_: SimpleNamespace(analyze=analyze)  # type: ignore[attr-defined]
    engine.NlpEngineProvider = lambda **_: SimpleNamespace(create_engine=lambda: None)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "presidio_analyzer", fake)
    monkeypatch.setitem(sys.modules, "presidio_analyzer.nlp_engine", engine)
    monkeypatch.setattr(presidio_module, "find_spec", lambda _: True)

    shown = mask("Laura Bennett of London pays with 4111 1111 1111 1111", REGIONS)

    assert shown == "[name] of London pays with [card number]"
