from pathlib import Path

from configs import Domain, Variation
from nlu.masking import regions_of
from training.data_checks.finding import Finding, Kind, Passage, Severity
from training.data_checks.personal_data import company_values, masked, personal_data, without_personal_data

EN = regions_of("en")


def passage(text: str, line: int = 1) -> Passage:
    return Passage(text=text, path=Path("nlu.yml"), line=line)


def test_a_find_is_shown_by_its_ends() -> None:
    text = "a.b@c-d.net or 202-555-0143 or 4111111111111111"

    assert masked(text, EN) == "a.*******et or 20********43 or 41************11"


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
