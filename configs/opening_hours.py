"""When somebody is there: weekly hours in a time zone, and holidays."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SEARCHED_DAYS = 400  # a year, and somewhat more for one that begins with holidays
_SPAN = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})")
_END_OF_DAY = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningHours:
    """Hours by weekday; somebody is always there where there are none at all.

    Attributes:
        spans: By weekday, Monday first: from and to in minutes since midnight, as clocks show them.
        holidays: Days on which nobody is there.
    """

    spans: tuple[tuple[tuple[int, int], ...], ...]
    zone: ZoneInfo
    holidays: frozenset[date]

    @classmethod
    def parse(cls, hours: Mapping[str, str], timezone: str, holidays: Sequence[str]) -> "OpeningHours":
        """Of texts, such as `{"monday": "08:00-12:00, 13:00-18:00"}` and `["2026-12-25"]`.

        Raises:
            ValueError: One of them cannot be read; the message says which and how to write it.
        """
        if unknown := [day for day in hours if day not in DAYS]:
            raise ValueError(f"{unknown[0]!r} is no day; write monday to sunday")
        return cls(
            spans=tuple(parse_spans(hours.get(day, "")) for day in DAYS),
            zone=ZoneInfo(timezone),
            holidays=frozenset(parse_day(day) for day in holidays),
        )

    @property
    def is_always(self) -> bool:
        """Whether no hours were given, so that only holidays close."""
        return not any(self.spans)

    def is_open(self, now: float) -> bool:
        """Whether somebody is there at the Unix time `now`."""
        local = datetime.fromtimestamp(now, self.zone)
        minute = 60 * local.hour + local.minute
        return any(start <= minute < end for start, end in self._of(local.date()))

    def opens_at(self, now: float) -> datetime | None:
        """When somebody is there next, after `now`, in the hours' own zone; None if not within a year."""
        local = datetime.fromtimestamp(now, self.zone)
        for ahead in range(SEARCHED_DAYS):
            day = local.date() + timedelta(days=ahead)
            for start, _ in sorted(self._of(day)):
                opens = datetime.combine(day, time(start // 60, start % 60), self.zone)
                if opens.timestamp() > now:
                    return opens
        return None

    def _of(self, day: date) -> tuple[tuple[int, int], ...]:
        if day in self.holidays:
            return ()
        return ((0, _END_OF_DAY),) if self.is_always else self.spans[day.weekday()]


def parse_spans(text: str) -> tuple[tuple[int, int], ...]:
    """The spans in a text such as `08:00-12:00, 13:00-18:00`; none in an empty one.

    Raises:
        ValueError: It is something else, or a span ends before it begins.
    """
    return tuple(_parse_span(part.strip()) for part in text.split(",")) if text.strip() else ()


def parse_day(text: str) -> date:
    """The day in a text such as `2026-12-25`.

    Raises:
        ValueError: It is something else.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no day; write it as 2026-12-25") from error


def _parse_span(text: str) -> tuple[int, int]:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} are no hours; write 08:00-20:00, several with a comma")
    from_hour, from_minute, to_hour, to_minute = map(int, found.groups())
    start, end = 60 * from_hour + from_minute, 60 * to_hour + to_minute
    if from_minute > 59 or to_minute > 59 or end > _END_OF_DAY or start >= end:
        raise ValueError(f"{text!r} are no hours; the end comes after the beginning, 24:00 at the latest")
    return start, end
