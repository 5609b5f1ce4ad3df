"""Hours in a zone, over midnight, holidays and the change of the clocks; and what cannot be read is named."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from configs.assistant_config import HandoffConfig
from configs.opening_hours import OpeningHours, parse_spans

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
WEEK = {"monday": "08:00-12:00, 13:00-18:00", "saturday": "09:00-24:00"}


def at(text: str) -> float:
    """The Unix time of what a clock in Amsterdam shows."""
    return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM).timestamp()


def hours(holidays: tuple[str, ...] = ()) -> OpeningHours:
    return OpeningHours.parse(WEEK, "Europe/Amsterdam", holidays)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-12-21 07:59", False),  # a Monday
        ("2026-12-21 08:00", True),
        ("2026-12-21 11:59", True),
        ("2026-12-21 12:00", False),
        ("2026-12-21 13:00", True),
        ("2026-12-21 18:00", False),
        ("2026-12-22 10:00", False),  # a Tuesday
        ("2026-12-26 23:59", True),  # a Saturday
        ("2026-12-27 00:00", False),
    ],
)
def test_somebody_is_there_within_the_hours(time: str, expected: bool) -> None:
    assert hours().is_open(at(time)) is expected


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-12-21 07:00", "2026-12-21T08:00:00+01:00"),
        ("2026-12-21 12:30", "2026-12-21T13:00:00+01:00"),
        ("2026-12-21 13:00", "2026-12-26T09:00:00+01:00"),
        ("2026-12-26 10:00", "2027-01-02T09:00:00+01:00"),  # the Monday between is a holiday
        ("2026-03-28 10:00", "2026-03-30T08:00:00+02:00"),  # summer time begins between
    ],
)
def test_the_next_opening_is_found_past_days_off_and_clock_changes(time: str, expected: str) -> None:
    opens = hours(("2026-12-28",)).opens_at(at(time))
    assert opens is not None
    assert opens.isoformat() == expected


def test_without_hours_somebody_is_always_there_but_on_holidays() -> None:
    always = OpeningHours.parse({}, "UTC", ["2026-12-25"])
    christmas = datetime(2026, 12, 25, 12, tzinfo=ZoneInfo("UTC")).timestamp()
    assert always.is_always
    assert always.is_open(christmas - 86_400)
    assert not always.is_open(christmas)
    assert str(always.opens_at(christmas)) == "2026-12-26 00:00:00+00:00"


def test_hours_that_never_come_have_no_next_opening() -> None:
    new_year = OpeningHours.parse({"monday": "08:00-09:00"}, "UTC", [f"2026-01-{day:02}" for day in range(1, 32)])
    assert new_year.opens_at(at("2026-01-01 00:00")) is not None
    every_day = [str(datetime.fromtimestamp(at("2026-01-01") + 86_400 * n, AMSTERDAM).date()) for n in range(800)]
    assert OpeningHours.parse(WEEK, "Europe/Amsterdam", every_day).opens_at(at("2026-01-01")) is None


@pytest.mark.parametrize(
    "text", ["8:00-20:00", "08:00", "20:00-08:00", "08:00-08:00", "08:60-09:00", "00:00-24:01", "x"]
)
def test_hours_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="are no hours"):
        parse_spans(text)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"hours": {"mo": "08:00-20:00"}}, "'mo' is no day"),
        ({"hours": {"monday": "8-20"}}, "'8-20' are no hours"),
        ({"holidays": ["25.12.2026"]}, "'25.12.2026' is no day"),
        ({"timezone": "Europe/Atlantis"}, "Write a time zone"),
        ({"timezone": "../etc/passwd"}, "Write a time zone"),
        ({"wait_minutes": -1}, "greater than or equal to 0"),
        ({"intent": []}, "Extra inputs"),
    ],
)
def test_a_bad_setting_says_what_is_wrong(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        HandoffConfig.model_validate(values)
