"""Points in time in English and Chinese words and in figures, as ISO 8601 against a given present.

Only what can hardly mean anything else is read: not `may`, `sat` or `now`, not `at 3`, not 一点.
"""

import calendar
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any

import re2

from nlu.builtin_context import BuiltinContext
from nlu.chinese_numbers import CHARACTERS, read_number
from nlu.entities import BUILTIN, Entity
from nlu.text import splits_word

_MONTHS = {name.lower(): month for month, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name.lower(): month for month, name in enumerate(calendar.month_abbr) if name} | {"sept": 9}
_WEEKDAYS = {name.lower(): day for day, name in enumerate(calendar.day_name)}
_SMALL_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBER_WORDS = {word: value for value, word in enumerate(_SMALL_NUMBERS)}
_NUMBER_WORDS |= {"a": 1, "an": 1}
_DAYS = {"today": 0, "tonight": 0, "tomorrow": 1, "yesterday": -1, "day after tomorrow": 2, "day before yesterday": -2}
_DAYS |= {"今": 0, "明": 1, "昨": -1, "后": 2, "前": -2, "大后": 3, "大前": -3}
_UNITS = {
    "分钟": "minute",
    "小时": "hour",
    "个小时": "hour",
    "个星期": "week",
    "天": "day",
    "周": "week",
    "星期": "week",
    "个月": "month",
    "年": "year",
}
_WEEKS: Mapping[str, int] = MappingProxyType({"上上": -2, "上": -1, "这": 0, "本": 0, "下": 1, "下下": 2})
_NOT_BEFORE_DAYS = ("以", "之", "然", "最")  # 以后天天 is "every day from now on", not "the day after tomorrow"
_AFTERNOON = ("下午", "傍晚", "晚上", "晚")

_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_COUNT = "|".join([*_NUMBER_WORDS, r"\d{1,4}"])
_CHINESE = rf"(?:\d{{1,4}}|[{CHARACTERS}]{{1,4}})"
_DATE = re2.compile(
    r"(?i)(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})"
    r"|(?P<first>\d{1,2})[./](?P<second>\d{1,2})[./](?P<year2>\d{4})"
    rf"|\b(?P<day3>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?(?P<month3>{_MONTH})\b\.?(?:,?\s(?P<year3>\d{{4}})\b)?"
    rf"|\b(?P<month4>{_MONTH})\b\.?\s(?P<day4>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s(?P<year4>\d{{4}})\b)?"
    rf"|\b(?:(?P<which>next|last|this)\s)?(?P<weekday>{'|'.join(_WEEKDAYS)})\b"
    r"|\b(?:the\s)?(?P<relative>day after tomorrow|day before yesterday|today|tonight|tomorrow|yesterday)\b"
    rf"|\bin\s(?P<ahead>{_COUNT})\s(?P<unit>minute|hour|day|week|month|year)s?\b"
    rf"|\b(?P<past>{_COUNT})\s(?P<unit2>minute|hour|day|week|month|year)s?\sago\b"
    rf"|(?:(?P<year5>\d{{4}}|[{CHARACTERS}]{{4}})年)?(?P<month5>{_CHINESE})月(?P<day5>{_CHINESE})[日号號]"
    r"|(?P<relative2>大后|大前|今|明|昨|后|前)(?:天|日|(?P<evening>晚))"
    r"|(?P<week>下下|上上|上|下|这|本)?个?(?:周|星期|礼拜)(?P<weekday2>[一二三四五六日天])"
    rf"|(?P<count>{_CHINESE})(?P<unit3>分钟|个?小时|天|周|个?星期|个月|年)(?:之|以)?(?P<side>后|前)"
)
_TIME = re2.compile(
    r"(?i)\b(?P<hour>\d{1,2})(?::(?P<minute>\d{2}))?\s?(?P<half>am|pm|a\.m\.|p\.m\.)"
    r"|\b(?P<hour2>\d{1,2}):(?P<minute2>\d{2})\b"
    r"|\b(?P<word>noon|midnight)\b"
    rf"|(?P<period>凌晨|早上|上午|中午|下午|傍晚|晚上)?(?P<hour3>{_CHINESE})(?:点|點|时)(?P<clock>钟|整)?"
    rf"(?:(?P<part>半|一刻|三刻)|(?P<minute3>{_CHINESE})分)?"
)
_BETWEEN = re2.compile(r"(?i)\s?(?:,|at\b|on\b|around\b|的)?\s?")


