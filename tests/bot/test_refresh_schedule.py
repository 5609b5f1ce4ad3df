"""Refreshes at the moments of a cron expression: in the zone that is meant, and on after one that failed."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.refresh.accepted import accept, read_accepted
from bot.refresh.schedule import keep_refreshing
from configs.errors import SettingsError


class Stop(Exception):
    """Ends the loop."""


class Day:
    """A clock that sleeping moves, and refreshes that take an hour and a half."""

    def __init__(self, *codes: int, begin: datetime = datetime(2026, 3, 28, 1, tzinfo=UTC)) -> None:
        self.at, self.codes, self.said, self.began = begin.timestamp(), list(codes), list[str](), list[str]()

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 30
        self.at += seconds

    def refresh(self) -> int:
        self.began.append(f"{datetime.fromtimestamp(self.at, UTC):%d %H:%M}")
        self.at += 5_400
        if not self.codes:
            raise Stop
        return self.codes.pop(0)

    def run(self, schedule: str, zone: str = "UTC") -> None:
        with pytest.raises(Stop):
            keep_refreshing(schedule, ZoneInfo(zone), self.refresh, self.said.append, now=self.now, sleep=self.sleep)


def test_a_refresh_that_failed_is_followed_by_the_next() -> None:
    day = Day(0, 3, 1)
    day.run("0 3 * * *")

    assert day.began == ["28 03:00", "29 03:00", "30 03:00", "31 03:00"]
    assert day.said[0] == "The next refresh is at 2026-03-28 03:00 UTC."
    assert day.said[1] == "The refresh ended well, after 1:30:00."
    assert day.said[3] == "The gate kept the release that serves; the refresh took 1:30:00."
    assert day.said[5] == "The refresh failed with exit code 1 after 1:30:00; what serves is as it was."


def test_a_moment_that_passes_during_a_refresh_is_passed_over() -> None:
    day = Day(0)
    day.run("0 * * * *")

    assert day.began == ["28 02:00", "28 04:00"]


def test_times_are_meant_in_the_assistants_zone_on_the_day_that_the_clock_changes_too() -> None:
    day = Day(0, 0)
    day.run("0 5 * * *", "Europe/Berlin")

    assert day.began == ["28 04:00", "29 03:00", "30 03:00"]


@pytest.mark.parametrize("schedule", ["", "now", "61 * * * *", "* * * *", "0 0 31 2 *"])
def test_what_is_no_schedule_is_refused(schedule: str) -> None:
    with pytest.raises(SettingsError, match="--schedule is"):
        keep_refreshing(schedule, UTC, lambda: 0, str, now=lambda: 0.0, sleep=lambda _: None)


def test_an_admin_lets_through_what_waits_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "last.json").write_text('{"quarantined": [{"id": "aaaa"}, {"id": "bbbb"}]}')
    assert accept(tmp_path, []) == frozenset()
    assert accept(tmp_path, ["aaaa"]) == {"aaaa"} == read_accepted(tmp_path)
    assert accept(tmp_path, ["bbbb", "aaaa"]) == {"aaaa", "bbbb"}

    with pytest.raises(SettingsError, match=r"cccc.*does not wait"):
        accept(tmp_path, ["cccc"])
    (tmp_path / "accepted.json").write_text("{")
    with pytest.raises(SettingsError, match=r"accepted.json is damaged"):
        read_accepted(tmp_path)
