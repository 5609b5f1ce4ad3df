"""The charts of a period's figures. Pure."""

from collections.abc import Callable

from markupsafe import Markup

from bot.measures.chart import Chart, Line, band, bars, curves, level, top_of
from bot.measures.chart_over_time import chart_over_time, milliseconds, number
from bot.measures.figures import Bucket
from bot.measures.measures import Measures
from bot.measures.share import Share, percent
from bot.outcome import Outcome
from bot.stores.turn_counting import QUESTIONS

WORDS = {
    Outcome.ANSWERED: "answered",
    Outcome.ASKED_BACK: "asked back",
    Outcome.FELL_BACK: "not known",
    Outcome.HANDED_OVER: "handed over",
}


def charts_of(measures: Measures) -> list[Chart]:
    """All of them, in the order in which they are shown."""
    return [_messages(measures), _self_service(measures), _wrong(measures), _moods(measures), _time(measures)]


def _messages(measures: Measures) -> Chart:
    lines = [
        Line(title=title, colour=outcome.value, values=_each(measures, _count_of(outcome)))
        for outcome, title in WORDS.items()
    ]
    if measures.outcomes.messages > measures.outcomes.questions:
        lines.append(Line(title="other messages", colour="other", values=_each(measures, _others)))
    top = top_of(_each(measures, lambda part: float(part.outcomes.messages)))
    return chart_over_time(
        measures,
        "messages",
        f"Messages by {measures.period.unit.value}, and what came of them",
        bars(lines, top),
        lines,
        top,
        number,
    )


def _count_of(outcome: Outcome) -> Callable[[Bucket], float]:
    return lambda part: float(part.outcomes.by.get(outcome, 0))


def _others(part: Bucket) -> float:
    return float(sum(count for name, count in part.outcomes.by.items() if name not in QUESTIONS))


def _self_service(measures: Measures) -> Chart:
    def rate(part: Bucket) -> float | None:
        return Share(count=part.conversations.self_served, of=part.conversations.asked).value

    lines = [Line(title="without a person", colour="answered", values=_each(measures, rate))]
    title = "Conversations without a person, of those with a question"
    return chart_over_time(measures, "self-service", title, curves(lines, 1.0), lines, 1.0, percent)


def _wrong(measures: Measures) -> Chart:
    """Day by day few answers are judged, so that it shows what is known up to each."""
    shares = _so_far(measures)
    ends = [share.interval or (None, None) for share in shares]
    line = Line(title="so far", colour="negative", values=tuple(share.value for share in shares))
    low, high = (
        Line(title=title, colour="band", values=end) for title, end in zip(ENDS, zip(*ends, strict=True), strict=True)
    )
    promise = measures.judged.promise
    promised = [] if promise is None else [_level(promise.max_wrong_rate, len(shares))]
    top = min(1.0, top_of([*line.values, *(2 * rate for one in promised for rate in one.values if rate)]))
    shapes = band(low, high, top) + curves([line], top) + Markup("").join(level(one.values[0], top) for one in promised)
    title = "Wrong answers up to then, of those that somebody judged"
    lines = [line, low, high, *promised]
    return chart_over_time(measures, "wrong", title, shapes, lines, top, percent)


ENDS = ("at least, as chance goes", "at most, as chance goes")


def _so_far(measures: Measures) -> list[Share]:
    wrong, of = 0, 0
    found = []
    for part in measures.parts:
        wrong, of = wrong + part.wrong.count, of + part.wrong.of
        found.append(Share(count=wrong, of=of))
    return found


def _level(rate: float, count: int) -> Line:
    return Line(title="promised at most", colour="promise", values=(rate,) * count)


def _moods(measures: Measures) -> Chart:
    def negative(part: Bucket) -> float | None:
        return Share(count=part.moods.negative, of=part.moods.read).value

    def positive(part: Bucket) -> float | None:
        return Share(count=part.moods.positive, of=part.moods.read).value

    lines = [
        Line(title="negative", colour="negative", values=_each(measures, negative)),
        Line(title="positive", colour="positive", values=_each(measures, positive)),
    ]
    top = min(1.0, top_of([value for line in lines for value in line.values]))
    title = "Negative and positive messages, of those whose mood was read"
    return chart_over_time(measures, "moods", title, curves(lines, top), lines, top, percent)


def _time(measures: Measures) -> Chart:
    lines = [
        Line(title="99 of 100", colour="p99", values=_each(measures, lambda part: _ms(part.time.p99_ms))),
        Line(title="9 of 10", colour="p90", values=_each(measures, lambda part: _ms(part.time.p90_ms))),
        Line(title="half", colour="p50", values=_each(measures, lambda part: _ms(part.time.p50_ms))),
    ]
    top = top_of([value for line in lines for value in line.values])
    title = "Response time: how long at most, for so many of the messages"
    return chart_over_time(measures, "time", title, curves(lines, top), lines, top, milliseconds)


def _ms(value: int | None) -> float | None:
    return None if value is None else float(value)


def _each(measures: Measures, figure: Callable[[Bucket], float | None]) -> tuple[float | None, ...]:
    return tuple(figure(part) for part in measures.parts)