@dataclass(frozen=True, slots=True)
class _Moment:
    """A part of a point in time: its place, and a date, a time or both."""

    start: int
    end: int
    day: date | None = None
    at: time | None = None
    evening: bool = False  # of 今晚: the hour that follows is one of the evening
    vague: bool = False  # stands for a time only beside a date


def find_times(text: str, context: BuiltinContext) -> list[Entity]:
    """Dates and times; the value is a date (`2026-03-05`), or a date and time with its offset from UTC.

    A date without a year is the one nearest to now, a weekday alone the next one after today, and a time alone the next
    one to come.
    """
    moments = [
        moment
        for pattern, read in ((_DATE, _date), (_TIME, _time))
        for match in pattern.finditer(text)
        if (moment := _read(text, match, read, context))
    ]
    joined = _joined(text, sorted(moments, key=lambda moment: (moment.start, -moment.end)))
    return [_entity(moment, context.now) for moment in joined if not moment.vague]


def _joined(text: str, moments: list[_Moment]) -> list[_Moment]:
    """Dates and times that stand side by side as one; what lies within another goes."""
    joined: list[_Moment] = []
    for moment in moments:
        before = joined[-1] if joined else None
        if before and moment.start < before.end:
            continue
        beside = before and (before.day is None) != (moment.day is None) and (before.at is None) != (moment.at is None)
        between = text[before.end : moment.start] if before else ""
        if before and beside and _BETWEEN.fullmatch(between) and not (moment.vague and "," in between):
            at = before.at or moment.at
            if before.evening and at and at.hour < 12:
                at = at.replace(hour=at.hour + 12)
            joined[-1] = _Moment(before.start, moment.end, before.day or moment.day, at)
        else:
            joined.append(moment)
    return joined


def _read(
    text: str,
    match: Any,
    read: Callable[[Mapping[str, str], BuiltinContext, int, int], _Moment | None],
    context: BuiltinContext,
) -> _Moment | None:
    """What a match says; None where it says no possible date or time, or is a part of a word or number."""
    start, end = match.span()
    if splits_word(text, start) or splits_word(text, end) or _number_goes_on(text, start, end):
        return None
    if match[0] in {"后天", "前天"} and text[max(0, start - 1) : start] in _NOT_BEFORE_DAYS:
        return None
    parts = {name.rstrip("2345"): part for name, part in match.groupdict().items() if part is not None}
    try:
        return read(parts, context, start, end)
    except (ValueError, OverflowError):
        return None


def _number_goes_on(text: str, start: int, end: int) -> bool:
    before, behind = text[max(0, start - 2) : start], text[end : end + 2]
    joints = "-/.:"
    return (len(before) == 2 and before[0].isdigit() and before[1] in joints and text[start].isdigit()) or (
        len(behind) == 2 and behind[0] in joints and behind[1].isdigit() and text[end - 1].isdigit()
    )


def _date(parts: Mapping[str, str], context: BuiltinContext, start: int, end: int) -> _Moment | None:
    today = context.now.date()
    if "unit" in parts:
        return _offset(parts, context.now, start, end)
    if "relative" in parts:
        day: date | None = today + timedelta(days=_DAYS[parts["relative"].lower()])
    elif "weekday" in parts:
        day = _weekday(parts, today)
    elif "first" in parts:
        day = _figures(int(parts["first"]), int(parts["second"]), int(parts["year"]), context)
    else:
        month = _MONTHS.get(parts["month"].lower()) or read_number(parts["month"])
        day = _nearest(parts.get("year"), month, read_number(parts["day"]), today)
    return _Moment(start, end, day, evening="evening" in parts) if day else None


