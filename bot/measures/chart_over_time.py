"""A chart whose lines go over the days or hours of a period. Pure."""

from collections.abc import Callable, Sequence

from markupsafe import Markup

from bot.measures.chart import Chart, Line, ticks_of
from bot.measures.figures import Bucket
from bot.measures.measures import Measures
from bot.measures.period import Unit


def number(value: float | None) -> str:
    """A number as it is read."""
    return "–" if value is None else f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def milliseconds(value: float | None) -> str:
    """A time as it is read."""
    return "–" if value is None else f"{number(value)} ms"


def chart_over_time(
    measures: Measures,
    id_: str,
    title: str,
    shapes: Markup,
    lines: Sequence[Line],
    top: float,
    said: Callable[[float | None], str],
) -> Chart:
    """A chart of lines over the days or hours of the period.

    Args:
        shapes: The lines, drawn.
        said: How a value is read.
    """
    names = [moment_name(measures, part) for part in measures.parts]
    unit = "Hour" if measures.period.unit is Unit.HOUR else "Day"
    rows = zip(names, *([said(value) for value in line.values] for line in lines), strict=True)
    return Chart(
        id=id_,
        title=title,
        description=f"{title}, from {names[0]} to {names[-1]}. The figures stand in the table below.",
        shapes=shapes,
        top=said(top).replace(".0 ", " "),
        middle=said(top / 2).replace(".0 ", " "),
        ticks=ticks_of(names),
        legend=_legend(lines),
        columns=(unit, *(line.title for line in lines)),
        rows=tuple(rows),
    )


def moment_name(measures: Measures, part: Bucket) -> str:
    """What a day or an hour is called."""
    begin = measures.period.local(part.since)
    return begin.strftime("%a %H:00") if measures.period.unit is Unit.HOUR else f"{begin.day} {begin:%b}"


def _legend(lines: Sequence[Line]) -> tuple[tuple[str, str], ...]:
    """One entry a colour, unless there is one line only."""
    first = {line.colour: line.title for line in reversed(lines)}
    first |= {"band": "as chance goes, 95 of 100 times"} if "band" in first else {}
    return (
        tuple((first[colour], colour) for colour in dict.fromkeys(line.colour for line in lines))
        if len(lines) > 1
        else ()
    )
