"""Periods, shares, times, judgements and pictures, each beside what was worked out by hand."""

import csv
import io
import json
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from plain_measures import PlainTurn
from random_turns import random_turns, write
from scipy.stats import binomtest

from bot.measures import Period, measure, parse_period
from bot.measures.chart import Line, bars, curves, spark, ticks_of, top_of
from bot.measures.judged import Judged
from bot.measures.page import standalone_page
from bot.measures.period import Unit
from bot.measures.printed import sparkline, text_of
from bot.measures.response_time import response_time
from bot.measures.rows import CSV_COLUMNS, measures_csv
from bot.measures.satisfaction import satisfaction
from bot.measures.share import Share
from bot.measures.written import JSON_KEYS, measures_json
from bot.stores.sqlite import SqliteStore
from configs.errors import SettingsError
from retrieval.promise import Promise

LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 3, 30, 15, 30, tzinfo=LONDON).timestamp()
PROMISE = Promise(max_wrong_rate=0.05, confidence=0.95, threshold=0.8, models={})


@pytest.mark.parametrize(
    ("since", "until", "begin", "end", "unit", "count"),
    [
        ("3d", None, "2026-03-28T00:00+00:00", "2026-03-30T15:30+01:00", Unit.HOUR, 63),
        ("30d", None, "2026-03-01T00:00+00:00", "2026-03-30T15:30+01:00", Unit.DAY, 30),
        ("2h", None, "2026-03-30T14:00+01:00", "2026-03-30T15:30+01:00", Unit.HOUR, 2),
        ("1w", "2026-03-10", "2026-03-04T00:00+00:00", "2026-03-11T00:00+00:00", Unit.DAY, 7),
        ("2026-03-29", "2026-03-29", "2026-03-29T00:00+00:00", "2026-03-30T00:00+01:00", Unit.HOUR, 23),
        ("2026-01-01T09:30", "2026-12-31", "2026-01-01T09:30+00:00", "2026-03-30T15:30+01:00", Unit.DAY, 89),
    ],
)
def test_a_period_is_read_and_cut_as_clocks_show_it(
    since: str, until: str | None, begin: str, end: str, unit: Unit, count: int
) -> None:
    period = parse_period(since, until, LONDON, NOW)

    assert period.since == datetime.fromisoformat(begin).timestamp()
    assert period.until == datetime.fromisoformat(end).timestamp()
    buckets = period.buckets()
    assert (period.unit, len(buckets)) == (unit, count)
    stretches = list(period.stretches())
    assert (stretches[0][1], stretches[-1][2]) == (period.since, period.until)
    assert all(one[2] == following[1] for one, following in pairwise(stretches))
    assert all(buckets[place][0] <= a < b <= buckets[place][1] for place, a, b in stretches)
    assert max(b - a for _, a, b in stretches) <= 6 * 3_600


@pytest.mark.parametrize(
    ("since", "until"),
    [("soon", None), ("0d", None), ("2026-13-01", None), ("2026-03-30T16:00", None), ("99999d", None), ("9d", "x")],
)
def test_what_is_no_period_is_refused(since: str, until: str | None) -> None:
    with pytest.raises(SettingsError, match="Write"):
        parse_period(since, until, LONDON, NOW)


def test_the_interval_of_a_share_is_wilsons() -> None:
    for count, of in [(5, 100), (0, 10), (10, 10), (1, 1), (317, 40_000)]:
        low, high = binomtest(count, of).proportion_ci(0.95, method="wilson")
        assert Share(count=count, of=of).interval == pytest.approx((low, high), abs=1e-12)
    assert Share(count=0, of=0).interval is None
    assert Share(count=0, of=0).value is None


def test_times_are_rounded_up_to_the_end_of_their_step() -> None:
    told = response_time({30: 50, 150: 40, 2_000: 9, 11_000: 1})

    assert (told.turns, told.p50_ms, told.p90_ms, told.p99_ms) == (100, 31, 155, 2_050)
    assert response_time({11_000: 1}).p50_ms == 11_500
    assert response_time({}).p99_ms is None