def _offset(parts: Mapping[str, str], now: datetime, start: int, end: int) -> _Moment:
    """So many units from now: a moment for hours and minutes, else a day."""
    written = (parts.get("ahead") or parts.get("past") or parts["count"]).lower()
    count = _NUMBER_WORDS.get(written)
    count = read_number(written) if count is None else count
    if "past" in parts or parts.get("side") == "前":
        count = -count
    unit = _UNITS.get(parts["unit"], parts["unit"].lower())
    if unit in {"minute", "hour"}:
        moved = (now.astimezone(UTC) + timedelta(**{f"{unit}s": count})).astimezone(now.tzinfo)
        return _Moment(start, end, moved.date(), moved.time().replace(microsecond=0))
    if unit in {"day", "week"}:
        return _Moment(start, end, now.date() + timedelta(**{f"{unit}s": count}))
    years, month0 = divmod(now.month - 1 + count * (12 if unit == "year" else 1), 12)
    year = now.year + years
    last_day = calendar.monthrange(year, month0 + 1)[1]
    return _Moment(start, end, date(year, month0 + 1, min(now.day, last_day)))


def _weekday(parts: Mapping[str, str], today: date) -> date:
    name = parts["weekday"].lower()
    wanted = _WEEKDAYS.get(name, "一二三四五六日".find(name.replace("天", "日")))
    if "week" in parts:
        return today + timedelta(days=wanted - today.weekday(), weeks=_WEEKS[parts["week"]])
    if parts.get("which", "").lower() == "last":
        return today - timedelta(days=(today.weekday() - wanted - 1) % 7 + 1)
    return today + timedelta(days=(wanted - today.weekday() - 1) % 7 + 1)


def _figures(first: int, second: int, year: int, context: BuiltinContext) -> date | None:
    """A date such as 5/3/2026; None where nothing says which of the two is the month."""
    if first > 12 or second > 12 or first == second:
        day, month = (first, second) if first > 12 else (second, first)
    elif context.region == "US":
        month, day = first, second
    elif context.region is None and context.language.lower().startswith("en"):
        return None
    else:
        day, month = first, second
    return date(year, month, day)


def _nearest(year: str | None, month: int, day: int, today: date) -> date:
    if year is not None:
        return date(read_number(year), month, day)
    years = (today.year - 1, today.year, today.year + 1)
    around = [date(found, month, day) for found in years if day <= calendar.monthrange(found, month)[1]]
    return min(around, key=lambda found: abs(found - today))


def _time(parts: Mapping[str, str], _context: BuiltinContext, start: int, end: int) -> _Moment:
    if "word" in parts:
        return _Moment(start, end, at=time(12 if parts["word"].lower() == "noon" else 0))
    hour = read_number(parts["hour"])
    minute = {"半": 30, "一刻": 15, "三刻": 45}.get(parts.get("part", ""), read_number(parts.get("minute", "0")))
    half, period = parts.get("half", "").lower().replace(".", ""), parts.get("period", "")
    if half:
        if not 1 <= hour <= 12:
            raise ValueError(f"{hour} {half} is no hour")
        hour = hour % 12 + (12 if half == "pm" else 0)
    elif (period in _AFTERNOON and hour < 12) or (period == "中午" and hour < 3):
        hour += 12
    elif period in {"凌晨", "晚上"} and hour == 12:
        hour = 0
    if parts["hour"] == "一" and not (period or "part" in parts or "clock" in parts):
        raise ValueError("一点 is a little")
    sure = half or period or "minute" in parts or "part" in parts or "clock" in parts
    return _Moment(start, end, at=time(hour, minute), vague=not sure)


def _entity(moment: _Moment, now: datetime) -> Entity:
    if moment.at is None:
        assert moment.day is not None  # noqa: S101 - a moment has one or the other
        value = moment.day.isoformat()
    else:
        day = moment.day or (now.date() + timedelta(days=moment.at <= now.time()))
        value = datetime.combine(day, moment.at, now.tzinfo).isoformat()
    return Entity(entity="time", start=moment.start, end=moment.end, value=value, extractor=BUILTIN)
