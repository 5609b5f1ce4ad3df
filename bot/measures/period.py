"""The time that figures are about, cut into days or hours as people in one time zone have them."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from configs.errors import SettingsError

HOUR_S, DAY_S = 3_600.0, 86_400.0
STRETCH_S = 6 * HOUR_S
MOST_DAYS_IN_HOURS = 3
MOST_DAYS = 3_660
BEFORE_DAYS = 28
_SPAN = re.compile(r"([1-9][0-9]{0,4})([hdw])")


class Unit(StrEnum):
    """What a period is cut into."""

    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A time, from `since` until before `until`, Unix times.

    Attributes:
        zone: Where days begin.
    """

    since: float
    until: float
    zone: tzinfo

    @property
    def unit(self) -> Unit:
        """Hours for at most three days, else days."""
        return Unit.HOUR if self.until - self.since <= MOST_DAYS_IN_HOURS * DAY_S else Unit.DAY

    def local(self, at: float) -> datetime:
        """A moment as the clocks of the zone show it."""
        return datetime.fromtimestamp(at, self.zone)

    def buckets(self) -> list[tuple[float, float]]:
        """Beginning and end of every day or hour; the first and the last may be cut short."""
        step = timedelta(days=1) if self.unit is Unit.DAY else timedelta(hours=1)
        edges = [self.since]
        while (following := self._after(edges[-1], step)) < self.until:
            edges.append(following)
        return list(zip(edges, [*edges[1:], self.until], strict=True))

    def _after(self, at: float, step: timedelta) -> float:
        """The end of the day or hour that `at` is in."""
        if step >= timedelta(days=1):
            return max(midnight(self.local(at).date() + timedelta(days=1), self.zone), at + 1)
        return self.hour_of(at) + HOUR_S

    def hour_of(self, at: float) -> float:
        """When the hour began that `at` is in."""
        moment = self.local(at)
        return at - (moment.minute * 60 + moment.second + moment.microsecond / 1e6)

    def stretches(self) -> Iterator[tuple[int, float, float]]:
        """The buckets cut into pieces of a few whole hours: the place of the bucket, beginning and end."""
        for place, (begin, end) in enumerate(self.buckets()):
            at = begin
            while at < end:
                piece = min(self.hour_of(at) + STRETCH_S, end)
                yield place, at, piece
                at = piece

    def before(self) -> "Period":
        """What it is compared with: four weeks that end where it begins, or as long a time as it is itself."""
        length_s = max(BEFORE_DAYS * DAY_S, self.until - self.since)
        return Period(since=self.since - length_s, until=self.since, zone=self.zone)


def midnight(day: date, zone: tzinfo) -> float:
    """When a day begins, Unix time."""
    return datetime.combine(day, time(), zone).timestamp()


def parse_period(since: str, until: str | None, zone: tzinfo, now: float) -> Period:
    """A period as a person writes it.

    Args:
        since: `30d`, `24h`, `2w`: so many days, hours or weeks, of which the one that is now is the last; or a date or
            a time in ISO 8601.
        until: A date, whose end is meant, or a time; None for now.

    Raises:
        SettingsError: It cannot be read, is empty, or is too long.
    """
    end = now if until is None else min(now, _moment(until, "until", zone, is_end=True))
    begin = _back(since, end, zone) if _SPAN.fullmatch(since) else _moment(since, "since", zone)
    if begin >= end:
        raise SettingsError(f"since {since!r} is not before until {until or 'now'!r}. Write an earlier one.")
    if end - begin > MOST_DAYS * DAY_S:
        raise SettingsError(f"since {since!r} is more than {MOST_DAYS} days before the end. Write a later one.")
    return Period(since=begin, until=end, zone=zone)


def _back(since: str, end: float, zone: tzinfo) -> float:
    """The beginning of the first of so many hours, days or weeks up to `end`."""
    count, unit = int(since[:-1]), since[-1]
    last = datetime.fromtimestamp(end - 1e-3, zone)
    if unit == "h":
        whole = last.replace(minute=0, second=0, microsecond=0).timestamp()
        return whole - (count - 1) * HOUR_S
    days = count * (7 if unit == "w" else 1) - 1
    return midnight(last.date() - timedelta(days=min(days, MOST_DAYS + 1)), zone)


def _moment(text: str, name: str, zone: tzinfo, *, is_end: bool = False) -> float:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            day = date.fromisoformat(text)
            return midnight(day + timedelta(days=1) if is_end else day, zone)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError) as error:
        raise SettingsError(
            f"{name} is {text[:40]!r}. Write 30d, 24h, 2w, a date such as 2026-03-31, or a time such as "
            "2026-03-31T09:00."
        ) from error


def bucket_of(edges: Sequence[tuple[float, float]], at: float) -> int | None:
    """The place of the bucket that a moment is in; None where it is in none."""
    place = bisect_right(edges, at, key=lambda edge: edge[0]) - 1
    return place if place >= 0 and at < edges[place][1] else None