def test_what_judged_answers_say_of_the_promise() -> None:
    def said(wrong: int, of: int, promise: Promise | None = PROMISE) -> str:
        return Judged(wrong=Share(count=wrong, of=of), promise=promise).sentence

    assert said(0, 0) == "Nobody has judged an answer."
    assert said(1, 10, None).endswith("were wrong. The release in use promises nothing.")
    assert said(60, 400) == "60 of 400 answers that somebody judged were wrong: more than the promised 5.0 %."
    assert said(4, 400) == "4 of 400 answers that somebody judged were wrong: within the promised 5.0 %."
    assert said(20, 400).endswith("too few were judged to tell whether the promised 5.0 % is kept.")


def test_satisfied_are_those_who_give_4_or_5() -> None:
    said = satisfaction([5, 5, 4, 3, 1])

    assert said.scores == (1, 0, 1, 1, 2)
    assert (said.satisfied.count, said.satisfied.of, said.mean) == (3, 5, 3.6)


def test_shapes_stand_where_their_values_are() -> None:
    one, other = (
        Line(title="", colour=name, values=values) for name, values in (("a", (1.0, None)), ("b", (3.0, 2.0)))
    )

    assert bars([one, other], 4.0).count("<rect") == 3
    assert '<rect class="b" x="5.00" y="0.00" width="40.00" height="75.00"/>' in bars([one, other], 4.0)
    gaps = Line(title="", colour="c", values=(0.0, None, 2.0, 4.0))
    assert curves([gaps], 4.0) == '<path class="line c" d="M12.50 100.00h1M62.50 50.00L87.50 0.00"/>'
    assert curves([Line(title="", colour="c", values=())], 1.0) == spark([]) == ""
    assert [top_of(values) for values in ([], [0.0], [None, 3.0], [99.0], [100.0], [0.034])] == [
        1,
        1,
        5,
        100,
        100,
        0.05,
    ]
    assert ticks_of("abcdefghi") == ("a", "c", "e", "g", "i")
    assert sparkline([0.0, None, 5.0, 10.0]) == "▁ ▅█"
    assert len(sparkline([1.0] * 365)) == 20


async def test_csv_and_json_hold_the_same_figures(store: SqliteStore) -> None:
    period = Period(since=NOW - 9 * 86_400, until=NOW, zone=LONDON)
    await store.write(partial(write, every=random_turns(5, period.since, period.until, count=200)))
    measures = await measure(store.read, period, promise=PROMISE)

    told = json.loads(json.dumps(measures_json(measures)))
    rows = list(csv.DictReader(io.StringIO(measures_csv(measures))))

    assert (tuple(rows[0]), tuple(told)) == (CSV_COLUMNS, JSON_KEYS)
    assert len(rows) == len(told["parts"]) == 10
    for row, part in zip(rows, told["parts"], strict=True):
        assert (row["since"], row["until"]) == (part["since"], part["until"])
        assert int(row["answered"]) == part["messages"]["answered"]
        assert int(row["messages"]) == part["messages"]["count"]
        assert int(row["conversations"]) == part["conversations"]["count"]
        assert (int(row["wrong"]), int(row["judged"])) == (part["wrong"]["count"], part["wrong"]["of"])
        assert row["p50_ms"] == ("" if part["time"]["p50_ms"] is None else str(part["time"]["p50_ms"]))
    assert told["messages"]["count"] == sum(int(row["messages"]) for row in rows) > 100
    assert told["judged"]["max_wrong_rate"] == 0.05
    assert told["period"] == {
        "since": "2026-03-21T14:30:00+00:00",
        "until": "2026-03-30T15:30:00+01:00",
        "timezone": "Europe/London",
        "unit": "day",
    }


async def test_names_that_others_have_given_are_shown_as_text(store: SqliteStore) -> None:
    hostile = "<script>alert(1)</script>[red]\x1b[31m"
    period = Period(since=NOW - 86_400, until=NOW, zone=LONDON)
    turn = PlainTurn("ann", 1, NOW - 50, intent=hostile, channel=hostile, reason="near_question")
    await store.write(partial(write, every=[replace(turn, decision={"kind": "past_answer", "pair": hostile})]))

    measures = await measure(store.read, period)
    page, text = standalone_page(measures), text_of(measures, 300)

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in text
    assert "[red]" in text
