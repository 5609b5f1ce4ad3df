"""The busiest hours, as a table whose cells are the darker the busier. Pure."""

from dataclasses import dataclass
from math import ceil

from bot.measures.measures import Measures

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LEVELS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """An hour of a weekday: its messages, and how busy it is from 0 for nothing to `LEVELS`."""

    count: int
    level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """The hours of a week.

    Attributes:
        rows: A weekday's name and its 24 hours.
        most: Messages in the busiest one.
        busiest: Its name; None where there was no message.
    """

    rows: tuple[tuple[str, tuple[Hour, ...]], ...]
    most: int
    busiest: str | None


def heat_of(measures: Measures) -> Heat:
    """Of a period."""
    most = max(measures.hours.values(), default=0)
    rows = tuple(
        (name, tuple(_hour(measures.hours.get((weekday, hour), 0), most) for hour in range(24)))
        for weekday, name in enumerate(WEEKDAYS)
    )
    at = max(measures.hours, key=lambda place: (measures.hours[place], place), default=None)
    return Heat(rows=rows, most=most, busiest=None if at is None else f"{WEEKDAYS[at[0]]} {at[1]}:00 to {at[1] + 1}:00")


def _hour(count: int, most: int) -> Hour:
    return Hour(count=count, level=ceil(LEVELS * count / most) if most else 0)
