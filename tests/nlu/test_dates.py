from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from nlu.builtin_context import BuiltinContext
from nlu.dates import find_times
from nlu.text import prepare_text

WEDNESDAY = datetime(2026, 3, 4, 10, 0, 30, 5, tzinfo=ZoneInfo("Asia/Shanghai"))


def times(
    text: str, *, language: str = "zh", region: str | None = "CN", now: datetime = WEDNESDAY
) -> list[tuple[str, object]]:
    prepared = prepare_text(text)
    found = find_times(prepared, BuiltinContext(now=now, language=language, region=region))
    assert all((entity.entity, entity.extractor) == ("time", "KefuBuiltinExtractor") for entity in found)
    return [(prepared[entity.start : entity.end], entity.value) for entity in found]


@pytest.mark.parametrize(
    ("text", "words", "value"),
    [
        ("deliver it tomorrow at 3pm?", "tomorrow at 3pm", "2026-03-05T15:00:00+08:00"),
        ("3:30 p.m. on 5 March please", "3:30 p.m. on 5 March", "2026-03-05T15:30:00+08:00"),
        ("on March 5th, 2027", "March 5th, 2027", "2027-03-05"),
        ("the 22nd of Sept.", "22nd of Sept.", "2025-09-22"),
        ("5 December", "5 December", "2025-12-05"),
        ("1 August", "1 August", "2026-08-01"),
        ("29 February", "29 February", None),
        ("by Wednesday", "Wednesday", "2026-03-11"),
        ("this Thursday", "this Thursday", "2026-03-05"),
        ("last Wednesday", "last Wednesday", "2026-02-25"),
        ("the day after tomorrow", "the day after tomorrow", "2026-03-06"),
        ("in three days", "in three days", "2026-03-07"),
        ("two months ago", "two months ago", "2026-01-04"),
        ("in 12 months", "in 12 months", "2027-03-04"),
        ("in a week", "in a week", "2026-03-11"),
        ("in an hour", "in an hour", "2026-03-04T11:00:30+08:00"),
        ("at 9 am", "9 am", "2026-03-05T09:00:00+08:00"),
        ("at noon", "noon", "2026-03-04T12:00:00+08:00"),
        ("12 am", "12 am", "2026-03-05T00:00:00+08:00"),
        ("2026-03-05 14:30", "2026-03-05 14:30", "2026-03-05T14:30:00+08:00"),
        ("on 2026/3/5.", "2026/3/5", "2026-03-05"),
        ("明天下午三点可以吗", "明天下午三点", "2026-03-05T15:00:00+08:00"),
        ("3月5日送到", "3月5日", "2026-03-05"),
        ("３月５号", "3月5号", "2026-03-05"),
        ("二〇二六年十二月二十三号晚上8点半", "二〇二六年十二月二十三号晚上8点半", "2026-12-23T20:30:00+08:00"),
        ("下周五之前", "下周五", "2026-03-13"),
        ("上星期天", "上星期天", "2026-03-01"),
        ("周三", "周三", "2026-03-11"),
        ("昨天下的订单", "昨天", "2026-03-03"),
        ("大后天", "大后天", "2026-03-07"),
        ("今晚8点", "今晚8点", "2026-03-04T20:00:00+08:00"),
        ("两天后", "两天后", "2026-03-06"),
        ("三个小时以前", "三个小时以前", "2026-03-04T07:00:30+08:00"),
        ("两个月之前", "两个月之前", "2026-01-04"),
        ("中午12点", "中午12点", "2026-03-04T12:00:00+08:00"),
        ("凌晨12点", "凌晨12点", "2026-03-05T00:00:00+08:00"),
        ("14点05分", "14点05分", "2026-03-04T14:05:00+08:00"),
        ("明天9点", "明天9点", "2026-03-05T09:00:00+08:00"),
    ],
)
def test_a_point_in_time_is_read_against_the_given_present(text: str, words: str, value: str | None) -> None:
    assert times(text) == ([(words, value)] if value else [])


@pytest.mark.parametrize(
    "text",
    [
        "may I sit, I sat on the second one now",
        "at 3, or between 5 and 7",
        "31 February, 45:70, 13 pm, 2026-13-01",
        "version 1.2.2026.4 and 10:20:30",
        "order 20260305, 1/2, 3.5",
        "有一点贵，三点建议",
        "明天，三点建议",
        "以后天天买",
        "in 9999 years",
        "99:99 0000-00-00 月日",
        "mayor, mondayish, 5marches",
    ],
)
def test_what_may_mean_something_else_is_left_alone(text: str) -> None:
    assert [words for words, _ in times(text) if words != "明天"] == []


@pytest.mark.parametrize(
    ("text", "language", "region", "value"),
    [
        ("3/5/2026", "en", "GB", ["2026-05-03"]),
        ("3/5/2026", "en", "US", ["2026-03-05"]),
        ("3/5/2026", "en", None, []),
        ("13/5/2026", "en", None, ["2026-05-13"]),
        ("5/13/2026", "en", "GB", ["2026-05-13"]),
        ("5.5.2026", "en", None, ["2026-05-05"]),
        ("3.5.2026", "de", "DE", ["2026-05-03"]),
    ],
)
def test_day_and_month_in_figures_are_told_apart_by_region_or_not_at_all(
    text: str, language: str, region: str | None, value: list[str]
) -> None:
    assert [found for _, found in times(text, language=language, region=region)] == value


def test_hours_from_now_are_real_hours_when_the_clocks_change() -> None:
    before_the_change = datetime(2026, 3, 29, 1, 30, tzinfo=ZoneInfo("Europe/Berlin"))

    assert times("in 1 hour", now=before_the_change) == [("in 1 hour", "2026-03-29T03:30:00+02:00")]


def test_the_end_of_a_short_month_is_its_last_day() -> None:
    assert times("in 1 month", now=datetime(2027, 1, 31, tzinfo=ZoneInfo("UTC"))) == [("in 1 month", "2027-02-28")]


def test_a_leap_day_without_a_year_is_in_the_nearest_leap_year() -> None:
    assert times("29 February", now=datetime(2027, 9, 1, tzinfo=ZoneInfo("UTC"))) == [("29 February", "2028-02-29")]


def test_several_points_in_time_stay_apart() -> None:
    assert [words for words, _ in times("from 2026-03-05 to 2026-03-07, or today, tomorrow at 15:00")] == [
        "2026-03-05",
        "2026-03-07",
        "today",
        "tomorrow at 15:00",
    ]


def test_a_present_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        BuiltinContext(now=datetime(2026, 3, 4), language="en")
